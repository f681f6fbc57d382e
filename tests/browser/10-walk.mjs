// The newcomer's walk by real clicks and keys, from the first page to the red
// dot and back: consent, PBX, list, tab, two calls, switch off, sign out.
// limit: 150

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import {
	accountButton, check, dotIs, is, monitoringSwitch, openTeams, pickAccount, section, test,
} from './lib.mjs';

const LIST = `extension,user
1001,anna@nordwind.example
1002,bert@nordwind.example
1003,carla@nordwind.example
1004,nobody@nordwind.example
`;

await test('from the first page to the red dot and back', async (t) => {
	const nora = await t.visitor('nora', { permissions: ['clipboard-read', 'clipboard-write'] });
	const anna = await t.visitor('anna', { width: 1440, height: 900 });

	await signInByKeyboard(t, nora);
	await consent(t, nora);
	await teamsApp(nora);
	const pbx = await connect(t, nora);
	await list(nora);
	await people(nora);

	const tab = await openTab(t, anna, pbx);
	await switchOn(anna, tab);
	await twoCalls(anna, tab);
	await offInACall(t, anna, tab);
	await configuration(anna);
	await followed(t, nora, anna, tab);
	await signOut(t, nora);
});

async function signInByKeyboard(t, nora) {
	const { page } = nora;

	// Asked who is there, the server says 401: that is how the page knows.
	nora.expected(/status of 401.*\/admin\/api\/session/);
	await page.goto(`${t.env.PUBLIC_URL}/`);
	const link = page.getByRole('link', { name: 'Sign in with Microsoft' });
	await link.waitFor();
	await nora.view('walk-01-signed-out', { dark: 'shot' });
	await nora.tabTo(link);
	await page.keyboard.press('Enter');
	await page.getByRole('heading', { name: 'Pick an account' }).waitFor();
	await nora.view('walk-02-pick-account');
	await nora.tabTo(accountButton(nora, 'admin@nordwind.example'));
	await page.keyboard.press('Enter');
	await page.getByRole('heading', { name: 'Action Items' }).waitFor();
	await nora.sees('Nora Winter');
}

// Declined first: the dashboard says so and nothing has changed.
async function consent(t, nora) {
	const { page } = nora;
	const card = page.getByRole('region', { name: 'Your company’s consent' });
	const badge = (words) => card.locator('.badge', { hasText: words });
	const toPermissions = async () => {
		await page.getByRole('button', { name: 'Grant Consent' }).click();
		await pickAccount(nora, 'admin@nordwind.example');
		await page.getByRole('heading', { name: 'Permissions requested' }).waitFor();
	};
	const consentNow = async () => (await t.sim('GET', 'state')).tenants
		.find((one) => one.tenant_id === t.env.TENANT_ID).consent;

	await badge('to do').waitFor();
	await nora.view('walk-03-action-items');
	await toPermissions();
	await nora.view('walk-04-permissions');
	await page.getByRole('button', { name: 'Cancel' }).click();
	await nora.sees(/declined on Microsoft’s screen, so nothing has changed/);
	await badge('to do').waitFor();
	is(await consentNow(), 'none', 'the consent after it was declined');
	await nora.view('walk-05-declined');

	await toPermissions();
	await page.getByRole('button', { name: 'Accept' }).click();
	await nora.sees('Consent is granted. Thank you!');
	await badge('granted').waitFor();
	await nora.sees('Nora Winter', card);
	is(await page.getByRole('button', { name: 'Grant Consent' }).count(), 0, 'buttons to grant what is granted');
	await nora.view('walk-06-granted');
	await page.reload();
	await badge('granted').waitFor();
	is(await page.getByText('Thank you!').count(), 0, 'messages of before after a reload');
}

