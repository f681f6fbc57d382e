// The tests' hand on the simulator: /_sim/, JSON, from loopback only. The members of
// each request are described in README.md.

import { authorizePage, adminConsentPage, flowChoose, flowDecide } from './signin.mjs';
import { Credentials } from './credential.mjs';
import { Exchange, json } from './port.mjs';
import { presenceAt, preferredSet, sessionFind, teamsClientSet } from './presence.mjs';
import { PRESENCE_LIMIT } from './simulator.mjs';
import { CONSENT_STATES, consentSet, userChanged, userWatch } from './tenants.mjs';

const MAX_WAIT_MS = 120_000;
const LOOPBACK = ['127.0.0.1', '::1', '::ffff:127.0.0.1'];

/** A mistake in a control request: answered 400 with this text. */
class Mistake extends Error {}
const mistake = (text) => {
	throw new Mistake(text);
};

const ROUTES = {
	'GET /_sim/state': stateGet, 'GET /_sim/presence': presenceShow, 'GET /_sim/wait': waitFor,
	'GET /_sim/calls': callsGet, 'GET /_sim/counts': ({ sim }) => sim.calls.counts(),
	'POST /_sim/fault': faultPost, 'DELETE /_sim/fault': ({ sim }) => (sim.faults.clear(), {}),
	'GET /_sim/fault': ({ sim }) => ({ faults: sim.faults.list.map((f) => ({ ...f, left: f.left === Infinity ? null : f.left })) }),
	'POST /_sim/clock': clockPost, 'POST /_sim/consent': consentPost,
	'POST /_sim/preferred': preferredPost, 'POST /_sim/teams_client': teamsClientPost,
	'POST /_sim/keys/rotate': keysRotate, 'POST /_sim/token': tokenPost,
	'POST /_sim/users': usersPost, 'POST /_sim/tenants': tenantsPost,
	'POST /_sim/limits': limitsPost, 'POST /_sim/credentials': credentialsPost,
	'POST /_sim/sign_in': signIn, 'POST /_sim/reset': ({ sim }) => (sim.reset(), {}),
};

export async function controlHandle(sim, x) {
	const answer = (status, value) => {
		const a = json(status, value, { 'cache-control': 'no-store' });
		x.send(a.status, a.headers, a.body);
	};
	if (!LOOPBACK.includes(x.remote) || x.headers['x-forwarded-for'] !== undefined)
		return answer(403, { error: 'only from loopback, and never through a proxy' });
	const one = /^DELETE \/_sim\/fault\/(\d+)$/.exec(`${x.method} ${x.path}`);
	const run = ROUTES[`${x.method} ${x.path}`];
	if (!run && !one)
		return answer(404, { error: `no such control: ${x.method} ${x.path}` });
	try {
		if (one)
			return sim.faults.remove(Number(one[1])) ? answer(200, {}) : answer(404, { error: 'no such fault' });
		const value = await run({ sim, x, query: x.query, body: bodyOf(x) });
		return answer(value.status ?? 200, value.value ?? value);
	} catch (e) {
		if (!(e instanceof Mistake))
			process.stderr.write(`simulator: ${x.path}: ${e.stack}\n`);
		return answer(e instanceof Mistake ? 400 : 500, { error: e.message });
	}
}

// A page of some other site could post a form here; it cannot post JSON.
function bodyOf(x) {
	if (x.method !== 'POST')
		return null;
	if (x.body.length === 0)
		return {};
	if (!/^application\/json/i.test(x.headers['content-type'] ?? ''))
		mistake('the content type must be application/json');
	try {
		const body = JSON.parse(x.body);
		if (body && typeof body === 'object' && !Array.isArray(body))
			return body;
	} catch { /* said below */ }
	return mistake('the body is not a JSON object');
}

const tenantOf = (sim, name) => sim.directory.tenantFind(name ?? '') ?? mistake(`no such tenant: ${name}`);

function userOf(sim, from) {
	const tenant = tenantOf(sim, from.tenant);
	return sim.directory.userFind(tenant, from.user ?? '') ?? tenant.byUpn.get(String(from.user).toLowerCase())
		?? mistake(`no such user: ${from.user}`);
}

const fromQuery = (query) => ({ tenant: query.get('tenant'), user: query.get('user') });

function numberOf(value, name, fallback, max) {
	if (value === null || value === undefined)
		return fallback;
	const n = Number(value);
	return Number.isFinite(n) && n >= 0 && n <= max ? n : mistake(`${name} is a number from 0 to ${max}`);
}

// ---- looking ---------------------------------------------------------------

const iso = (ms) => new Date(ms).toISOString();

function sessionShown(sim, user) {
	const s = sessionFind(user.presence, sim.app.key, sim.now());
	return s && {
		availability: s.availability, activity: s.activity, set_at: iso(s.set_at), expires_at: iso(s.expires_at),
	};
}

