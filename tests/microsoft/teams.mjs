// The server side of the Teams page: its files, the people and their live presence,
// the tab's token, and the desk phone that signs and posts its events.

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { Webhook } from 'standardwebhooks';
import { carry } from './faults.mjs';
import { json } from './port.mjs';
import { presenceAt, preferredSet, sessionFind, teamsClientSet } from './presence.mjs';
import { mayConsent, userChanged, userWatch } from './tenants.mjs';

const MAX_PEOPLE = 30;
const MAX_ANSWER = 65_536;
const POST_MS = 10_000;
const KEEP_ALIVE_MS = 15_000;
const LOOPBACK = ['localhost', '127.0.0.1', '[::1]'];

const TYPES = { html: 'text/html; charset=utf-8', css: 'text/css; charset=utf-8', mjs: 'text/javascript; charset=utf-8', svg: 'image/svg+xml' };
const FILES = new Map(['index.html', 'teams.css', 'page.mjs', 'host.mjs', 'phone.mjs', 'people.mjs', 'icon.svg'].map((name) => [
	name === 'index.html' ? '/teams/' : `/teams/${name}`,
	{ type: TYPES[name.split('.')[1]], text: readFileSync(new URL(`./teams/${name}`, import.meta.url)) },
]));

const HEADERS = {
	'cache-control': 'no-store', 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer',
	'content-security-policy': "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
		+ "img-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
};

/** Told to the page as a plain text. */
class Refusal extends Error {}

export class Teams {
	constructor(sim, phone = {}) {
		this.sim = sim;
		this.initialPhone = { url: phone.url ?? '', secret: phone.secret ?? '' };
		this.reset();
	}

	reset() {
		this.phones = new Map(); // tenant id -> {url, secret}
		this.tokens = new Map(); // oid -> {token, exp, kid}: Teams caches the tab's token
	}

	handle(x) {
		const file = FILES.get(x.path);
		if (file && x.method === 'GET')
			return x.send(200, { 'content-type': file.type, ...HEADERS }, file.text);
		if (x.path === '/teams' || x.path === '/teams/index.html')
			return x.send(308, { location: `/teams/${x.search && `?${x.search}`}` }, '');
		const run = API[`${x.method} ${x.path}`];
		if (!run)
			return x.send(404, { 'content-type': 'text/plain', ...HEADERS }, 'not found\n');
		return run(this, x);
	}

	phoneOf(tenant) {
		return this.phones.get(tenant.tenant_id) ?? this.initialPhone;
	}
}

const API = {
	'GET /teams/api/people': whole(people), 'GET /teams/api/presence': presenceStream,
	'POST /teams/api/token': token, 'POST /teams/api/status': whole(statusSet),
	'GET /teams/api/phone': whole(phoneGet), 'POST /teams/api/phone/settings': whole(phoneSet),
	'POST /teams/api/phone': whole(phonePost),
};

/** A handler whose value is sent as JSON, and whose refusals become 400. */
function whole(run) {
	return async (teams, x) => {
		let a;
		try {
			a = json(200, await run(teams, x, x.method === 'POST' ? bodyOf(x) : null));
		} catch (e) {
			if (!(e instanceof Refusal))
				process.stderr.write(`simulator: ${x.path}: ${e.stack}\n`);
			a = json(e instanceof Refusal ? 400 : 500, { error: e.message });
		}
		x.send(a.status, { ...a.headers, 'cache-control': 'no-store' }, a.body);
	};
}

// JSON only: a form of another site cannot send it.
function bodyOf(x) {
	try {
		if (/^application\/json/i.test(x.headers['content-type'] ?? ''))
			return Object(JSON.parse(x.body));
	} catch { /* said below */ }
	throw new Refusal('a JSON body is needed');
}

function tenantOf({ sim }, name) {
	const tenant = sim.directory.tenantFind(name ?? '');
	if (!tenant)
		throw new Refusal('no such tenant');
	return tenant;
}

