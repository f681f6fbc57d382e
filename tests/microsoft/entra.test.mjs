// The token endpoint, key set and discovery: each refusal, and what is issued.
// limit: 120

import assert from 'node:assert/strict';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import test, { after, before } from 'node:test';
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import {
	APP, SCOPE, SECRET, TENANT, TENANT2, appToken, assertion, assertionForm, setPresence, simulatorStart, tokenAsk,
	tokenForm, ANNA,
} from './harness.mjs';

let sim;
before(async () => {
	sim = await simulatorStart();
	await sim.control('POST', 'consent', { tenant: TENANT, state: 'granted' });
});
after(() => sim.stop());

const now_s = () => Math.floor(Date.now() / 1000);

async function refused(form, code, error, tenant) {
	const a = await tokenAsk(sim, form, tenant);
	assert.ok(a.status >= 400, `${a.status} ${a.text}`);
	assert.deepEqual(a.value.error_codes, [code], a.text);
	if (error)
		assert.equal(a.value.error, error);
	for (const name of ['error_description', 'timestamp', 'trace_id', 'correlation_id', 'error_uri'])
		assert.equal(typeof a.value[name], 'string', name);
	return a;
}

test('a secret brings an application token with its roles', async () => {
	const a = await tokenAsk(sim, tokenForm());
	assert.equal(a.status, 200, a.text);
	assert.equal(a.value.token_type, 'Bearer');
	assert.ok(a.value.expires_in >= 3598 && a.value.expires_in <= 5399);
	assert.equal(a.value.refresh_token, undefined);
	const claims = decodeJwt(a.value.access_token);
	assert.deepEqual(claims.roles, ['Presence.ReadWrite.All', 'User.ReadBasic.All']);
	assert.equal(claims.iss, `https://sts.windows.net/${TENANT}/`);
	assert.equal(claims.appid, APP);
	assert.equal(claims.idtyp, 'app');
});

test('the tenant may be named by its domain, and the secret by Basic', async () => {
	const form = tokenForm();
	delete form.client_secret;
	const basic = Buffer.from(`${APP}:${encodeURIComponent(SECRET)}`).toString('base64');
	const a = await sim.ask('POST', '/nordwind.example/oauth2/v2.0/token',
		{ form, headers: { authorization: `Basic ${basic}` } });
	assert.equal(a.status, 200, a.text);
});

test('token requests that are refused', async (t) => {
	const cases = [
		['wrong secret', { client_secret: 'wrong' }, 7000215, 'invalid_client'],
		['other application', { client_id: randomUUID() }, 700016, 'unauthorized_client'],
		['two resources', { scope: `${SCOPE} ${SCOPE}` }, 70011, 'invalid_scope'],
		['no /.default', { scope: 'https://graph.microsoft.com/Presence.ReadWrite.All' }, 70011],
		['other resource', { scope: 'https://graph.example/.default' }, 500011, 'invalid_resource'],
		['other grant', { grant_type: 'password' }, 70003, 'unsupported_grant_type'],
		['secret and assertion', { client_assertion: 'x' }, 7000218],
	];
	for (const [name, change, code, error] of cases)
		await t.test(name, () => refused(tokenForm(change), code, error));
	for (const name of ['grant_type', 'scope', 'client_id'])
		await t.test(`no ${name}`, () => {
			const form = tokenForm();
			delete form[name];
			return refused(form, 900144);
		});
	await t.test('no credential', () => {
		const { client_secret, ...form } = tokenForm();
		return refused(form, 7000218, 'invalid_client');
	});
	for (const alias of ['common', 'organizations', 'consumers'])
		await t.test(`alias ${alias}`, () => refused(tokenForm(), 50059, 'invalid_request', alias));
	await t.test('unknown tenant', () => refused(tokenForm(), 90002, 'invalid_request', randomUUID()));
	await t.test('JSON instead of a form', async () => {
		const a = await sim.ask('POST', `/${TENANT}/oauth2/v2.0/token`, { value: tokenForm() });
		assert.equal(a.value.error_codes[0], 900144);
	});
	await t.test('a parameter twice', async () => {
		const body = `${new URLSearchParams(tokenForm())}&scope=x`;
		const a = await sim.ask('POST', `/${TENANT}/oauth2/v2.0/token`,
			{ body, headers: { 'content-type': 'application/x-www-form-urlencoded' } });
		assert.equal(a.value.error_codes[0], 900144);
	});
});

