// What pages say to strangers, when nothing is there yet, on a phone, while
// consent is on its way, and when a form was filled in wrongly.
// limit: 150

import {
	check, is, openTeams, pickAccount, section, signIn, test,
} from './lib.mjs';

const SECTIONS = ['Action Items', 'PBXs', 'Extensions', 'People', 'Activity', 'Health', 'Settings', 'Teams app'];
const asksWhoIsThere = /status of 401.*\/admin\/api\/session/;

await test('strangers, nothing yet, narrow, on its way, wrong', async (t) => {
	await outsideTeams(t);
	await strangers(t);
	await emptyAndNarrow(t);
	const nora = await pending(t);
	await forms(t, nora);
	await secretInTheAddress(nora);
});

// Somebody follows a link to a page that belongs into Teams.
async function outsideTeams(t) {
	const otto = await t.visitor('otto', { width: 700, height: 600 });

	await otto.page.goto(`${t.env.PUBLIC_URL}/tab/`);
	await otto.sees('Please open this page in Microsoft Teams.');
	await otto.view('states-01-tab-outside', { dark: false });
	await otto.page.goto(`${t.env.PUBLIC_URL}/tab/config`);
	await otto.sees(/Please open this page in Microsoft Teams: choose \+/);
	await otto.view('states-02-config-outside', { dark: false });
	await otto.page.goto(`${t.env.PUBLIC_URL}/tab/remove`);
	await otto.sees('Please open this page in Microsoft Teams.');
	await otto.view('states-03-remove-outside', { dark: false });
	await otto.page.goto(`${t.env.PUBLIC_URL}/admin/about.html`);
	await otto.sees('Privacy and terms');
	await otto.view('states-04-about');
	await otto.context.close();
}

// An employee whose company is not known here, and one whose company is.
async function strangers(t) {
	const emil = await t.visitor('emil', { width: 1100 });

	emil.expected(asksWhoIsThere, /status of 403.*\/tab\/api\/me/);
	await signIn(emil, t.env.PUBLIC_URL, 'emil@sudhang.example');
	await emil.sees(/none of the administrator roles/);
	await emil.view('states-05-not-admin');
	const tab = await openTeams(emil, t.env.PUBLIC_URL, 'emil@sudhang.example');
	await emil.sees(/Your company does not use Presence Sync yet/, tab);
	await emil.teamsView('states-06-company-unknown');
	await emil.context.close();

	const anna = await t.visitor('anna-dashboard');
	anna.expected(asksWhoIsThere);
	await signIn(anna, t.env.PUBLIC_URL, 'anna@nordwind.example');
	await anna.page.getByRole('heading', { name: 'This dashboard is for administrators' }).waitFor();
	await anna.view('states-07-employee');
	const answer = await anna.page.evaluate(async () => (await fetch('/admin/api/people')).status);
	is(answer, 403, 'the answer to an employee who asks for the people');
	anna.errors.length = 0; // that 403
	await anna.page.getByRole('button', { name: 'Sign out' }).click();
	await anna.sees('You are signed out.');
	await anna.context.close();
}

// Another company's first administrator, on a phone: nothing is there yet.
async function emptyAndNarrow(t) {
	const selma = await t.visitor('selma', { width: 320, height: 640, colorScheme: 'dark' });

	selma.expected(asksWhoIsThere);
	await signIn(selma, t.env.PUBLIC_URL, 'admin@sudhang.example');
	for (const title of SECTIONS) {
		await section(selma, title);
		await selma.fits(title);
		await selma.axe(`${title}, empty, 320 px`);
		await selma.shot(`states-10-empty-${title.toLowerCase().replace(' ', '-')}`, { fullPage: true });
	}
	await section(selma, 'People');
	await selma.sees('Nobody is linked yet.');
	is(await selma.page.getByText('nordwind').count(), 0, 'words of another company');

	await section(selma, 'PBXs');
	await selma.page.getByRole('button', { name: 'Connect a PBX' }).click();
	await selma.page.getByLabel('Name').fill('Branch with a rather long name, Upper Street 4, second floor');
	await selma.fits('the form to connect a PBX');
	await selma.page.getByRole('button', { name: 'Connect', exact: true }).click();
	await selma.sees('Copy these now.');
	await selma.fits('the secret');
	await selma.axe('the secret, 320 px');
	await selma.shot('states-11-secret-narrow', { fullPage: true });
	await selma.page.getByRole('button', { name: 'I have copied them' }).click();
	await selma.page.getByRole('heading', { name: /^Branch/ }).waitFor();
	await selma.fits('a PBX');
	await selma.shot('states-12-pbx-narrow', { fullPage: true });
	await selma.page.getByRole('button', { name: 'Disconnect' }).click();
	await selma.page.getByRole('dialog').waitFor();
	await selma.shot('states-13-dialog-narrow');
	await selma.context.close();
}

