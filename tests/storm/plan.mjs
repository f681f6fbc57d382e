// What will happen in a storm, all of it decided by one seed: people, telephones,
// each actor's steps, what tenants do, faults, deaths. Pure: the same seed and
// options give the same plan. storm.mjs carries it out.
//
// An actor does one step after the other and waits for the answers. A step of a
// strict actor is one request, so what must follow is known at every moment; the
// others send many at once and in any order, where rank and tombstones decide.
// What would be ambiguous when it overlaps (an assertion, a switch, a clear, a
// change of link) is a step of its own for everybody.

/** Whole numbers below n, the same ones for the same seed (mulberry32). */
export function dice(seed) {
	let a = seed >>> 0;
	const roll = (n) => {
		a = a + 0x6D2B79F5 | 0;
		let t = Math.imul(a ^ a >>> 15, 1 | a);
		t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
		return ((t ^ t >>> 14) >>> 0) % n;
	};
	roll.of = (list) => list[roll(list.length)];
	roll.chance = (percent) => roll(100) < percent;
	roll.shuffled = (list) => {
		const all = [...list];
		for (let i = all.length - 1; i > 0; i--) {
			const j = roll(i + 1);
			[all[i], all[j]] = [all[j], all[i]];
		}
		return all;
	};
	return roll;
}

export const PEOPLE = 22; // of each tenant; the first 8 strict, the last 4 in pairs
export const STRICT = 8;
export const PAIRED = 18;
// How a PBX stamps its events: truly, not at all, or by a clock hours ahead. The
// last one is the PBX whose extensions are linked anew in mid-call.
export const PBXS = [
	{ stamps: 'true', late: true }, { stamps: 'none', late: false },
	{ stamps: 'ahead', late: false }, { stamps: 'true', late: true, links: true },
];
const LATE_S = 20; // between two moments that late events speak of
export const LATE_FROM_S = 1000; // and how long ago the first of them lies

/** Their settings when it begins. */
export const tenantsMake = (roll) => [
	{ after_call: 'available', ringing_is_busy: false, lease_s: 900 },
	{ after_call: 'clear', ringing_is_busy: true, lease_s: 300 },
	{ after_call: roll.of(['available', 'clear']), ringing_is_busy: roll.chance(50), lease_s: 600 },
];

export function planMake(seed, { seconds, deaths = false, instances = 1 }) {
	const roll = dice(seed);
	const tenants = tenantsMake(roll);
	const loser = roll(4); // whose consent is lost for a while; 3: nobody's
	const plan = { seed, seconds, tenants, pbxs: tenants.map(() => PBXS.map(() => 'generic')), actors: [], changes: [], faults: [], deaths: [] };
	tenants.forEach((_, t) => {
		for (let person = 0; person < PAIRED; person++)
			plan.actors.push(actorMake(dice(seed * 7919 + t * 100 + person), { seconds, tenant: t, people: [person], strict: person < STRICT }));
		for (let person = PAIRED; person < PEOPLE; person += 2)
			plan.actors.push(actorMake(dice(seed * 7919 + t * 100 + person), { seconds, tenant: t, people: [person, person + 1], strict: false }));
		plan.changes.push(...changesMake(dice(seed * 104729 + t), seconds, t, t === loser));
	});
	plan.faults = faultsMake(dice(seed * 15485863), seconds);
	if (deaths)
		plan.deaths = deathsMake(dice(seed * 32452843), seconds, instances);
	for (const list of [plan.changes, plan.faults, plan.deaths])
		list.sort((a, b) => a.at_ms - b.at_ms);
	return plan;
}

// ---- people and their telephones ---------------------------------------------

class Actor {
	constructor(roll, { tenant, people, strict }) {
		this.roll = roll;
		this.tenant = tenant;
		this.people = people;
		this.strict = strict;
		this.phones = [];
		this.steps = [];
		this.calls = []; // that may be open: {phone, call, legs}
		this.on = new Map(people.map((p) => [p, true]));
		this.posted = [];
		this.posts = 0;
		this.made = 0;
		this.moments = roll.shuffled([...Array(40).keys()]);
		for (const person of people)
			for (const pbx of roll.shuffled([0, 1, 2]).slice(0, 1 + roll(3)))
				this.phones.push({ pbx, extension: `x${person}-${this.phones.length}`, person });
		if (people.length > 1)
			this.phones.push({ pbx: 3, extension: `m${people[0]}`, person: people[0], moves: true });
	}