async function teamsApp(nora) {
	const { page } = nora;

	await page.getByRole('link', { name: 'Get the app package' }).click();
	await page.getByRole('heading', { name: 'Teams app', level: 1 }).waitFor();
	await nora.view('walk-07-teams-app');
	const [download] = await Promise.all([
		page.waitForEvent('download'),
		page.getByRole('link', { name: 'Download the app package' }).click(),
	]);
	check(/\.zip$/.test(download.suggestedFilename()), `the package is named ${download.suggestedFilename()}`);
	const bytes = readFileSync(await download.path());
	is(bytes.subarray(0, 2).toString('latin1'), 'PK', 'the first bytes of the package');
	for (const name of ['manifest.json', 'color.png', 'outline.png'])
		check(bytes.includes(name), `${name} is not in the package`);
	await section(nora, 'Action Items');
	await page.getByRole('region', { name: 'Give people the Teams app' }).locator('.badge', { hasText: 'done' }).waitFor();
}

// The stack brings a PBX along; a newcomer has none. Then one by the form.
async function connect(t, nora) {
	const { page } = nora;
	const dialog = page.getByRole('dialog', { name: 'Disconnect Desk phones?' });
	const disconnect = page.getByRole('button', { name: 'Disconnect' });

	await section(nora, 'PBXs');
	await nora.view('walk-08-pbx');
	await disconnect.click();
	await dialog.waitFor();
	await nora.view('walk-09-disconnect', { fullPage: false });
	await page.keyboard.press('Escape');
	await dialog.waitFor({ state: 'detached' });
	await disconnect.click();
	await dialog.getByRole('button', { name: 'Disconnect' }).click();
	await nora.sees(/No PBX is connected yet/);
	await nora.view('walk-10-no-pbx');

	// From here on without a mouse, from the top of the page.
	await page.locator('h1').focus();
	await nora.tabTo(page.getByRole('button', { name: 'Connect a PBX' }));
	await page.keyboard.press('Enter');
	await page.getByRole('form', { name: 'Connect a PBX' }).waitFor();
	await page.keyboard.type('Head office');
	await nora.tabTo(page.locator('summary', { hasText: 'Advanced' }));
	await page.keyboard.press('Space');
	await nora.tabTo(page.getByLabel('Allowed addresses'));
	await page.keyboard.type('127.0.0.0/8\n::1');
	await nora.view('walk-11-connect-form');
	await nora.tabTo(page.getByRole('button', { name: 'Connect', exact: true }));
	await page.keyboard.press('Enter');
	const panel = page.getByRole('region', { name: 'Connected: now tell your PBX' });
	await panel.waitFor();
	const [url, secret, ...examples] = await panel.locator('.copy code').allInnerTexts();
	check(url.startsWith(`${t.env.PUBLIC_URL}/webhook/`), `the webhook address is ${url}`);
	check(/^whsec_[A-Za-z0-9+/]{32,}=*$/.test(secret), 'the secret has not the form whsec_...');
	await nora.view('walk-12-secret-once');
	await page.getByRole('button', { name: 'Copy: Secret' }).click();
	await nora.sees('Copied.', panel);
	is(await page.evaluate(() => navigator.clipboard.readText()), secret, 'what was copied');

	is(examples.length, 2, 'the examples to try');
	for (const example of examples)
		await tried(t, example);

	await page.reload();
	await page.getByRole('heading', { name: 'Head office' }).waitFor();
	check(!(await page.content()).includes(secret), 'the secret is shown again after a reload');
	await nora.view('walk-13-connected');
	return { url, secret };
}

// What the page offers to try really is an event that the server takes.
async function tried(t, example) {
	const shell = spawnSync('bash', ['-c', example], {
		encoding: 'utf8', timeout: 10_000,
		env: { ...process.env, PATH: `${t.env.BUILD}/bin:${process.env.PATH}`, NO_PROXY: '*' },
	});

	check(shell.stdout.includes('unknown_extension'), `the example gives ${shell.stdout}${shell.stderr}: ${example}`);
}

