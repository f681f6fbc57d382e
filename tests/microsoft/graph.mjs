// Microsoft Graph: presence and users, as strict as its documents say. Checks come
// in Graph's order: token, limit, body, permission, user.

import { randomUUID } from 'node:crypto';
import { isPresenceOp, wallNow } from './calls.mjs';
import { carry, faultDress } from './faults.mjs';
import {
	MAX_DURATION_MS, MIN_DURATION_MS, UNKNOWN, durationParse, isLegalPair, presenceAt,
	sessionClear, sessionSet,
} from './presence.mjs';
import { isGuid, userChanged } from './tenants.mjs';
import { userGet, userList } from './users.mjs';

const MAX_IDS = 650;
const WRITE_ROLES = ['Presence.ReadWrite.All'];
const READ_ROLES = ['Presence.ReadWrite.All', 'Presence.Read.All'];
const USER_ROLES = ['User.Read.All', 'User.ReadBasic.All'];

// op, method, path, roles of which one is needed, what is done.
const ROUTES = [
	['setPresence', 'POST', /^\/v1\.0\/users\/([^/]+)\/presence\/setPresence$/, WRITE_ROLES, presenceSet],
	['clearPresence', 'POST', /^\/v1\.0\/users\/([^/]+)\/presence\/clearPresence$/, WRITE_ROLES, presenceClear],
	['getPresence', 'GET', /^\/v1\.0\/users\/([^/]+)\/presence$/, READ_ROLES, presenceGet],
	['getPresence', 'GET', /^\/v1\.0\/communications\/presences\/([^/]+)$/, READ_ROLES, presenceGet],
	['getPresencesByUserId', 'POST', /^\/v1\.0\/communications\/getPresencesByUserId$/, READ_ROLES, presencesGet],
	['users', 'GET', /^\/v1\.0\/users\/([^/]+)$/, USER_ROLES, userGet],
	['users', 'GET', /^\/v1\.0\/users$/, USER_ROLES, userList],
];

// Codes by status, where a fault names none.
const CODES = {
	400: 'BadRequest', 401: 'InvalidAuthenticationToken', 403: 'Authorization_RequestDenied',
	404: 'NotFound', 429: 'TooManyRequests', 500: 'InternalServerError',
	502: 'BadGateway', 503: 'ServiceUnavailable', 504: 'GatewayTimeout',
};

export function graphHandle(sim, x) {
	x.requestId = randomUUID();
	const given = x.headers['client-request-id'];
	x.clientRequestId = isGuid(given) ? given : x.requestId;

	let route = null, match = null, method = false;
	for (const r of ROUTES) {
		match = r[2].exec(x.path);
		if (match && r[1] === x.method) {
			route = r;
			break;
		}
		method ||= match !== null;
	}
	const who = sim.tokens.check(x.headers.authorization);
	if (who instanceof Promise)
		who.then((w) => proceed(sim, x, w, route, match, method)).catch((e) => {
			process.stderr.write(`simulator: ${x.path}: ${e.stack}\n`);
			x.send(500, {}, '');
		});
	else
		proceed(sim, x, who, route, match, method);
}

function proceed(sim, x, who, route, match, method) {
	const op = route ? route[0] : 'unknown';
	let key = null;
	try {
		key = match?.[1] === undefined ? null : decodeURIComponent(match[1]).toLowerCase();
	} catch {
		route = null;
	}
	const tenant = who.tenant ?? null;
	const user = tenant && key !== null ? sim.directory.userFind(tenant, key) : null;
	const spec = {
		op, tenant, user, userKey: key, faultless: false,
		body: x.method === 'POST' ? bodyOf(x) : x.search || null,
	};
	const refuse = (fault) => faultDress(fault, fault.status == null
		? answer(x, 200) : graphError(x, fault.status, fault.code ?? CODES[fault.status] ?? 'UnknownError',
			fault.message ?? 'The simulator was told to refuse this call.', fault));
	let perform = null;
	if (who.refused) {
		perform = () => unauthorized(x, who.refused);
	} else if (!route) {
		perform = () => (method ? graphError(x, 405, 'Request_BadRequest', 'The method is not allowed here.')
			: graphError(x, 400, 'BadRequest', `Resource not found: ${x.path}`));
	} else {
		// Requests while throttled count as well, so the gate must really be kept.
		const wait_s = isPresenceOp(op) ? presenceLimit(sim, tenant) : sim.usersLimit(tenant, x);
		if (wait_s > 0) {
			spec.faultless = true;
			perform = () => tooMany(x, wait_s);
		} else {
			perform = () => route[4]({ sim, x, who, tenant, user, key, body: spec.body, allow: route[3] });
		}
	}
	carry(sim, x, spec, perform, refuse);
}

function presenceLimit(sim, tenant) {
	const now = wallNow();
	const window = sim.calls.windowOf(tenant.tenant_id);
	return window.add(now) > sim.presenceLimit ? window.retryAfter_s(now, sim.presenceLimit) : 0;
}

function bodyOf(x) {
	try {
		return JSON.parse(x.body);
	} catch {
		return undefined;
	}
}

// ---- answers ---------------------------------------------------------------

const head = (x) => ({
	'request-id': x.requestId, 'client-request-id': x.clientRequestId,
	'x-ms-ags-diagnostic': '{"ServerInfo":{"DataCenter":"Simulator","Role":"none"}}',
});

export const answer = (x, status) => ({ status, headers: head(x), body: '' });

