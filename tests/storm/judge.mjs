// After the storm: waits until Teams shows for everybody what the model says, and
// says who is wrong for too long; then compares what is stored with what was taken.

import { ask, insist, pause, sign } from '../http/sender.mjs';
import { limitFaults, needlessFaults, orderFaults, togetherFaults } from './order.mjs';
import { admin, agent, sim, sql } from './world.mjs';

const RIGHT_MS = 45_000; // after the last fault
const LANDED_MS = 90_000; // after a call that was given up landed
const GIVEN_UP_MS = 15_000;
const LANDS_MS = 10_000; // at most, after it was given up
const LOOK_MS = 300;
const AVAILABLE_MS = 280_000; // an Available of ours may have run out after that

/** Is this what Teams must show of us? */
function isRight(session, { busy, may }, person) {
	if (busy)
		return session?.availability === 'Busy' && session.activity === 'InACall';
	if (session === null)
		return may.has('none') || Date.now() - person.moved > AVAILABLE_MS;
	return may.has('available') && session.availability === 'Available' && session.activity === 'Available';
}

export class Judge {
	constructor(storm, since) {
		this.storm = storm;
		this.model = storm.model;
		this.tenants = storm.world.tenants;
		this.list = this.tenants.map((t) => `'${t.id}'`).join(', ');
		this.since = since;
		this.calls = [];
		this.byPerson = new Map();
		this.healed = new Map();
		this.unsettled = new Map(); // people who are right but being told: since when
	}

	/** The presence calls of our tenants so far; those under way are read again. */
	async callsRead() {
		const ours = new Set(this.tenants.map((t) => t.id));
		const { calls } = await sim('GET', `calls?since=${this.since}&limit=200000`);
		this.calls = calls.filter((c) => ours.has(c.tenant));
		this.byPerson = new Map();
		for (const c of this.calls.filter((x) => /^(set|clear)Presence$/.test(x.op)))
			this.byPerson.set(c.user, [...this.byPerson.get(c.user) ?? [], c]);
	}

	landedLate(person) {
		return (this.byPerson.get(person) ?? []).filter((c) => c.landed_at && c.ended_at && c.landed_at > c.ended_at + 1);
	}

	/** Waits. Gives {seconds, faults: [what is wrong for too long]}. */
	async right(late, ended_at) {
		let latest = ended_at;
		for (;;) {
			const wrong = await this.wrong().catch((e) => [{ id: null, text: `cannot look: ${e.message}` }]);
			const now = Date.now();
			await this.callsRead();
			if (await this.heal(wrong.filter((w) => w.failed)))
				latest = Date.now();
			if (wrong.length === 0 && !this.isLanding(late, now))
				return { seconds: (now - ended_at) / 1000, faults: [] };
			this.unsettled = new Map(wrong.filter((w) => w.right).map(({ id }) => [id, this.unsettled.get(id) ?? now]));
			// Right, and being told once more: that takes its time whenever it comes.
			const over = wrong.filter(({ id }) => now > Math.max(latest + RIGHT_MS, (this.unsettled.get(id) ?? 0) + RIGHT_MS,
				...this.landedLate(id).map((c) => c.landed_at + LANDED_MS)));
			if (over.length)
				return { seconds: (now - ended_at) / 1000, faults: over.map((w) => this.story(w)) };
			await pause(LOOK_MS);
		}
	}

	/** Is a call that was given up still to land? */
	isLanding(late, now) {
		const gone = this.calls.filter((c) => c.status === null);
		const landed = gone.filter((c) => c.landed_at && c.landed_at > c.ended_at + 1).length;
		if (gone.some((c) => c.ended_at === null && now - c.started_at < GIVEN_UP_MS + LANDS_MS))
			return true;
		return landed < late && now - Math.max(...gone.map((c) => c.ended_at)) < LANDS_MS;
	}

