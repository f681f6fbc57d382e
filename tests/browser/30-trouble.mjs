// What pages say when consent was withdrawn, when the tab gets no good token,
// and when programs are down; and that they recover.
// limit: 150

import {
	dotIs, is, monitoringSwitch, openTeams, pickAccount, section, signIn, test,
} from './lib.mjs';

const asksWhoIsThere = /status of 401.*\/admin\/api\/session/;

await test('withdrawn, refused, down', async (t) => {
	const nora = await t.visitor('nora');

	nora.expected(asksWhoIsThere);
	await signIn(nora, t.env.PUBLIC_URL, 'admin@nordwind.example');
	await withdrawn(t);
	const anna = await refusedToken(t);
	await lost(nora, anna);
	await down(t, nora, anna);
}, { STACK_READY: '1' });

// As told to somebody who may change settings, but may not grant.
async function withdrawn(t) {
	const theo = await t.visitor('theo');

	theo.expected(asksWhoIsThere);
	await t.sim('POST', 'consent', { tenant: t.env.TENANT_ID, state: 'none', tokens: 'refuse' });
	await t.ctl('consent-check', t.env.TENANT_ID).catch(() => {}); // it tells of the loss by its exit code
	await signIn(theo, t.env.PUBLIC_URL, 'teamsadmin@nordwind.example');
	await theo.sees('Address for the consent');
	is(await theo.page.getByRole('button', { name: 'Grant Consent' }).count(), 0, 'buttons for who may not grant');
	await theo.view('trouble-01-may-not-grant');
	await theo.context.close();
}

// Teams gives no token; then one that our server does not take.
async function refusedToken(t) {
	const anna = await t.visitor('anna', { width: 1440, height: 900 });

	anna.expected(/status of 401.*\/tab\/api\//, /status of 50[34].*\/tab\/api\//);
	const fault = await t.sim('POST', 'fault', { match: { op: 'sso' }, times: null, status: 200, code: 'Get Auth token failed' });
	const tab = await openTeams(anna, t.env.PUBLIC_URL, 'anna@nordwind.example');
	await anna.sees(/Teams could not sign you in\./, tab);
	await anna.teamsView('trouble-02-no-token');
	await t.sim('DELETE', `fault/${fault.id}`);
	await tab.getByRole('button', { name: 'Try again' }).click();
	await tab.locator('#monitoring:enabled').waitFor();

	await t.sim('POST', 'clock', { identity_offset_s: 7200 });
	await t.sim('POST', 'keys/rotate', { keep: true });
	await tab.getByRole('button', { name: 'Clear now' }).waitFor();
	await monitoringSwitch(tab).click();
	await anna.sees(/The server did not accept your sign-in from Teams/, tab);
	is(await monitoringSwitch(tab).isChecked(), true, 'the switch, which was on, after a refusal');
	await anna.teamsView('trouble-03-token-refused');
	await t.sim('POST', 'clock', { identity_offset_s: 0 });
	await t.sim('POST', 'keys/rotate', { keep: true });
	await tab.getByRole('button', { name: 'Try again' }).click();
	await tab.locator('#problem:empty').waitFor({ state: 'attached' });
	await monitoringSwitch(tab).click();
	await anna.sees(/^Your desk phone does not touch your status/, tab);
	await monitoringSwitch(tab).click();
	await anna.sees('You allow calls on your desk phone to set your status in Teams.', tab);
	return anna;
}

// Consent was withdrawn: admin and person are told, the switch still works.
async function lost(nora, anna) {
	const tab = anna.page.frameLocator('#tab-frame');

	await section(nora, 'Action Items');
	await nora.page.locator('.badge', { hasText: 'lost' }).waitFor();
	await nora.view('trouble-04-lost', { dark: 'shot' });
	await anna.sees(/Your company’s consent for this app was withdrawn/, tab);
	await anna.teamsView('trouble-05-lost-tab');
	await nora.page.getByRole('button', { name: 'Grant Consent' }).click();
	await pickAccount(nora, 'admin@nordwind.example');
	await nora.page.getByRole('button', { name: 'Accept' }).click();
	await nora.sees('Consent is granted. Thank you!');
}

// Both programs are stopped under open pages, and come back.
async function down(t, nora, anna) {
	const tab = anna.page.frameLocator('#tab-frame');

	nora.expected(/status of 50[34].*\/admin\/api\//);
	await Promise.all([t.service('tab', 'stop'), t.service('admin', 'stop')]);
	await nora.page.getByRole('link', { name: 'People', exact: true }).click();
	await monitoringSwitch(tab).click();
	await Promise.all([
		nora.sees(/The service is busy\. Please try again/),
		anna.sees(/That may not have worked: The service is busy\. Please try again/, tab),
	]);
	is(await monitoringSwitch(tab).isChecked(), true, 'the switch, which was on, after a failure');
	await nora.view('trouble-06-dashboard-down');
	await anna.teamsView('trouble-07-tab-down');
	await Promise.all([t.service('tab', 'start'), t.service('admin', 'start')]);
	await nora.page.locator('html').evaluate(tryAgain);
	await tab.locator('html').evaluate(tryAgain);
	await nora.sees('Anna Lind');
	await tab.locator('#problem:empty').waitFor({ state: 'attached' });
	await dotIs(anna, 'Available');

	// Narrow: the tab on a phone, in the Teams page of one column.
	await anna.page.setViewportSize({ width: 320, height: 640 });
	await anna.fits('the Teams page, 320 px');
	await anna.shot('trouble-08-tab-narrow', { fullPage: true });
}

// Runs in the page: presses Try again, in one step because the page also asks
// by itself and takes the button away when it gets an answer.
function tryAgain() {
	[...document.querySelectorAll('button')].find((button) =>
		button.textContent === 'Try again' && button.checkVisibility())?.click();
}