export const graphJson = (x, value) => ({
	status: 200, body: JSON.stringify(value),
	headers: { ...head(x), 'content-type': 'application/json;odata.metadata=minimal;charset=utf-8' },
});

export function graphError(x, status, code, message, { headers, inner } = {}) {
	return {
		status, headers: { ...head(x), 'content-type': 'application/json', ...headers },
		body: JSON.stringify({
			error: {
				code, message,
				innerError: {
					...inner, date: new Date().toISOString().slice(0, 19),
					'request-id': x.requestId, 'client-request-id': x.clientRequestId,
				},
			},
		}),
	};
}

const unauthorized = (x, why) => graphError(x, 401, 'InvalidAuthenticationToken', why, {
	headers: { 'www-authenticate': 'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize"' },
});

const tooMany = (x, wait_s) => graphError(x, 429, 'TooManyRequests', 'Please retry again later.', {
	headers: { 'retry-after': String(wait_s) },
	inner: { code: '429', message: 'Please retry after', status: '429' },
});

const invalid = (x, message) => graphError(x, 400, 'InvalidArgument', message);
export const forbidden = (x) => graphError(x, 403, 'Authorization_RequestDenied',
	'Insufficient privileges to complete the operation.');
const noUser = (x) => graphError(x, 404, 'NotFound', 'The user does not exist in this directory.');

export const isAllowed = (who, allow) => who.roles.some((r) => allow.includes(r));

// ---- presence --------------------------------------------------------------

/** What is wrong with an action's body; null when it is fine. */
function bodyFault(x, body, who, members) {
	if (!/^application\/json(;|$)/i.test(x.headers['content-type'] ?? ''))
		return 'The content type must be application/json.';
	if (body === null || typeof body !== 'object' || Array.isArray(body))
		return 'The body is not a JSON object.';
	const unknown = Object.keys(body).find((k) => !members.includes(k));
	if (unknown !== undefined)
		return `[${unknown}]: not a parameter of this action.`;
	if (!members.includes('sessionId'))
		return null;
	if (body.sessionId === undefined || body.sessionId === null || body.sessionId === '')
		return '[SessionId]: The SessionId field is required.';
	if (!isGuid(body.sessionId) || body.sessionId.toLowerCase() !== who.app)
		return '[SessionId]: must be the id of the application that asks.';
	return null;
}

function presenceSet({ sim, x, who, user, body, allow }) {
	const wrong = bodyFault(x, body, who, ['sessionId', 'availability', 'activity', 'expirationDuration'])
		?? pairFault(body);
	if (wrong)
		return invalid(x, wrong);
	const duration_ms = body.expirationDuration == null ? MIN_DURATION_MS
		: typeof body.expirationDuration === 'string' ? durationParse(body.expirationDuration) : null;
	if (duration_ms === null || duration_ms < MIN_DURATION_MS || duration_ms > MAX_DURATION_MS)
		return invalid(x, '[ExpirationDuration]: must lie between PT5M and PT4H.');
	if (!isAllowed(who, allow))
		return forbidden(x);
	if (!user)
		return noUser(x);
	sessionSet(user.presence, who.app, {
		availability: body.availability, activity: body.activity, duration_ms,
	}, sim.now());
	userChanged(user);
	return answer(x, 200);
}

function pairFault(body) {
	for (const name of ['availability', 'activity'])
		if (typeof body[name] !== 'string' || !body[name])
			return `[${name}]: is required.`;
	return isLegalPair(body.availability, body.activity) ? null
		: `[Activity]: ${body.availability}/${body.activity} is not a combination that may be set.`;
}

function presenceClear({ sim, x, who, user, body, allow }) {
	const wrong = bodyFault(x, body, who, ['sessionId']);
	if (wrong)
		return invalid(x, wrong);
	if (!isAllowed(who, allow))
		return forbidden(x);
	if (!user)
		return noUser(x);
	if (!sessionClear(user.presence, who.app, sim.now()))
		return graphError(x, 404, 'NotFound', 'There is no presence session of this application.');
	userChanged(user);
	return answer(x, 200);
}

// Reads answer PresenceUnknown, not 404, for whom they do not know.
function presenceShown(sim, id, user) {
	const seen = user ? presenceAt(user.presence, sim.now()) : UNKNOWN;
	const version = (user?.presence.sequence ?? 0).toString(16).toUpperCase().padStart(14, '0');
	return {
		id, ...seen, sequenceNumber: `A${version}`, statusMessage: null, workLocation: null,
		outOfOfficeSettings: { isOutOfOffice: false, message: null },
	};
}

function presenceGet({ sim, x, who, user, key, allow }) {
	if (!isAllowed(who, allow))
		return forbidden(x);
	return graphJson(x, presenceShown(sim, key, user));
}

function presencesGet({ sim, x, who, tenant, body, allow }) {
	const wrong = bodyFault(x, body, who, ['ids']);
	if (wrong)
		return invalid(x, wrong);
	const { ids } = body;
	if (!Array.isArray(ids) || ids.length < 1 || ids.some((id) => typeof id !== 'string'))
		return invalid(x, '[ids]: a list of at least one id is required.');
	if (ids.length > MAX_IDS)
		return invalid(x, `[ids]: at most ${MAX_IDS} ids.`);
	if (!isAllowed(who, allow))
		return forbidden(x);
	// The order of the answer is not documented: give another than was asked for.
	const value = ids.map((id) => presenceShown(sim, id, sim.directory.userFind(tenant, id))).reverse();
	return graphJson(x, { value });
}
