// Carries out one plan against a running stack, and tells the model what was
// accepted: every actor does its steps one after the other, each request is sent
// again until it is taken. What must never be answered is a complaint.

import { readFileSync } from 'node:fs';
import { Counts, ask, insist, pause, sign } from '../http/sender.mjs';
import { LATE_FROM_S, PBXS } from './plan.mjs';
import { PIDS, admin, agent, ctl, sim, tab } from './world.mjs';

export const PATIENCE_MS = 60_000;
const HELD_MS = 4000; // the answer's limit, and the batch that is under way then
const AHEAD_MS = 2 * 3600 * 1000; // the clock of a PBX that is hours wrong

/** Many at once, or one alone; in the order of asking. One for each PBX. */
class Door {
	constructor() {
		this.inside = 0;
		this.alone = false;
		this.waiting = [];
	}

	enter(alone) {
		return new Promise((resolve) => {
			this.waiting.push({ alone, resolve });
			this.turn();
		});
	}

	leave() {
		this.inside--;
		this.alone = false;
		this.turn();
	}

	turn() {
		while (this.waiting.length && !this.alone && (this.inside === 0 || !this.waiting[0].alone)) {
			const { alone, resolve } = this.waiting.shift();
			this.inside++;
			this.alone = alone;
			resolve();
		}
	}
}

/**
 * R6: how long its sender held an event back, by the sender's own clock (whole
 * seconds of the attempt); also a repetition of one that was not stored.
 */
function heldBack({ event_ms }, from) {
	return event_ms === undefined ? 0 : Math.max(0, Math.floor(from / 1000) * 1000 - event_ms);
}

export class Storm {
	constructor(plan, world, model, { deaths }) {
		Object.assign(this, { plan, world, model, deaths });
		this.began = Date.now();
		this.ends = this.began + plan.seconds * 1000;
		this.bodies = new Map(); // id -> what was sent under it
		this.keys = new Set(); // of events that were taken
		this.taken_of = new Map(); // the same by tenant
		this.complaints = [];
		this.counts = new Counts();
		this.outcomes = {};
		this.doses = new Map(); // fault id -> its line of the plan
		this.died = 0;
		this.probed = false;
		for (const t of world.tenants)
			for (const pbx of t.pbxs)
				pbx.door = new Door();
		for (const a of plan.actors)
			for (const x of a.phones)
				x.now = x.person; // whose it is
	}

	complain(text) {
		this.complaints.push(`at ${((Date.now() - this.began) / 1000).toFixed(1)} s: ${text}`);
	}

	/** All of it, until the last step is answered. */
	async run() {
		await Promise.all([
			...this.plan.actors.map((a) => this.inTime(a.steps, (step) => this.step(a, step))),
			...this.plan.changes.map((c) => this.inTime([c], () => this.change(c))),
			this.inTime(this.plan.faults, (f) => this.fault(f)),
			this.inTime(this.plan.deaths, (d) => this.death(d)),
		]);
	}

	/** One after the other, none before its time, none begun after the end or the first complaint. */
	async inTime(list, one) {
		for (const step of list) {
			const wait_ms = this.began + step.at_ms - Date.now();
			if (wait_ms > 0)
				await pause(wait_ms);
			if (Date.now() >= this.ends || this.complaints.length)
				return;
			await one(step);
		}
	}

	/** This event was taken: it must be stored. */
	keep(tenant, key) {
		this.keys.add(key);
		if (!this.taken_of.has(tenant.id))
			this.taken_of.set(tenant.id, new Set());
		this.taken_of.get(tenant.id).add(key);
	}

	told(answer) {
		this.counts.add(answer);
	}

	async insist(what, one) {
		const answer = await insist(PATIENCE_MS, (a) => this.told(a), one);
		if (answer.status !== 200)
			this.complain(`${what}: ${answer.status || answer.why} ${answer.text}`);
		return answer.status === 200;
	}

