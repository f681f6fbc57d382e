// The pure rules of presence: legal pairs, durations, decay, expiry, aggregation.

import assert from 'node:assert/strict';
import test from 'node:test';
import {
	OFFLINE, durationParse, isLegalPair, preferredSet, presenceAt, presenceNew, sessionClear,
	sessionFind, sessionSet, teamsClientSet,
} from './presence.mjs';

const MINUTE = 60_000;
const T0 = 1_700_000_000_000;
const seen = (p, now) => {
	const { availability, activity } = presenceAt(p, now);
	return `${availability}/${activity}`;
};
const withSession = (availability, activity, minutes, teams = 'offline') => {
	const p = presenceNew();
	teamsClientSet(p, teams);
	sessionSet(p, 'app', { availability, activity, duration_ms: minutes * MINUTE }, T0);
	return p;
};

test('exactly five pairs may be set', () => {
	const words = ['Available', 'Busy', 'Away', 'DoNotDisturb', 'BeRightBack', 'Offline', 'InACall',
		'InAConferenceCall', 'Presenting', 'OffWork', 'busy', 'available'];
	const legal = words.flatMap((a) => words.filter((b) => isLegalPair(a, b)).map((b) => `${a}/${b}`));
	assert.deepEqual(legal.sort(), ['Available/Available', 'Away/Away', 'Busy/InACall',
		'Busy/InAConferenceCall', 'DoNotDisturb/Presenting']);
});

test('durations', () => {
	for (const [text, minutes] of [['PT5M', 5], ['PT4H', 240], ['PT1H30M', 90], ['PT300S', 5], ['P1D', 1440]])
		assert.equal(durationParse(text), minutes * MINUTE, text);
	for (const text of ['', 'P', 'PT', 'P1DT', '5M', 'PT5', 'PT-5M', 'pt5m', 'PT5M ', 'PT1M1H', 'P1M'])
		assert.equal(durationParse(text), null, text);
});

test('Available decays at 5 and 10 minutes and is gone at its expiry', () => {
	const p = withSession('Available', 'Available', 60);
	assert.equal(seen(p, T0 + 5 * MINUTE - 1), 'Available/Available');
	assert.equal(seen(p, T0 + 5 * MINUTE), 'Available/AvailableInactive');
	assert.equal(seen(p, T0 + 10 * MINUTE), 'Away/Away');
	assert.equal(seen(p, T0 + 60 * MINUTE), 'Offline/Offline');
});

test('Busy does not decay, it expires', () => {
	const p = withSession('Busy', 'InACall', 15, 'active');
	assert.equal(seen(p, T0 + 15 * MINUTE - 1), 'Busy/InACall');
	assert.equal(seen(p, T0 + 15 * MINUTE), 'Available/Available');
	assert.equal(sessionFind(p, 'app', T0 + 15 * MINUTE), null);
});

test('the strongest session wins', () => {
	assert.equal(seen(withSession('Busy', 'InACall', 5, 'active'), T0), 'Busy/InACall');
	assert.equal(seen(withSession('Busy', 'InACall', 5, 'idle'), T0), 'Busy/InACall');
	assert.equal(seen(withSession('Busy', 'InACall', 5, 'presenting'), T0), 'DoNotDisturb/Presenting');
	assert.equal(seen(withSession('Available', 'Available', 5, 'in_call'), T0), 'Busy/InACall');
	assert.equal(seen(withSession('Away', 'Away', 5, 'active'), T0), 'Available/Available');
	assert.equal(seen(withSession('Available', 'Available', 5, 'idle'), T0), 'Available/Available');
});

test('each application has its own session', () => {
	const p = withSession('Busy', 'InACall', 5);
	sessionSet(p, 'other', { availability: 'Available', activity: 'Available', duration_ms: 5 * MINUTE }, T0);
	assert.equal(sessionClear(p, 'app', T0), true);
	assert.equal(sessionClear(p, 'app', T0), false);
	assert.equal(seen(p, T0), 'Available/Available');
});

test('a status chosen by hand wins over all, but only while a session lives', () => {
	const p = withSession('Busy', 'InACall', 5);
	assert.equal(preferredSet(p, 'DoNotDisturb', T0), true);
	assert.equal(seen(p, T0), 'DoNotDisturb/DoNotDisturb');
	preferredSet(p, 'Offline', T0);
	assert.equal(seen(p, T0), 'Offline/OffWork');
	preferredSet(p, null, T0);
	assert.equal(seen(p, T0), 'Busy/InACall');
	assert.equal(preferredSet(p, 'InACall', T0), false);
	preferredSet(p, 'Available', T0);
	assert.deepEqual(presenceAt(p, T0 + 5 * MINUTE), OFFLINE);
});

test('a chosen Busy ends after a day', () => {
	const p = presenceNew();
	preferredSet(p, 'Busy', T0);
	assert.equal(seen(p, T0 + 24 * 60 * MINUTE - 1), 'Busy/Busy');
	assert.equal(seen(p, T0 + 24 * 60 * MINUTE), 'Available/Available');
});
