// The model itself, rule by rule: a second opinion is worth something only when it
// is right.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Model, isNewer } from './model.mjs';

const ANNA = 'anna', BERT = 'bert';

/** A tenant with two PBXs; Anna has 1 and 2 at p and 1 at q, Bert 3 at p. */
function world(settings = {}) {
	const m = new Model();
	let now = 1_000_000;
	m.tenantAdd('t', { after_call: 'available', ringing_is_busy: false, ...settings });
	for (const pbx of ['p', 'q'])
		m.pbxAdd(pbx, 't');
	for (const person of [ANNA, BERT])
		m.personAdd(person, 't', true);
	for (const [pbx, extension, person] of [['p', '1', ANNA], ['p', '2', ANNA], ['q', '1', ANNA], ['p', '3', BERT]])
		m.link(pbx, extension, person, 0, 0);
	const say = (type, extension = '1', more = {}, pbx = 'p') => {
		now += 3000;
		return m.event(pbx, { type, extension, ...more }, now, now + 10).outcome;
	};
	return {
		m, say, now: () => now, later: (ms) => (now += ms),
		call: (type, call_id = 'c', leg_id = undefined, extension = '1', pbx = 'p') => say(`call.${type}`, extension, { call_id, leg_id }, pbx),
		busy: (person = ANNA) => m.shown(person, now).busy,
		may: (person = ANNA) => [...m.shown(person, now).may].sort().join(' '),
		set: (settings_) => (m.settingsBegin('t', settings_, now), m.settingsEnd('t', settings_, now, now)),
		goals: (person = ANNA) => m.people.get(person).goals.map((g) => g.kinds.join('/')).join(' '),
	};
}

test('R2: busy while one leg is open, over extensions and PBXs', () => {
	const w = world();
	w.call('answered', 'c1');
	w.call('answered', 'c2', undefined, '2');
	w.call('answered', 'c3', undefined, '1', 'q');
	w.call('ended', 'c1');
	w.call('ended', 'c2', undefined, '2');
	assert.equal(w.busy(), true);
	assert.equal(w.busy(BERT), false);
	w.call('ended', 'c3', undefined, '1', 'q');
	assert.equal(w.busy(), false);
	assert.equal(w.goals(), 'busy available');
});

test('R2: an end without leg ends all legs of the call at that extension only', () => {
	const w = world();
	for (const leg of ['a', 'b', undefined])
		w.call('answered', 'c', leg);
	w.call('answered', 'c', 'a', '2');
	w.call('ended', 'c');
	assert.equal(w.busy(), true);
	w.call('held', 'c', 'new');
	w.call('ended', 'c', 'a', '2');
	assert.equal(w.busy(), false);
	w.call('held', 'd', 'unknown');
	assert.equal(w.busy(), true);
});

test('R2: on-hook without a line ends all lines of the extension', () => {
	const w = world();
	for (const line of ['1', '2', undefined])
		w.say('phone.off_hook', '1', { line });
	w.say('phone.on_hook', '1', { line: '1' });
	assert.equal(w.busy(), true);
	w.say('phone.on_hook', '1');
	assert.equal(w.busy(), false);
});

test('R3: ringing is busy only by the setting, and ends by itself', () => {
	const w = world();
	w.call('ringing');
	assert.equal(w.busy(), false);
	w.set({ ringing_is_busy: true });
	assert.equal(w.busy(), true);
	w.later(181_000);
	assert.equal(w.busy(), false);
	w.call('answered');
	assert.equal(w.busy(), true);
});

test('R4: the rank decides, and ended stays', () => {
	const w = world();
	w.call('answered');
	w.call('ringing');
	assert.equal(w.busy(), true);
	w.call('ended', 'c', 'a');
	w.call('answered', 'c', 'a');
	w.call('ended');
	assert.equal(w.busy(), false);
	for (const type of ['ringing', 'answered', 'held', 'resumed'])
		w.call(type);
	assert.equal(w.busy(), false);
	w.say('call.answered', '2', { call_id: 'e' });
	w.say('extension.idle', '2');
	w.say('call.held', '2', { call_id: 'e' });
	assert.equal(w.busy(), false);
});

test('R5: the same event twice changes nothing', () => {
	const w = world();
	assert.equal(w.say('phone.off_hook', '1', { key: 'k' }), 'taken');
	w.say('phone.on_hook');
	assert.equal(w.say('phone.off_hook', '1', { key: 'k' }), 'duplicate');
	assert.equal(w.busy(), false);
});

