// Sign-in and consent as a browser walks them: each refusal, codes, ID tokens.
// limit: 120

import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import test, { after, before, beforeEach } from 'node:test';
import { createLocalJWKSet, jwtVerify } from 'jose';
import {
	ADMIN, ANNA, APP, APP_ADMIN, EMIL, PUBLIC, SCOPE, SECRET, TENANT, TENANT2, graph, simulatorStart,
} from './harness.mjs';

let sim;
before(async () => {
	sim = await simulatorStart();
});
beforeEach(() => sim.control('POST', 'reset'));
after(() => sim.stop());

const VERIFIER = 'v'.repeat(43);
const CHALLENGE = createHash('sha256').update(VERIFIER).digest('base64url');
const authorize = (change = {}, authority = 'organizations') => {
	const all = {
		client_id: APP, response_type: 'code', redirect_uri: `${PUBLIC}/auth/callback`, response_mode: 'query',
		scope: 'openid profile', state: 'st', nonce: 'no', code_challenge: CHALLENGE,
		code_challenge_method: 'S256', prompt: 'select_account', ...change,
	};
	const kept = Object.entries(all).filter(([, v]) => v !== null);
	return `/${authority}/oauth2/v2.0/authorize?${new URLSearchParams(kept)}`;
};
const consent = (change = {}, authority = TENANT) => {
	const all = { client_id: APP, scope: SCOPE, redirect_uri: `${PUBLIC}/consent/callback`, state: 'st', ...change };
	const kept = Object.entries(all).filter(([, v]) => v !== null);
	return `/${authority}/v2.0/adminconsent?${new URLSearchParams(kept)}`;
};
const redeem = (code, change = {}, authority = 'organizations', headers = {}) =>
	sim.ask('POST', `/${authority}/oauth2/v2.0/token`, {
		headers, form: {
			client_id: APP, client_secret: SECRET, grant_type: 'authorization_code', code,
			redirect_uri: `${PUBLIC}/auth/callback`, code_verifier: VERIFIER, ...change,
		},
	});

/** Walk the pages as a browser does: choose, and for consent decide. */
async function walk(path, user, decision) {
	const page = await sim.ask('GET', path);
	assert.equal(page.status, 200, page.text);
	const flow = /action="(\/_login\/[\w-]+)\/choose"/.exec(page.text)[1];
	const chosen = await sim.ask('POST', `${flow}/choose`, { form: { user } });
	return decision ? sim.ask('POST', `${flow}/decide`, { form: { decision } }) : chosen;
}

async function codeOf(user, change, authority) {
	const a = await walk(authorize(change, authority), user);
	assert.equal(a.status, 303, a.text);
	const url = new URL(a.headers.location);
	assert.equal(url.origin + url.pathname, `${PUBLIC}/auth/callback`);
	assert.equal(url.searchParams.get('state'), 'st');
	return url.searchParams.get('code');
}

test('authorization requests that end on an error page, never at the redirect address', async (t) => {
	const cases = [
		['other client', { client_id: randomUUID() }, 'AADSTS700016'],
		['redirect not registered', { redirect_uri: `${PUBLIC}/auth/callback/` }, 'AADSTS50011'],
		['redirect of another host', { redirect_uri: 'http://evil.example/auth/callback' }, 'AADSTS50011'],
		['no redirect', { redirect_uri: null }, 'AADSTS50011'],
	];
	for (const [name, change, code] of cases)
		await t.test(name, async () => {
			const a = await sim.ask('GET', authorize(change));
			assert.equal(a.status, 400);
			assert.match(a.text, new RegExp(code));
		});
	await t.test('unknown tenant', async () => {
		assert.match((await sim.ask('GET', authorize({}, randomUUID()))).text, /AADSTS90002/);
	});
	await t.test('a parameter twice', async () => {
		assert.match((await sim.ask('GET', `${authorize()}&state=x`)).text, /duplicated/);
	});
});