	async wrong() {
		const rows = await sql(`SELECT user_id, presence.user_must_tell(u), coalesce(claim_until_at > clock_timestamp(), false), goal <> 'none' AND failed_no IS NOT DISTINCT
			FROM goal_no, concat_ws(' ', goal, published, CASE WHEN certain THEN 'certain' ELSE 'uncertain' END, 'attempts', attempts,
				'retry', retry_at::time, 'claimed until', claim_until_at::time, 'late', late, problem, t.consent, 'gate', b.gate_until_at::time)
			FROM presence.teams_user u JOIN presence.tenant t USING (tenant_id) JOIN presence.tenant_budget b USING (tenant_id)
			WHERE tenant_id IN (${this.list})`);
		const { tenants } = await sim('GET', 'state');
		const sessions = new Map(tenants.flatMap((t) => t.users.map((u) => [u.oid, u.session])));
		const wrong = [];
		for (const [id, must, claimed, failed, told] of rows) {
			const should = this.model.shown(id, Date.now());
			const session = sessions.get(id);
			const shows = session ? `${session.availability}/${session.activity}` : 'nothing';
			const right = isRight(session, should, this.model.people.get(id));
			if (!right || must === 't' || claimed === 't')
				wrong.push({
					id, right, failed: failed === 't', text: `Teams shows ${shows} of ours and should show ${
						should.busy ? 'Busy' : [...should.may].join(' or ')}${right ? ' (right, but not settled)' : ''}; stored: ${told}`,
				});
		}
		return wrong;
	}

	story({ id, text }) {
		const calls = (this.byPerson.get(id) ?? []).slice(-12).map((c) => `      ${((c.started_at - this.storm.began) / 1000).toFixed(2)} s ${
			c.op} ${c.body?.availability ?? ''} ${c.status ?? 'gone'} ended ${c.ended_at ? ((c.ended_at - this.storm.began) / 1000).toFixed(2) : '-'
		} landed ${c.landed_at ? ((c.landed_at - this.storm.began) / 1000).toFixed(2) : '-'}`);
		const goals = (this.model.people.get(id)?.goals ?? []).slice(-6).map((g) => `${g.kinds.join('/')} ${((g.from - this.storm.began) / 1000).toFixed(2)}`);
		return `${id}: ${text}\n      goals: ${goals.join(', ')}\n${calls.join('\n')}`;
	}

	/** R14: a person whom Graph refused is told again with the next goal: brings one. */
	async heal(people) {
		let any = false;
		for (const { id } of people) {
			if (this.healed.get(id) >= 2)
				continue;
			if (!(this.byPerson.get(id) ?? []).some((c) => c.status === 403 || c.status === 404))
				continue;
			this.healed.set(id, (this.healed.get(id) ?? 0) + 1);
			any = true;
			const tenant = this.tenants.find((t) => t.people.some((p) => p.id === id));
			const person = this.model.people.get(id);
			const n = tenant.people.findIndex((p) => p.id === id);
			const phone = this.storm.plan.actors.filter((a) => this.tenants[a.tenant] === tenant)
				.flatMap((a) => a.phones).find((x) => x.now === n);
			const { busy } = person;
			if (busy || !person.monitoring || !phone || this.healed.get(id) > 1) {
				const from = Date.now();
				await this.storm.insist('clear now', () => admin(tenant, 'POST', `people/${id}/clear`));
				this.model.clear(id, from, Date.now());
			}
			if (person.monitoring && phone) {
				await this.one(tenant, phone, 'call.answered', id);
				if (!busy)
					await this.one(tenant, phone, 'call.ended', id);
			}
		}
		return any;
	}

	async one(tenant, phone, type, person) {
		if (this.storm.heal)
			return this.storm.heal(tenant, phone, type.slice(5), `heal-${person}-${this.healed.get(person)}`);
		const pbx = tenant.pbxs[phone.pbx];
		const from = Date.now();
		const id = `heal-${person}-${this.healed.get(person)}-${type.slice(5)}`;
		const data = { extension: phone.extension, call_id: `heal-${person}-${this.healed.get(person)}` };
		const body = JSON.stringify({ type, data });
		const answer = await insist(RIGHT_MS, () => {}, () => ask(agent, 'POST', pbx.url, sign(pbx.secret, id, body), body));
		if (answer.status !== 200)
			this.storm.complain(`event ${id}: ${answer.status || answer.why} ${answer.text}`);
		this.model.event(pbx.id, { type, ...data, key: `${id}:0` }, from, Date.now());
		return this.storm.keep(tenant, `${id}:0`);
	}