/** What the Teams page shows too. */
export const presenceOf = (sim, user) =>
	({ ...presenceAt(user.presence, sim.now()), session: sessionShown(sim, user) });

function stateGet({ sim }) {
	return {
		now: iso(sim.now()), offset_s: sim.offset_ms / 1000, identity_offset_s: sim.identity_offset_ms / 1000,
		login_url: sim.loginUrl, client_id: sim.app.client_id, redirect_uris: sim.app.redirect_uris,
		tenants: [...sim.directory.tenants.values()].map((t) => ({
			tenant_id: t.tenant_id, name: t.name, domain: t.domain, consent: t.consent, principal: t.principal,
			users: [...t.users.values()].map((u) => ({
				oid: u.oid, upn: u.upn, name: u.name, roles: u.roles, extension: u.extension,
				presence: presenceAt(u.presence, sim.now()), session: sessionShown(sim, u),
				preferred: u.presence.preferred?.availability ?? null, teams_client: u.presence.teams,
			})),
		})),
	};
}

function presenceShow({ sim, query }) {
	return presenceOf(sim, userOf(sim, fromQuery(query)));
}

function waitFor({ sim, x, query }) {
	const user = userOf(sim, fromQuery(query));
	const wanted = query.get('availability')?.toLowerCase() ?? null;
	const activity = query.get('activity')?.toLowerCase() ?? null;
	const session = query.get('session');
	if (session !== null && session !== 'none' && session !== 'some')
		mistake('session is none or some');
	const timeout_ms = numberOf(query.get('timeout_ms'), 'timeout_ms', 5000, MAX_WAIT_MS);
	const holds = (p) => (wanted === null || p.availability.toLowerCase() === wanted)
		&& (activity === null || p.activity.toLowerCase() === activity)
		&& (session === null || (session === 'none') === (p.session === null));
	return new Promise((resolve) => {
		const look = () => {
			const presence = presenceOf(sim, user);
			if (holds(presence))
				finish(200, presence);
		};
		const finish = (status, presence) => {
			clearTimeout(timer);
			clearInterval(ticker); // time alone changes presence too
			unwatch();
			resolve({ status, value: presence });
		};
		const unwatch = userWatch(user, look);
		const timer = setTimeout(() => finish(408, presenceOf(sim, user)), timeout_ms);
		const ticker = setInterval(look, 100);
		x.onClose(() => finish(408, null));
		look();
	});
}

function callsGet({ sim, query }) {
	return sim.calls.list({
		since: numberOf(query.get('since'), 'since', 0, Number.MAX_SAFE_INTEGER),
		limit: numberOf(query.get('limit'), 'limit', 50_000, 200_000),
		tenant: query.get('tenant')?.toLowerCase(), user: query.get('user')?.toLowerCase(), op: query.get('op'),
	});
}

// ---- changing --------------------------------------------------------------

function faultPost({ sim, body }) {
	try {
		return { id: sim.faults.add(body) };
	} catch (e) {
		return mistake(e.message);
	}
}

function allChanged(sim) {
	for (const tenant of sim.directory.tenants.values())
		for (const user of tenant.users.values())
			userChanged(user);
}

function clockPost({ sim, body }) {
	for (const [name, member] of [['offset_s', 'offset_ms'], ['identity_offset_s', 'identity_offset_ms']])
		if (body[name] !== undefined)
			sim[member] = (typeof body[name] === 'number' ? body[name] : mistake(`${name} is a number`)) * 1000;
	allChanged(sim);
	return { now: iso(sim.now()), identity_now: iso(sim.identityNow()) };
}

function consentPost({ sim, body }) {
	const tenant = tenantOf(sim, body.tenant);
	const now = sim.identityNow();
	if (body.propagation_s !== undefined)
		tenant.propagation_ms = numberOf(body.propagation_s, 'propagation_s', 0, 86_400) * 1000;
	if (body.state !== undefined) {
		if (!CONSENT_STATES.includes(body.state))
			mistake(`state is one of ${CONSENT_STATES.join(', ')}`);
		consentSet(tenant, body.state, now);
	}
	const fate = body.tokens ?? 'keep';
	if (fate === 'refuse')
		tenant.tokens.refused_before = now;
	else if (fate === 'strip')
		tenant.tokens.stripped_before = now;
	else if (fate !== 'keep')
		mistake('tokens is keep, refuse or strip');
	return { tenant_id: tenant.tenant_id, consent: tenant.consent };
}

function preferredPost({ sim, body }) {
	const user = userOf(sim, body);
	if (!preferredSet(user.presence, body.availability ?? null, sim.now()))
		mistake(`availability cannot be chosen by hand: ${body.availability}`);
	userChanged(user);
	return presenceOf(sim, user);
}

