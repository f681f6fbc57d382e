// Graph: presence and users over HTTP/2, each refusal, shapes, limits.
// limit: 120

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import test, { after, before, beforeEach } from 'node:test';
import {
	ANNA, APP, BERT, EMIL, TENANT, TENANT2, appToken, ask, busy, clearPresence, graph, setPresence, simulatorStart,
} from './harness.mjs';

let sim, token;
before(async () => {
	sim = await simulatorStart();
});
beforeEach(async () => {
	await sim.control('POST', 'reset');
	await sim.control('POST', 'consent', { tenant: TENANT, state: 'granted' });
	token = await appToken(sim);
});
after(() => sim.stop());

const presence = (user = ANNA) => sim.control('GET', `presence?tenant=${TENANT}&user=${user}`);
const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

function refused(a, status, code) {
	assert.equal(a.status, status, a.text);
	const { error } = a.value;
	if (code)
		assert.equal(error.code, code);
	assert.equal(typeof error.message, 'string');
	assert.match(error.innerError['request-id'], GUID);
	assert.equal(error.innerError['request-id'], a.headers['request-id']);
	assert.equal(error.innerError['client-request-id'], a.headers['client-request-id']);
}

test('off-hook, on-hook, cleared', async () => {
	const set = await setPresence(sim, token, ANNA);
	assert.equal(set.status, 200);
	assert.equal(set.text, '');
	const { session, ...shown } = await presence();
	assert.deepEqual(shown, { availability: 'Busy', activity: 'InACall' });
	assert.equal(Date.parse(session.expires_at) - Date.parse(session.set_at), 900_000);
	await setPresence(sim, token, ANNA, { ...busy, availability: 'Available', activity: 'Available' });
	assert.equal((await presence()).availability, 'Available');
	assert.equal((await clearPresence(sim, token, ANNA)).status, 200);
	assert.equal((await presence()).session, null);
	refused(await clearPresence(sim, token, ANNA), 404);
});

test('the client-request-id is echoed when it is a GUID', async () => {
	const mine = randomUUID();
	const a = await setPresence(sim, token, ANNA, busy, { headers: { 'client-request-id': mine } });
	assert.equal(a.headers['client-request-id'], mine);
	assert.match(a.headers['request-id'], GUID);
	const b = await setPresence(sim, token, ANNA, busy, { headers: { 'client-request-id': 'x' } });
	assert.equal(b.headers['client-request-id'], b.headers['request-id']);
});

test('bodies that are refused, before permissions are looked at', async (t) => {
	const powerless = (await sim.control('POST', 'token', { kind: 'app', roles: null })).token;
	const without = (name) => Object.fromEntries(Object.entries(busy).filter(([k]) => k !== name));
	const cases = [
		['no session', without('sessionId')], ['null session', { ...busy, sessionId: null }],
		['foreign session', { ...busy, sessionId: randomUUID() }], ['session is no GUID', { ...busy, sessionId: 'x' }],
		['Busy/Busy', { ...busy, activity: 'Busy' }], ['no activity', without('activity')],
		['lower case', { ...busy, availability: 'busy' }], ['number', { ...busy, availability: 1 }],
		['PT4M', { ...busy, expirationDuration: 'PT4M' }], ['PT4H1M', { ...busy, expirationDuration: 'PT4H1M' }],
		['15M', { ...busy, expirationDuration: '15M' }], ['seconds', { ...busy, expirationDuration: 900 }],
		['unknown member', { ...busy, extra: 1 }], ['array', [busy]], ['not JSON', '{'], ['empty', ''],
	];
	for (const [name, body] of cases)
		await t.test(name, async () => refused(await setPresence(sim, powerless, ANNA, body), 400, 'InvalidArgument'));
	await t.test('content type', async () => refused(await setPresence(sim, token, ANNA, JSON.stringify(busy),
		{ headers: { 'content-type': 'text/plain' } }), 400));
	await t.test('a good body then fails on permissions', async () =>
		refused(await setPresence(sim, powerless, ANNA), 403, 'Authorization_RequestDenied'));
	assert.equal((await presence()).session, null);
});

