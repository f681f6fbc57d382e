// What dashboard, Health, People and the tab say when Microsoft does not let us
// any more: each reason that a consent is lost for, and our own credential
// refused or about to end. Each with its remedy and who has to act.
// limit: 240

import { execFile } from 'node:child_process';
import { copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
	check, dotIs, is, openTeams, pickAccount, section, signIn, test,
} from './lib.mjs';

const run = promisify(execFile);
const asksWhoIsThere = /status of 401.*\/admin\/api\/session/;

// Name of the picture, state of the simulator (null: Microsoft knows the tenant no more), words.
const REASONS = [
	['permission-removed', 'revoked', /Presence\.ReadWrite\.All was taken from this app.*Press Grant Consent/],
	['not-consented', 'none', /knows of no consent of your company.*Press Grant Consent/],
	['disabled', 'disabled', /Sign-in of this app is disabled.*Enabled for users to sign-in.*Yes/],
	['blocked', 'blocked', /Conditional Access policy.*exclude the app from that policy/],
	['tenant-deleted', null, /does not find your directory any more.*sign in with an account of the new one/],
];

await test('consent lost for each reason, credential refused', async (t) => {
	const nora = await t.visitor('nora');
	const anna = await t.visitor('anna', { width: 1440, height: 900 });

	nora.expected(asksWhoIsThere);
	await signIn(nora, t.env.PUBLIC_URL, 'admin@nordwind.example');
	await section(nora, 'Action Items');
	await eachReason(t, nora);
	await lostTab(t, anna);
	await refusedCredential(t, nora, anna);
	await endsSoon(t, nora);
}, { STACK_READY: '1' });

function consent(t, state, tokens = 'keep') {
	return t.sim('POST', 'consent', { tenant: t.env.TENANT_ID, state, tokens });
}

// Asks Microsoft now; that the answer is no is told by the exit code.
function ask(t) {
	return t.ctl('consent-check', t.env.TENANT_ID).catch(() => {});
}

async function eachReason(t, nora) {
	for (const [index, [name, state, words]] of REASONS.entries()) {
		const fault = state === null && await t.sim('POST', 'fault', {
			match: { op: 'token', tenant: t.env.TENANT_ID }, times: null, error_code: 90002,
		});

		if (state)
			await consent(t, state);
		await ask(t);
		await nora.page.reload();
		await nora.sees(words);
		await nora.page.locator('.badge', { hasText: /^lost$/ }).waitFor();
		is(await nora.page.locator('[data-key=grant].primary').count(), words.source.includes('Press Grant Consent') ? 1 : 0,
			`${name}: buttons that are the remedy`);
		await noRawCode(nora, name);
		if (index === 0)
			await nora.view(`lost-0${index + 1}-${name}`);
		else
			await nora.shot(`lost-0${index + 1}-${name}`, { fullPage: true });
		if (fault)
			await t.sim('DELETE', `fault/${fault.id}`);
		await consent(t, 'granted');
		await ask(t);
	}
	await nora.page.reload();
	await nora.page.locator('.badge', { hasText: /^granted$/ }).waitFor();
}

// Codes are for logs; a page never shows one.
async function noRawCode({ page }, name) {
	const text = await page.locator('main').innerText();

	check(!/AADSTS|\b\d{5,7}\b|[a-z]_[a-z]/.test(text), `${name}: a raw code in: ${text}`);
}

// The person is told, and where the reason can be read.
async function lostTab(t, anna) {
	await consent(t, 'blocked');
	await ask(t);
	const tab = await openTeams(anna, t.env.PUBLIC_URL, 'anna@nordwind.example');
	await anna.sees(/consent for this app was withdrawn or is blocked, so Teams shows nothing of your calls.*\/admin\//, tab);
	await anna.teamsView('lost-06-tab');
	await consent(t, 'granted');
	await ask(t);
}

async function refusedCredential(t, nora, anna) {
	const mine = await readFile(join(t.env.STACK_DIR, 'tls/client.pem'), 'utf8');

	await t.sim('POST', 'credentials', { certificates: [] });
	await consent(t, 'granted', 'refuse');
	await anna.page.locator('#line-1').click();
	const tab = await openTeams(anna, t.env.PUBLIC_URL, 'anna@nordwind.example');
	await anna.sees(/The service cannot sign in to Microsoft, so Teams is not told of your calls\. Its operator has to renew/, tab);
	await anna.teamsView('lost-07-credential-tab');
	await nora.page.reload();
	await nora.sees(/cannot sign in to Microsoft.*operator of the service has to renew it; nothing is to be done in your company, and your consent stays/);
	await nora.page.locator('.badge', { hasText: /^granted$/ }).waitFor();
	await nora.view('lost-08-credential-item');
	await section(nora, 'Health');
	await nora.sees(/does not accept the certificate: it is not in the app registration/);
	await nora.sees(/Only the operator of the service can renew it.*without a restart/);
	await noRawCode(nora, 'Health');
	await nora.view('lost-09-credential-health');
	await section(nora, 'People');
	await nora.sees(/cannot sign in to Microsoft: its certificate or secret must be renewed/);

	// Who is not signed in yet cannot do so, and is told why.
	const ada = await t.visitor('ada');
	ada.expected(asksWhoIsThere);
	await ada.page.goto(`${t.env.PUBLIC_URL}/admin/`);
	await ada.page.getByRole('link', { name: 'Sign in with Microsoft' }).click();
	await pickAccount(ada, 'admin@nordwind.example');
	await ada.sees(/Nobody can sign in at the moment.*Tell the operator of the service/);
	await ada.view('lost-10-credential-sign-in');
	await ada.context.close();

	await t.sim('POST', 'credentials', { certificates: [mine] });
	await dotIs(anna, 'Busy');
}

// Twenty days are left: to do for the operator, and nothing is wrong.
async function endsSoon(t, nora) {
	const tls = join(t.env.STACK_DIR, 'tls');

	await run('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '20', '-subj', '/CN=next',
		'-keyout', join(tls, 'next.key'), '-out', join(tls, 'next.pem')]);
	await copyFile(join(tls, 'next.key'), join(tls, 'client.key'));
	await copyFile(join(tls, 'next.pem'), join(tls, 'client.pem'));
	await t.sim('POST', 'credentials', { certificates: [await readFile(join(tls, 'next.pem'), 'utf8')] });
	await ask(t);
	await section(nora, 'Action Items');
	await nora.sees(/signs in to Microsoft expires soon\. The operator of the service has to renew it/);
	is(await nora.page.locator('.badge', { hasText: /^problem$/ }).count(), 0, 'problems');
	await nora.view('lost-11-ends-soon');
	await section(nora, 'Health');
	await nora.sees(/\((19|20) days left\)/); // 20 in the second in which it was made
	await nora.shot('lost-12-ends-soon-health', { fullPage: true });
}
