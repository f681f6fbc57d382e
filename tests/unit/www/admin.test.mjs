// The dashboard's words and the commands it offers: admin/words.js,
// admin/pbx_secret.js, admin/api.js.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import test from 'node:test';
import { path, query } from '../../../www/admin/api.js';
import { curlPlain, curlSigned, presencectl } from '../../../www/admin/pbx_secret.js';
import {
	actionItems, arrivalError, arrivalMessage, consentProblem, count,
	credentialProblem, outcomeWords, pendingProblem, shellWord,
} from '../../../www/admin/words.js';

test('a message in the address', () => {
	const id = '9f2c1ab4e0d84c7d8b1f0a6d2c3b4a59';

	assert.deepEqual(arrivalMessage(`#error=not_admin&request_id=${id}`),
		{ kind: 'problem', text: arrivalError('not_admin'), requestId: id });
	assert.equal(arrivalMessage('#consent=granted').kind, 'good');
	assert.equal(arrivalMessage('#consent=pending').kind, 'plain');
	assert.equal(arrivalMessage('#error=consent_pending').kind, 'plain');
	for (const nothing of ['', '#', '#people?q=anna', '#consent=maybe'])
		assert.equal(arrivalMessage(nothing), null);
});

test('what others may write into the address is not shown', () => {
	const message = arrivalMessage('#error=<b>call+me</b>&request_id=javascript:alert(1)');

	assert.doesNotMatch(message.text, /call/);
	assert.equal(message.requestId, null);
});

test('every code of the contract has its own words', () => {
	const other = arrivalError('other');

	for (const code of ['not_admin', 'tenant_not_allowed', 'sign_in_failed', 'state_mismatch',
		'consent_declined', 'consent_mismatch', 'consent_pending'])
		assert.notEqual(arrivalError(code), other, code);
	for (const code of ['not_yet', 'not_consented', 'declined', 'disabled_by_admin',
		'blocked_by_policy', 'tenant_not_found', 'permission_removed'])
		assert.ok(!consentProblem(code).includes(`“${code}”`), code);
	for (const outcome of ['published', 'deferred', 'unchanged', 'superseded', 'duplicate',
		'monitoring_off', 'unknown_extension', 'no_consent'])
		assert.notEqual(outcomeWords(outcome)[0], outcome.replaceAll('_', ' '), outcome);
	for (const id of ['pbx', 'extensions', 'teams_app', 'credential'])
		for (const state of ['todo', 'done', 'problem'])
			assert.ok(actionItems[id][state], `${id} ${state}`);
});

test('consent on its way is not called refused', () => {
	assert.equal(pendingProblem(null), consentProblem('not_yet'));
	assert.equal(pendingProblem('permission_removed'), consentProblem('not_yet'));
	assert.equal(pendingProblem('blocked_by_policy'), consentProblem('blocked_by_policy'));
});

test('credential, counts', () => {
	assert.match(credentialProblem('AADSTS7000222'), /expired/);
	assert.match(credentialProblem('other'), /other/);
	assert.equal(count(1, 'event'), '1 event');
	assert.equal(count(12840, 'event'), '12,840 events');
});

test('paths and queries are escaped', () => {
	assert.equal(path('pbxs', 'a/b?', 'extensions', '1 #'), '/admin/api/pbxs/a%2Fb%3F/extensions/1%20%23');
	assert.equal(query({ after: '', q: 'a&b' }), '?q=a%26b');
	assert.equal(query({ after: null }), '');
});

test('shell words are safe', () => {
	assert.equal(shellWord('https://a.example/webhook/1'), 'https://a.example/webhook/1');
	for (const hostile of ['a b', '$(reboot)', 'it\'s', '`x`', '"', '\\', ''])
		assert.equal(execFileSync('sh', ['-c', `printf %s ${shellWord(hostile)}`]).toString(), hostile);
});

// Runs the offered command with a curl that only prints what it was given.
function run(command) {
	return execFileSync('sh', ['-c', `curl() { printf '%s\\n' "$@"; }\n${command}`])
		.toString().trimEnd().split('\n');
}

test('the signed example signs as Standard Webhooks says', () => {
	const key = Buffer.from('0123456789abcdef0123456789abcdef');
	const url = 'https://ps.example/webhook/1';
	const sent = run(curlSigned(url, `whsec_${key.toString('base64')}`));
	const header = (name) => sent.find((line) => line.startsWith(`${name}: `)).slice(name.length + 2);
	const body = sent[sent.indexOf('-d') + 1];
	const signature = createHmac('sha256', key)
		.update(`${header('webhook-id')}.${header('webhook-timestamp')}.${body}`).digest('base64');

	assert.equal(header('webhook-signature'), `v1,${signature}`);
	assert.equal(JSON.parse(body).type, 'phone.off_hook');
	assert.equal(sent.at(-1), url);
	assert.ok(Math.abs(Number(header('webhook-timestamp')) - Date.now() / 1000) < 60);
});

test('the example with presencectl', () => {
	const words = execFileSync('sh', ['-c', `presencectl() { printf '%s\\n' "$@"; }
${presencectl('https://ps.example/webhook/1', 'whsec_MDEy+/==')}`]).toString().trimEnd().split('\n');

	assert.deepEqual(words, ['send', '--url', 'https://ps.example/webhook/1',
		'--secret', 'whsec_MDEy+/==', 'phone.off_hook', '--extension', '1001']);
});

test('the plain example', () => {
	const sent = run(curlPlain('https://ps.example/webhook/1/secret'));

	assert.equal(sent.at(-1), 'https://ps.example/webhook/1/secret');
	assert.equal(JSON.parse(sent[sent.indexOf('-d') + 1]).data.extension, '1001');
});