async function list(nora) {
	const { page } = nora;
	const linked = page.getByRole('region', { name: 'Linked now' });

	await page.getByRole('link', { name: 'Extensions', exact: true }).last().click();
	await nora.sees('None yet.', linked);
	await nora.view('walk-14-extensions');
	await page.getByLabel('or paste it here').fill(LIST);
	await page.getByRole('button', { name: 'Check' }).click();
	await nora.sees('Checked; nothing has changed yet.');
	await nora.sees('Applying links 3 extensions and un-links 0.');
	const bad = page.getByRole('table', { name: '1 line to look at' }).getByRole('row', { name: /nobody@/ });
	await bad.getByText('unknown person').waitFor();
	is(await bad.getByRole('cell').first().innerText(), '5', 'the number of the bad line');
	await nora.sees('None yet.', linked);
	await nora.view('walk-15-checked');
	await page.getByRole('button', { name: 'Apply' }).click();
	await nora.sees('3 extensions linked, 0 un-linked.');
	await linked.getByRole('row', { name: /1003/ }).getByText('Carla Reis').waitFor();
	await nora.view('walk-16-applied');
}

async function people(nora) {
	await section(nora, 'People');
	await nora.view('walk-17-people-off');
	const rows = nora.page.getByRole('table', { name: 'People' }).getByRole('row');
	is(await rows.count(), 4, 'rows of the people list, with its head');
	is(await rows.getByText('off', { exact: true }).count(), 3, 'people whose monitoring is off');
}

// As Anna, with the phone at the PBX that was just connected.
async function openTab(t, anna, pbx) {
	const { page } = anna;
	const tab = await openTeams(anna, t.env.PUBLIC_URL, 'anna@nordwind.example');
	const settings = page.locator('#connection');

	await settings.locator('summary').click();
	await page.getByLabel('Address').fill(pbx.url);
	await page.getByLabel('Secret').fill(pbx.secret);
	await page.getByRole('button', { name: 'Use these' }).click();
	await anna.sees('Connected. Events are signed.', settings);
	await settings.locator('summary').click();
	await dotIs(anna, 'Available');
	await monitoringSwitch(tab).waitFor();
	is(await monitoringSwitch(tab).isChecked(), false, 'the switch at first');
	await anna.sees('1001', tab.locator('#extensions'));
	await anna.teamsView('walk-20-tab-off');

	// While it is off a call of hers is nobody's business.
	await page.locator('#line-1').click();
	await anna.sees(/line 1 lifted: 200 monitoring_off/);
	await page.locator('#line-1').click();
	await anna.sees(/line 1 hung up: 200 monitoring_off/);
	await dotIs(anna, 'Available');
	return tab;
}

async function switchOn(anna, tab) {
	await anna.page.locator('#tab-settings').focus();
	await anna.tabTo(monitoringSwitch(tab));
	await anna.page.keyboard.press('Space');
	await anna.sees('Calls on your desk phone set your status in Teams.', tab);
	is(await monitoringSwitch(tab).isChecked(), true, 'the switch after Space');
	is(await switchToEars(anna), 'true', 'the switch as assistive technology hears it');
	await anna.teamsView('walk-21-tab-on');
}

