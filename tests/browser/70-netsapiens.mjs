// A NetSapiens PBX on the dashboard: connected, its API entered (wrongly first), its people linked.
// limit: 150

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { check, is, root, section, signIn, test } from './lib.mjs';

await test('a PBX that is asked', async (t) => {
	const tls = join(process.env.TEST_DIR ?? '', 'stack/tls');
	const core = spawn('node', ['tests/netsapiens/peer.mjs', join(tls, 'server.pem'), join(tls, 'server.key')],
		{ cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
	process.once('exit', () => core.kill());
	const [line] = await once(createInterface(core.stdout), 'line');
	const [, port, control] = line.split(' ');
	const peer = async (path, value) => (await fetch(`http://127.0.0.1:${control}${path}`, value && {
		method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify(value),
	})).json();
	await peer('/set', { counted: 3, users: [
		{ user: '2001', domain: 'nordwind.service', 'email-address': 'anna@nordwind.example' },
		{ user: '2002', domain: 'nordwind.service', 'email-address': 'bert@nordwind.example' },
	] });

	const nora = await t.visitor('nora');
	const { page } = nora;
	const card = page.getByRole('region', { name: 'Core' });
	const panel = card.getByRole('form', { name: 'The PBX’s API' });

	nora.expected(/status of 401.*\/admin\/api\/session/);
	await signIn(nora, t.env.PUBLIC_URL, 'admin@nordwind.example');
	await section(nora, 'PBXs');
	await page.getByRole('button', { name: 'Connect a PBX' }).click();
	await page.getByLabel('Name', { exact: true }).fill('Core');
	await page.getByLabel('Platform').selectOption({ label: 'NetSapiens' });
	await page.getByRole('button', { name: 'Connect', exact: true }).click();
	await page.getByRole('button', { name: 'I have copied them' }).click();
	await nora.sees(/made by hand at the PBX/, card);

	await nora.tabTo(card.getByRole('button', { name: 'API' }));
	await page.keyboard.press('Enter');
	await nora.sees(/made by hand/, panel);
	await nora.view('api-01-empty');
	await page.getByLabel('Server').fill(`https://127.0.0.1:${port}`);
	await page.getByLabel('Domain').fill('nordwind.service');
	await page.getByLabel('API key').fill('nsd_wrong');
	await panel.getByRole('button', { name: 'Save' }).click();
	await nora.sees(/answers 401/, panel);
	await nora.view('api-02-refused', { dark: 'shot' });
	is(await page.getByLabel('API key').inputValue(), '', 'the key that stays in the page');
	await page.getByLabel('API key').fill('nsd_5b1f2c9a77');
	await panel.getByRole('button', { name: 'Save' }).click();
	await nora.sees(/made; nothing has come by it yet/, panel);
	is((await peer('/seen')).subscriptions.length, 1, 'subscriptions');
	await panel.getByText('Sign in with an account', { exact: true }).click();
	await page.getByLabel('Client id').fill('presence');
	await page.getByLabel('Client secret').fill('cs-51d0e7');
	await page.getByLabel('User').fill('office@nordwind.service');
	await page.getByLabel('Password').fill('wrong');
	await panel.getByRole('button', { name: 'Save' }).click();
	await nora.sees(/an access token, the PBX's API answers 401/, panel);
	await page.getByLabel('Domain').fill('other.service'); // what is stored stays
	await panel.getByRole('button', { name: 'Save' }).click();
	await nora.sees(/the PBX is being asked/, panel);
	await page.getByLabel('Domain').fill('nordwind.service');
	await page.getByLabel('API key').fill('nsd_5b1f2c9a77');
	await panel.getByRole('button', { name: 'Save' }).click();
	await nora.sees(/made; nothing has come by it yet/, panel);
	await page.setViewportSize({ width: 320, height: 640 });
	await nora.view('api-03-narrow');
	await page.setViewportSize({ width: 1280, height: 820 });
	await panel.getByRole('button', { name: 'Close' }).click();
	await nora.sees(/made; nothing has come by it yet/, card);
	check(await card.getByRole('button', { name: 'API' }).evaluate((e) => document.activeElement === e), 'the focus is lost');

	await card.getByRole('link', { name: 'Extensions' }).click();
	await page.getByRole('button', { name: 'Take the list from the PBX' }).click();
	await page.getByText('The PBX listed only 2 of its 3 users').waitFor();
	await page.getByRole('button', { name: 'Check' }).click();
	await page.getByText('Applying links 2 extensions and un-links 0.').waitFor();
	await nora.view('api-04-people');
	await page.getByRole('button', { name: 'Apply' }).click();
	await page.getByText('2 extensions linked, 0 un-linked.').waitFor();
	await page.getByRole('row', { name: /Un-link 2001@nordwind\.service/ }).waitFor();

	await section(nora, 'PBXs');
	await card.getByRole('button', { name: 'API' }).click();
	await panel.getByRole('button', { name: 'Remove' }).click();
	await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
	await nora.sees(/made by hand at the PBX/, card);
	core.kill();
}, { STACK_READY: '1', PRESENCE_PBX_NETWORKS: '127.0.0.1' });
