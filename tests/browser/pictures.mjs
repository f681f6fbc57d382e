// Makes the README's pictures anew: docs/tab.png and docs/dashboard.png.
//
//   node tests/browser/pictures.mjs        after `make all stack-tools`

import { statSync } from 'node:fs';
import { join } from 'node:path';
import {
	check, dotIs, monitoringSwitch, openTeams, pickAccount, root, signIn, test,
} from './lib.mjs';

const MAX_BYTES = 200_000;

async function picture({ page }, name) {
	const path = join(root, 'docs', name);

	await page.mouse.move(0, 0); // no button in the picture is pointed at
	await page.screenshot({ path, animations: 'disabled' });
	const { size } = statSync(path);
	check(size < MAX_BYTES, `${name} has ${size} bytes`);
	console.log(`${path}: ${size} bytes`);
}

await test('pictures', async (t) => {
	const nora = await t.visitor('nora', { width: 1180, height: 800 });
	const anna = await t.visitor('anna', { width: 1320, height: 860 });

	nora.expected(/status of 401.*\/admin\/api\/session/);
	await signIn(nora, t.env.PUBLIC_URL, 'admin@nordwind.example');
	await nora.page.getByRole('button', { name: 'Grant Consent' }).click();
	await pickAccount(nora, 'admin@nordwind.example');
	await nora.page.getByRole('button', { name: 'Accept' }).click();
	await nora.page.getByRole('button', { name: 'Close' }).click();
	await picture(nora, 'dashboard.png');

	const tab = await openTeams(anna, t.env.PUBLIC_URL, 'anna@nordwind.example');
	await monitoringSwitch(tab).click();
	await anna.sees('Calls on your desk phone set your status in Teams.', tab);
	await anna.page.locator('#line-1').click();
	await dotIs(anna, 'Busy');
	await anna.sees('You are on a desk phone call.', tab);
	await picture(anna, 'tab.png');
});