	step(at_ms, step) {
		this.steps.push({ at_ms, ...step });
	}

	/** A request with these events, all of one PBX. */
	post(pbx, events) {
		const id = `${this.tenant}-${this.people[0]}-${this.posts++}`;
		this.posted.push(id);
		return { id, pbx, events, array: events.length > 1 || this.roll.chance(20) };
	}

	event(phone, type, more = {}, late = false) {
		const { late: can, stamps } = PBXS[phone.pbx];
		const e = { type, extension: phone.extension, ...more };
		if (late && can && this.moments.length)
			e.late_s = this.moments.pop() * LATE_S;
		else
			e.stamp = stamps === 'ahead' || (stamps === 'true' && this.roll.chance(70));
		return e;
	}
}

function actorMake(roll, { seconds, ...who }) {
	const a = new Actor(roll, who);
	const moves = a.strict ? STRICT_MOVES : a.people.length > 1 ? PAIR_MOVES : LOOSE_MOVES;
	for (let at_ms = roll(1500); at_ms < seconds * 1000; at_ms += a.strict ? 100 + roll(900) : 200 + roll(1500))
		moveOf(roll, a, moves)(a, at_ms);
	const { tenant, people, strict, phones } = a;
	const steps = a.steps.sort((one, other) => one.at_ms - other.at_ms);
	return { tenant, people, strict, phones, steps };
}

export function moveOf(roll, a, moves) {
	let n = roll(moves.reduce((sum, [weight]) => sum + weight, 0));
	const [, move] = moves.find(([weight]) => (n -= weight) < 0);
	return move;
}

const STRICT_MOVES = [
	[34, callBegin], [30, callGoesOn], [6, several], [10, handset], [6, wholeState], [3, arrayOfStates],
	[4, switchOver], [3, clearNow], [4, postAgain],
];
const LOOSE_MOVES = [
	[36, burst], [20, endings], [10, handset], [8, wholeState], [3, arrayOfStates], [5, switchOver], [3, clearNow],
	[5, postAgain], [4, transfer],
];
const PAIR_MOVES = [...LOOSE_MOVES, [30, linkMove]];

const legsOf = (roll) => (roll.chance(30) ? [undefined] : ['a', 'b', 'c'].slice(0, 1 + roll(3)));
const named = (leg) => (leg === undefined ? {} : { leg_id: leg });

function callNew(a) {
	const one = { phone: a.roll.of(a.phones), call: `c${a.tenant}-${a.people[0]}-${a.made++}`, legs: legsOf(a.roll) };
	a.calls.push(one);
	return one;
}

const callEvent = (a, c, type, leg) =>
	a.event(c.phone, type, { call_id: c.call, ...named(leg) }, a.roll.chance(15));

function callBegin(a, at_ms) {
	if (a.calls.length > 2)
		return callGoesOn(a, at_ms);
	const c = callNew(a);
	const type = a.roll.of(['call.ringing', 'call.ringing', 'call.answered', 'call.answered', 'call.held']);
	return a.step(at_ms, { do: 'post', posts: [a.post(c.phone.pbx, [callEvent(a, c, type, a.roll.of(c.legs))])] });
}

// Any news of an open call; the most often its end.
function callGoesOn(a, at_ms) {
	if (!a.calls.length)
		return callBegin(a, at_ms);
	if (a.roll.chance(20)) // all of them, one after the other
		return a.calls.splice(0).forEach((c) =>
			a.step(at_ms, { do: 'post', posts: [a.post(c.phone.pbx, [callEvent(a, c, 'call.ended', undefined)])] }));
	const i = a.roll(a.calls.length);
	const c = a.calls[i];
	const type = a.roll.of(['call.answered', 'call.held', 'call.resumed', 'call.ringing', 'call.ended', 'call.ended', 'call.ended', 'call.ended']);
	const leg = a.roll.of([...c.legs, ...type === 'call.ended' ? [undefined] : []]);
	if (type === 'call.ended' && (leg === undefined || c.legs.length === 1) && a.roll.chance(80))
		a.calls.splice(i, 1);
	return a.step(at_ms, { do: 'post', posts: [a.post(c.phone.pbx, [callEvent(a, c, type, leg)])] });
}

