// Faults, clock, waiting and the call log.
// limit: 120

import assert from 'node:assert/strict';
import test, { after, before, beforeEach } from 'node:test';
import {
	ANNA, BERT, TENANT, appToken, busy, clearPresence, setPresence, simulatorStart, tokenAsk, tokenForm,
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
const fault = (description) => sim.control('POST', 'fault', description);
const onSet = (more) => fault({ match: { op: 'setPresence' }, ...more });
const calls = async (query = '') => (await sim.control('GET', `calls?since=0&op=setPresence${query}`)).calls;
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

test('a status, so many times', async () => {
	await onSet({ times: 2, status: 429, retry_after: 3, code: 'TooManyRequests' });
	for (let i = 0; i < 2; i++) {
		const a = await setPresence(sim, token, ANNA);
		assert.equal(a.status, 429);
		assert.equal(a.headers['retry-after'], '3');
		assert.equal(a.value.error.code, 'TooManyRequests');
	}
	assert.equal((await presence()).session, null);
	assert.equal((await setPresence(sim, token, ANNA)).status, 200);
	assert.deepEqual((await calls()).map((c) => c.status), [429, 429, 200]);
});

test('a fault for one user, taken back by its id', async () => {
	const { id } = await onSet({ match: { op: 'setPresence', tenant: TENANT, user: BERT }, status: 503 });
	assert.equal((await setPresence(sim, token, ANNA)).status, 200);
	assert.equal((await setPresence(sim, token, BERT)).status, 503);
	assert.equal((await setPresence(sim, token, BERT)).headers['retry-after'], undefined);
	assert.equal((await sim.control('GET', 'fault')).faults[0].hits, 2);
	await sim.control('DELETE', `fault/${id}`);
	assert.equal((await setPresence(sim, token, BERT)).status, 200);
});

test('a refusal that nevertheless took effect, and a body that is not JSON', async () => {
	await onSet({ times: 1, status: 504, effect: 'before', raw_body: '<html>gateway</html>' });
	const a = await setPresence(sim, token, ANNA);
	assert.equal(a.status, 504);
	assert.equal(a.text, '<html>gateway</html>');
	assert.equal((await presence()).availability, 'Busy');
});

test('slowness alone: the call lands at the end of the delay, also when given up', async () => {
	await onSet({ times: 2, delay_ms: 300 });
	const began = Date.now();
	const pending = setPresence(sim, token, ANNA);
	await sleep(100);
	assert.equal((await presence()).session, null);
	assert.equal((await pending).status, 200);
	assert.ok(Date.now() - began >= 295);
	await assert.rejects(setPresence(sim, token, BERT, busy, { timeout_ms: 50 }));
	await sim.control('GET', `wait?tenant=${TENANT}&user=${BERT}&availability=Busy&timeout_ms=2000`);
	const [, call] = await calls();
	assert.equal(call.status, null);
	assert.ok(call.landed_at > call.ended_at);
});

test('a reset stream', async () => {
	await onSet({ times: 1, action: 'reset' });
	await assert.rejects(setPresence(sim, token, ANNA), /reset|INTERNAL_ERROR|NGHTTP2/i);
	assert.equal((await presence()).session, null);
	assert.equal((await setPresence(sim, token, ANNA)).status, 200, 'the connection lives on');
	assert.deepEqual((await calls()).map((c) => c.status), [null, 200]);
});

test('a reset HTTP/1.1 connection', async () => {
	await onSet({ times: 1, action: 'reset', effect: 'before' });
	await assert.rejects(sim.ask('POST', `/v1.0/users/${ANNA}/presence/setPresence`,
		{ value: busy, headers: { authorization: `Bearer ${token}` } }));
	assert.equal((await presence()).availability, 'Busy');
});

test('a call that hangs, and lands after the client has given up', async () => {
	await onSet({ times: 1, action: 'hang', effect: 'after', effect_delay_ms: 200 });
	await assert.rejects(setPresence(sim, token, ANNA, busy, { timeout_ms: 100 }));
	assert.equal((await presence()).session, null);
	const seen = await sim.control('GET', `wait?tenant=${TENANT}&user=${ANNA}&availability=Busy&timeout_ms=2000`);
	assert.equal(seen.activity, 'InACall');
	const [call] = await calls();
	assert.ok(call.landed_at >= call.ended_at + 190, `${call.landed_at - call.ended_at}`);
});

test('an answer before its effect, and one without any', async () => {
	await onSet({ times: 1, effect: 'after', effect_delay_ms: 150 });
	assert.equal((await setPresence(sim, token, ANNA)).status, 200);
	assert.equal((await presence()).session, null);
	await sim.control('GET', `wait?tenant=${TENANT}&user=${ANNA}&session=some&timeout_ms=2000`);
	await onSet({ times: 1, effect: 'none' });
	assert.equal((await setPresence(sim, token, BERT)).status, 200);
	assert.equal((await presence(BERT)).session, null);
});

test('faults of the identity platform', async () => {
	for (const [code, status, error] of [[7000222, 401, 'invalid_client'], [7000229, 400, 'unauthorized_client'],
		[90002, 400, 'invalid_request'], [65001, 400, 'invalid_grant'], [53003, 400, 'access_denied'],
		[90033, 503, 'temporarily_unavailable']]) {
		await fault({ match: { op: 'token', tenant: TENANT }, times: 1, error_code: code });
		const a = await tokenAsk(sim, tokenForm());
		assert.equal(a.status, status);
		assert.equal(a.value.error, error);
		assert.deepEqual(a.value.error_codes, [code]);
	}
	await fault({ match: { op: 'jwks' }, times: 1, status: 500 });
	assert.equal((await sim.ask('GET', '/organizations/discovery/v2.0/keys')).status, 500);
	assert.equal((await sim.ask('GET', '/organizations/discovery/v2.0/keys')).status, 200);
});

test('descriptions of faults that make no sense are refused', async () => {
	for (const wrong of [{}, { match: {} }, { match: { op: 'x' }, times: 0 }, { match: { op: 'x' }, status: 99 },
		{ match: { op: 'x' }, effect: 'later' }, { match: { op: 'x' }, action: 'x' }, { match: { op: 'x' }, delay: 5 }])
		await assert.rejects(fault(wrong), /400/);
});

test('the clock: decay and expiry follow, tokens do not', async () => {
	await setPresence(sim, token, ANNA, { ...busy, availability: 'Available', activity: 'Available', expirationDuration: 'PT15M' });
	await setPresence(sim, token, BERT);
	await sim.control('POST', 'teams_client', { tenant: TENANT, user: ANNA, state: 'offline' });
	const at = async (offset_s, user = ANNA) => {
		await sim.control('POST', 'clock', { offset_s });
		const p = await presence(user);
		return `${p.availability}/${p.activity}`;
	};
	assert.equal(await at(301), 'Available/AvailableInactive');
	assert.equal(await at(601), 'Away/Away');
	assert.equal(await at(899, BERT), 'Busy/InACall');
	const gone = sim.control('GET', `wait?tenant=${TENANT}&user=${ANNA}&availability=offline&session=none&timeout_ms=5000`);
	await at(901);
	assert.equal((await gone).availability, 'Offline');
	assert.equal((await presence(BERT)).availability, 'Available');
	assert.equal((await setPresence(sim, token, ANNA)).status, 200);
	await sim.control('POST', 'clock', { identity_offset_s: 6000 });
	assert.equal((await setPresence(sim, token, ANNA)).status, 401, 'this clock makes tokens old');
});

test('waiting: at once, when it comes true, and in vain', async () => {
	const wait = (q) => sim.ask('GET', `/_sim/wait?tenant=${TENANT}&user=${ANNA}&${q}`);
	assert.equal((await wait('availability=available&session=none')).status, 200);
	const coming = wait('availability=Busy&activity=InACall&timeout_ms=3000');
	await sleep(50);
	await setPresence(sim, token, ANNA);
	assert.equal((await coming).value.availability, 'Busy');
	const vain = await wait('availability=Away&timeout_ms=100');
	assert.equal(vain.status, 408);
	assert.equal(vain.value.availability, 'Busy');
});

test('a status chosen by hand hides ours, which is no error', async () => {
	await sim.control('POST', 'preferred', { tenant: TENANT, user: ANNA, availability: 'DoNotDisturb' });
	assert.equal((await setPresence(sim, token, ANNA)).status, 200);
	assert.equal((await presence()).availability, 'DoNotDisturb');
	await sim.control('POST', 'preferred', { tenant: TENANT, user: ANNA, availability: null });
	assert.equal((await presence()).availability, 'Busy');
});

test('the call log: order, bodies without secrets, concurrency', async () => {
	await onSet({ delay_ms: 100 });
	const { seq } = await sim.control('GET', 'calls?since=0');
	await Promise.all([setPresence(sim, token, ANNA), setPresence(sim, token, ANNA), setPresence(sim, token, BERT)]);
	await sim.control('DELETE', 'fault');
	await clearPresence(sim, token, ANNA);
	const all = (await sim.control('GET', `calls?since=${seq}`)).calls;
	assert.deepEqual(all.map((c) => c.op), ['setPresence', 'setPresence', 'setPresence', 'clearPresence']);
	const [a, b, c] = all;
	assert.ok(a.seq < b.seq && a.started_at <= b.started_at);
	assert.deepEqual(a.body, busy);
	assert.deepEqual([a.concurrent, b.concurrent, c.concurrent], [1, 2, 1]);
	assert.equal((await calls(`&user=${BERT}`)).length, 1);
	const { graph, concurrent_per_user_max, token: tokens } = await sim.control('GET', 'counts');
	assert.equal(graph.setPresence, 3);
	assert.equal(graph.clearPresence, 1);
	assert.equal(concurrent_per_user_max, 2);
	assert.equal(tokens, 1);
	const [first] = (await sim.control('GET', 'calls?since=0&op=token')).calls;
	assert.doesNotMatch(JSON.stringify(first), /secret\+with/);
	assert.equal(first.body.credential, 'secret');
});

test('control only from this machine, without proxy, and not by a form', async () => {
	const proxied = await sim.ask('GET', '/_sim/state', { headers: { 'x-forwarded-for': '10.0.0.1' } });
	assert.equal(proxied.status, 403);
	const form = await sim.ask('POST', '/_sim/reset', { form: { a: 1 } });
	assert.equal(form.status, 400);
	assert.equal((await sim.ask('GET', '/_sim/nothing')).status, 404);
	assert.equal((await sim.ask('GET', `/%zz/v2.0/.well-known/openid-configuration`)).status, 400);
});

test('tenants and people can be added', async () => {
	const tenant_id = 'eeeeeeee-0000-4000-8000-000000000000';
	await sim.control('POST', 'tenants', { tenants: [{ tenant_id, name: 'More', consent: 'granted',
		users: [{ oid: 'eeeeeeee-0000-4000-8000-000000000001', upn: 'x@more.example' }] }] });
	assert.equal((await setPresence(sim, await appToken(sim, 'more.example'), 'eeeeeeee-0000-4000-8000-000000000001')).status, 200);
	await assert.rejects(sim.control('POST', 'tenants', { tenants: [{ tenant_id: 'x' }] }), /GUID/);
});
