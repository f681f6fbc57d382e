// What will happen in a storm of all platforms, decided by one seed: plan.mjs for PBXs
// that speak their own vocabulary. People have telephones at one or two PBXs of their
// tenant; calls come from outside, go there, or stay between the telephones of one
// actor, some ring at several of them. Pure.
//
// What is said with neither time nor id can only be judged in the order in which it
// comes: a whole state is a step of its own, and told once more only at once.

import { PAIRED, PEOPLE, STRICT, changesMake, dice, faultsMake, moveOf, tenantsMake } from './plan.mjs';
import { VOCABULARY } from './vocabulary.mjs';

const SWAPPED_MS = 400; // between two states that come in any order

export function platformsPlan(seed, { seconds, platform }) {
	const roll = dice(seed);
	const tenants = tenantsMake(roll);
	const loser = roll(4); // whose consent is lost for a while; 3: nobody's
	const names = roll.shuffled(Object.keys(VOCABULARY));
	const pbxs = tenants.map((_, t) => (platform ? [platform] : names.filter((__, i) => i % tenants.length === t)));
	const plan = { seed, seconds, tenants, pbxs, actors: [], changes: [], deaths: [], faults: faultsMake(dice(seed * 15485863), seconds) };
	tenants.forEach((_, t) => {
		for (let person = 0; person < PEOPLE; person += person < PAIRED ? 1 : 2)
			plan.actors.push(actorMake(dice(seed * 7919 + t * 100 + person), {
				seconds, tenant: t, names: pbxs[t], people: person < PAIRED ? [person] : [person, person + 1], strict: person < STRICT,
			}));
		plan.changes.push(...changesMake(dice(seed * 104729 + t), seconds, t, t === loser, []));
	});
	for (const list of [plan.changes, plan.faults])
		list.sort((a, b) => a.at_ms - b.at_ms);
	return plan;
}

function actorMake(roll, { seconds, names, ...who }) {
	const a = { ...who, roll, phones: [], steps: [], calls: [], busy: new Set(), made: 0, on: new Map(who.people.map((p) => [p, true])) };
	const first = who.people[0] % names.length;
	const pbxs = new Set(roll.chance(60) ? [first] : [first, roll(names.length)]);
	for (const pbx of pbxs)
		for (const person of who.people)
			for (let i = 1 + roll(3); i > 0; i--) {
				const n = person * 16 + a.phones.length; // of the tenant's, none twice
				a.phones.push({ pbx, platform: names[pbx], n, extension: VOCABULARY[names[pbx]].key(n), person });
			}
	const moves = a.strict ? STRICT_MOVES : LOOSE_MOVES;
	for (let at_ms = roll(1500); at_ms < seconds * 1000; at_ms += a.strict ? 100 + roll(900) : 200 + roll(1500))
		moveOf(roll, a, moves)(a, at_ms);
	const steps = a.steps.sort((one, other) => one.at_ms - other.at_ms);
	return { tenant: a.tenant, people: a.people, strict: a.strict, phones: a.phones, steps };
}

const STRICT_MOVES = [[30, begin], [42, goOn], [12, wholeState], [6, noise], [4, switchOver], [3, clearNow]];
const LOOSE_MOVES = [[34, volley], [20, endings], [10, wholeState], [5, swapped], [5, noise], [4, switchOver], [3, clearNow]];

const say = (a, at_ms, says, more = {}) => a.steps.push({ at_ms, do: 'say', says, dice: a.roll(2 ** 30), ...more });
const numbered = (a) => ({ n: a.tenant * 1e8 + a.people[0] * 1e5 + a.made++ });
const speaks = (a, what) => a.phones.filter((x) => VOCABULARY[x.platform][what]);

/** A new one, with one to three of somebody's telephones; null where none tells of calls. */
function callNew(a) {
	const { roll } = a;
	const phones = speaks(a, 'calls');
	if (phones.length === 0)
		return null;
	const phone = roll.of(phones);
	const { forks, sides } = VOCABULARY[phone.platform];
	const others = roll.shuffled(phones.filter((x) => x.pbx === phone.pbx && x !== phone));
	const { n } = numbered(a);
	const c = { id: `c${n}`, n, pbx: phone.pbx, caller: null, callees: [phone], talks: false, refs: new Map() };
	if (roll.chance(35)) // goes out, or to another telephone of this PBX
		Object.assign(c, { caller: phone, callees: [sides === 2 && others.length && roll.chance(60) ? others.pop() : null] });
	else if (sides === 2 && others.length > 1 && roll.chance(30))
		c.caller = others.pop();
	if (forks && others.length && c.callees[0] && roll.chance(50))
		c.callees.push(others.pop());
	c.answerer = roll(c.callees.length);
	return c;
}

