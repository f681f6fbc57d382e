// The identity platform's machine side: discovery, key set, and the token endpoint
// for client credentials and for codes. Source: Microsoft identity platform v2.0.

import { createHash, timingSafeEqual } from 'node:crypto';
import { carry, faultDress } from './faults.mjs';
import { credentialCheck } from './credential.mjs';
import { json } from './port.mjs';
import { adminConsentPage, authorizePage } from './signin.mjs';
import { traceIds } from './tokens.mjs';

export const GRAPH_DEFAULT = 'https://graph.microsoft.com/.default';
const ALIASES = ['common', 'organizations', 'consumers'];

const ROUTES = [
	['discovery', 'GET', /^\/([^/]+)\/v2\.0\/\.well-known\/openid-configuration$/, discovery],
	['jwks', 'GET', /^\/([^/]+)\/discovery\/v2\.0\/keys$/, keySet],
	['token', 'POST', /^\/([^/]+)\/oauth2\/v2\.0\/token$/, token],
	['authorize', 'GET', /^\/([^/]+)\/oauth2\/v2\.0\/authorize$/, authorizePage],
	['adminconsent', 'GET', /^\/([^/]+)\/v2\.0\/adminconsent$/, adminConsentPage],
];

// `error` and HTTP status that go with a code; the rest is invalid_request, 400.
const ERRORS = {
	7000215: ['invalid_client', 401], 7000222: ['invalid_client', 401],
	700027: ['invalid_client', 401], 7000218: ['invalid_client', 401],
	700024: ['invalid_client', 401], 50013: ['invalid_client', 401], 50027: ['invalid_client', 401],
	700016: ['unauthorized_client', 400], 7000229: ['unauthorized_client', 400],
	7000112: ['unauthorized_client', 400], 70001: ['unauthorized_client', 400],
	53003: ['access_denied', 400], 65001: ['invalid_grant', 400], 65004: ['consent_required', 400],
	90094: ['consent_required', 400], 70011: ['invalid_scope', 400], 500011: ['invalid_resource', 400],
	70003: ['unsupported_grant_type', 400], 54005: ['invalid_grant', 400], 70008: ['invalid_grant', 400],
	70000: ['invalid_grant', 400], 700005: ['invalid_grant', 400], 50147: ['invalid_grant', 400],
	501481: ['invalid_grant', 400], 50011: ['invalid_grant', 400],
	90033: ['temporarily_unavailable', 503], 90006: ['temporarily_unavailable', 503],
};

export function entraError(sim, code, message, { status, error } = {}) {
	const [word, usual] = ERRORS[code] ?? ['invalid_request', 400];
	const ids = traceIds();
	const timestamp = `${new Date().toISOString().slice(0, 19).replace('T', ' ')}Z`;
	return json(status ?? usual, {
		error: error ?? word,
		error_description: `AADSTS${code}: ${message} Trace ID: ${ids.trace_id} Correlation ID: ${
			ids.correlation_id} Timestamp: ${timestamp}`,
		error_codes: [code], timestamp, ...ids, error_uri: `${sim.loginUrl}/error?code=${code}`,
	}, { 'cache-control': 'no-store' });
}

export function entraHandle(sim, x) {
	for (const [op, method, path, run] of ROUTES) {
		const m = path.exec(x.path);
		if (!m || method !== x.method)
			continue;
		const authority = decodeURIComponent(m[1]).toLowerCase();
		const tenant = sim.directory.tenantFind(authority);
		const form = op === 'token' ? formParse(x) : null;
		const spec = { op, tenant, body: form ? formShown(form) : x.search || null };
		carry(sim, x, spec, () => run({ sim, x, authority, tenant, form }), (fault) => {
			const code = fault.error_code ?? 90033;
			return faultDress(fault, fault.status == null && fault.error_code == null
				? json(200, {}) : entraError(sim, code, fault.message ?? 'The simulator was told to refuse.', fault));
		});
		return;
	}
	x.send(404, { 'content-type': 'text/plain' }, 'not found\n');
}

export const isAlias = (authority) => ALIASES.includes(authority);

function unknownAuthority(sim, authority, tenant) {
	return tenant || isAlias(authority) ? null
		: entraError(sim, 90002, `Tenant '${authority}' not found. Check that it is the right one.`);
}

function discovery({ sim, authority, tenant }) {
	const wrong = unknownAuthority(sim, authority, tenant);
	if (wrong)
		return wrong;
	const base = `${sim.loginUrl}/${tenant?.tenant_id ?? authority}`;
	return json(200, {
		token_endpoint: `${base}/oauth2/v2.0/token`,
		token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt', 'client_secret_basic'],
		jwks_uri: `${base}/discovery/v2.0/keys`,
		response_modes_supported: ['query'], subject_types_supported: ['pairwise'],
		id_token_signing_alg_values_supported: ['RS256'], response_types_supported: ['code'],
		scopes_supported: ['openid', 'profile', 'email', 'offline_access'],
		issuer: `${sim.loginUrl}/${tenant?.tenant_id ?? '{tenantid}'}/v2.0`,
		authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
		claims_supported: ['sub', 'iss', 'aud', 'exp', 'iat', 'nonce', 'preferred_username', 'name', 'tid', 'ver'],
		tenant_region_scope: tenant ? 'EU' : null, cloud_instance_name: 'microsoftonline.com',
		msgraph_host: 'graph.microsoft.com',
	});
}