// Microsoft takes its time; the page follows by itself.
async function pending(t) {
	const nora = await t.visitor('nora');
	const badge = (words) => nora.page.getByRole('region', { name: 'Your company’s consent' })
		.locator('.badge', { hasText: words });
	const tenant = t.env.TENANT_ID;

	nora.expected(asksWhoIsThere);
	await t.sim('POST', 'consent', { tenant, propagation_s: 3600 });
	// The address that an administrator was sent: sign-in, then consent.
	await nora.page.goto(`${t.env.PUBLIC_URL}/consent`);
	await pickAccount(nora, 'admin@nordwind.example');
	await pickAccount(nora, 'admin@nordwind.example');
	await nora.page.getByRole('button', { name: 'Accept' }).click();
	await badge('checking…').waitFor();
	await nora.view('states-20-pending', { dark: 'shot' });
	await t.sim('POST', 'consent', { tenant, propagation_s: 0, state: 'granted' });
	await badge('granted').waitFor({ timeout: 30_000 });
	is(await nora.page.getByText('does not apply it yet').count(), 0, 'words about waiting after the grant');
	return nora;
}

async function forms(t, nora) {
	const { page } = nora;

	nora.expected(/status of 400.*\/admin\/api\/pbxs/);
	await section(nora, 'PBXs');
	await page.getByRole('button', { name: 'Connect a PBX' }).click();
	const form = page.getByRole('form', { name: 'Connect a PBX' });
	await form.getByLabel('Name').fill('Wrong networks');
	await form.locator('summary').click();
	await form.getByLabel('Allowed addresses').fill('203.0.113.0/24\n300.1.1.1/24');
	await form.getByRole('button', { name: 'Connect', exact: true }).click();
	await nora.sees('“300.1.1.1/24” is not an address or a network', form.getByRole('alert'));
	await nora.view('states-21-bad-network');
	is(await form.getByLabel('Name').inputValue(), 'Wrong networks', 'the name after a refusal');
	await form.getByRole('button', { name: 'Cancel' }).click();
	is(await page.getByRole('heading', { name: 'Wrong networks' }).count(), 0, 'PBXs of a refused form');

	await section(nora, 'Extensions');
	const upload = page.getByRole('form', { name: 'Upload the list' });
	await upload.getByRole('button', { name: 'Check' }).click();
	await nora.sees('Choose a file or paste a list first.', upload);
	await upload.getByLabel('CSV file').setInputFiles({ name: 'empty.csv', mimeType: 'text/csv', buffer: Buffer.from('extension,user\n') });
	await upload.getByRole('button', { name: 'Check' }).click();
	await upload.getByRole('alert').waitFor();
	await nora.view('states-22-empty-csv');
	await upload.getByLabel('CSV file').setInputFiles({ name: 'odd.csv', mimeType: 'text/csv',
		buffer: Buffer.from('\ufeffextension,user\r\n"1001",anna@nordwind.example\r\n1001,bert@nordwind.example\r\n1002\r\n,carla@nordwind.example\r\n') });
	await upload.getByRole('button', { name: 'Check' }).click();
	await nora.sees('Checked; nothing has changed yet.');
	await nora.sees('3 lines to look at');
	await nora.view('states-23-odd-csv');
	is(await page.getByRole('region', { name: 'Linked now' }).getByRole('row').count(), 4, 'rows of the list after a check');

	// Settings without a mouse.
	await section(nora, 'Settings');
	await page.getByRole('radio', { name: /Show as Available/ }).waitFor();
	await nora.tabTo(page.getByRole('radio', { name: /Show as Available/ }));
	await page.keyboard.press('ArrowDown');
	await nora.tabTo(page.getByLabel(/A ringing phone counts as busy/));
	await page.keyboard.press('Space');
	await nora.tabTo(page.getByRole('button', { name: 'Save' }));
	await page.keyboard.press('Enter');
	await nora.sees(/^Saved\./);
	await nora.view('states-24-saved');
	await page.reload();
	await page.getByRole('radio', { name: /Show Teams’ own status/ }).waitFor();
	check(await page.getByRole('radio', { name: /Show Teams’ own status/ }).isChecked(), 'the choice after a reload is another');
	check(await page.getByLabel(/A ringing phone counts as busy/).isChecked(), 'ringing after a reload is another');
}