test('authorization requests that come back with an error', async (t) => {
	const cases = [
		['implicit', { response_type: 'id_token' }, 'unsupported_response_type'],
		['fragment', { response_mode: 'fragment' }, 'invalid_request'],
		['no nonce', { nonce: null }, 'invalid_request'],
		['no state', { state: null }, 'invalid_request'],
		['no PKCE', { code_challenge: null }, 'invalid_request'],
		['plain PKCE', { code_challenge_method: 'plain' }, 'invalid_request'],
		['short challenge', { code_challenge: 'abc' }, 'invalid_request'],
		['no openid', { scope: 'profile' }, 'invalid_scope'],
		['unknown scope', { scope: 'openid Everything.All' }, 'invalid_scope'],
		['prompt none', { prompt: 'none' }, 'interaction_required'],
	];
	for (const [name, change, error] of cases)
		await t.test(name, async () => {
			const a = await sim.ask('GET', authorize(change));
			assert.equal(a.status, 303, a.text);
			assert.equal(new URL(a.headers.location).searchParams.get('error'), error);
		});
});

test('a code brings an ID token that a stranger can verify', async () => {
	const a = await redeem(await codeOf(ADMIN));
	assert.equal(a.status, 200, a.text);
	assert.equal(a.value.refresh_token, undefined);
	const keys = createLocalJWKSet((await sim.ask('GET', '/organizations/discovery/v2.0/keys')).value);
	const { payload } = await jwtVerify(a.value.id_token, keys, {
		audience: APP, issuer: `${sim.login_url}/${TENANT}/v2.0`, algorithms: ['RS256'],
	});
	assert.equal(payload.nonce, 'no');
	assert.equal(payload.tid, TENANT);
	assert.equal(payload.oid, ADMIN);
	assert.equal(payload.ver, '2.0');
	assert.ok(payload.wids.includes('62e90394-69f5-4237-9190-012177145e10'));
	const read = await graph(sim, a.value.access_token, 'GET', `/users/${ANNA}/presence`);
	assert.equal(read.status, 403, 'a sign-in opens nothing');
});

test('oid and names need the scope profile; an employee has no admin role', async () => {
	const claims = (token) => JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));
	const bare = claims((await redeem(await codeOf(ANNA, { scope: 'openid' }))).value.id_token);
	assert.equal(bare.oid, undefined);
	assert.equal(bare.preferred_username, undefined);
	const full = claims((await redeem(await codeOf(ANNA))).value.id_token);
	assert.equal(full.oid, ANNA);
	assert.ok(!full.wids.includes('62e90394-69f5-4237-9190-012177145e10'));
	assert.equal(full.sub, bare.sub);
});

test('codes that are refused', async (t) => {
	const refused = async (a, code) => {
		assert.equal((await a).value.error_codes?.[0], code, (await a).text);
	};
	await t.test('used twice', async () => {
		const code = await codeOf(ANNA);
		assert.equal((await redeem(code)).status, 200);
		await refused(redeem(code), 54005);
	});
	await t.test('wrong verifier, and then it is burnt', async () => {
		const code = await codeOf(ANNA);
		await refused(redeem(code, { code_verifier: 'w'.repeat(43) }), 501481);
		await refused(redeem(code), 54005);
	});
	await t.test('no verifier', async () => refused(redeem(await codeOf(ANNA), { code_verifier: '' }), 50147));
	await t.test('other redirect address', async () =>
		refused(redeem(await codeOf(ANNA), { redirect_uri: `${PUBLIC}/consent/callback` }), 50011));
	await t.test('other authority', async () => refused(redeem(await codeOf(ANNA), {}, TENANT), 700005));
	await t.test('wrong secret', async () => refused(redeem(await codeOf(ANNA), { client_secret: 'x' }), 7000215));
	await t.test('from a browser script', async () =>
		refused(redeem(await codeOf(ANNA), {}, 'organizations', { origin: PUBLIC }), 9002326));
	await t.test('invented', () => refused(redeem('1.invented'), 70000));
	await t.test('after eleven minutes', async () => {
		const code = await codeOf(ANNA);
		await sim.control('POST', 'clock', { identity_offset_s: 660 });
		await refused(redeem(code), 70008);
	});
});

