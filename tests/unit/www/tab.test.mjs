// What the tab says of an answer, and when it asks again: tab/words.js.

import assert from 'node:assert/strict';
import test from 'node:test';
import { problemWords, reasonWords } from '../../../www/common/presence.js';
import {
	describe, dialAddress, pollDelay, signInWords,
} from '../../../www/tab/words.js';

const now = Date.parse('2026-11-26T12:00:00Z');
const me = (presence = {}, rest = {}) => ({
	monitoring: true, consent: 'granted', extensions: ['1001'], soft_keys: [], ...rest,
	presence: {
		availability: null, activity: null, since: null, until: null,
		reason: null, problem: null, ...presence,
	},
});
const call = {
	availability: 'Busy', activity: 'InACall', reason: 'call',
	since: '2026-11-26T11:57:00Z', until: '2026-11-26T12:12:00Z',
};

test('on a call', () => {
	const view = describe(me(call), 'https://x', now);

	assert.equal(view.told, 'In a call');
	assert.equal(view.dot, 'busy');
	assert.match(view.when, /\(3 minutes\).*renewed while the call lasts/);
	assert.equal(view.why, 'You are on a desk phone call.');
	assert.equal(view.consent, null);
	assert.equal(view.problem, null);
	assert.equal(view.canClear, true);
});

test('after a call, and when it has run out', () => {
	const after = { ...call, availability: 'Available', activity: 'Available', reason: 'call_ended' };

	assert.match(describe(me(after), 'https://x', now).when, /then Teams shows your own status/);
	assert.match(describe(me({ ...after, until: '2026-11-26T11:59:00Z' }), 'https://x', now).when,
		/It ran out/);
});

test('nothing shown, switched off, nobody linked', () => {
	const view = describe(me({ reason: 'monitoring_off' }, { monitoring: false, extensions: [] }),
		'https://x', now);

	assert.equal(view.told, 'Nothing at the moment');
	assert.equal(view.dot, 'none');
	assert.match(view.why, /switched off/);
	assert.match(view.noExtension, /No desk phone is linked/);
	assert.equal(view.canClear, false);
});

test('without consent the tab says who has to act, and where', () => {
	for (const consent of ['none', 'lost'])
		assert.match(describe(me({}, { consent }), 'https://x', now).consent,
			/administrator.*https:\/\/x\/admin\//);
	assert.match(describe(me({}, { consent: 'pending' }), 'https://x', now).consent, /few minutes/);
});

test('a lost consent is told once', () => {
	const lost = { ...call, problem: 'consent_lost' };

	assert.equal(describe(me(lost, { consent: 'lost' }), 'https://x', now).problem, null);
	assert.match(describe(me(lost), 'https://x', now).problem, /withdrawn/);
});

test('every code of the contract has words, for both readers', () => {
	for (const you of [true, false]) {
		for (const code of ['call', 'call_ended', 'cleared', 'monitoring_off', 'stale',
			'unlinked', 'pbx_restarted'])
			assert.doesNotMatch(reasonWords(code, you), /“(?!Clear)/, code);
		for (const code of ['user_not_found', 'forbidden', 'rejected', 'throttled',
			'unreachable', 'consent_lost', 'credential'])
			assert.doesNotMatch(problemWords(code, you), /“/, code);
	}
	assert.match(reasonWords('new_code'), /new_code/);
	assert.match(problemWords('new_code'), /new_code/);
});

test('asks often after a change, calmly later, seldom when it fails', () => {
	assert.equal(pollDelay(0, 0), 5000);
	assert.equal(pollDelay(59_999, 0), 5000);
	assert.equal(pollDelay(60_000, 0), 15000);
	assert.deepEqual([1, 2, 3, 4, 5, 50].map((failures) => pollDelay(0, failures)),
		[5000, 10000, 20000, 40000, 60000, 60000]);
});

test('only what can be dialled becomes an address', () => {
	assert.equal(dialAddress('*78'), 'tel:*78');
	assert.equal(dialAddress('#31#'), 'tel:%2331%23');
	assert.equal(dialAddress('+49 (30) 123-4'), 'tel:+49301234');
	for (const bad of ['', 'javascript:1', '1<b>', '12?x=1', null, 5, '1'.repeat(80)])
		assert.equal(dialAddress(bad), null, String(bad));
});

test('each way that Teams refuses a token has its remedy', () => {
	assert.match(signInWords('App resource defined in manifest and iframe origin do not match'), /registration/);
	assert.match(signInWords('resourceRequiresConsent'), /grant consent/);
	assert.match(signInWords('CancelledByUser'), /closed/);
	assert.match(signInWords('FailedToOpenWindow'), /pop-ups/);
	assert.match(signInWords('timeout'), /in time/);
	assert.match(signInWords(''), /try again/);
});