function teamsClientPost({ sim, body }) {
	const user = userOf(sim, body);
	if (!teamsClientSet(user.presence, body.state))
		mistake('state is active, idle, in_call, presenting or offline');
	userChanged(user);
	return presenceOf(sim, user);
}

async function keysRotate({ sim, body }) {
	return { kid: await sim.keys.rotate(body.keep === true) };
}

const TOKEN_MEMBERS = ['kind', 'tenant', 'user', 'alg', 'header', 'key', 'secret', 'nonce', 'scope', 'claims'];

/** Any token, also wrong ones. A claim given as null is left out. */
function tokenPost({ sim, body }) {
	const kind = body.kind ?? 'tab';
	const tenant = tenantOf(sim, body.tenant ?? [...sim.directory.tenants.keys()][0]);
	const user = kind === 'app' ? null : userOf(sim, { tenant: tenant.tenant_id, user: body.user });
	const claims = kind === 'tab' ? sim.tokens.tabClaims(user)
		: kind === 'id' ? sim.tokens.idClaims(user, (body.scope ?? 'openid profile').split(' '), body.nonce)
			: kind === 'app' ? sim.tokens.appClaims(tenant, sim.tokens.lifetime())
				: mistake('kind is tab, id or app');
	const others = Object.entries(body).filter(([name]) => !TOKEN_MEMBERS.includes(name));
	for (const [name, value] of [...others, ...Object.entries(body.claims ?? {})])
		if (value === null)
			delete claims[name];
		else
			claims[name] = value;
	try {
		return { token: sim.keys.tokenForge(claims, body), claims };
	} catch (e) {
		return mistake(e.message);
	}
}

function usersPost({ sim, body }) {
	const tenant = tenantOf(sim, body.tenant);
	try {
		sim.directory.usersAdd(tenant, body.users ?? mistake('users is missing'));
	} catch (e) {
		mistake(e.message);
	}
	return { users: tenant.users.size };
}

function tenantsPost({ sim, body }) {
	try {
		for (const t of body.tenants ?? mistake('tenants is missing'))
			sim.directory.tenantAdd(t);
	} catch (e) {
		mistake(e.message);
	}
	return { tenants: sim.directory.tenants.size };
}

function limitsPost({ sim, body }) {
	if (body.presence_per_30s !== undefined)
		sim.presenceLimit = numberOf(body.presence_per_30s, 'presence_per_30s', PRESENCE_LIMIT, 1e9);
	if (body.token_lifetime_s !== undefined)
		sim.tokens.lifetime_s = body.token_lifetime_s === null ? null
			: numberOf(body.token_lifetime_s, 'token_lifetime_s', null, 86_400);
	return { presence_per_30s: sim.presenceLimit, token_lifetime_s: sim.tokens.lifetime_s };
}

function credentialsPost({ sim, body }) {
	try {
		sim.credentials = new Credentials({ secrets: body.secrets, certificates: body.certificates });
	} catch (e) {
		mistake(`certificates: ${e.message}`);
	}
	return { secrets: sim.credentials.secrets.length, certificates: sim.credentials.certificates.size };
}

/**
 * What a person in a browser would do: follow an authorize or adminconsent address as
 * `user`, and accept unless told otherwise. Gives the address that follows.
 */
function signIn({ sim, body }) {
	const url = new URL(body.url ?? mistake('url is missing'), sim.loginUrl);
	const m = /^\/([^/]+)(\/oauth2\/v2\.0\/authorize|\/v2\.0\/adminconsent)$/.exec(url.pathname)
		?? mistake('url is neither an authorize nor an adminconsent address');
	const authority = decodeURIComponent(m[1]).toLowerCase();
	const x = new Exchange('GET', url.pathname + url.search, {}, null, '1.1');
	const show = m[2].endsWith('authorize') ? authorizePage : adminConsentPage;
	const before = new Set(sim.flows.keys());
	const first = show({ sim, x, authority, tenant: sim.directory.tenantFind(authority) });
	const flow = [...sim.flows.values()].find((f) => !before.has(f.id));
	const told = (a) => ({ page_status: a.status, location: a.headers.location ?? null, page: a.body || null });
	if (!flow)
		return told(first);
	const tenants = [...sim.directory.tenants.values()];
	const user = tenants.map((t) => sim.directory.userFind(t, body.user) ?? t.byUpn.get(String(body.user).toLowerCase()))
		.find(Boolean) ?? mistake(`no such user: ${body.user}`);
	const chosen = flowChoose(sim, flow, user.oid);
	if (flow.kind === 'authorize' || chosen.status !== 200)
		return told(chosen);
	return told(flowDecide(sim, flow, body.accept !== false));
}