function userOf(teams, { tenant, user }) {
	const found = teams.sim.directory.userFind(tenantOf(teams, tenant), user ?? '');
	if (!found)
		throw new Refusal('no such person');
	return found;
}

/** Employees first: it is their phones that ring. */
const shownPeople = (tenant) => [...tenant.users.values()]
	.sort((a, b) => Number(a.roles.length > 0) - Number(b.roles.length > 0)).slice(0, MAX_PEOPLE);

function people({ sim }) {
	return {
		public_origin: sim.app.origin, app_name: sim.app.name,
		tenants: [...sim.directory.tenants.values()].slice(0, 20).map((t) => ({
			tenant_id: t.tenant_id, name: t.name,
			users: shownPeople(t).map((u) => ({
				oid: u.oid, name: u.name, upn: u.upn, extension: u.extension,
				role: u.roles.join(', '), may_consent: mayConsent(u),
			})),
		})),
	};
}

// ---- presence --------------------------------------------------------------

function seen(sim, user) {
	const s = sessionFind(user.presence, sim.app.key, sim.now());
	return {
		oid: user.oid, ...presenceAt(user.presence, sim.now()),
		session: s && {
			availability: s.availability, activity: s.activity, expires_at: new Date(s.expires_at).toISOString(),
		},
		preferred: user.presence.preferred?.availability ?? null, teams_client: user.presence.teams,
	};
}

/** Server-sent events: one for each person at first, then one for each change. */
function presenceStream(teams, x) {
	const { sim } = teams;
	const tenant = sim.directory.tenantFind(x.query.get('tenant') ?? '');
	if (!tenant)
		return x.send(404, {}, '');
	const out = x.stream(200, {
		'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no',
	});
	const sent = new Map();
	const tell = (user) => {
		const text = JSON.stringify(seen(sim, user));
		if (x.closed || sent.get(user) === text)
			return;
		sent.set(user, text);
		out.write(`data: ${text}\n\n`);
	};
	const users = shownPeople(tenant);
	users.forEach(tell);
	const stops = users.map((u) => userWatch(u, () => tell(u)));
	const ticker = setInterval(() => users.forEach(tell), 1000); // decay and expiry
	const alive = setInterval(() => out.write(': still here\n\n'), KEEP_ALIVE_MS);
	x.onClose(() => {
		clearInterval(ticker);
		clearInterval(alive);
		stops.forEach((stop) => stop());
	});
	return null;
}

function statusSet(teams, x, body) {
	const user = userOf(teams, body);
	if (body.preferred !== undefined && !preferredSet(user.presence, body.preferred, teams.sim.now()))
		throw new Refusal('this status cannot be chosen');
	if (body.teams_client !== undefined && !teamsClientSet(user.presence, body.teams_client))
		throw new Refusal('no such state of a Teams client');
	userChanged(user);
	return seen(teams.sim, user);
}

// ---- the tab's token -------------------------------------------------------

/** {token}, or {reason} as getAuthToken rejects. A fault of op "sso" gives its code. */
function token(teams, x) {
	const { sim } = teams;
	let user;
	try {
		user = userOf(teams, bodyOf(x));
	} catch (e) {
		const a = json(400, { error: e.message });
		return x.send(a.status, a.headers, a.body);
	}
	const spec = { op: 'sso', tenant: user.tenant, user, userKey: user.oid };
	return carry(sim, x, spec, async () => json(200, await tokenOf(teams, user), { 'cache-control': 'no-store' }),
		(fault) => json(200, { reason: fault.code ?? 'resourceRequiresConsent' }));
}

