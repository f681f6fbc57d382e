// The pages in a real browser: sign-in, permissions and the Teams page with a small
// tab that speaks TeamsJS's protocol by itself. axe looks at each.
// limit: 120

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { createRequire } from 'node:module';
import test, { after, before } from 'node:test';
import { chromium } from 'playwright-core';
import { ANNA, APP, BERT, SCOPE, TENANT, appToken, setPresence, simulatorStart } from './harness.mjs';

const CHROMIUM = '/usr/bin/chromium';
const ARGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync',
	'--disable-background-networking', '--disable-component-update',
	'--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost'];
const axe = createRequire(import.meta.url)('axe-core').source;
const skip = existsSync(CHROMIUM) ? false : `${CHROMIUM} is missing`;

// A tab or configuration page that says what it got.
const TAB = `<!doctype html><html lang="en"><title>Tab</title><h1>Tab</h1><pre id="out"></pre><script>
const out = {}; let id = 0; const waiting = new Map();
const show = () => { document.getElementById('out').textContent = JSON.stringify(out); };
const send = (func, ...args) => new Promise((r) => { waiting.set(id, r);
  parent.postMessage({ id: id++, uuidAsString: 'u' + id, func, args, timestamp: Date.now() }, '*'); });
addEventListener('message', (e) => { if (e.source !== parent) return;
  if (typeof e.data.id === 'number') return waiting.get(e.data.id)?.(e.data.args);
  (out.events ??= []).push([e.data.func, e.data.args]); show();
  if (e.data.func === 'settings.save') (async () => {
    out.set = await send('settings.setSettings', { entityId: 'x', suggestedDisplayName: 'Mine',
      contentUrl: location.origin + '/tab/?saved={user.id}', websiteUrl: location.origin + '/tab/' });
    send('settings.save.success'); })(); });
(async () => {
  out.init = await send('initialize', '2.58.0', 4, null); out.context = (await send('getContext'))[0];
  out.token = await send('authentication.getAuthToken', null, null, false, null);
  send('registerHandler', 'themeChange'); send('registerHandler', 'save');
  if (location.pathname === '/tab/config') send('settings.setValidityState', true);
  send('appInitialization.success', '2.58.0'); show(); })();
</script></html>`;

let sim, product, browser, page, origin;
const posted = [];
const complaints = [];

// nginx's part: the tab and the Teams page under one origin.
function serve(req, res) {
	const { pathname } = new URL(req.url, 'http://localhost');
	if (pathname.startsWith('/teams/')) {
		const onward = request({ port: sim.http, path: req.url, method: req.method, headers: req.headers }, (a) => {
			res.writeHead(a.statusCode, a.headers);
			a.pipe(res);
			res.on('close', () => a.destroy());
		});
		onward.on('error', () => res.destroy());
		req.pipe(onward);
	} else if (pathname.startsWith('/webhook/')) {
		let body = '';
		req.on('data', (d) => (body += d));
		req.on('end', () => {
			posted.push(JSON.parse(body));
			res.end('{"results":[{"extension":"1001","outcome":"published","availability":"Busy","activity":"InACall"}]}');
		});
	} else {
		res.writeHead(200, { 'content-type': 'text/html' });
		res.end(pathname.startsWith('/tab/') ? TAB : '<!doctype html><html lang="en"><title>App</title><h1>App</h1></html>');
	}
}

before(async () => {
	if (skip)
		return;
	product = createServer(serve);
	await new Promise((done) => product.listen(0, 'localhost', done));
	origin = `http://localhost:${product.address().port}`;
	sim = await simulatorStart('--public-url', origin);
	browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGS });
	page = await browser.newPage({ viewport: { width: 1360, height: 860 } });
	page.on('console', (m) => m.type() === 'error' && complaints.push(m.text()));
	page.on('pageerror', (e) => complaints.push(e.message));
});
after(async () => {
	await browser?.close();
	sim?.stop();
	product?.close();
	product?.closeAllConnections();
});

async function axeClean(name) {
	await page.evaluate(axe);
	const { violations } = await page.evaluate(() => globalThis.axe.run({ iframes: false }));
	assert.deepEqual(violations.map((v) => `${v.id}: ${v.nodes[0].html}`), [], name);
}

const tabSays = async () => JSON.parse(await page.frameLocator('#tab-frame').locator('#out').textContent());
// What it asks of Microsoft ends with the page, and the console would complain.
const tabIsQuiet = () => until(async () => (await tabSays()).token?.[0] === true, 'the tab has its token');
async function until(holds, what) {
	for (let i = 0; i < 400; i++) {
		if (await holds().catch(() => false))
			return;
		await new Promise((done) => setTimeout(done, 40));
	}
	assert.fail(`never: ${what}`);
}

