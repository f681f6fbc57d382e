// What Teams must show for each person, by the rules of presence alone: a small
// second opinion that shares no line with the product. It is told what happened,
// one thing after the other, each with the time span in which it took effect (from
// its sending to its answer, ms), and says what follows. Nothing here does I/O.
//
// What cannot be known from outside is kept as a set of possibilities: whether a
// Busy was told before the call ended (then nothing has to be undone), and which
// of two settings was in force when two things overlapped.

const NEAR_MS = 2000; // assertions closer than this are not comparable by time
const RING_MS = 180_000; // a leg that rings longer without news has ended

const RANK = { 'call.ringing': 1, 'call.answered': 2, 'call.resumed': 2, 'call.held': 3 };
const KINDS = { available: 'available', clear: 'none' }; // what a goal leaves in Teams
export const ANYTHING = ['busy', 'available', 'clear'];

/** R6: is the first assertion newer? Times in our clock, then those of the PBX's. */
export function isNewer(at, event, than, thanEvent) {
	if (Math.abs(at - than) >= NEAR_MS)
		return at > than;
	return event == null || thanEvent == null || event === thanEvent ? true : event > thanEvent;
}

export class Model {
	constructor() {
		this.tenants = new Map();
		this.people = new Map();
		this.pbxs = new Map();
	}

	tenantAdd(id, { after_call, ringing_is_busy }) {
		this.tenants.set(id, {
			ringing: ringing_is_busy, after: [{ value: after_call, from: 0, to: Infinity }], rings: [],
		});
	}

	pbxAdd(id, tenant) {
		this.pbxs.set(id, { tenant, owners: new Map(), ends: new Set(), said: new Map(), keys: new Set() });
	}

	personAdd(id, tenant, monitoring = false) {
		this.people.set(id, {
			id, tenant, monitoring, legs: new Map(), busy: false, told: false, owes: false, may: new Set(['none']), goals: [], moved: 0,
		});
	}

	// ---- what happens ----------------------------------------------------------

	/** R7, R3: settings hold for open calls too. Between begin and end either may be in force. */
	settingsBegin(id, { after_call, ringing_is_busy }, from) {
		const t = this.tenants.get(id);
		if (after_call !== undefined)
			t.after.push({ value: after_call, from, to: Infinity });
		if (ringing_is_busy !== undefined && ringing_is_busy !== t.ringing)
			t.rings.push({ from, to: Infinity });
	}

	settingsEnd(id, { after_call, ringing_is_busy }, from, to) {
		const t = this.tenants.get(id);
		if (after_call !== undefined)
			t.after.at(-2).to = to;
		if (ringing_is_busy === undefined || ringing_is_busy === t.ringing)
			return;
		t.ringing = ringing_is_busy;
		t.rings.at(-1).to = to;
		for (const p of this.people.values())
			if (p.tenant === id && [...p.legs.values()].some((l) => l.state === 1))
				this.follow(p, 'either', from, to);
	}

	/** R18: the extension's legs end for whoever had it; the new one starts with none. */
	link(pbx, extension, person, from, to) {
		const x = this.pbxs.get(pbx);
		const old = this.people.get(x.owners.get(extension));
		if (old?.id === person)
			return;
		if (old) {
			const ended = this.legsEnd(old, (l) => l.pbx === pbx && l.extension === extension);
			x.owners.delete(extension);
			if (ended)
				this.follow(old, 'silent', from, to);
		}
		if (person)
			x.owners.set(extension, person);
	}

	/** R11: off deletes the legs, without tombstones; on starts with none. */
	monitoring(person, on, from, to) {
		const p = this.people.get(person);
		if (p.monitoring === on)
			return;
		p.monitoring = on;
		if (on)
			return;
		p.legs.clear();
		this.follow(p, 'clear', from, to);
	}

	/** R9: clear now. */
	clear(person, from, to) {
		const p = this.people.get(person);
		this.legsEnd(p, () => true);
		this.follow(p, 'clear', from, to);
	}