// Role, name and state as the browser hands them to a screen reader.
async function switchToEars(anna) {
	const cdp = await anna.context.newCDPSession(anna.page);
	const { frameTree } = await cdp.send('Page.getFrameTree');
	const { frame } = frameTree.childFrames.find((child) => /\/tab\//.test(child.frame.url));
	const { nodes } = await cdp.send('Accessibility.getFullAXTree', { frameId: frame.id });
	const found = nodes.find((n) => n.role?.value === 'switch' && n.name?.value === 'Presence Monitoring');

	await cdp.detach();
	return found?.properties.find((property) => property.name === 'checked')?.value.value;
}

// The first hang-up of two calls does not free.
async function twoCalls(anna, tab) {
	const { page } = anna;

	await page.locator('#line-1').click();
	await anna.sees(/line 1 lifted: 200 published \(Busy\)/);
	await dotIs(anna, 'Busy');
	is(await page.locator('#me-presence').innerText(), 'In a call', 'the presence in words');
	await anna.sees('In a call', tab.locator('#told'));
	await anna.sees('You are on a desk phone call.', tab);
	await anna.sees(/Until \d\d:\d\d, renewed while the call lasts\./, tab);
	await anna.teamsView('walk-22-in-a-call');

	await page.locator('#line-2').click();
	await anna.sees(/line 2 lifted: 200 unchanged \(Busy\)/);
	await anna.shot('walk-23-two-calls');
	await page.locator('#line-1').click();
	await anna.sees(/line 1 hung up: 200 unchanged \(Busy\)/);
	await dotIs(anna, 'Busy');
	await page.locator('#line-2').click();
	await anna.sees(/line 2 hung up: 200 published \(Available\)/);
	await dotIs(anna, 'Available');
	await anna.sees('Available', tab.locator('#told'));
	await anna.sees('Your desk phone call ended.', tab);
	await anna.teamsView('walk-24-hung-up');
}

async function offInACall(t, anna, tab) {
	const { page } = anna;

	await page.locator('#line-1').click();
	await dotIs(anna, 'Busy');
	await monitoringSwitch(tab).click();
	await t.sim('GET', `wait?tenant=${t.env.TENANT_ID}&user=${t.env.ANNA_OID}&session=none&timeout_ms=3000`);
	await dotIs(anna, 'Available');
	await anna.sees('Presence Sync says nothing at the moment.');
	await anna.sees('Nothing at the moment', tab);
	await anna.sees('Presence Monitoring was switched off.', tab);
	await anna.teamsView('walk-25-off-in-a-call');
	await page.locator('#line-1').click();
	await anna.sees(/line 1 hung up: 200 monitoring_off/);
	await monitoringSwitch(tab).click();
	await anna.sees('Calls on your desk phone set your status in Teams.', tab);
}

// The page that Teams shows while somebody adds the tab to a channel.
async function configuration(anna) {
	const { page } = anna;

	await page.getByRole('button', { name: 'Tab settings' }).click();
	await anna.sees('Ready: choose Save to add the tab.', page.frameLocator('#settings-frame'));
	await anna.axe('walk-26-configuration');
	await anna.shot('walk-26-configuration');
	await page.getByRole('button', { name: 'Save' }).click();
	await page.locator('#settings').waitFor({ state: 'hidden' });
	await page.locator('#tab-frame[data-state="ready"]').waitFor();
}

// What the administrator sees of all that.
async function followed(t, nora, anna, tab) {
	const { page } = nora;

	await monitoringSwitch(tab).waitFor();
	await anna.page.locator('#line-1').click();
	await dotIs(anna, 'Busy');
	await page.getByRole('button', { name: 'Refresh' }).click();
	const row = page.getByRole('row', { name: /Anna Lind/ });
	await row.getByText('In a call').waitFor();
	await row.getByText('on', { exact: true }).waitFor();
	await nora.view('walk-30-people-in-a-call', { dark: 'shot' });
	await page.getByLabel('Find somebody').fill('carla');
	await page.keyboard.press('Enter');
	await row.waitFor({ state: 'detached' });
	await nora.sees('Carla Reis');

	await section(nora, 'Activity');
	await page.getByRole('row', { name: /Handset lifted.*Anna Lind/ }).first().waitFor();
	await nora.view('walk-31-activity');
	await section(nora, 'Health');
	await nora.sees('events taken in');
	await nora.view('walk-32-health');
	await section(nora, 'Settings');
	await page.getByRole('button', { name: 'Save' }).waitFor();
	await nora.view('walk-33-settings');
	await section(nora, 'Action Items');
	await nora.sees(/Everything is set up\./);
	await nora.view('walk-34-all-done', { dark: 'shot' });

	await anna.page.locator('#line-1').click();
	await dotIs(anna, 'Available');
}

async function signOut(t, nora) {
	const { page } = nora;

	await page.getByRole('button', { name: 'Sign out' }).click();
	await nora.sees('You are signed out.');
	await nora.view('walk-35-signed-out');
	await page.goto(`${t.env.PUBLIC_URL}/admin/#people`);
	await page.reload();
	await page.getByRole('link', { name: 'Sign in with Microsoft' }).waitFor();
	is(await page.getByText('Carla Reis').count(), 0, 'people shown to nobody');
}