// One array, in order.
function several(a, at_ms) {
	const c = callNew(a);
	const events = ['call.ringing', 'call.answered', 'call.held', 'call.ended'].slice(a.roll(2), a.roll.chance(70) ? 4 : 3)
		.map((type) => callEvent(a, c, type, c.legs[0]));
	a.step(at_ms, { do: 'post', posts: [a.post(c.phone.pbx, events)] });
}

/** A life of a call in one volley: legs, permuted, some twice, some in arrays. */
function burst(a, at_ms) {
	const { roll } = a;
	const events = [];
	for (let n = 1 + roll(2); n > 0; n--) {
		const c = callNew(a);
		for (const leg of c.legs) {
			for (const type of ['call.ringing', 'call.answered', 'call.held', 'call.resumed'])
				if (roll.chance(50))
					events.push([c.phone.pbx, callEvent(a, c, type, leg)]);
			if (roll.chance(50))
				events.push([c.phone.pbx, callEvent(a, c, 'call.ended', leg)]);
		}
		if (roll.chance(40))
			events.push([c.phone.pbx, callEvent(a, c, 'call.ended', undefined)]);
	}
	a.step(at_ms, { do: 'post', posts: volley(a, events) });
}

/** Ends of open calls, with late news of them beside. */
function endings(a, at_ms) {
	const { roll } = a;
	const events = [];
	for (const c of roll.shuffled(a.calls).slice(0, roll.chance(50) ? 9 : 1 + roll(3))) {
		a.calls.splice(a.calls.indexOf(c), 1);
		if (roll.chance(40))
			events.push([c.phone.pbx, callEvent(a, c, roll.of(['call.answered', 'call.held', 'call.ringing']), roll.of(c.legs))]);
		for (const leg of roll.chance(50) ? [undefined] : c.legs)
			events.push([c.phone.pbx, callEvent(a, c, 'call.ended', leg)]);
	}
	if (events.length === 0)
		return burst(a, at_ms);
	return a.step(at_ms, { do: 'post', posts: volley(a, events) });
}

function volley(a, events) {
	const posts = [];
	for (const [pbx, e] of a.roll.shuffled(events)) {
		const last = posts.at(-1);
		if (last?.pbx === pbx && a.roll.chance(30))
			Object.assign(last, { array: true, events: [...last.events, e] });
		else
			posts.push(a.post(pbx, [e]));
	}
	for (const post of [...posts])
		if (a.roll.chance(10))
			posts.push({ ...post, again: true });
	return posts;
}

/** From one of somebody's telephones to another. */
function transfer(a, at_ms) {
	const c = callNew(a);
	const to = a.roll.of(a.phones);
	a.calls.push({ phone: to, call: c.call, legs: ['t'] });
	const events = [
		[c.phone.pbx, callEvent(a, c, 'call.answered', c.legs[0])],
		[c.phone.pbx, callEvent(a, c, 'call.ended', c.legs[0])],
		[to.pbx, a.event(to, 'call.answered', { call_id: c.call, leg_id: 't' })],
	];
	a.step(at_ms, { do: 'post', posts: volley(a, events) });
}

// ---- assertions and what people do -------------------------------------------

function handset(a, at_ms) {
	const phone = a.roll.of(a.phones);
	const line = a.roll.of([undefined, undefined, '1', '2']);
	const e = a.event(phone, a.roll.of(['phone.off_hook', 'phone.on_hook', 'phone.on_hook']), line ? { line } : {}, a.roll.chance(25));
	a.step(at_ms, { do: 'post', posts: [a.post(phone.pbx, [e])] });
}

function wholeState(a, at_ms) {
	const phone = a.roll.of(a.phones);
	const e = a.event(phone, a.roll.of(['extension.busy', 'extension.idle', 'extension.idle']), {}, a.roll.chance(25));
	a.step(at_ms, { do: 'post', posts: [a.post(phone.pbx, [e])] });
}

