// The judge of orders is worth something only when it finds what is out of order.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { orderFaults } from './order.mjs';

const set = (availability, at) => ({ op: 'setPresence', body: { availability }, status: 200, started_at: at });
const clear = (at) => ({ op: 'clearPresence', status: 200, started_at: at });
const goal = (kinds, at, one = false) => ({ kinds, from: at, to: at, one });
const faults = (goals, ...calls) => orderFaults({ id: 'anna', goals }, calls, 0).length;

test('R10: newer states in turn are right, an older one behind a newer is not', () => {
	const goals = [goal(['busy'], 1000), goal(['available'], 20_000), goal(['busy'], 40_000)];
	assert.equal(faults(goals, set('Busy', 1100), set('Available', 20_100), set('Busy', 40_100)), 0);
	assert.equal(faults(goals.slice(0, 2), set('Available', 20_100), set('Busy', 20_200)), 1);
	assert.equal(faults(goals, set('Available', 1100)), 1, 'before it was so');
});

test('a goal that is one of two kinds is told as one of them', () => {
	const goals = [goal(['busy'], 1000), goal(['available', 'clear'], 20_000, true)];
	assert.equal(faults(goals, clear(20_100), clear(90_000)), 0);
	assert.equal(faults(goals, set('Available', 20_100), clear(20_200)), 1);
	assert.equal(faults([goals[0], goal(['available', 'clear'], 20_000)], set('Available', 20_100), clear(20_200)), 0);
});
