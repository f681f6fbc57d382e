// The identity platform's human side: choosing an account, codes for the sign-in,
// and the administrator's consent. A flow is one visit of a browser to these pages.

import { principalCheck } from './entra.mjs';
import { isAlias, GRAPH_DEFAULT } from './entra.mjs';
import { randomId } from './keys.mjs';
import { pageChoose, pageError, pagePermissions } from './pages.mjs';
import { consentSet, mayConsent } from './tenants.mjs';

const FLOW_MS = 600_000;
const MAX_KEPT = 10_000;
const OWN_SCOPES = ['openid', 'profile', 'email', 'offline_access'];

const trim = (map) => {
	if (map.size > MAX_KEPT)
		map.delete(map.keys().next().value);
};

const failPage = (code, message, status = 400) => pageError(status, code, message);

function redirect(uri, members) {
	const url = new URL(uri);
	for (const [name, value] of Object.entries(members))
		if (value !== null && value !== undefined)
			url.searchParams.append(name, value);
	return { status: 303, headers: { location: url.href, 'cache-control': 'no-store' }, body: '' };
}

/** What both pages ask of a request before its redirect_uri may be trusted. */
function requestFault(sim, x, authority, tenant) {
	const names = [...x.query.keys()];
	const twice = names.find((n, i) => names.indexOf(n) !== i);
	if (twice)
		return failPage(9000411, `The parameter '${twice}' is duplicated.`);
	if (!tenant && !isAlias(authority))
		return failPage(90002, `Tenant '${authority}' not found.`);
	if (x.query.get('client_id') !== sim.app.client_id)
		return failPage(700016, `Application with identifier '${x.query.get('client_id')}' was not found.`);
	if (!sim.app.redirect_uris.includes(x.query.get('redirect_uri')))
		return failPage(50011, 'The redirect URI of the request is not one of those registered for the application.');
	if (tenant?.principal && tenant.consent === 'disabled')
		return failPage(...principalCheck(tenant, sim.app.client_id));
	return null;
}

function flowStart(sim, flow) {
	const id = randomId();
	sim.flows.set(id, { ...flow, id, started_at: sim.identityNow() });
	trim(sim.flows);
	return sim.flows.get(id);
}

// ---- authorize -------------------------------------------------------------

/** What is wrong with an authorization request, as [error, code, message], or null. */
function authorizeFault(query, app) {
	const get = (name) => query.get(name) ?? '';
	if (get('response_type') !== 'code')
		return ['unsupported_response_type', 700054, "response_type must be 'code'; implicit grants are off."];
	if (!['query', ''].includes(get('response_mode')))
		return ['invalid_request', 70007, "response_mode must be 'query'."];
	if (!get('state'))
		return ['invalid_request', 900144, "The simulator wants 'state', as the application must have it."];
	if (!get('nonce'))
		return ['invalid_request', 900144, "The simulator wants 'nonce', as the application must have it."];
	if (get('code_challenge_method') !== 'S256' || !/^[A-Za-z0-9_-]{43}$/.test(get('code_challenge')))
		return ['invalid_request', 501491, 'A code_challenge with the method S256 is required.'];
	if (!['', 'select_account', 'login', 'consent'].includes(get('prompt')))
		return get('prompt') === 'none' ? ['interaction_required', 50058, 'Nobody is signed in.']
			: ['invalid_request', 90023, 'Unsupported prompt.'];
	const scopes = get('scope').split(' ').filter(Boolean);
	const unknown = scopes.find((s) => !OWN_SCOPES.includes(s)
		&& s !== `api://${app.host}/${app.client_id}/access_as_user`);
	if (unknown || !scopes.includes('openid'))
		return ['invalid_scope', 70011, unknown ? `The scope '${unknown}' is not valid.` : 'openid is missing.'];
	return null;
}

export function authorizePage({ sim, x, authority, tenant }) {
	const { query } = x;
	const refused = requestFault(sim, x, authority, tenant);
	if (refused)
		return refused;
	const redirect_uri = query.get('redirect_uri');
	const wrong = authorizeFault(query, sim.app);
	if (wrong)
		return redirect(redirect_uri, {
			error: wrong[0], error_description: `AADSTS${wrong[1]}: ${wrong[2]}`, state: query.get('state'),
		});
	const flow = flowStart(sim, {
		kind: 'authorize', authority, tenant, redirect_uri, state: query.get('state'),
		nonce: query.get('nonce'), challenge: query.get('code_challenge'),
		scope: query.get('scope'), hint: query.get('login_hint'),
	});
	return pageChoose(sim, flow);
}