	// ---- a step of an actor ------------------------------------------------------

	/** The PBXs at whose doors it must stand. */
	touched(actor, step) {
		if (step.do === 'link')
			return [3];
		return step.do === 'post' && !actor.strict ? step.posts.map((p) => p.pbx ?? this.bodies.get(p.id)?.pbx ?? 0) : actor.phones.map((x) => x.pbx);
	}

	async step(actor, step) {
		const tenant = this.world.tenants[actor.tenant];
		// A restart of a PBX and its list of links stand alone, for a strict person all along.
		const doors = [...new Set(this.touched(actor, step))].sort().map((i) => tenant.pbxs[i].door);
		for (const door of doors)
			await door.enter(step.do === 'link');
		try {
			if (step.do === 'post')
				await this.posts(actor, tenant, step);
			else if (step.do === 'say')
				await this.say(actor, tenant, step);
			else if (step.do === 'link')
				await this.link(actor, tenant, step);
			else
				await this.person(tenant, step);
		} finally {
			for (const door of doors)
				door.leave();
		}
	}

	async person(tenant, step) {
		const who = tenant.people[step.person];
		const from = Date.now();
		if (step.do === 'switch') {
			if (await this.insist('switch', () => tab(who, 'PUT', 'monitoring', { on: step.on })))
				this.model.monitoring(who.id, step.on, from, Date.now());
		} else if (await this.insist('clear now', () => (step.by === 'admin'
			? admin(tenant, 'POST', `people/${who.id}/clear`) : tab(who, 'POST', 'clear')))) {
			this.model.clear(who.id, from, Date.now());
		}
	}

	/** To another person, by the whole list or by hand; the caller stands alone at the PBX. */
	async link(actor, tenant, { extension, person, by }) {
		const pbx = tenant.pbxs[3];
		const from = Date.now();
		const phone = actor.phones.find((x) => x.extension === extension);
		phone.now = person;
		const list = this.plan.actors.filter((a) => a.tenant === actor.tenant).flatMap((a) => a.phones).filter((x) => x.pbx === 3);
		const one = () => (by === 'file'
			? admin(tenant, 'PUT', `pbxs/${pbx.id}/extensions`, `extension,user\n${
				list.map((x) => `${x.extension},${tenant.people[x.now].id}\n`).join('')}`, 'text/csv')
			: ctl('link', tenant.id, pbx.id, extension, tenant.people[person].id)
				.then(() => ({ status: 200, ms: 0, text: '{"lines":[]}' }), (e) => ({ status: 0, why: `presencectl: ${e.stderr}`, ms: 0, text: '' })));
		let answer;
		// Without the tenant's consent, or a token, nobody can be looked up.
		for (const end = Date.now() + PATIENCE_MS; ;) {
			answer = await one();
			if (answer.status === 200 || Date.now() > end || (answer.status && ![403, 409, 502, 503].includes(answer.status)))
				break;
			await pause(250);
		}
		if (answer.status !== 200)
			return this.complain(`link: ${answer.status || answer.why} ${answer.text}`);
		const bad = JSON.parse(answer.text).lines.filter((l) => l.result !== 'ok');
		if (bad.length)
			this.complain(`link: ${JSON.stringify(bad)}`);
		return this.model.link(pbx.id, extension, tenant.people[person].id, from, Date.now());
	}

	// ---- events --------------------------------------------------------------------

	stamp(pbx, e) {
		const now = Date.now();
		if (e.late_s !== undefined)
			return this.began - LATE_FROM_S * 1000 + e.late_s * 1000;
		if (!e.stamp)
			return undefined;
		return now - (e.early_ms ?? 0) + (PBXS[pbx].stamps === 'ahead' ? AHEAD_MS : 0);
	}

