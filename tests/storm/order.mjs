// What must hold at every moment, read from the simulator's log of calls: one call at
// a time for a person, never an older state after a newer one, never the same state
// twice without need, and Microsoft's limit. Pure.

const CLAIM_MS = 5000; // a call is sent at most 4 s after its claim
const CLOCK_MS = 60; // between the simulator's clock and ours
const RENEWED_MS = 190_000; // no lease is renewed earlier
const LIMIT = 1500; // requests of a tenant in 30 s

export const wordOf = (call) => (call.op === 'clearPresence' ? 'clear' : { Busy: 'busy', Available: 'available' }[call.body?.availability] ?? 'odd');
const isDone = (call) => call.status !== null && (call.status < 300 || (call.status === 404 && call.op === 'clearPresence'));
const time = (began, ms) => ((ms - began) / 1000).toFixed(2);

const shown = (c, began) => `${c.op} ${c.body?.availability ?? ''} ${c.status ?? 'gone'} ${time(began, c.started_at)}-${
	c.ended_at ? time(began, c.ended_at) : 'still'}`;

/** Never two at once for anybody. */
export const togetherFaults = (calls, began) => calls.filter((c) => c.concurrent > 1).map((c) =>
	`two calls at once for ${c.user}: ${shown(c, began)} beside ${calls.filter((b) => b.user === c.user && b.seq < c.seq
		&& !(b.ended_at < c.started_at - 1000)).map((b) => shown(b, began)).join(', ')}`);

/**
 * R10 for one person whose goals are all known: each call fits a goal that is not
 * older than the one before it fitted, that was there when it was sent, and that
 * had not been replaced for longer than a claim may be old.
 */
export function orderFaults(person, calls, began) {
	const faults = [];
	const { goals } = person;
	let at = 0;
	let last = null;
	const words = new Map(); // of a goal that is one of two kinds: which
	for (const call of calls) {
		const word = wordOf(call);
		let fits = -1;
		for (let i = at; i < goals.length && fits < 0; i++)
			if (goals[i].kinds.includes(word) && (words.get(i) ?? word) === word && goals[i].from <= call.started_at + CLOCK_MS
				&& (i + 1 === goals.length || goals[i + 1].to >= call.started_at - CLAIM_MS))
				fits = i;
		if (fits < 0)
			faults.push(`${person.id} was told ${word} at ${time(began, call.started_at)} s, after ${last ?? 'nothing'}; goals: ${
				goals.map((g) => `${g.kinds.join('/')} ${time(began, g.from)}-${time(began, g.to)}`).join(', ')}`);
		else
			at = fits;
		if (goals[fits]?.one)
			words.set(fits, word);
		last = word;
	}
	return faults;
}

/** The same state twice; only for whom every call was done and no need can have come. */
export function needlessFaults(person, calls) {
	if (!calls.every(isDone))
		return [];
	return calls.filter((c, i) => i > 0 && wordOf(c) === wordOf(calls[i - 1]) && c.started_at - calls[i - 1].started_at < RENEWED_MS)
		.map((c) => `${person.id} was told ${wordOf(c)} twice without need`);
}

export const limitFaults = (counts, tenants) => tenants.filter((t) => (counts.max_in_30s[t.id] ?? 0) > LIMIT)
	.map((t) => `${counts.max_in_30s[t.id]} requests of one tenant in 30 s`);
