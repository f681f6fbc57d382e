// Times in words: common/time.js.

import assert from 'node:assert/strict';
import test from 'node:test';
import {
	ago, calendarDay, clockTime, timeLanguage, timeSpan,
} from '../../../www/common/time.js';

const now = Date.parse('2026-11-26T12:00:00Z');

test('only an English language of the reader decides', () => {
	assert.equal(timeLanguage(['de-DE', 'en-US']), 'en-US');
	assert.equal(timeLanguage(['de-DE']), 'en-GB');
	assert.equal(timeLanguage([]), 'en-GB');
});

test('today is a time, another day has its date', () => {
	assert.equal(clockTime('2026-11-26T09:05:00Z', now, 'en-GB', 'UTC'), '09:05');
	assert.equal(clockTime('2026-11-25T23:59:59Z', now, 'en-GB', 'UTC'), '25 Nov, 23:59');
	assert.equal(clockTime('2025-11-25T10:00:00Z', now, 'en-GB', 'UTC'), '25 Nov 2025, 10:00');
});

test('the day is the reader’s, not UTC’s', () => {
	assert.equal(clockTime('2026-11-25T23:30:00Z', now, 'en-GB', 'Europe/Berlin'), '00:30');
});

test('no time and no sense are empty', () => {
	assert.equal(clockTime(null, now), '');
	assert.equal(clockTime('soon', now), '');
	assert.equal(calendarDay(undefined, now), '');
	assert.equal(ago(null, now), '');
});

test('spans', () => {
	assert.equal(timeSpan(59_999), 'just now');
	assert.equal(timeSpan(60_000), '1 minute');
	assert.equal(timeSpan(7_199_000), '1 hour');
	assert.equal(timeSpan(3 * 86_400_000), '3 days');
	assert.equal(ago('2026-11-26T11:57:00Z', now), '3 minutes ago');
});

test('a slow clock does not speak of the future', () => {
	assert.equal(ago('2026-11-26T12:09:00Z', now), 'just now');
});