test('sign-in and permission pages', { skip }, async () => {
	const authorize = new URLSearchParams({
		client_id: APP, response_type: 'code', redirect_uri: `${origin}/auth/callback`, scope: 'openid profile',
		state: 's', nonce: 'n', code_challenge: 'a'.repeat(43), code_challenge_method: 'S256',
	});
	await page.goto(`${sim.login_url}/organizations/oauth2/v2.0/authorize?${authorize}`);
	assert.match(await page.textContent('.notice'), /Simulator/);
	await axeClean('choose');
	await page.getByRole('button', { name: /Anna Lind.*Employee/ }).click();
	await page.waitForURL(/\/auth\/callback\?code=/);

	const consent = new URLSearchParams({
		client_id: APP, scope: SCOPE, redirect_uri: `${origin}/consent/callback`, state: 's',
	});
	const ask = () => page.goto(`${sim.login_url}/${TENANT}/v2.0/adminconsent?${consent}`);
	await ask();
	await page.getByRole('button', { name: /Alma Brook.*Application Administrator/ }).click();
	await axeClean('approval needed');
	assert.equal(await page.getByRole('button', { name: 'Accept' }).count(), 0);
	await page.getByRole('button', { name: 'Back without approving' }).click();
	await page.waitForURL(/error=consent_required/);
	await ask();
	await page.getByRole('button', { name: /Nora Winter.*Global Administrator/ }).click();
	for (const colorScheme of ['light', 'dark']) {
		await page.emulateMedia({ colorScheme });
		await axeClean(`permissions ${colorScheme}`);
	}
	await page.emulateMedia({ colorScheme: 'light' });
	await page.getByRole('button', { name: 'Accept' }).click();
	await page.waitForURL(/admin_consent=True&tenant=/);
	assert.deepEqual(complaints, []);
});

test('the tab in the Teams page, its token and themes', { skip }, async () => {
	await page.goto(`${origin}/teams/?user=anna@nordwind.example`);
	await page.locator('#tab-frame[data-state="ready"]').waitFor();
	let out = await tabSays();
	assert.equal(out.init[0], 'content');
	assert.equal(out.context.userObjectId, ANNA);
	assert.equal(out.context.tid, TENANT);
	assert.equal(out.token[0], true);
	assert.equal(JSON.parse(Buffer.from(out.token[1].split('.')[1], 'base64url')).oid, ANNA);
	for (const theme of ['dark', 'contrast', 'default']) {
		await page.selectOption('#theme', theme);
		await until(async () => (await tabSays()).events?.at(-1)[1][0] === theme, theme);
		await axeClean(theme);
	}
	await page.locator(`#person-${BERT}`).click();
	await until(async () => (await tabSays()).context.userObjectId === BERT, 'Bert');
	out = await tabSays();
	assert.equal(JSON.parse(Buffer.from(out.token[1].split('.')[1], 'base64url')).oid, BERT);
	assert.equal(await page.inputValue('#extension'), '1002');
});

test('a frame that is not the tab gets no answer', { skip }, async () => {
	await page.evaluate(() => new Promise((loaded) => {
		const stranger = document.createElement('iframe');
		stranger.id = 'stranger';
		stranger.src = '/tab/';
		stranger.onload = loaded;
		document.body.append(stranger);
	}));
	await new Promise((done) => setTimeout(done, 300));
	assert.equal(await page.frameLocator('#stranger').locator('#out').textContent(), '');
	await page.evaluate(() => document.getElementById('stranger').remove());
});

test('saving the configuration page', { skip }, async () => {
	await page.click('#tab-settings');
	await page.locator('#settings-save:not(:disabled)').waitFor();
	await axeClean('settings');
	await page.click('#settings-save');
	await until(async () => (await page.getAttribute('#tab-frame', 'src')).endsWith(`/tab/?saved=${BERT}`), 'saved');
	assert.equal(await page.textContent('#tab-name'), 'Mine');
	assert.equal(await page.locator('#settings').isVisible(), false);
	await tabIsQuiet();
});

test('handset, two lines, live dot', { skip }, async () => {
	const secret = 'whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=';
	await page.goto(`${origin}/teams/?user=${ANNA}&pbx_url=${origin}/webhook/1&secret=${secret}`);
	await page.waitForURL(`${origin}/teams/`);
	await until(async () => /are signed/.test(await page.textContent('#connection-state')), 'connected');
	await tabIsQuiet();
	await page.getByRole('button', { name: 'Line 1 lift handset' }).waitFor();
	await page.locator('#line-1').focus();
	await page.keyboard.press('Enter');
	await page.getByRole('button', { name: 'Line 2 lift handset' }).click();
	await until(async () => (await page.textContent('#phone-screen')) === 'Two calls', 'two calls');
	await until(async () => (await page.locator('#log li').count()) === 2, 'log');
	assert.match(await page.locator('#log li').first().textContent(), /1001, line 2 lifted: 200 published \(Busy\), \d+ ms/);
	await page.getByRole('button', { name: 'Line 1 hang up' }).click();
	await until(async () => posted.length === 3, 'three events');
	assert.deepEqual(posted.map((e) => [e.type, e.data.line]),
		[['phone.off_hook', '1'], ['phone.off_hook', '2'], ['phone.on_hook', '1']]);
	await setPresence(sim, await appToken(sim), ANNA);
	await page.locator('#me-dot[data-availability="Busy"]').waitFor();
	assert.equal(await page.textContent('#me-presence'), 'In a call');
	assert.match(await page.textContent('#me-session'), /In a call until \d/);
	await page.selectOption('#preferred', 'Away');
	await page.locator('#me-dot[data-availability="Away"]').waitFor();
	await page.reload();
	await page.getByRole('button', { name: 'Line 2 hang up' }).waitFor();
	await axeClean('lifted');
	assert.deepEqual(complaints, []);
});