test('default and limits of the duration', async () => {
	for (const [text, seconds] of [[undefined, 300], [null, 300], ['PT5M', 300], ['PT4H', 14_400]]) {
		assert.equal((await setPresence(sim, token, ANNA, { ...busy, expirationDuration: text })).status, 200);
		const { session } = await presence();
		assert.equal(Date.parse(session.expires_at) - Date.parse(session.set_at), seconds * 1000);
	}
});

test('tokens that Graph refuses', async (t) => {
	const make = async (more) => (await sim.control('POST', 'token', { kind: 'app', tenant: TENANT, ...more })).token;
	const past = Math.floor(Date.now() / 1000) - 10;
	const cases = [
		['none', () => null], ['garbage', () => 'abc'], ['of a tab', () => make({ kind: 'tab', user: ANNA })],
		['expired', () => make({ exp: past })], ['other audience', () => make({ aud: APP })],
		['other issuer', () => make({ iss: `https://sts.windows.net/${TENANT2}/` })],
		['unknown key', () => make({ key: 'unknown' })], ['unsigned', () => make({ alg: 'none' })],
		['HS256 by the public key', () => make({ alg: 'HS256' })], ['crit', () => make({ header: { crit: ['x'], x: 1 } })],
	];
	for (const [name, of] of cases)
		await t.test(name, async () => {
			const a = await setPresence(sim, await of(), ANNA);
			refused(a, 401, 'InvalidAuthenticationToken');
			assert.match(a.headers['www-authenticate'], /^Bearer/);
		});
	assert.equal((await setPresence(sim, await make({}), ANNA)).status, 200);
});

test('each permission for its own', async () => {
	const of = async (...roles) => (await sim.control('POST', 'token', { kind: 'app', tenant: TENANT, roles })).token;
	const reader = await of('Presence.Read.All');
	refused(await setPresence(sim, reader, ANNA), 403);
	assert.equal((await graph(sim, reader, 'GET', `/users/${ANNA}/presence`)).status, 200);
	refused(await graph(sim, reader, 'GET', `/users/${ANNA}`), 403);
	const users = await of('User.ReadBasic.All');
	assert.equal((await graph(sim, users, 'GET', `/users/${ANNA}`)).status, 200);
	refused(await graph(sim, users, 'POST', '/communications/getPresencesByUserId', { ids: [ANNA] }), 403);
});

test('people that are not there', async () => {
	refused(await setPresence(sim, token, randomUUID()), 404);
	refused(await setPresence(sim, token, 'anna@nordwind.example'), 404);
	refused(await setPresence(sim, token, EMIL), 404, undefined); // of another tenant
	const read = await graph(sim, token, 'GET', `/users/${randomUUID()}/presence`);
	assert.equal(read.value.availability, 'PresenceUnknown');
});

test('paths and methods that are not there', async () => {
	refused(await graph(sim, token, 'PATCH', `/users/${ANNA}/presence/setPresence`, busy), 405);
	refused(await graph(sim, token, 'POST', `/me/presence/setPresence`, busy), 400);
	refused(await graph(sim, token, 'POST', `/users/${ANNA}/presence/setpresence`, busy), 400);
});

test('getPresencesByUserId: up to 650 ids, in another order', async () => {
	const get = (ids) => graph(sim, token, 'POST', '/communications/getPresencesByUserId', { ids });
	await setPresence(sim, token, BERT);
	const stranger = randomUUID();
	const { value } = (await get([ANNA, BERT, stranger])).value;
	assert.deepEqual(value.map((p) => p.id), [stranger, BERT, ANNA]);
	assert.deepEqual(value.map((p) => p.availability), ['PresenceUnknown', 'Busy', 'Available']);
	assert.equal((await get(Array(650).fill(ANNA))).status, 200);
	refused(await get(Array(651).fill(ANNA)), 400);
	refused(await get([]), 400);
	refused(await get('x'), 400);
});

test('sequence numbers grow', async () => {
	const read = async () => (await graph(sim, token, 'GET', `/communications/presences/${ANNA}`)).value.sequenceNumber;
	const before_ = await read();
	await setPresence(sim, token, ANNA);
	assert.ok(await read() > before_);
});