	/**
	 * One event that was accepted.
	 *   e   {type, extension, call_id, leg_id, line, key, event_ms: its timestamp, held_ms: how
	 *       long the sender held it back}
	 * Gives {outcome, person}; outcome is unknown_extension, monitoring_off, duplicate or taken.
	 */
	event(pbx, e, from, to) {
		const x = this.pbxs.get(pbx);
		const p = this.people.get(x.owners.get(e.extension));
		const restart = e.type === 'pbx.restarted';
		if (!p && !restart)
			return { outcome: 'unknown_extension', person: null };
		if (!restart && !p.monitoring)
			return { outcome: 'monitoring_off', person: p };
		if (e.key !== undefined) { // R5
			if (x.keys.has(e.key))
				return { outcome: 'duplicate', person: p };
			x.keys.add(e.key);
		}
		const said = { at: from - (e.held_ms ?? 0), event: e.event_ms };
		if (restart) {
			this.restart(pbx, x, said, from, to);
			return { outcome: 'taken', person: null };
		}
		const where = { pbx, extension: e.extension };
		if (e.type.startsWith('call.'))
			this.call(p, x, where, e, { at: from, event: e.event_ms });
		else if (e.type.startsWith('phone.'))
			this.handset(p, x, where, e, said);
		else
			this.extension(p, x, where, e, said);
		this.follow(p, 'news', from, to);
		return { outcome: 'taken', person: p };
	}

	/** The end of a call that names nobody: for all who are in it at that PBX, or would be. */
	over(pbx, call, from, to) {
		this.pbxs.get(pbx).ends.add(JSON.stringify([null, call, null]));
		for (const p of this.people.values())
			if (this.legsEnd(p, (l) => l.kind === 'call' && l.pbx === pbx && l.call === call))
				this.follow(p, 'news', from, to);
	}

	/** Graph confirmed this person's Busy before an answer: what ends it is owed. */
	confirmed(person) {
		const p = this.people.get(person);
		p.told = p.busy;
		p.owes &&= !p.told;
	}

	/** Things overlapped for this person: which state came between them is not known. */
	loosen(person, from, to) {
		const p = this.people.get(person);
		p.told = false;
		for (const word of this.afterCall(p, from, to))
			p.may.add(KINDS[word]);
	}

	// ---- legs ------------------------------------------------------------------

	/** R2, R3, R4: the rank decides, never the order; ended wins and stays. */
	call(p, x, { pbx, extension }, e, news) {
		const leg = e.leg_id ?? '';
		const name = (one) => JSON.stringify([extension, e.call_id, one]);
		if (e.type === 'call.ended') {
			x.ends.add(name(e.leg_id ?? null)); // null: every leg of the call
			x.ends.add(name(leg));
			for (const [key, l] of p.legs)
				if (l.kind === 'call' && l.pbx === pbx && l.extension === extension && l.call === e.call_id
					&& (e.leg_id === undefined || l.leg === leg))
					p.legs.delete(key);
			return;
		}
		if (x.ends.has(name(null)) || x.ends.has(name(leg)) || x.ends.has(JSON.stringify([null, e.call_id, null])))
			return;
		const key = JSON.stringify([pbx, extension, 'call', e.call_id, leg]);
		const rank = RANK[e.type];
		const old = p.legs.get(key)?.state ?? 0;
		p.legs.set(key, {
			pbx, extension, kind: 'call', call: e.call_id, leg, ...news,
			state: e.type === 'call.resumed' ? 2 : Math.max(old, rank),
		});
	}

	// Is it newer than all that was asserted under these names? Then it is remembered.
	take(x, own, others, said) {
		for (const name of [own, ...others]) {
			const old = x.said.get(name);
			if (old && !isNewer(said.at, said.event, old.at, old.event))
				return false;
		}
		x.said.set(own, said);
		return true;
	}

	/** R6: a handset, used again and again; on-hook without a line means all lines. */
	handset(p, x, { pbx, extension }, e, said) {
		const line = e.line ?? '';
		const name = (one) => JSON.stringify(['handset', extension, one]);
		const [lines, whole] = [name(null), `extension ${extension}`];
		const key = (one) => JSON.stringify([pbx, extension, 'handset', one]);
		if (e.type === 'phone.off_hook') {
			if (this.take(x, name(line), [lines, whole, 'pbx'], said))
				p.legs.set(key(line), { pbx, extension, kind: 'handset', leg: line, state: 2, ...said });
		} else if (e.line !== undefined) {
			if (this.take(x, name(line), [lines, whole, 'pbx'], said))
				p.legs.delete(key(line));
		} else if (this.take(x, lines, [whole, 'pbx'], said)) {
			for (const [k, l] of p.legs) {
				if (l.kind !== 'handset' || l.pbx !== pbx || l.extension !== extension)
					continue;
				const lifted = x.said.get(name(l.leg));
				if (!lifted || isNewer(said.at, said.event, lifted.at, lifted.event))
					p.legs.delete(k);
			}
		}
	}