function keySet({ sim, authority, tenant }) {
	return unknownAuthority(sim, authority, tenant)
		?? json(200, sim.keys.document(tenant?.tenant_id), { 'cache-control': 'max-age=86400, private' });
}

// ---- token endpoint --------------------------------------------------------

/** The form's members, or null when it is not a proper form. */
function formParse(x) {
	if (!/^application\/x-www-form-urlencoded(;|$)/i.test(x.headers['content-type'] ?? ''))
		return null;
	const members = new Map();
	for (const [name, value] of new URLSearchParams(x.body.toString('utf8'))) {
		if (members.has(name))
			return null; // named twice
		members.set(name, value);
	}
	return members;
}

/** What the call log may keep: no secret, no assertion, no code. */
function formShown(form) {
	const shown = { grant_type: form.get('grant_type') ?? null, scope: form.get('scope') ?? null };
	shown.credential = form.has('client_assertion') ? 'assertion' : form.has('client_secret') ? 'secret' : null;
	return shown;
}

async function token({ sim, x, authority, tenant, form }) {
	const no = (code, message, more) => entraError(sim, code, message, more);
	if (!form)
		return no(900144, 'The request body must be a form that names each parameter once.');
	const wrong = unknownAuthority(sim, authority, tenant);
	if (wrong)
		return wrong;
	const grant = form.get('grant_type');
	if (!grant)
		return no(900144, "The request body must contain the parameter 'grant_type'.");
	if (grant !== 'client_credentials' && grant !== 'authorization_code')
		return no(70003, `The app requested an unsupported grant type '${grant}'.`);
	if (grant === 'client_credentials' && !tenant)
		return no(50059, 'The path must name the tenant; an alias has no data to open.');
	const refused = await credentialCheck(sim, x, authority, form);
	if (refused)
		return no(...refused);
	return grant === 'client_credentials' ? appToken(sim, tenant, form, no)
		: codeToken(sim, x, authority, form, no);
}

async function appToken(sim, tenant, form, no) {
	const scope = form.get('scope');
	if (!scope)
		return no(900144, "The request body must contain the parameter 'scope'.");
	if (/\s/.test(scope) || !scope.endsWith('/.default'))
		return no(70011, 'The scope must be one resource with the suffix /.default.');
	if (scope !== GRAPH_DEFAULT)
		return no(500011, `The resource principal of '${scope}' was not found in the tenant.`);
	const refused = principalCheck(tenant, sim.app.client_id);
	if (refused)
		return no(...refused);
	const { token: access_token, lifetime_s } = await sim.tokens.appIssue(tenant);
	return json(200, {
		token_type: 'Bearer', expires_in: lifetime_s - 1, ext_expires_in: lifetime_s - 1, access_token,
	}, { 'cache-control': 'no-store' });
}

/** Why the application gets no token of this tenant: [code, message], or null. */
export function principalCheck(tenant, client_id) {
	if (!tenant.principal)
		return [700016, `Application with identifier '${client_id}' was not found in the directory.`];
	if (tenant.consent === 'disabled')
		return [7000112, `Application '${client_id}' is disabled.`];
	if (tenant.consent === 'blocked')
		return [53003, 'Access has been blocked by Conditional Access policies.'];
	return null;
}

const VERIFIER = /^[A-Za-z0-9._~-]{43,128}$/;

async function codeToken(sim, x, authority, form, no) {
	if (x.headers.origin)
		return no(9002326, 'A cross-origin redemption is not allowed for a Web redirect URI.');
	const text = form.get('code');
	const code = sim.codes.get(text);
	if (!text || !code)
		return no(70000, 'The provided code is malformed or unknown.');
	if (code.used)
		return no(54005, 'The code was already redeemed.');
	if (sim.identityNow() > code.issued_at + 600_000)
		return no(70008, 'The provided code has expired.');
	code.used = true; // also after a failure below: a code has one try
	if (code.authority !== authority)
		return no(700005, 'The code was issued through another authority.');
	if (form.get('redirect_uri') !== code.redirect_uri)
		return no(50011, 'The redirect URI differs from the one of the authorization request.');
	const verifier = form.get('code_verifier') ?? '';
	if (!VERIFIER.test(verifier))
		return no(50147, 'The code verifier is missing or has a wrong form.');
	const challenge = createHash('sha256').update(verifier).digest('base64url');
	if (challenge.length !== code.challenge.length
		|| !timingSafeEqual(Buffer.from(challenge), Buffer.from(code.challenge)))
		return no(501481, 'The code verifier does not match the code challenge.');
	const scopes = code.scope.split(' ');
	const { token: access_token, lifetime_s } = await sim.tokens.delegatedIssue(code.user, code.scope);
	return json(200, {
		token_type: 'Bearer', scope: code.scope, expires_in: lifetime_s - 1, access_token,
		...(scopes.includes('openid')
			? { id_token: await sim.keys.tokenSign(sim.tokens.idClaims(code.user, scopes, code.nonce)) } : {}),
	}, { 'cache-control': 'no-store' });
}