	/** The body of a request, made when it is sent first and kept for the next time. */
	bodyOf({ id, pbx, events, array }) {
		const old = this.bodies.get(id);
		if (old || !events)
			return old;
		const told = events.map((e) => ({ ...e, event_ms: this.stamp(pbx, e) }));
		const shown = told.map(({ type, event_ms, extension, call_id, leg_id, line }) => ({
			type, ...event_ms === undefined ? {} : { timestamp: new Date(event_ms).toISOString() },
			data: { extension, call_id, leg_id, line },
		}));
		const made = { id, pbx, events: told, text: JSON.stringify(array ? shown : shown[0]) };
		this.bodies.set(id, made);
		return made;
	}

	async post(tenant, body) {
		const pbx = tenant.pbxs[body.pbx];
		const from = Date.now();
		let dropped; // when an attempt began that nobody answered
		const answer = await insist(PATIENCE_MS, (a) => this.told(a), async () => {
			const began = Date.now();
			const one = await ask(agent, 'POST', pbx.url, sign(pbx.secret, body.id, body.text), body.text);
			if (!one.status)
				dropped = began;
			return one;
		});
		// It may be in the program's hands yet, and count after what is done next.
		if (dropped)
			await pause(dropped + HELD_MS - Date.now());
		if (answer.status !== 200) {
			this.complain(`event ${body.id} ${body.text}: ${answer.status || answer.why} ${answer.text}`);
			return { body, from, to: Date.now(), results: null };
		}
		return { body, from, to: Date.now(), results: JSON.parse(answer.text).results };
	}

	async posts(actor, tenant, step) {
		if (step.quiet_ms)
			await pause(step.quiet_ms);
		const bodies = step.posts.map((p) => this.bodyOf(p)).filter(Boolean);
		if (bodies.length === 0)
			return;
		const at_once = bodies.length > 1;
		const answers = await Promise.all(bodies.map((b) => this.post(tenant, b)));
		const from = Math.min(...answers.map((a) => a.from));
		const to = Math.max(...answers.map((a) => a.to));
		if (at_once)
			for (const n of actor.people)
				this.model.loosen(tenant.people[n].id, from, to);
		for (const a of answers)
			this.taken(actor, tenant, a, { from, to, at_once });
		if (at_once)
			for (const n of actor.people)
				this.model.loosen(tenant.people[n].id, from, to);
	}

	/** The model is told of each event; what a strict actor was answered must agree. */
	taken(actor, tenant, { body, results }, { from, to, at_once }) {
		if (!results)
			return;
		if (results.length !== body.events.length)
			this.complain(`event ${body.id}: ${results.length} results for ${body.events.length} events`);
		body.events.forEach((e, i) => {
			const key = `${body.id}:${i}`;
			const { outcome, person } = this.model.event(tenant.pbxs[body.pbx].id, { ...e, key, held_ms: heldBack(e, from) }, from, to);
			if (outcome === 'taken' || outcome === 'duplicate')
				this.keep(tenant, key);
			const said = results[i];
			this.outcomes[said.outcome] = (this.outcomes[said.outcome] ?? 0) + 1;
			this.consented(tenant, body, said, from, to);
			if (at_once || !actor.strict)
				return;
			this.compare(body, i, { outcome, person, said }, from, to);
		});
	}

	/** R12: once it is known that consent is gone, nothing is published until it is back. */
	consented(tenant, body, said, from, to) {
		if (tenant.away === undefined || from < tenant.away)
			return;
		if (said.outcome === 'no_consent')
			tenant.known ??= to;
		else if (said.outcome === 'published' && from > tenant.known && !this.probed)
			this.complain(`event ${body.id}: published although consent is gone`);
	}