test('an assertion by the registered certificate works, once', async () => {
	const text = await assertion(sim);
	assert.equal((await tokenAsk(sim, assertionForm(text))).status, 200);
	await refused(assertionForm(text), 50013, 'invalid_client');
});

test('assertions that are refused', async (t) => {
	const other = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
	const cases = [
		['RS256', { header: { alg: 'RS256' } }, 700027],
		['no thumbprint', { header: { 'x5t#S256': null } }, 700027],
		['unknown thumbprint', { header: { 'x5t#S256': 'A'.repeat(43) } }, 700027],
		['another key', { key: other }, 700027],
		['no typ', { header: { typ: null } }, 50027],
		['audience of another tenant', { claims: { aud: `${sim.login_url}/${TENANT2}/oauth2/v2.0/token` } }, 50013],
		['audience without the path', { claims: { aud: sim.login_url } }, 50013],
		['other iss', { claims: { iss: randomUUID() } }, 50013],
		['other sub', { claims: { sub: randomUUID() } }, 50013],
		['no jti', { claims: { jti: null } }, 50013],
		['jti is no GUID', { claims: { jti: '1' } }, 50013],
		['no exp', { claims: { exp: null } }, 50013],
		['no nbf', { claims: { nbf: null } }, 50013],
		['no iat', { claims: { iat: null } }, 50013],
		['expired', { claims: { nbf: now_s() - 601, exp: now_s() - 1 } }, 700024],
		['not yet valid', { claims: { nbf: now_s() + 400, exp: now_s() + 900 } }, 700024],
		['valid too long', { claims: { exp: now_s() + 3600 } }, 700024],
	];
	for (const [name, change, code] of cases)
		await t.test(name, async () => refused(assertionForm(await assertion(sim, change)), code, 'invalid_client'));
	await t.test('no type', async () => {
		const { client_assertion_type, ...form } = assertionForm(await assertion(sim));
		return refused(form, 7000218);
	});
	await t.test('none', () => {
		const part = (o) => Buffer.from(JSON.stringify(o)).toString('base64url');
		return refused(assertionForm(`${part({ alg: 'none', typ: 'JWT' })}.${part({ iss: APP })}.`), 700027);
	});
});

test('credentials can be renewed, and a secret expires', async () => {
	await sim.control('POST', 'credentials', { secrets: [SECRET, { value: 'old', expired: true }] });
	await refused(tokenForm({ client_secret: 'old' }), 7000222, 'invalid_client');
	await refused(assertionForm(await assertion(sim)), 700027);
	await sim.control('POST', 'credentials', { secrets: [SECRET], certificates: [sim.ca] });
	assert.equal((await tokenAsk(sim, assertionForm(await assertion(sim)))).status, 200);
});

test('what consent does to tokens', async () => {
	const set = (state, more) => sim.control('POST', 'consent', { tenant: TENANT2, state, ...more });
	const form = tokenForm();
	await set('none');
	await refused(form, 700016, 'unauthorized_client', TENANT2);
	await set('disabled');
	await refused(form, 7000112, 'unauthorized_client', TENANT2);
	await set('blocked');
	await refused(form, 53003, 'access_denied', TENANT2);
	await set('revoked');
	assert.equal(decodeJwt(await appToken(sim, TENANT2)).roles, undefined);
	await set('granted', { propagation_s: 3600 });
	assert.equal(decodeJwt(await appToken(sim, TENANT2)).roles, undefined);
	await set('granted', { propagation_s: 0 });
	assert.equal(decodeJwt(await appToken(sim, TENANT2)).roles.length, 2);
});