test('more than 1500 presence requests in 30 s are throttled, and still count', async () => {
	const batch = async (n) => {
		const statuses = await Promise.all(Array.from({ length: n }, async () => {
			const a = await graph(sim, token, 'GET', `/users/${ANNA}/presence`);
			return [a.status, a.headers['retry-after'], a];
		}));
		return statuses;
	};
	for (let i = 0; i < 15; i++)
		assert.ok((await batch(100)).every(([s]) => s === 200));
	const [[status, wait_s, a]] = await batch(1);
	assert.equal(status, 429);
	refused(a, 429, 'TooManyRequests');
	assert.ok(Number(wait_s) >= 1 && Number(wait_s) <= 30);
	await batch(50);
	const { max_in_30s } = await sim.control('GET', 'counts');
	assert.equal(max_in_30s[TENANT], 1551);
	await sim.control('POST', 'consent', { tenant: TENANT2, state: 'granted' });
	assert.equal((await setPresence(sim, await appToken(sim, TENANT2), EMIL)).status, 200, 'a tenant of its own');
	assert.equal((await graph(sim, token, 'GET', `/users/${ANNA}`)).status, 200, 'users have their own limit');
});

test('one user by id or name', async () => {
	const a = await graph(sim, token, 'GET', '/users/Anna%40nordwind.example?$select=id,userPrincipalName');
	assert.equal(a.value.id, ANNA);
	assert.deepEqual(Object.keys(a.value).sort(), ['@odata.context', 'id', 'userPrincipalName']);
	const b = await graph(sim, token, 'GET', `/users/${ANNA}?$select=id,businessPhones`);
	assert.equal(b.value.businessPhones, null, 'not under User.ReadBasic.All');
	refused(await graph(sim, token, 'GET', '/users/nobody@nordwind.example'), 404, 'Request_ResourceNotFound');
	refused(await graph(sim, token, 'GET', `/users/${EMIL}`), 404);
	refused(await graph(sim, token, 'GET', `/users/${ANNA}?$select=id,nonsense`), 400);
});

test('the list of users comes in pages', async () => {
	const users = Array.from({ length: 250 }, (_, i) => ({
		oid: `dddddddd-0000-4000-8000-${String(i).padStart(12, '0')}`, upn: `u${i}@nordwind.example`,
	}));
	await sim.control('POST', 'users', { tenant: TENANT, users });
	const first = await graph(sim, token, 'GET', '/users?$select=id,userPrincipalName&$top=100');
	assert.equal(first.value.value.length, 100);
	const ids = new Set(first.value.value.map((u) => u.id));
	let link = first.value['@odata.nextLink'];
	while (link) {
		assert.equal(new URL(link).origin, sim.graph_url);
		const url = new URL(link);
		const page = await graph(sim, token, 'GET', url.pathname.slice('/v1.0'.length) + url.search);
		page.value.value.forEach((u) => ids.add(u.id));
		link = page.value['@odata.nextLink'];
	}
	assert.equal(ids.size, 257);
	refused(await graph(sim, token, 'GET', '/users?$top=1000'), 400);
	refused(await graph(sim, token, 'GET', '/users?$top=0'), 400);
	refused(await graph(sim, token, 'GET', '/users?$skip=5'), 400);
	refused(await graph(sim, token, 'GET', '/users?$skiptoken=abc'), 400);
	refused(await graph(sim, token, 'GET', "/users?$filter=startswith(mail,'a')"), 400);
	const one = await graph(sim, token, 'GET', `/users?$filter=${encodeURIComponent("mail eq 'bert@nordwind.example'")}`);
	assert.deepEqual(one.value.value.map((u) => u.id), [BERT]);
});

test('HTTP/1.1 on both ports', async () => {
	const a = await ask(sim.http, 'POST', `/v1.0/users/${ANNA}/presence/setPresence`,
		{ value: busy, headers: { authorization: `Bearer ${token}` } });
	assert.equal(a.status, 200);
	const { Agent, request } = await import('node:https');
	const status = await new Promise((resolve, reject) => {
		const req = request(`${sim.graph_url}/v1.0/users/${ANNA}/presence`, {
			agent: new Agent({ ca: sim.ca }), headers: { authorization: `Bearer ${token}` },
		}, (res) => resolve(res.resume().statusCode));
		req.on('error', reject).end();
	});
	assert.equal(status, 200);
});