	/** R6: the whole state of an extension replaces what was heard of before it was said. */
	extension(p, x, { pbx, extension }, e, said) {
		if (!this.take(x, `extension ${extension}`, ['pbx'], said))
			return;
		const key = JSON.stringify([pbx, extension, 'extension']);
		this.legsEnd(p, (l) => l.pbx === pbx && l.extension === extension
			&& isNewer(said.at, said.event, l.at, l.event));
		if (e.type === 'extension.busy')
			p.legs.set(key, { pbx, extension, kind: 'extension', state: 2, ...said });
	}

	/** R9: ends every leg of that PBX without newer news. */
	restart(pbx, x, said, from, to) {
		if (!this.take(x, 'pbx', [], said))
			return;
		for (const p of this.people.values())
			if (this.legsEnd(p, (l) => l.pbx === pbx && isNewer(said.at, said.event, l.at, l.event)))
				this.follow(p, 'news', from, to);
	}

	// R4: what ends otherwise than by its own end leaves a tombstone too.
	legsEnd(p, which) {
		let ended = 0;
		for (const [key, l] of p.legs) {
			if (!which(l))
				continue;
			p.legs.delete(key);
			ended++;
			if (l.kind === 'call')
				this.pbxs.get(l.pbx).ends.add(JSON.stringify([l.extension, l.call, l.leg]));
		}
		return ended;
	}

	// ---- what follows ----------------------------------------------------------

	/** R2, R3: busy while one leg counts. */
	isBusy(p, at) {
		const { ringing } = this.tenants.get(p.tenant);
		for (const [key, l] of p.legs) {
			if (l.state === 1 && at - l.at > RING_MS)
				p.legs.delete(key); // without a tombstone: it may yet be answered
			else if (p.monitoring && (l.state > 1 || ringing))
				return true;
		}
		return false;
	}

	afterCall(p, from, to) {
		return this.tenants.get(p.tenant).after.filter((a) => a.from <= to && a.to >= from).map((a) => a.value);
	}

	/** Was the setting that makes ringing busy changed meanwhile? */
	isUnsure(person, from, to) {
		const p = this.people.get(person);
		return this.tenants.get(p.tenant).rings.some((r) => r.from <= to && r.to >= from);
	}

	// R7: the goal, when it changed.   how: news, silent, clear, either
	follow(p, how, from, to) {
		const busy = this.isBusy(p, to);
		const goal = (kinds, one = false) => {
			p.goals.push({ kinds, from, to, one });
			p.owes ||= kinds.includes('clear');
		};
		if (how !== 'either' && this.isUnsure(p.id, from, to)) {
			goal(ANYTHING);
			p.told = false;
			for (const word of ['none', 'available'])
				p.may.add(word);
		}
		if (how === 'clear') {
			p.may = new Set(['none']);
			p.told = false;
			goal(['clear']);
		} else if (busy && !p.busy) {
			p.told = false;
			goal(['busy']);
		} else if (!busy && p.busy) {
			let kinds = how === 'silent' ? ['clear'] : how === 'either' ? ['available', 'clear'] : this.afterCall(p, from, to);
			// This call was perhaps not told, and what was to be cleared before it still stands.
			const owed = p.owes && !p.told && !kinds.includes('clear');
			if (owed)
				kinds = [...kinds, 'clear'];
			p.may = new Set([...p.told ? [] : p.may, ...kinds.map((k) => KINDS[k])]);
			goal(kinds, owed);
		} else {
			return;
		}
		p.busy = busy;
		p.moved = to;
	}

	/** What Teams must show of us: {busy, may: set of none, available}. */
	shown(person, at) {
		const p = this.people.get(person);
		const busy = this.isBusy(p, at);
		if (busy !== p.busy)
			this.follow(p, 'silent', at, at);
		return { busy, may: p.may };
	}
}
