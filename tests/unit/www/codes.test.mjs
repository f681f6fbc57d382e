// Every code that the programs and the database can give has words on the
// pages: nobody is shown a raw code. The codes are read from the sources.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import {
	activityKind, arrivalError, consentProblem, credentialProblem, errorWords, grantMends,
	outcomeWords, pendingProblem,
} from '../../../www/admin/words.js';
import { problemWords, reasonWords } from '../../../www/common/presence.js';
import { describe } from '../../../www/tab/words.js';

const source = (path) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
const found = (text, pattern) => [...new Set([...text.matchAll(pattern)].map((m) => m[1]))];
const sql = ['event', 'pbx', 'people', 'presence', 'publish', 'switch', 'tenant']
	.map((name) => source(`sql/api/${name}.sql`)).join('\n');
const token = source('fcgi/sync/token.c');

// `“code”` in a sentence is how the pages show what they have no words for.
const plain = (words, code) => {
	assert.ok(words, `${code} has words`);
	assert.ok(!words.includes(`“${code}”`) && !words.includes(`reports “`), `${code}: ${words}`);
	assert.ok(!/\bAADSTS|_/.test(words), `${code}: ${words}`);
};
// A remedy says who does what.
const remedy = /Microsoft Entra admin center|Grant Consent|keep checking|sign in with an account|operator/;

test('why consent is lost: the codes of the token endpoint and of the database', () => {
	const codes = [...found(token, /RESULT_LOST, "(\w+)"/g),
		...found(sql, /coalesce\(r?\.?d, '(\w+)'\)/g), ...found(sql, /THEN '(not_yet)' ELSE/g),
		...found(sql, /ELSE '(permission_removed)' END/g)];

	assert.deepEqual([...new Set(codes)].sort(), ['blocked_by_policy', 'disabled_by_admin',
		'not_consented', 'not_yet', 'permission_removed', 'tenant_not_found']);
	for (const code of codes) {
		for (const may of [true, false])
			plain(consentProblem(code, may), code);
		assert.match(consentProblem(code), remedy, code);
		plain(pendingProblem(code), code);
		assert.doesNotMatch(consentProblem(code, false), /Press Grant Consent/, code);
		// The button stands out only where the words name it as the remedy.
		assert.equal(grantMends(code), code === 'not_yet' || /Press Grant Consent/.test(consentProblem(code)), code);
	}
});

test('why our credential is refused, and that its operator must act', () => {
	const codes = found(token, /\{ (\d+), RESULT_CREDENTIAL/g);

	assert.ok(codes.length >= 6, `codes: ${codes}`);
	for (const code of codes) {
		plain(credentialProblem(code), code);
		assert.match(credentialProblem(code), /[Tt]he operator/, code);
	}
	assert.equal(credentialProblem(null), '');
	assert.match(credentialProblem('999999'), /999999/);
});

test('what is in the way of a person\'s status, for both readers', () => {
	const codes = [...found(sql, /u\.problem := '(\w+)'/g), ...found(sql, /THEN '(consent_lost)' END/g)];

	assert.ok(codes.includes('credential') && codes.includes('unreachable') && codes.length >= 7, `codes: ${codes}`);
	for (const code of codes)
		for (const you of [true, false])
			plain(problemWords(code, you), code);
});

test('why Teams was told something', () => {
	const codes = [...found(sql, /user_goal\(u, t, .*?, '\w+', '(\w+)', at\)/g), ...found(sql, /why := '(\w+)'/g)];

	assert.ok(codes.length >= 5, `codes: ${codes}`);
	for (const code of codes)
		for (const you of [true, false])
			assert.doesNotMatch(reasonWords(code, you), /the reason “/, code);
});

test('what came of a publishing, in the log and among the errors', () => {
	const codes = found(source('fcgi/sync/job.h'), /X\(\w+, "(\w+)"\)/g);

	assert.equal(codes.length, 11);
	for (const code of codes.filter((c) => c !== 'ok')) {
		plain(errorWords(code), code);
		assert.notEqual(outcomeWords(code)[1], 'plain', `${code} has words and a badge of its own`);
	}
	for (const kind of found(source('sql/0001_tables.sql'), /CHECK \(kind IN \('event', '(\w+)'/g))
		assert.ok(activityKind[kind], kind);
});

test('what brings a browser back with an error', () => {
	const codes = ['signin', 'consent', 'flow'].flatMap((name) =>
		found(source(`fcgi/app/${name}.c`), /(?:word = |flow_failed\(rq, )"(\w+)"/g));

	assert.ok(codes.includes('credential_refused') && codes.length >= 8, `codes: ${codes}`);
	for (const code of codes)
		assert.notEqual(arrivalError(code), arrivalError('other'), code);
	assert.match(arrivalError('credential_refused'), /operator/);
});

test('every state of consent in the tab', () => {
	const states = /consent IN \(([^)]*)\)/.exec(source('sql/0001_tables.sql'))[1].match(/\w+/g);

	assert.deepEqual(states, ['none', 'pending', 'granted', 'lost']);
	for (const consent of states) {
		const words = describe({ consent, monitoring: true, presence: {} }, 'https://x', 0).consent;

		if (consent === 'granted')
			assert.equal(words, null);
		else
			assert.match(words, /consent/);
		if (consent === 'none' || consent === 'lost')
			assert.match(words, /administrator.*https:\/\/x\/admin\//);
	}
});
