// The Teams page's server side: token, live presence, and the phone that signs.
// limit: 120

import assert from 'node:assert/strict';
import { createServer, get } from 'node:http';
import test, { after, before } from 'node:test';
import { createLocalJWKSet, jwtVerify } from 'jose';
import { Webhook } from 'standardwebhooks';
import { ANNA, APP, EMIL, PUBLIC, TENANT, TENANT2, appToken, setPresence, simulatorStart } from './harness.mjs';

const WHSEC = 'whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=';
let sim, pbx, address;
const received = [];
let answer = { status: 200, body: '{"results":[{"extension":"1001","outcome":"published","availability":"Busy","activity":"InACall"}]}' };

before(async () => {
	sim = await simulatorStart();
	pbx = createServer((req, res) => {
		let body = '';
		req.on('data', (d) => (body += d));
		req.on('end', () => {
			received.push({ path: req.url, headers: req.headers, body });
			res.writeHead(answer.status, { 'content-type': 'application/json' });
			res.end(answer.body);
		});
	});
	await new Promise((done) => pbx.listen(0, '127.0.0.1', done));
	address = `http://127.0.0.1:${pbx.address().port}/webhook/7`;
});
after(() => {
	sim.stop();
	pbx.close();
	pbx.closeAllConnections();
});

const post = (path, value) => sim.ask('POST', `/teams/api/${path}`, { value });

test('the page and its files, under a strict policy', async () => {
	const page = await sim.ask('GET', '/teams/');
	assert.equal(page.status, 200);
	const policy = page.headers['content-security-policy'];
	assert.match(policy, /default-src 'none'/);
	assert.match(policy, /frame-src 'self'/);
	assert.doesNotMatch(policy, /unsafe/);
	assert.doesNotMatch(page.text, /<script>|\son\w+=|style=/);
	for (const m of page.text.matchAll(/(?:src|href)="(\/teams\/[^"]+)"/g))
		assert.equal((await sim.ask('GET', m[1])).status, 200, m[1]);
	assert.equal((await sim.ask('GET', '/teams/../main.mjs')).status, 404);
});

test("the tab's token is that of the chosen person, and cached until keys rotate", async () => {
	const ask = async () => (await post('token', { tenant: TENANT, user: ANNA })).value.token;
	const token = await ask();
	const keys = createLocalJWKSet((await sim.ask('GET', `/${TENANT}/discovery/v2.0/keys`)).value);
	const { payload } = await jwtVerify(token, keys, { audience: APP, issuer: `${sim.login_url}/${TENANT}/v2.0` });
	assert.equal(payload.oid, ANNA);
	assert.equal(payload.scp, 'access_as_user');
	assert.equal(await ask(), token);
	await sim.control('POST', 'keys/rotate', {});
	assert.notEqual(await ask(), token);
	await sim.control('POST', 'fault', { match: { op: 'sso' }, times: 1, code: 'CancelledByUser', status: 200 });
	assert.equal((await post('token', { tenant: TENANT, user: ANNA })).value.reason, 'CancelledByUser');
	assert.equal((await post('token', { tenant: TENANT2, user: ANNA })).status, 400);
	await sim.control('POST', 'consent', { tenant: TENANT2, state: 'disabled' });
	assert.equal((await post('token', { tenant: TENANT2, user: EMIL })).value.reason, 'resourceDisabled');
});

test('presence comes live', async () => {
	await sim.control('POST', 'consent', { tenant: TENANT, state: 'granted' });
	const events = [];
	const req = get({ host: '127.0.0.1', port: sim.http, path: `/teams/api/presence?tenant=${TENANT}` }, (res) => {
		assert.match(res.headers['content-type'], /event-stream/);
		res.setEncoding('utf8');
		res.on('data', (d) => {
			for (const line of d.split('\n').filter((l) => l.startsWith('data: ')))
				events.push(JSON.parse(line.slice(6)));
		});
		res.on('error', () => {});
	});
	req.on('error', () => {});
	const until = async (holds) => {
		for (let i = 0; i < 100 && !events.some(holds); i++)
			await new Promise((done) => setTimeout(done, 20));
		assert.ok(events.some(holds));
	};
	await until((e) => e.oid === ANNA && e.availability === 'Available');
	await setPresence(sim, await appToken(sim), ANNA);
	await until((e) => e.oid === ANNA && e.availability === 'Busy' && e.session.activity === 'InACall');
	await post('status', { tenant: TENANT, user: ANNA, preferred: 'Away' });
	await until((e) => e.oid === ANNA && e.preferred === 'Away');
	await post('status', { tenant: TENANT, user: ANNA, preferred: null });
	assert.equal((await post('status', { tenant: TENANT, user: ANNA, preferred: 'x' })).status, 400);
	req.destroy();
});

test('the phone posts what a stranger can verify', async () => {
	assert.equal((await post('phone/settings', { tenant: TENANT, url: address, secret: WHSEC })).status, 200);
	const a = await post('phone', { tenant: TENANT, type: 'phone.off_hook', extension: '1001', line: '1' });
	assert.equal(a.value.status, 200);
	assert.equal(a.value.results[0].outcome, 'published');
	assert.ok(a.value.ms >= 0);
	const { headers, body, path } = received.at(-1);
	assert.equal(path, '/webhook/7');
	const event = new Webhook(WHSEC).verify(body, headers);
	assert.equal(event.type, 'phone.off_hook');
	assert.deepEqual(event.data, { extension: '1001', line: '1' });
	assert.ok(Math.abs(Date.parse(event.timestamp) - Date.now()) < 5000);
	const { url, has_secret, secret } = (await sim.ask('GET', `/teams/api/phone?tenant=${TENANT}`)).value;
	assert.deepEqual([url, has_secret, secret], [address, true, undefined]);
});

test('what goes wrong with the phone is said', async () => {
	const lift = () => post('phone', { tenant: TENANT, type: 'phone.off_hook', extension: '1', line: '1' });
	answer = { status: 401, body: '{"title":"Unauthorized","detail":"the signature is wrong"}' };
	assert.deepEqual((({ status, error }) => [status, error])((await lift()).value), [401, 'the signature is wrong']);
	const set = (url, secret) => post('phone/settings', { tenant: TENANT, url, secret });
	assert.match((await set('https://example.com/webhook/1', WHSEC)).value.error, /posts only to/);
	assert.match((await set('file:///etc/passwd', WHSEC)).value.error, /posts only to/);
	assert.match((await set('nonsense', WHSEC)).value.error, /not an address/);
	assert.equal((await set(`${PUBLIC}/webhook/1`, WHSEC)).status, 200);
	assert.equal((await set('http://127.0.0.1:1/webhook/1', WHSEC)).status, 200);
	const gone = (await lift()).value;
	assert.equal(gone.status, null);
	assert.match(gone.error, /ECONNREFUSED/);
	assert.equal((await post('phone', { tenant: TENANT2, type: 'phone.off_hook', extension: '1', line: '1' })).status, 400);
	assert.equal((await sim.ask('POST', '/teams/api/phone', { form: { tenant: TENANT } })).status, 400);
});