test('R6: the newest assertion wins, by when it was said', () => {
	assert.equal(isNewer(5000, 1, 3000, 9), true);
	assert.equal(isNewer(3000, 9, 5000, 1), false);
	assert.equal(isNewer(3000, 9, 4000, 1), true);
	assert.equal(isNewer(4000, 1, 3000, 9), false);
	assert.equal(isNewer(3000, 9, 4000, 9), true);
	assert.equal(isNewer(3000, undefined, 4000, 9), true);

	const w = world();
	w.say('extension.busy');
	w.say('extension.idle', '1', { held_ms: 60_000 });
	assert.equal(w.busy(), true);
	w.say('extension.idle');
	w.say('extension.busy', '1', { held_ms: 60_000 });
	w.say('phone.off_hook', '1', { held_ms: 60_000 });
	assert.equal(w.busy(), false);
	w.call('answered');
	w.say('extension.idle', '1', { held_ms: 60_000 });
	assert.equal(w.busy(), true, 'heard of after it was said');
	w.say('extension.idle', '2');
	assert.equal(w.busy(), true, 'of another extension');
	w.say('extension.idle');
	assert.equal(w.busy(), false);
	w.say('phone.off_hook', '1', { line: '7' });
	w.say('phone.on_hook', '1', { held_ms: 60_000 });
	assert.equal(w.busy(), true, 'lifted later');
});

test('R7: what is told after a call, and what may not be known', () => {
	const w = world();
	w.call('answered');
	w.call('ended');
	assert.equal(w.may(), 'available none', 'perhaps it was never told');
	w.call('answered', 'd');
	w.m.confirmed(ANNA);
	w.call('ended', 'd');
	assert.equal(w.may(), 'available');
	w.set({ after_call: 'clear' });
	w.call('answered', 'e');
	w.m.confirmed(ANNA);
	w.call('ended', 'e');
	assert.equal(w.may(), 'none');
	assert.equal(w.goals(), 'busy available busy available busy clear');
});

test('R7: what was to be cleared is still owed after a call that was perhaps never told', () => {
	const w = world();
	w.call('answered');
	w.m.clear(ANNA, w.later(10), w.now());
	w.call('answered', 'd');
	w.call('ended', 'd');
	w.call('answered', 'e');
	w.m.confirmed(ANNA);
	w.call('ended', 'e');
	assert.equal(w.goals(), 'busy clear busy available/clear busy available');
});

test('R7: two settings that overlap with the end of a call are both possible', () => {
	const w = world();
	w.call('answered');
	w.m.confirmed(ANNA);
	w.m.settingsBegin('t', { after_call: 'clear' }, w.now());
	w.call('ended');
	assert.equal(w.may(), 'available none');
	assert.equal(w.goals(), 'busy available/clear');
});

test('R9: a restart ends the legs of that PBX that had no newer news', () => {
	const w = world();
	w.call('answered');
	w.call('answered', 'c', undefined, '1', 'q');
	w.say('pbx.restarted', undefined, { held_ms: 60_000 });
	w.say('pbx.restarted', undefined, {}, 'q');
	assert.equal(w.busy(), true);
	w.say('pbx.restarted', undefined);
	assert.equal(w.busy(), false);
	w.call('held');
	w.say('phone.off_hook', '1', { held_ms: 60_000 });
	assert.equal(w.busy(), false);
});

test('R9: clear now ends all and leaves tombstones', () => {
	const w = world();
	w.call('answered');
	w.m.confirmed(ANNA);
	w.m.clear(ANNA, w.now(), w.now());
	assert.equal(w.may(), 'none');
	w.call('held');
	assert.equal(w.busy(), false);
	assert.equal(w.goals(), 'busy clear');
});

test('R11: off counts nothing and leaves no tombstone', () => {
	const w = world();
	w.call('answered');
	w.m.monitoring(ANNA, false, w.now(), w.now());
	assert.equal(w.call('held'), 'monitoring_off');
	assert.equal(w.say('phone.off_hook', '1', { key: 'k' }), 'monitoring_off');
	assert.equal(w.busy(), false);
	assert.equal(w.may(), 'none');
	w.m.monitoring(ANNA, true, w.now(), w.now());
	assert.equal(w.busy(), false);
	w.call('held');
	assert.equal(w.busy(), true);
	assert.equal(w.say('phone.off_hook', '1', { key: 'k' }), 'taken', 'it was not kept while off');
});

test('R18: a change of link ends the legs, and nobody inherits them', () => {
	const w = world();
	w.call('answered');
	w.m.confirmed(ANNA);
	w.m.link('p', '1', BERT, w.now(), w.now());
	assert.equal(w.busy(), false);
	assert.equal(w.may(), 'none', 'whatever after_call says');
	w.call('held');
	assert.equal(w.busy(BERT), false);
	w.call('answered', 'd');
	assert.equal(w.busy(BERT), true);
	w.m.link('p', '1', null, w.now(), w.now());
	assert.equal(w.call('held', 'd'), 'unknown_extension');
});