test('a token keeps its roles after consent is gone, unless told otherwise', async () => {
	const token = await appToken(sim);
	const status = async () => (await setPresence(sim, token, ANNA)).status;
	await sim.control('POST', 'consent', { tenant: TENANT, state: 'revoked' });
	assert.equal(await status(), 200);
	await sim.control('POST', 'consent', { tenant: TENANT, tokens: 'strip' });
	assert.equal(await status(), 403);
	await sim.control('POST', 'consent', { tenant: TENANT, tokens: 'refuse' });
	assert.equal(await status(), 401);
	await sim.control('POST', 'consent', { tenant: TENANT, state: 'granted' });
	assert.equal((await setPresence(sim, await appToken(sim), ANNA)).status, 200);
});

test('key set: several keys with issuer, the signing one not first; rotation', async () => {
	const keys = async (path) => (await sim.ask('GET', `/${path}/discovery/v2.0/keys`)).value;
	const all = await keys('organizations');
	assert.ok(all.keys.length >= 3);
	for (const k of all.keys) {
		assert.equal(k.kty, 'RSA');
		assert.ok(k.n && k.e && k.kid && k.x5t && k.x5c.length === 1 && k.issuer);
		assert.equal(k.alg, undefined);
	}
	const { token } = await sim.control('POST', 'token', { kind: 'tab', user: ANNA });
	const { kid } = decodeProtectedHeader(token);
	assert.notEqual(all.keys[0].kid, kid);
	assert.equal(all.keys.find((k) => k.kid === kid).issuer, `${sim.login_url}/{tenantid}/v2.0`);
	const own = await keys(TENANT);
	assert.equal(own.keys.find((k) => k.kid === kid).issuer, `${sim.login_url}/${TENANT}/v2.0`);
	assert.ok(all.keys.some((k) => k.issuer.includes('9188040d-6c67-4c5b-b112-36a304b66dad')));

	const kept = await sim.control('POST', 'keys/rotate', { keep: true });
	const both = await keys('organizations');
	assert.ok(both.keys.some((k) => k.kid === kid) && both.keys.some((k) => k.kid === kept.kid));
	const next = await sim.control('POST', 'keys/rotate', {});
	const last = await keys('organizations');
	assert.ok(!last.keys.some((k) => k.kid === kept.kid) && last.keys.some((k) => k.kid === next.kid));
	const fresh = await sim.control('POST', 'token', { kind: 'tab', user: ANNA });
	await jwtVerify(fresh.token, createLocalJWKSet(last), { audience: APP });
	assert.equal((await keys('no-such.example')).error_codes[0], 90002);
});

test('discovery: a template for aliases, a concrete issuer for a tenant', async () => {
	const get = async (path) => (await sim.ask('GET', `/${path}/v2.0/.well-known/openid-configuration`)).value;
	assert.equal((await get('organizations')).issuer, `${sim.login_url}/{tenantid}/v2.0`);
	const own = await get(TENANT);
	assert.equal(own.issuer, `${sim.login_url}/${TENANT}/v2.0`);
	assert.equal(own.jwks_uri, `${sim.login_url}/${TENANT}/discovery/v2.0/keys`);
});

test('forged tokens: any claim, algorithm, header and key', async () => {
	const make = (more) => sim.control('POST', 'token', { kind: 'tab', user: ANNA, ...more });
	const { claims } = await make({});
	assert.equal(claims.scp, 'access_as_user');
	assert.equal(claims.azp, '5e3ce6c0-2b1f-4285-8d4b-75ee78787346');
	assert.equal(claims.iss, `${sim.login_url}/${TENANT}/v2.0`);
	assert.equal(claims.ver, '2.0');
	assert.equal((await make({ aud: 'x', scp: null })).claims.scp, undefined);
	assert.equal(decodeProtectedHeader((await make({ alg: 'none' })).token).alg, 'none');
	assert.ok((await make({ alg: 'none' })).token.endsWith('.'));
	assert.equal(decodeProtectedHeader((await make({ alg: 'HS256' })).token).alg, 'HS256');
	assert.deepEqual(decodeProtectedHeader((await make({ header: { crit: ['x'] } })).token).crit, ['x']);
	const published = (await sim.ask('GET', '/organizations/discovery/v2.0/keys')).value.keys.map((k) => k.kid);
	assert.ok(!published.includes(decodeProtectedHeader((await make({ key: 'unknown' })).token).kid));
});