function codeIssue(sim, flow, user) {
	const code = `1.${randomId()}${randomId()}`;
	sim.codes.set(code, {
		user, authority: flow.authority, redirect_uri: flow.redirect_uri, nonce: flow.nonce,
		challenge: flow.challenge, scope: flow.scope, issued_at: sim.identityNow(), used: false,
	});
	trim(sim.codes);
	// A first sign-in makes the application known in the tenant, yet gives it no right.
	user.tenant.principal = true;
	return redirect(flow.redirect_uri, { code, state: flow.state, session_state: randomId() });
}

// ---- admin consent ---------------------------------------------------------

export function adminConsentPage({ sim, x, authority, tenant }) {
	const { query } = x;
	const refused = requestFault(sim, x, authority, tenant);
	if (refused)
		return refused;
	if (authority === 'common' || authority === 'consumers')
		return failPage(90133, `The authority '${authority}' cannot be asked for an administrator's consent.`);
	if (!query.get('state'))
		return failPage(900144, "The simulator wants 'state', as the application must have it.");
	if (query.get('scope') !== GRAPH_DEFAULT)
		return failPage(70011, `The scope must be ${GRAPH_DEFAULT}: only that asks for application permissions.`);
	const flow = flowStart(sim, {
		kind: 'consent', authority, tenant, redirect_uri: query.get('redirect_uri'),
		state: query.get('state'), hint: query.get('login_hint'),
	});
	return pageChoose(sim, flow);
}

// A refusal carries admin_consent=True as well: the documents say so, and a client
// that looks only at it believes in a grant that never was.
function consentRefuse(flow) {
	return redirect(flow.redirect_uri, {
		admin_consent: 'True', error: 'consent_required',
		error_description: 'AADSTS65004: The resource owner or authorization server denied the request.',
		state: flow.state,
	});
}

function consentGrant(sim, flow, user) {
	consentSet(user.tenant, 'granted', sim.identityNow());
	return redirect(flow.redirect_uri, {
		admin_consent: 'True', tenant: user.tenant.tenant_id, state: flow.state,
		scope: [...sim.app.permissions.map((p) => `https://graph.microsoft.com/${p}`), GRAPH_DEFAULT].join(' '),
	});
}

// ---- a flow's steps --------------------------------------------------------

/** Someone chose an account. */
export function flowChoose(sim, flow, oid) {
	const tenants = flow.tenant ? [flow.tenant] : [...sim.directory.tenants.values()];
	const user = tenants.map((t) => sim.directory.userFind(t, oid)).find(Boolean);
	if (!user)
		return failPage(flow.tenant ? 50020 : 50034, 'This account does not exist in the tenant.');
	if (user.tenant.principal && user.tenant.consent === 'disabled')
		return failPage(...principalCheck(user.tenant, sim.app.client_id));
	if (flow.kind === 'authorize') {
		sim.flows.delete(flow.id);
		return codeIssue(sim, flow, user);
	}
	flow.user = user;
	return pagePermissions(sim, flow, mayConsent(user));
}

/** Someone accepted or cancelled. */
export function flowDecide(sim, flow, isAccepted) {
	if (isAccepted && (flow.kind !== 'consent' || !flow.user))
		return failPage(900144, 'No account was chosen.');
	if (isAccepted && !mayConsent(flow.user))
		return failPage(90094, 'Only an administrator who may grant Graph application permissions can accept.', 403);
	sim.flows.delete(flow.id);
	if (flow.kind === 'authorize')
		return redirect(flow.redirect_uri, {
			error: 'access_denied', error_description: 'AADSTS65004: The sign-in was cancelled.', state: flow.state,
		});
	return isAccepted ? consentGrant(sim, flow, flow.user) : consentRefuse(flow);
}

/** The forms of the two pages: POST /_login/FLOW/choose and /_login/FLOW/decide. */
export function signinHandle(sim, x) {
	const m = /^\/_login\/([\w-]+)\/(choose|decide)$/.exec(x.path);
	const flow = m && sim.flows.get(m[1]);
	let answer;
	if (!m || x.method !== 'POST')
		answer = failPage(404, 'There is no such page.', 404);
	else if (!flow || sim.identityNow() > flow.started_at + FLOW_MS)
		answer = failPage(50058, 'This sign-in is over. Go back to the application and start again.');
	else {
		const form = new URLSearchParams(x.body.toString('utf8'));
		answer = m[2] === 'choose' ? flowChoose(sim, flow, form.get('user') ?? '')
			: flowDecide(sim, flow, form.get('decision') === 'accept');
	}
	x.send(answer.status, answer.headers, answer.body);
}