// Closer than 2 s: by their stamps, or by their place.
function arrayOfStates(a, at_ms) {
	const phone = a.roll.of(a.phones);
	const stamped = PBXS[phone.pbx].stamps === 'true' && a.roll.chance(50);
	const events = a.roll.shuffled(['extension.busy', 'extension.idle', 'extension.busy', 'extension.idle'])
		.slice(0, 2 + a.roll(3)).map((type, i) => ({
			type, extension: phone.extension, stamp: stamped, ...stamped ? { early_ms: [0, 400, 800, 200][i] } : {},
		}));
	// Its stamps reach back; nothing else may have been said then.
	a.step(at_ms, { do: 'post', quiet_ms: 1000, posts: [a.post(phone.pbx, events)] });
}

function switchOver(a, at_ms) {
	const person = a.roll.of(a.people);
	const on = !a.on.get(person);
	a.on.set(person, on);
	a.step(at_ms, { do: 'switch', person, on });
	if (!on && a.roll.chance(80)) { // and soon on again
		a.on.set(person, true);
		a.step(at_ms + 300 + a.roll(1500), { do: 'switch', person, on: true });
	}
}

function clearNow(a, at_ms) {
	a.step(at_ms, { do: 'clear', person: a.roll.of(a.people), by: a.roll.of(['person', 'admin']) });
}

function postAgain(a, at_ms) {
	if (a.posted.length)
		a.step(at_ms, { do: 'post', posts: [{ id: a.roll.of(a.posted), again: true }] });
}

/** The most often in mid-call, with news of that call afterwards. */
function linkMove(a, at_ms) {
	const phone = a.phones.find((p) => p.moves);
	const c = { phone, call: `c${a.tenant}-${a.people[0]}-${a.made++}`, legs: [undefined] };
	const news = (type) => a.step(at_ms, { do: 'post', posts: [a.post(phone.pbx, [callEvent(a, c, type)])] });
	if (a.roll.chance(80))
		news('call.answered');
	phone.to = a.people.find((p) => p !== (phone.to ?? phone.person));
	a.step(at_ms, { do: 'link', extension: phone.extension, person: phone.to, by: a.roll.of(['file', 'file', 'presencectl']) });
	if (a.roll.chance(50))
		news(a.roll.of(['call.held', 'call.ended']));
}

// ---- what happens to whole tenants ---------------------------------------------

export function changesMake(roll, seconds, tenant, loses, pbxs = PBXS) {
	const ms = seconds * 1000;
	const changes = [];
	const at = (percent) => Math.floor(ms * percent / 100);
	for (const [pbx, { late, stamps }] of pbxs.entries())
		for (let at_ms = 2000 + roll(15_000); at_ms < ms; at_ms += 5000 + roll(20_000))
			changes.push({
				at_ms, tenant, do: 'restart', pbx, id: `${tenant}-r${pbx}-${at_ms}`,
				...late && roll.chance(25) ? { late_s: roll(40) * LATE_S + LATE_S / 2 } : { stamp: stamps !== 'none' },
			});
	if (tenant !== 1)
		for (let at_ms = 1000 + roll(3000); at_ms < ms; at_ms += 2000 + roll(3000))
			changes.push({
				at_ms, tenant, do: 'settings', settings: tenant === 0 ? { lease_s: 300 + 60 * roll(20) }
					: roll.chance(60) ? { after_call: roll.of(['available', 'clear']) } : { ringing_is_busy: roll.chance(50) },
			});
	if (loses)
		for (let from = at(10 + roll(40)); from < ms - 6000; from += 20_000 + roll(20_000))
			changes.push({
				at_ms: from, tenant, do: 'consent', state: roll.of(['revoked', 'none', 'disabled', 'blocked']),
				tokens: roll.of(['strip', 'refuse', 'keep']), for_ms: 1000 + roll(4000),
			});
	return changes;
}

// ---- faults ----------------------------------------------------------------------

const WRITES = ['setPresence', 'setPresence', 'setPresence', 'clearPresence'];
const seconds_ms = (roll, most) => 200 + roll(most * 1000 - 200);