	compare(body, i, { outcome, person, said }, from, to) {
		const odd = (text) => this.complain(`event ${body.id}[${i}] ${body.text}: ${text}, answered ${JSON.stringify(said)}`);
		if (outcome === 'taken' ? ['unknown_extension', 'monitoring_off'].includes(said.outcome)
			: outcome !== said.outcome && !(outcome === 'duplicate' && said.outcome === 'superseded'))
			return odd(`should be ${outcome}`);
		if (outcome === 'unknown_extension' || outcome === 'monitoring_off')
			return said.availability === null ? undefined : odd('should show nothing');
		// Taken by an attempt whose answer was lost: this one shows the state after all of them.
		if (said.outcome === 'duplicate' && i + 1 < body.events.length)
			return undefined;
		if (!this.model.isUnsure(person.id, from, to) && (said.availability === 'Busy') !== person.busy)
			return odd(`should ${person.busy ? '' : 'not '}be Busy`);
		if (said.outcome === 'published' && said.availability === 'Busy')
			this.model.confirmed(person.id);
		return undefined;
	}

	// ---- what happens to tenants, faults, deaths -----------------------------------

	async change(c) {
		const tenant = this.world.tenants[c.tenant];
		const from = Date.now();
		if (c.do === 'settings') {
			this.model.settingsBegin(tenant.id, c.settings, from);
			if (await this.insist('settings', () => admin(tenant, 'PATCH', 'tenant', { settings: c.settings }))) {
				this.model.settingsEnd(tenant.id, c.settings, from, Date.now());
				Object.assign(tenant.settings, c.settings);
			}
		} else if (c.do === 'consent') {
			await sim('POST', 'consent', { tenant: tenant.id, state: c.state, tokens: c.tokens });
			tenant.away = Date.now();
			await pause(c.for_ms);
			tenant.away = tenant.known = undefined;
			await sim('POST', 'consent', { tenant: tenant.id, state: 'granted' });
		} else {
			await this.restart(tenant, c);
		}
	}

	/** Ends legs of people who have others at another PBX: nothing may be under way there either. */
	async restart(tenant, c) {
		const pbx = tenant.pbxs[c.pbx];
		for (const { door } of tenant.pbxs)
			await door.enter(true);
		const event = { type: 'pbx.restarted', late_s: c.late_s, stamp: c.stamp };
		const body = this.bodyOf({ id: c.id, pbx: c.pbx, events: [event], array: false });
		const { from, to, results } = await this.post(tenant, body);
		if (results) {
			const [e] = body.events;
			const key = `${c.id}:0`;
			this.model.event(pbx.id, { ...e, key, held_ms: heldBack(e, from) }, from, to);
			this.keep(tenant, key);
		}
		for (const { door } of tenant.pbxs)
			door.leave();
	}

	async fault(f) {
		const tenant = this.world.tenants[f.tenant];
		const match = { op: f.op, tenant: tenant.id, ...f.person === null ? {} : { user: tenant.people[f.person].id } };
		this.probed ||= f.op === 'getPresencesByUserId'; // lost and found by that alone
		const { id } = await sim('POST', 'fault', { match, times: f.times, ...f.fault });
		this.doses.set(id, f);
	}

	/** Takes the faults away; gives how many were hit, by name, and of those that land late. */
	async faultsEnd() {
		const { faults } = await sim('GET', 'fault');
		await sim('DELETE', 'fault');
		const left = new Map(faults.map((f) => [f.id, f.left]));
		const hits = {};
		let late = 0;
		for (const [id, f] of this.doses) {
			const n = f.times - (left.get(id) ?? 0);
			if (n > 0)
				hits[f.name] = (hits[f.name] ?? 0) + n;
			late += f.late ? n : 0;
		}
		return { hits, late };
	}

	async death({ name, signal }) {
		for (let i = 0; i < 300; i++) {
			try {
				const pid = Number(readFileSync(`${PIDS}/${name}.pid`, 'utf8'));
				if (pid > 0) {
					process.kill(pid, signal);
					this.died++;
					return;
				}
			} catch { /* it is about to come back */ }
			await pause(50);
		}
		this.complain(`${name} does not come back`);
	}
}
