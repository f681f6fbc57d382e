// What the browser tests share: a stack and a Chromium of their own, visitors
// with a browser each, axe in every theme, pictures, and the keyboard.
//
//   await test('title', async (t) => {
//   	const nora = await t.visitor('nora');
//   	await nora.page.goto(`${t.env.PUBLIC_URL}/`);
//   	await nora.view('signed-out');
//   });
//
// Pictures go to build/screens/, each told by a line `SHOT file`. A test fails
// on what axe finds, on a page that is wider than its window, and on an error
// in the browser's console that it did not foresee (visitor.expected).

import { execFile, spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { mkdtempSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { chromium } from 'playwright-core';

export const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const run = promisify(execFile);
const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const screens = join(root, 'build/screens');

// How long a page may take for what it is waited for.
const PAGE_MS = 15_000;
const LAUNCH_MS = 20_000;
const STACK_MS = 90_000;

export function check(holds, words) {
	if (!holds)
		throw new Error(words);
}

export function is(actual, expected, what) {
	check(actual === expected, `${what} is ${JSON.stringify(actual)}, not ${JSON.stringify(expected)}`);
}

// ---- stack -------------------------------------------------------------------

async function stackStart(dir, settings) {
	const { stdout } = await run('tests/stack/up', [dir], {
		cwd: root, timeout: STACK_MS, env: { ...process.env, STACK_READY: '0', ...settings },
	}).catch((e) => ({ stdout: `${e.stdout ?? ''}${e.stderr ?? ''}${e.killed ? 'over its time' : ''}` }));
	const last = stdout.trim().split('\n').pop();
	check(last.startsWith('ready '), `the stack does not start: ${last}`);
	return Object.fromEntries(readFileSync(join(dir, 'env'), 'utf8').trim().split('\n')
		.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
}

// ---- Chromium ------------------------------------------------------------------

// No name but this machine's is looked up: the tests need no network.
const ARGS = [
	'--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
	'--disable-component-update', '--disable-sync',
	'--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost',
];

// A start that hangs was seen once: playwright then kills it, and one more is tried.
async function browserStart() {
	const start = () => chromium.launch({
		executablePath: '/usr/bin/chromium', args: ARGS, timeout: LAUNCH_MS,
		handleSIGINT: false, handleSIGTERM: false, handleSIGHUP: false,
	});
	try {
		return await start();
	} catch (e) {
		console.log(`Chromium did not start within ${LAUNCH_MS / 1000} s, once more: ${e.message.split('\n')[0]}`);
		return start();
	}
}

// ---- a test ----------------------------------------------------------------------

export async function test(title, body, settings = {}) {
	const given = process.env.TEST_DIR;
	const dir = given ?? mkdtempSync(join(tmpdir(), 'presence-browser.'));
	const stack = join(dir, 'stack');
	const t = { visitors: [], service: null, env: null, sim: null };
	let browser;

	const end = async (status) => {
		await Promise.race([browser?.close(), new Promise((done) => setTimeout(done, 5000))]).catch(() => {});
		spawnSync('tests/stack/down', [stack], { cwd: root });
		if (!given && status === 0)
			rmSync(dir, { recursive: true, force: true });
		process.exit(status);
	};
	for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
		process.once(signal, () => end(143));

	mkdirSync(screens, { recursive: true });
	try {
		const began = Date.now();
		// Both are waited for, also when one fails: neither may be left behind.
		const [up, launched] = await Promise.allSettled([stackStart(stack, settings), browserStart()]);
		browser = launched.value;
		for (const { reason } of [up, launched])
			if (reason)
				throw reason;
		t.env = up.value;
		console.log(`started in ${Date.now() - began} ms`);
		t.sim = (method, path, value) => simAsk(t.env.SIM_URL, method, path, value);
		t.service = (name, action) => run('tests/stack/service', [stack, name, action], { cwd: root });
		t.ctl = (...words) => run('bash', ['-c', '. "$1/ctl.env"; shift; exec "$@"', 'ctl', stack,
			join(t.env.BUILD, 'bin/presencectl'), ...words], { cwd: root });
		t.visitor = async (name, options) => {
			const visitor = await visitorNew(browser, name, options);
			t.visitors.push(visitor);
			return visitor;
		};
		await body(t);
		for (const { name, errors } of t.visitors)
			check(errors.length === 0, `${name}'s console:\n  ${errors.join('\n  ')}`);
		console.log(`ok: ${title}`);
		await end(0);
	} catch (e) {
		console.log(`FAIL: ${title}\n${e.stack}`);
		for (const { name, page, errors } of t.visitors) {
			for (const error of errors)
				console.log(`console of ${name}: ${error}`);
			await page.screenshot({ path: join(screens, `failed-${name}.png`), timeout: 5000 })
				.then(() => console.log(`SHOT failed-${name} (${page.url().split('?')[0]})`)).catch(() => {});
		}
		if (!given)
			console.log(`kept: ${dir}`);
		await end(1);
	}
}

async function simAsk(url, method, path, value) {
	const response = await fetch(`${url}/_sim/${path}`, {
		method, headers: value && { 'content-type': 'application/json' }, body: value && JSON.stringify(value),
	});
	const text = await response.text();
	check(response.ok, `simulator: ${method} ${path}: ${response.status} ${text}`);
	return JSON.parse(text);
}

// ---- a visitor: one person with a browser of their own ---------------------------

// TeamsJS reads its list of hosts from there; without a network it has its own.
const ALWAYS_EXPECTED = [/res\.cdn\.office\.net/];

async function visitorNew(browser, name, { width = 1280, height = 820, ...options } = {}) {
	const context = await browser.newContext({
		viewport: { width, height }, locale: 'en-GB', colorScheme: 'light', acceptDownloads: true, ...options,
	});
	context.setDefaultTimeout(PAGE_MS);
	return new Visitor(name, context, await context.newPage());
}

export class Visitor {
	constructor(name, context, page) {
		Object.assign(this, { name, context, page, errors: [] });
		this.expectations = [...ALWAYS_EXPECTED];
		page.on('console', (message) => {
			if (message.type() === 'error')
				this.heard(`${message.text()} @ ${message.location().url}`);
		});
		page.on('pageerror', (e) => this.heard(e.stack));
	}

	heard(text) {
		if (!this.expectations.some((pattern) => pattern.test(text)))
			this.errors.push(text);
	}

	// Errors that this visitor is about to cause, e.g. /status of 400.*\/pbxs/.
	expected(...patterns) {
		this.expectations.push(...patterns);
	}

	// Waits until these words are seen in `place` (the page when not given).
	async sees(words, place = this.page) {
		const found = place.getByText(words).filter({ visible: true });
		await found.first().waitFor().catch(() => {
			throw new Error(`${this.name} does not see ${words} at ${this.page.url()}`);
		});
	}

	// Presses Tab until `target` has the focus: who has no mouse must reach it.
	async tabTo(target, key = 'Tab') {
		for (let i = 0; i < 80; i++) {
			await this.page.keyboard.press(key);
			if (await target.evaluate((e) => document.hasFocus() && document.activeElement === e))
				return;
		}
		throw new Error(`${this.name} cannot reach ${target} by the keyboard`);
	}

	async shot(name, options = {}) {
		await this.page.screenshot({ path: join(screens, `${name}.png`), animations: 'disabled', ...options });
		console.log(`SHOT ${name} (${(performance.now() / 1000).toFixed(1)} s)`);
	}

	// A view as it is shown: no scrolling sideways, axe, a picture. The pages
	// outside Teams follow the system: there the colours are looked at twice.
	async view(name, { dark = true, fullPage = true } = {}) {
		await this.fits(name);
		await this.axe(name);
		await this.shot(name, { fullPage });
		if (dark) {
			await this.page.emulateMedia({ colorScheme: 'dark' });
			await this.axe(`${name}, dark`, ['color-contrast']);
			if (dark === 'shot')
				await this.shot(`${name}-dark`, { fullPage });
			await this.page.emulateMedia({ colorScheme: 'light' });
		}
	}

	// The Teams page and the tab in it, in each of Teams' themes, changed live.
	async teamsView(name) {
		for (const theme of ['dark', 'contrast', 'default']) {
			await this.page.locator('#theme').selectOption(theme);
			const frame = this.page.frames().find((f) => /\/tab\//.test(f.url()));
			await frame.waitForFunction((wanted) => document.documentElement.dataset.theme === wanted, theme);
			await this.axe(`${name}, ${theme}`, theme === 'default' ? null : ['color-contrast']);
			await this.shot(theme === 'default' ? name : `${name}-${theme}`);
		}
	}

	async fits(name) {
		for (const frame of this.page.frames()) {
			const over = await frame.evaluate(() =>
				document.scrollingElement.scrollWidth - document.documentElement.clientWidth);
			check(over <= 0, `${name}: ${frame.url()} is ${over} px wider than its window`);
		}
	}

	// Of every frame on its own. rules: null for all of axe's.
	async axe(name, rules = null) {
		for (const frame of this.page.frames()) {
			if (frame.url() === 'about:blank')
				continue;
			// A change of colours takes a moment; what is half way counts for nothing.
			await frame.evaluate(() => Promise.all(document.getAnimations().map((a) => a.finished.catch(() => {}))));
			if (!await frame.evaluate(() => 'axe' in window))
				await frame.evaluate(axeSource);
			const violations = await frame.evaluate(async (only) => {
				const { violations: list } = await window.axe.run(document, {
					iframes: false, resultTypes: ['violations'], ...(only && { runOnly: only }),
				});
				return list.map((v) => `${v.id}: ${v.help}\n${v.nodes.slice(0, 5).map((n) =>
					`    ${n.target} ${n.html.slice(0, 200)}\n    ${n.failureSummary}`).join('\n')}`);
			}, rules);
			check(violations.length === 0, `axe at ${name} (${frame.url()}):\n  ${violations.join('\n  ')}`);
		}
	}
}

// ---- ways that several tests go --------------------------------------------------

// From the dashboard's first page through Microsoft's, to wherever that leads.
export async function signIn(visitor, url, upn) {
	await visitor.page.goto(`${url}/admin/`);
	await visitor.page.getByRole('link', { name: 'Sign in with Microsoft' }).click();
	await pickAccount(visitor, upn);
}

export async function pickAccount(visitor, upn) {
	await visitor.page.getByRole('heading', { name: 'Pick an account' }).waitFor();
	await accountButton(visitor, upn).click();
}

export const accountButton = ({ page }, upn) =>
	page.getByRole('button', { name: new RegExp(`(^| )${upn.replaceAll('.', '\\.')}( |$)`) });

export async function section(visitor, title) {
	await visitor.page.getByRole('navigation', { name: 'Sections' }).getByRole('link', { name: title, exact: true }).click();
	await visitor.page.getByRole('heading', { name: title, level: 1, exact: true }).waitFor();
	await visitor.page.waitForFunction(() => !document.querySelector('[aria-busy=true]'));
}

// The Teams page as this person, with the tab ready: the tab's frame.
export async function openTeams(visitor, url, person) {
	const { page } = visitor;

	await page.goto(`${url}/teams/?user=${encodeURIComponent(person)}`);
	await page.locator('#tab-frame[data-state="ready"]').waitFor();
	return page.frameLocator('#tab-frame');
}

export const monitoringSwitch = (tab) => tab.getByRole('switch', { name: 'Presence Monitoring' });

// Waits until the dot beside the chosen person's picture has this colour.
export async function dotIs(visitor, availability) {
	await visitor.page.locator(`#me-dot[data-availability="${availability}"]`).waitFor().catch(() => {
		throw new Error(`the dot does not become ${availability}`);
	});
}
