// Graph's users: one by id or user principal name, and the paged list.

import { forbidden, graphError, graphJson, isAllowed } from './graph.mjs';
import { isGuid } from './tenants.mjs';

const MAX_TOP = 999;
const DEFAULT_TOP = 100;
// User.ReadBasic.All shows these; the rest needs User.Read.All.
const BASIC = ['id', 'displayName', 'givenName', 'surname', 'mail', 'userPrincipalName'];
const FULL = [...BASIC, 'businessPhones', 'mobilePhone', 'jobTitle', 'accountEnabled'];
const DEFAULT_SELECT = ['businessPhones', 'displayName', 'givenName', 'jobTitle', 'mail',
	'mobilePhone', 'surname', 'userPrincipalName', 'id'];
const KNOWN_OPTIONS = ['$select', '$top', '$filter', '$skiptoken', '$count'];

function userShown(user, select, isFull) {
	const [givenName, ...rest] = user.name.split(' ');
	const all = {
		id: user.oid, displayName: user.name, givenName, surname: rest.join(' ') || null,
		mail: user.mail, userPrincipalName: user.upn, businessPhones: user.phones,
		mobilePhone: null, jobTitle: null, accountEnabled: true,
	};
	const shown = {};
	for (const name of select)
		shown[name] = isFull || BASIC.includes(name) ? all[name] : null;
	return shown;
}

/** {select} or {wrong}. */
function selectParse(text) {
	if (text === null)
		return { select: DEFAULT_SELECT };
	const select = text.split(',').map((s) => s.trim());
	const unknown = select.find((name) => !FULL.includes(name));
	return unknown === undefined ? { select } : { wrong: `Could not find a property named '${unknown}'.` };
}

const bad = (x, message) => graphError(x, 400, 'BadRequest', message);
const isFull = (who) => who.roles.includes('User.Read.All');

export function userGet({ sim, x, who, tenant, key, allow }) {
	const { select, wrong } = selectParse(x.query.get('$select'));
	if (wrong)
		return bad(x, wrong);
	if (!isAllowed(who, allow))
		return forbidden(x);
	const user = isGuid(key) ? sim.directory.userFind(tenant, key) : tenant.byUpn.get(key);
	if (!user)
		return graphError(x, 404, 'Request_ResourceNotFound',
			`Resource '${key}' does not exist or one of its queried reference-property objects is not present.`);
	return graphJson(x, {
		'@odata.context': 'https://graph.microsoft.com/v1.0/$metadata#users/$entity',
		...userShown(user, select, isFull(who)),
	});
}

export function userList({ sim, x, who, tenant, allow }) {
	const unknown = [...x.query.keys()].find((k) => !KNOWN_OPTIONS.includes(k));
	if (unknown !== undefined)
		return bad(x, `Unsupported query option '${unknown}'.`);
	const { select, wrong } = selectParse(x.query.get('$select'));
	if (wrong)
		return bad(x, wrong);
	const top = x.query.has('$top') ? Number(x.query.get('$top')) : DEFAULT_TOP;
	if (!Number.isInteger(top) || top < 1 || top > MAX_TOP)
		return bad(x, `Invalid page size specified: must be between 1 and ${MAX_TOP}.`);
	const skip = skipParse(x.query.get('$skiptoken'), top);
	if (skip === null)
		return bad(x, 'The skip token is not valid.');
	const filter = filterParse(x.query.get('$filter'));
	if (filter === null)
		return bad(x, 'Unsupported or invalid query filter clause.');
	if (!isAllowed(who, allow))
		return forbidden(x);

	const users = [...tenant.users.values()].filter(filter);
	const page = {
		'@odata.context': 'https://graph.microsoft.com/v1.0/$metadata#users',
		...(x.query.get('$count') === 'true' ? { '@odata.count': users.length } : {}),
		value: users.slice(skip, skip + top).map((u) => userShown(u, select, isFull(who))),
	};
	if (skip + top < users.length)
		page['@odata.nextLink'] = nextLink(sim, x, skip + top, top);
	return graphJson(x, page);
}

// A skip token is opaque to clients and belongs to one page size.
const skipToken = (skip, top) => Buffer.from(`page:${skip}:${top}`).toString('base64url');

function skipParse(token, top) {
	if (token === null)
		return 0;
	const m = /^page:(\d{1,9}):(\d{1,3})$/.exec(Buffer.from(token, 'base64url').toString());
	return m && Number(m[2]) === top ? Number(m[1]) : null;
}

function nextLink(sim, x, skip, top) {
	const query = new URLSearchParams(x.query);
	query.set('$skiptoken', skipToken(skip, top));
	const scheme = x.isSecure ? 'https' : 'http';
	return `${scheme}://${x.authority}/v1.0/users?${query}`;
}

/** A predicate for the filters that are supported: NAME eq 'text'. */
function filterParse(text) {
	if (text === null)
		return () => true;
	const m = /^(mail|userPrincipalName|displayName) eq '((?:[^']|'')*)'$/.exec(text);
	if (!m)
		return null;
	const member = { mail: 'mail', userPrincipalName: 'upn', displayName: 'name' }[m[1]];
	const wanted = m[2].replaceAll("''", "'").toLowerCase();
	return (u) => u[member].toLowerCase() === wanted;
}