// A PBX that cannot sign, a change, and a new secret.
async function secretInTheAddress(nora) {
	const { page } = nora;
	const dashboard = page.url();

	await page.goto(new URL('/admin/guides/yeastar', dashboard).href);
	await nora.sees(/Extension Call Status Changed/);
	await nora.view('states-25-guide', { dark: 'shot' });
	await page.goto(dashboard);
	await section(nora, 'PBXs');
	await page.getByRole('button', { name: 'Connect a PBX' }).click();
	await page.getByLabel('Name').fill('Old phones');
	await page.getByLabel('Platform').selectOption({ label: 'Yeastar S-Series, Cloud, K2; OpenVox' });
	check(await page.getByLabel(/^Signature/).isDisabled(), 'a platform that cannot sign may sign');
	check(await page.getByLabel(/Secret in the address/).isChecked(), 'the one way to sign in is not chosen');
	const opened = page.waitForEvent('popup');
	await page.getByRole('link', { name: /What to do at the PBX: Yeastar S-Series/ }).click();
	const guide = await opened;
	await guide.getByRole('heading', { name: /Yeastar S-Series/ }).waitFor();
	await nora.sees(/sign nothing/, guide.locator('main'));
	await guide.close();
	await page.getByLabel('Platform').selectOption({ label: 'Generic webhook' });
	check(await page.getByLabel(/^Signature/).isChecked(), 'the safer way is not the first choice');
	await page.getByLabel(/Secret in the address/).check();
	await page.getByRole('button', { name: 'Connect', exact: true }).click();
	await nora.sees('Copy these now.');
	const address = await page.getByRole('region', { name: /Connected/ }).locator('.copy code').first().innerText();
	check(/\/webhook\/[0-9a-f-]{36}\/[\w-]{43}$/.test(address), `the address is ${address}`);
	await nora.view('states-25-secret-in-address');
	await page.getByRole('button', { name: 'I have copied them' }).click();
	const card = page.getByRole('region', { name: 'Old phones' });
	await card.waitFor();
	check(!(await page.content()).includes(address), 'the secret address is shown again');
	await card.getByRole('button', { name: 'Change' }).click();
	await page.getByLabel('Name').fill('Old phones, cellar');
	await nora.view('states-26-change');
	await card.getByRole('button', { name: 'Save' }).click();
	await page.getByRole('heading', { name: 'Old phones, cellar' }).waitFor();
	await page.getByRole('region', { name: 'Old phones, cellar' }).getByRole('button', { name: 'New secret' }).click();
	await page.getByRole('dialog').getByRole('button', { name: 'Make a new secret' }).click();
	await nora.sees('New secret for Old phones, cellar');
	await page.getByRole('button', { name: 'I have copied them' }).click();
	await nora.sees(/valid until/);

	// A list that comes late does not take a form away, nor what is written in it.
	let release;
	const held = new Promise((resolve) => {
		release = resolve;
	});
	await page.route('**/admin/api/pbxs', async (route) => {
		await held;
		await route.continue();
	});
	const late = page.waitForResponse('**/admin/api/pbxs');
	const phones = page.getByRole('region', { name: 'Old phones, cellar' });
	await phones.getByRole('button', { name: 'Change' }).click();
	await phones.getByRole('button', { name: 'Cancel' }).click();
	await phones.getByRole('button', { name: 'Change' }).click();
	await page.getByLabel('Name').fill('Old phones, attic');
	release();
	await (await late).finished();
	await page.locator('[aria-busy]').waitFor({ state: 'detached' });
	await phones.getByRole('button', { name: 'Save' }).click();
	await page.getByRole('heading', { name: 'Old phones, attic' }).waitFor();
	await page.unroute('**/admin/api/pbxs');
}