async function tokenOf(teams, user) {
	const { sim } = teams;
	if (user.tenant.consent === 'disabled')
		return { reason: 'resourceDisabled' };
	const now_s = sim.identityNow() / 1000;
	let cached = teams.tokens.get(user.oid);
	if (!cached || cached.exp < now_s + 300 || cached.kid !== sim.keys.current.kid) {
		const claims = sim.tokens.tabClaims(user);
		cached = { token: await sim.keys.tokenSign(claims), exp: claims.exp, kid: sim.keys.current.kid };
		teams.tokens.set(user.oid, cached);
	}
	user.tenant.principal = true; // Teams' clients are authorised in advance
	return { token: cached.token };
}

// ---- desk phone ------------------------------------------------------------

function phoneGet(teams, x) {
	const { url, secret } = teams.phoneOf(tenantOf(teams, x.query.get('tenant')));
	return { url, has_secret: secret !== '' };
}

/** The phone posts only to the product or to this machine. */
function addressCheck(teams, text) {
	let url;
	try {
		url = new URL(text);
	} catch {
		throw new Refusal('The webhook address is not an address.');
	}
	const isHere = LOOPBACK.includes(url.hostname) || url.origin === teams.sim.app.origin;
	if (!isHere || !['http:', 'https:'].includes(url.protocol))
		throw new Refusal(`The phone posts only to ${teams.sim.app.origin} or to this machine.`);
	return url;
}

function phoneSet(teams, x, body) {
	const tenant = tenantOf(teams, body.tenant);
	const url = String(body.url ?? '').trim();
	addressCheck(teams, url);
	const secret = body.secret ? String(body.secret).trim() : teams.phoneOf(tenant).secret;
	if (secret)
		webhookOf(secret);
	teams.phones.set(tenant.tenant_id, { url, secret });
	return { url, has_secret: secret !== '' };
}

function webhookOf(secret) {
	try {
		return new Webhook(secret);
	} catch {
		throw new Refusal('The secret has a wrong form: it starts with whsec_.');
	}
}

/** Post one event, signed when there is a secret: {status, ms, results, error}. */
async function phonePost(teams, x, { tenant, type, extension, line }) {
	const { url, secret } = teams.phoneOf(tenantOf(teams, tenant));
	if (!url)
		throw new Refusal('The phone has no webhook address yet.');
	const address = addressCheck(teams, url);
	const at = new Date(teams.sim.identityNow());
	const body = JSON.stringify({ type, timestamp: at.toISOString(), data: { extension, line } });
	const id = `msg_${randomBytes(15).toString('base64url')}`;
	const headers = {
		'content-type': 'application/json', 'content-length': Buffer.byteLength(body),
		'user-agent': 'simulated desk phone',
		...(secret ? {
			'webhook-id': id, 'webhook-timestamp': String(Math.floor(at / 1000)),
			'webhook-signature': webhookOf(secret).sign(id, at, body),
		} : {}),
	};
	const began = performance.now();
	const answer = await post(address, headers, body);
	return { ...answer, ms: Math.round(performance.now() - began), sent: JSON.parse(body) };
}

function post(url, headers, body) {
	return new Promise((resolve) => {
		const failed = (e) => resolve({ status: null, results: null, error: e.message || e.code });
		const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
		// This machine's own certificate may come from an authority of its own.
		const rejectUnauthorized = !LOOPBACK.includes(url.hostname);
		const req = send(url, { method: 'POST', headers, timeout: POST_MS, rejectUnauthorized }, (res) => {
			let text = '';
			res.setEncoding('utf8');
			res.on('data', (d) => {
				if (text.length < MAX_ANSWER)
					text += d;
			});
			res.on('error', failed);
			res.on('end', () => resolve({ status: res.statusCode, ...answerRead(text) }));
		});
		req.on('timeout', () => req.destroy(new Error('no answer within 10 s')));
		req.on('error', failed);
		req.end(body);
	});
}

function answerRead(text) {
	try {
		const value = JSON.parse(text);
		return { results: value.results ?? null, error: value.detail ?? value.title ?? null };
	} catch {
		return { results: null, error: text.slice(0, 200) || null };
	}
}