const news = (a, c, what) => {
	c.talks ||= ['answered', 'held', 'resumed'].includes(what);
	return { pbx: c.pbx, c, what, by: a.roll.of(['caller', 'callee']) };
};

function begin(a, at_ms) {
	if (a.calls.length > 2)
		return goOn(a, at_ms);
	const c = callNew(a);
	if (!c)
		return wholeState(a, at_ms);
	a.calls.push(c);
	return say(a, at_ms, [news(a, c, a.roll.of(['rings', 'rings', 'rings', 'answered']))]);
}

function goOn(a, at_ms) {
	if (!a.calls.length)
		return begin(a, at_ms);
	const i = a.roll(a.calls.length);
	const c = a.calls[i];
	const what = c.talks ? a.roll.of(['held', 'resumed', 'ended', 'ended']) : a.roll.of(['rings', 'answered', 'answered', 'answered', 'ended']);
	if (what === 'ended')
		a.calls.splice(i, 1);
	return say(a, at_ms, [news(a, c, what)]);
}

/** A life of one or two calls at once, in any order, some of it twice. */
function volley(a, at_ms) {
	const says = [];
	for (let i = 1 + a.roll(2); i > 0; i--) {
		const c = callNew(a);
		if (!c)
			return wholeState(a, at_ms);
		for (const [what, percent] of [['rings', 60], ['answered', 75], ['held', 30], ['resumed', 30], ['ended', 60]])
			if (a.roll.chance(percent))
				says.push(news(a, c, what));
		if (!says.some((s) => s.c === c && s.what === 'ended'))
			a.calls.push(c);
	}
	return says.length ? say(a, at_ms, says, { at_once: true }) : undefined;
}

/** Ends of open calls, with late news of them beside. */
function endings(a, at_ms) {
	const ended = a.roll.shuffled(a.calls).slice(0, 1 + a.roll(3));
	if (ended.length === 0)
		return volley(a, at_ms);
	a.calls = a.calls.filter((c) => !ended.includes(c));
	return say(a, at_ms, ended.flatMap((c) => [...a.roll.chance(40) && c.talks ? [news(a, c, a.roll.of(['rings', 'answered', 'held']))] : [],
		news(a, c, 'ended')]), { at_once: true });
}

/** Busy or idle; the most often ends a busy one. Its calls are over then, if they ever were. */
function wholeState(a, at_ms) {
	const phones = speaks(a, 'state');
	if (phones.length === 0)
		return goOn(a, at_ms);
	const phone = a.busy.size && a.roll.chance(70) ? a.roll.of([...a.busy]) : a.roll.of(phones);
	const busy = !a.busy.has(phone) && a.roll.chance(70);
	const c = numbered(a);
	remember(a, phone, c, busy);
	return say(a, at_ms, [{ pbx: phone.pbx, phone, busy, c }]);
}

// A handset that is lifted says nothing of the calls.
function remember(a, phone, c, busy) {
	a.busy.delete(phone);
	if (busy)
		a.busy.add(phone);
	if (!VOCABULARY[phone.platform].handset?.(c))
		a.calls = a.calls.filter((one) => one.caller !== phone && !one.callees.includes(phone));
}

/** Two states, the older one perhaps behind the newer: their times tell which holds. */
function swapped(a, at_ms) {
	const phones = speaks(a, 'stamps');
	if (phones.length === 0)
		return volley(a, at_ms);
	const phone = a.roll.of(phones);
	const busy = a.roll.chance(50);
	remember(a, phone, {}, busy);
	return say(a, at_ms, [SWAPPED_MS, 0].map((early_ms) => ({
		pbx: phone.pbx, phone, busy: early_ms ? !busy : busy, early_ms, c: numbered(a),
	})), { at_once: true, quiet_ms: 2 * SWAPPED_MS });
}

/** What is nobody's, and what says nothing. */
function noise(a, at_ms) {
	const phone = a.roll.of(a.phones);
	say(a, at_ms, [{ pbx: phone.pbx, phone, noise: true, c: { ...numbered(a), callees: [phone], caller: null, talks: true, answerer: 0 } }]);
}

function switchOver(a, at_ms) {
	const person = a.roll.of(a.people);
	const on = !a.on.get(person);
	a.on.set(person, on);
	a.steps.push({ at_ms, do: 'switch', person, on });
	if (!on && a.roll.chance(80)) { // and soon on again
		a.on.set(person, true);
		a.steps.push({ at_ms: at_ms + 300 + a.roll(1500), do: 'switch', person, on: true });
	}
}

/** Nobody speaks of those calls any more: a phone's own number for one lives shortly. */
function clearNow(a, at_ms) {
	a.calls = [];
	a.steps.push({ at_ms, do: 'clear', person: a.roll.of(a.people), by: a.roll.of(['person', 'admin']) });
}
