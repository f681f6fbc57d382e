// Recording a PBX's requests on the dashboard: begun, seen, replayed, taken along, deleted.
// limit: 150

import { execFile } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { check, is, root, section, signIn, test } from './lib.mjs';

const run = promisify(execFile);

await test('requests recorded, replayed, taken along', async (t) => {
	const nora = await t.visitor('nora');
	const { page } = nora;
	const card = page.getByRole('region', { name: 'Desk phones' });
	const panel = page.getByRole('region', { name: 'Record requests' });
	let n = 0;

	// Signed as Standard Webhooks wants it.
	const post = async (body) => {
		const id = `msg_${++n}`;
		const at = Math.floor(Date.now() / 1000);
		const key = Buffer.from(t.env.PBX_SECRET.replace('whsec_', ''), 'base64');
		const mac = createHmac('sha256', key).update(`${id}.${at}.${body}`).digest('base64');
		const answer = await fetch(t.env.PBX_URL, { method: 'POST', body, headers: {
			'content-type': 'application/json', 'webhook-id': id, 'webhook-timestamp': String(at), 'webhook-signature': `v1,${mac}`,
		} });
		return answer.status;
	};

	nora.expected(/status of 401.*\/admin\/api\/session/);
	await signIn(nora, t.env.PUBLIC_URL, 'admin@nordwind.example');
	await section(nora, 'PBXs');
	await nora.tabTo(card.getByRole('button', { name: 'Record requests' }));
	await page.keyboard.press('Enter');
	await nora.sees('Nothing is being recorded.', panel);
	is(await panel.getByRole('link', { name: 'Download' }).isVisible(), false, 'a download of nothing is offered');
	await nora.view('capture-01-nothing');
	await nora.tabTo(panel.getByRole('button', { name: 'Record the next 20' }));
	await page.keyboard.press('Enter');
	await nora.sees(/Recording: 20 requests to come/, panel);
	await t.service('webhook', 'restart'); // a new process knows it at once
	is(await post('{"type":"call.answered","data":{"extension":"1001","call_id":"c1"},"from":"+491701234567","caller_name":"Ottokar"}'), 200, 'the answer to the PBX');
	const paused = async () => is(await post('{"type":"call.paused","data":{"extension":"1001","call_id":"c1"}}'), 400, 'the answer to what is not known');

	// They come by themselves, and what is open stays open.
	const items = panel.locator('.request-item');
	await items.first().waitFor();
	await nora.sees(/Recording: 19 requests to come/, panel);
	await items.first().locator('summary').focus();
	await page.keyboard.press('Enter');
	await nora.sees(/call\.answered/, items.first().locator('pre'));
	check(!(await page.content()).includes('1701234567') && !(await page.content()).includes('Ottokar'), 'a number or a name is shown');
	await nora.tabTo(items.first().getByRole('button', { name: 'Replay: 1' }));
	await page.keyboard.press('Enter');
	await items.first().getByText('Call answered').waitFor();
	await paused();
	await items.nth(1).waitFor();
	await nora.sees(/Recording: 18 requests to come/, panel);
	check(await items.first().getByText('Call answered').isVisible(), 'what was open is closed by the next request');
	await items.nth(1).locator('summary').click();
	await items.nth(1).getByRole('button', { name: 'Replay: 2' }).click();
	await nora.sees(/Not understood:/, items.nth(1));
	await nora.view('capture-02-replayed', { dark: 'shot' });
	await page.setViewportSize({ width: 320, height: 640 });
	await nora.view('capture-03-narrow');
	await page.setViewportSize({ width: 1280, height: 820 });

	const [download] = await Promise.all([
		page.waitForEvent('download'), panel.getByRole('link', { name: 'Download' }).click(),
	]);
	const file = await download.path();
	is(JSON.parse(readFileSync(file, 'utf8')).requests.length, 2, 'the requests in the file');
	const made = mkdtempSync(join(tmpdir(), 'presence-cases.'));
	await run('node', ['tests/pbx/from-capture.mjs', file, 'field', made], { cwd: root });
	is(readFileSync(join(made, 'field-01.events'), 'utf8').split(' key=')[0], 'call.answered extension=1001 call_id=c1', 'the events of the case');
	rmSync(made, { recursive: true });

	await panel.getByRole('button', { name: 'Delete' }).click();
	await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
	await nora.sees('Nothing is being recorded.', panel);
	is(await items.count(), 0, 'requests after they were deleted');
	await panel.getByRole('button', { name: 'Close' }).click();
	check(await card.getByRole('button', { name: 'Record requests' }).evaluate((e) => document.activeElement === e), 'the focus is lost');
}, { STACK_READY: '1' });