	// ---- in the end ----------------------------------------------------------------

	/** What is stored against what was taken: switches, settings, keys, the log, open legs. */
	async stored() {
		const faults = [];
		for (const [id, on] of await sql(`SELECT user_id, monitoring FROM presence.teams_user WHERE tenant_id IN (${this.list})`))
			if ((on === 't') !== this.model.people.get(id)?.monitoring)
				faults.push(`${id}: Presence Monitoring is stored as ${on}`);
		if (this.storm.heal) // its requests have ids of many kinds, or none
			return [...faults, ...await this.open()];
		for (const [id, ...stored] of await sql(`SELECT tenant_id, after_call, ringing_is_busy, lease_s, (SELECT count(*) FROM presence.event e
				WHERE e.tenant_id = t.tenant_id AND kind = 'event' AND outcome <> 'stale') FROM presence.tenant t WHERE tenant_id IN (${this.list})`)) {
			const { settings: s } = this.tenants.find((t) => t.id === id);
			const lines = this.storm.taken_of.get(id)?.size ?? 0;
			if (stored.join(' ') !== [s.after_call, s.ringing_is_busy ? 't' : 'f', s.lease_s, lines].join(' '))
				faults.push(`tenant ${id}: settings and lines in the log of events are ${stored.join(' ')}, not ${JSON.stringify(s)} ${lines}`);
		}
		const keys = new Set((await sql(`SELECT key FROM presence.event_key WHERE tenant_id IN (${this.list})`)).map(([key]) => key));
		for (const key of this.storm.keys)
			if (!keys.delete(key))
				faults.push(`event ${key} was taken and is not stored`);
		for (const key of keys)
			faults.push(`event ${key} is stored and was not taken`);
		const legs = new Set((await sql(`SELECT user_id, pbx_id, extension, kind, call_id, leg_id, CASE WHEN state = 1 THEN 'rings' ELSE 'open' END
			FROM presence.call_leg WHERE tenant_id IN (${this.list})`)).map((row) => row.join(' ')));
		for (const p of this.model.people.values())
			for (const l of p.legs.values()) {
				const row = [p.id, l.pbx, l.extension, l.kind, l.call ?? '', l.leg ?? '', l.state === 1 ? 'rings' : 'open'].join(' ');
				if (!legs.delete(row))
					faults.push(`a leg should be open and is not: ${row}`);
			}
		for (const row of legs)
			faults.push(`a leg is open and should not be: ${row}`);
		return faults;
	}

	/** At which telephones somebody is in a call, whatever the platform names its legs. */
	async open() {
		const told = (rows) => new Set(rows.map((row) => row.join(' ')));
		const stored = told(await sql(`SELECT DISTINCT user_id, pbx_id, extension FROM presence.call_leg WHERE tenant_id IN (${this.list}) AND state > 1`));
		const should = told([...this.model.people.values()].flatMap((p) => [...p.legs.values()].filter((l) => l.state > 1).map((l) => [p.id, l.pbx, l.extension])));
		return [...[...should].filter((row) => !stored.has(row)).map((row) => `should be in a call and is not: ${row}`),
			...[...stored].filter((row) => !should.has(row)).map((row) => `is in a call and should not be: ${row}`)];
	}

	/** What must have held at every moment. */
	async always() {
		await this.callsRead();
		const { plan, began, died } = this.storm;
		const faults = [...togetherFaults(this.calls, began), ...limitFaults(await sim('GET', 'counts'), this.tenants)];
		// Whose consent was lost, or seemed so to a probe, is told again when it is back.
		const unsettled = new Set([...plan.changes.filter((c) => c.do === 'consent'),
			...plan.faults.filter((f) => f.op === 'getPresencesByUserId')].map((x) => x.tenant));
		for (const a of plan.actors.filter((x) => x.strict)) {
			const person = this.model.people.get(this.tenants[a.tenant].people[a.people[0]].id);
			const calls = this.byPerson.get(person.id) ?? [];
			faults.push(...orderFaults(person, calls, began));
			if (!unsettled.has(a.tenant) && died === 0)
				faults.push(...needlessFaults(person, calls));
		}
		return faults;
	}
}