// name, weight, the fault; {person} of a tenant where it is one person's.
const FAULTS = [
	['slow', 14, (r) => ({ op: r.of(WRITES), times: 1 + r(5), delay_ms: seconds_ms(r, 3) })],
	['very slow', 6, (r) => ({ op: r.of(WRITES), times: 1 + r(2), delay_ms: seconds_ms(r, 10) })],
	['429', 6, (r) => ({ op: r.of(WRITES), times: 1 + r(2), status: 429, retry_after: 1 + r(3) })],
	['500', 8, (r) => ({ op: r.of(WRITES), times: 1 + r(4), status: 500 })],
	['503', 8, (r) => ({ op: r.of(WRITES), times: 1 + r(4), status: 503 })],
	['503 with Retry-After', 4, (r) => ({ op: r.of(WRITES), times: 1, status: 503, retry_after: 1 + r(2) })],
	['401', 6, (r) => ({ op: r.of(WRITES), times: 1 + r(3), status: 401 })],
	['403', 5, (r) => ({ op: r.of(WRITES), times: 1 + r(2), status: 403 })],
	['403 for one person', 4, (r) => ({ op: r.of(WRITES), times: 2 + r(3), status: 403, person: true })],
	['404 for one person', 5, (r) => ({ op: 'setPresence', times: 1 + r(2), status: 404, person: true })],
	['403 to a probe', 2, () => ({ op: 'getPresencesByUserId', times: 1, status: 403 })],
	['reset', 8, (r) => ({ op: r.of(WRITES), times: 1 + r(3), action: 'reset', effect: 'none' })],
	['reset after the effect', 14, (r) => ({ op: r.of(WRITES), times: 1 + r(3), action: 'reset', effect: 'before' })],
	['never answered', 4, (r) => ({ op: r.of(WRITES), times: 1, action: 'hang', effect: r.of(['none', 'before']) })],
	['token 500', 4, (r) => ({ op: 'token', times: 1 + r(2), status: 500 })],
	['token never answered', 2, () => ({ op: 'token', times: 1, action: 'hang' })],
];
const LATE_FAULTS = [
	['given up, lands late', 1, (r) => ({ op: r.of(WRITES), times: 1 + r(2), action: 'hang', effect: 'after', effect_delay_ms: 1000 + r(8000) })],
	['reset, lands late', 1, (r) => ({ op: r.of(WRITES), times: 1 + r(2), action: 'reset', effect: 'after', effect_delay_ms: 500 + r(3000) })],
];

// What lands late needs a minute to be corrected: in one seed of three, and early.
export function faultsMake(roll, seconds) {
	const faults = [];
	const add = (table, at_ms) => {
		let n = roll(table.reduce((sum, [, weight]) => sum + weight, 0));
		const [name, , make] = table.find(([, weight]) => (n -= weight) < 0);
		const { op, person, times, ...rest } = make(roll);
		faults.push({
			at_ms, name, tenant: roll(3), op, times, late: table === LATE_FAULTS,
			person: person ? roll(PEOPLE) : null, fault: rest,
		});
	};
	for (let at_ms = 300; at_ms < seconds * 1000 - 500; at_ms += 150 + roll(600))
		add(FAULTS, at_ms);
	if (roll(3) === 0)
		for (let n = 1 + roll(3); n > 0; n--)
			add(LATE_FAULTS, roll(3000));
	return faults;
}

// ---- deaths ------------------------------------------------------------------------

function deathsMake(roll, seconds, instances) {
	const deaths = [];
	const each_20s = { webhook: 6, reconciler: 3, tab: 2, admin: 2, postgres: 1, nginx: 1 };
	for (const [name, count] of Object.entries(each_20s))
		for (let n = Math.max(1, Math.round(count * seconds / 20)); n > 0; n--)
			deaths.push({
				at_ms: 1000 + roll(Math.max(1, seconds * 1000 - 2000)),
				name: instances > 1 && !['postgres', 'nginx'].includes(name) && roll.chance(50) ? `${name}-2` : name,
				signal: name === 'postgres' ? roll.of(['SIGQUIT', 'SIGKILL']) : 'SIGKILL', // its immediate stop
			});
	return deaths;
}