test('cancelling the sign-in', async () => {
	const page = await sim.ask('GET', authorize());
	const flow = /action="(\/_login\/[\w-]+)\/decide"/.exec(page.text)[1];
	const a = await sim.ask('POST', `${flow}/decide`, { form: { decision: 'cancel' } });
	assert.equal(new URL(a.headers.location).searchParams.get('error'), 'access_denied');
	assert.equal((await sim.ask('POST', `${flow}/decide`, { form: { decision: 'cancel' } })).status, 400);
});

const consentState = async (tenant = TENANT) =>
	(await sim.control('GET', 'state')).tenants.find((t) => t.tenant_id === tenant).consent;

test('a Global Administrator grants', async () => {
	const a = await walk(consent(), ADMIN, 'accept');
	const q = new URL(a.headers.location).searchParams;
	assert.equal(q.get('admin_consent'), 'True');
	assert.equal(q.get('tenant'), TENANT);
	assert.equal(q.get('state'), 'st');
	assert.match(q.get('scope'), /Presence\.ReadWrite\.All/);
	assert.equal(q.get('error'), null);
	assert.equal(await consentState(), 'granted');
});

test('declining says admin_consent=True beside the error, and grants nothing', async () => {
	const a = await walk(consent(), ADMIN, 'cancel');
	const q = new URL(a.headers.location).searchParams;
	assert.equal(q.get('error'), 'consent_required');
	assert.match(q.get('error_description'), /^AADSTS65004/);
	assert.equal(q.get('admin_consent'), 'True');
	assert.equal(q.get('state'), 'st');
	assert.equal(await consentState(), 'none');
});

test('nobody else can accept', async () => {
	for (const user of [APP_ADMIN, ANNA]) {
		const a = await walk(consent(), user, 'accept');
		assert.equal(a.status, 403);
		assert.match(a.text, /AADSTS90094/);
	}
	assert.equal(await consentState(), 'none');
	const foreign = await walk(consent(), EMIL);
	assert.match(foreign.text, /AADSTS50020/);
});

test('consent requests that are refused', async (t) => {
	const cases = [
		['no scope', consent({ scope: null }), 'AADSTS70011'],
		['a single permission', consent({ scope: 'https://graph.microsoft.com/Presence.ReadWrite.All' }), 'AADSTS70011'],
		['other redirect', consent({ redirect_uri: `${PUBLIC}/other` }), 'AADSTS50011'],
		['other client', consent({ client_id: randomUUID() }), 'AADSTS700016'],
		['no state', consent({ state: null }), 'AADSTS900144'],
		['common', consent({}, 'common'), 'AADSTS90133'],
		['unknown tenant', consent({}, randomUUID()), 'AADSTS90002'],
	];
	for (const [name, path, code] of cases)
		await t.test(name, async () => {
			const a = await sim.ask('GET', path);
			assert.equal(a.status, 400);
			assert.match(a.text, new RegExp(code));
		});
	await t.test('the old endpoint', async () => {
		assert.equal((await sim.ask('GET', consent().replace('/v2.0', ''))).status, 404);
	});
});

test('a sign-in alone makes tokens without any role', async () => {
	const { location } = await sim.control('POST', 'sign_in', { url: authorize(), user: EMIL });
	assert.ok(new URL(location).searchParams.get('code'));
	assert.equal(await consentState(TENANT2), 'none');
	const a = await sim.ask('POST', `/${TENANT2}/oauth2/v2.0/token`, {
		form: { client_id: APP, client_secret: SECRET, grant_type: 'client_credentials', scope: SCOPE },
	});
	assert.equal(a.status, 200);
	assert.equal((await graph(sim, a.value.access_token, 'POST', '/communications/getPresencesByUserId',
		{ ids: [EMIL] })).status, 403);
});

test('signing in by control, as a test without a browser does', async () => {
	const accepted = await sim.control('POST', 'sign_in', { url: sim.login_url + consent(), user: 'admin@nordwind.example' });
	assert.match(accepted.location, /admin_consent=True&tenant=/);
	const declined = await sim.control('POST', 'sign_in', { url: consent(), user: ADMIN, accept: false });
	assert.match(declined.location, /error=consent_required/);
	const wrong = await sim.control('POST', 'sign_in', { url: authorize({ redirect_uri: 'http://x.example/' }), user: ANNA });
	assert.equal(wrong.location, null);
	assert.equal(wrong.page_status, 400);
});
