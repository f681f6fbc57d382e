// A storm of all platforms: what an actor says goes out in the words of the PBX that
// hears of it, and the model is told what those words say.

import { ask, insist, pause } from '../http/sender.mjs';
import { referencesFree } from './phones.mjs';
import { dice } from './plan.mjs';
import { PATIENCE_MS, Storm } from './storm.mjs';
import { VOCABULARY, proven } from './vocabulary.mjs';
import { agent } from './world.mjs';

const FORGOTTEN_MS = 11_000; // a phone's own number for a call that is over
const AGAIN = 12; // of a hundred requests

export class Talk extends Storm {
	constructor(...all) {
		super(...all);
		this.spoken = new Map(this.plan.pbxs.flat().map((name) => [name, { requests: 0, busy: new Set() }]));
	}

	get events() {
		return [...this.spoken.values()].reduce((sum, s) => sum + s.requests, 0);
	}

	touched(actor, step) {
		return step.do === 'say' && !actor.strict ? step.says.map((s) => s.pbx) : actor.phones.map((x) => x.pbx);
	}

	async step(actor, step) {
		await super.step(actor, step);
		if (step.do === 'clear')
			for (const phone of actor.phones)
				phone.line?.clear();
	}

	/** The requests of one thing that happens. */
	requests(tenant, s) {
		const words = VOCABULARY[tenant.pbxs[s.pbx].platform];
		const made = s.noise ? [words.noise(s.phone, s.c)]
			: s.phone ? [words.state(s.phone, s.busy, s.c, Date.now() - (s.early_ms ?? 0))] : words.write(s.c, s.what, s.by);
		return made.map((m) => ({ m, s, pbx: tenant.pbxs[s.pbx] }));
	}

	async say(actor, tenant, step) {
		const roll = dice(step.dice);
		const twice = (all) => all.flatMap((one) => (roll.chance(AGAIN) ? [one, one] : [one]));
		if (step.quiet_ms)
			await pause(step.quiet_ms);
		if (step.at_once)
			await this.volley(actor, tenant, roll.shuffled(twice(step.says.flatMap((s) => this.requests(tenant, s)))));
		else
			for (const s of step.says)
				for (const one of twice(this.requests(tenant, s)))
					this.heard(actor, tenant, await this.send(one), false);
		for (const s of step.says)
			if (s.what === 'ended')
				referencesFree(s.c, FORGOTTEN_MS);
	}

	async volley(actor, tenant, all) {
		if (all.length === 0)
			return;
		const answers = await Promise.all(all.map((one) => this.send(one)));
		const from = Math.min(...answers.map((a) => a.from));
		const to = Math.max(...answers.map((a) => a.to));
		const loosen = () => actor.people.forEach((n) => this.model.loosen(tenant.people[n].id, from, to));
		loosen();
		for (const a of answers)
			this.heard(actor, tenant, { ...a, from, to, held_ms: from - a.last }, true);
		loosen();
	}

	/** Sends it until it is taken. Gives {from, last: the attempt that was taken, to, results}. */
	async send(one) {
		const from = Date.now();
		let last = from;
		const answer = await insist(PATIENCE_MS, (a) => this.told(a), () => {
			last = Date.now();
			const rq = proven(one.pbx.platform, one.m, one.pbx);
			return ask(agent, rq.method, rq.url, rq.headers, rq.text);
		});
		this.spoken.get(one.pbx.platform).requests++;
		if (answer.status !== 200)
			this.complain(`${this.story(one)}: ${answer.status || answer.why} ${answer.text}`);
		return { ...one, from, last, held_ms: from - last, to: Date.now(), results: answer.status === 200 ? JSON.parse(answer.text).results : null };
	}

	story = ({ pbx, m, s }) => `${pbx.platform} ${s.what ?? (s.noise ? 'noise' : s.busy ? 'busy' : 'idle')}: ${m.claims ?? m.text ?? m.query}`;

	/** The model is told; what was answered must be of those whom it spoke of. */
	heard(actor, tenant, a, at_once) {
		const { pbx, m, s, from, to, results } = a;
		if (!results)
			return;
		for (const t of m.tells)
			this.model.event(pbx.id, {
				type: t.type, extension: t.phone.extension, call_id: t.call_id ?? s.c.id, leg_id: t.leg_id, line: t.line,
				event_ms: t.event_ms, held_ms: a.held_ms, key: m.key && `${m.key} ${t.phone.extension} ${t.type} ${t.leg_id}`,
			}, from, to);
		if (m.over)
			this.model.over(pbx.id, m.over, from, to);
		const last = new Map(); // person -> what was shown after all of it
		for (const said of results) {
			this.outcomes[said.outcome] = (this.outcomes[said.outcome] ?? 0) + 1;
			this.consented(tenant, { id: m.type }, said, from, to);
			if (said.outcome === 'unknown_extension')
				continue;
			const phone = actor.phones.find((x) => tenant.pbxs[x.pbx] === pbx && x.extension === said.extension);
			if (!phone || !(m.over || m.tells.some((t) => t.phone === phone)))
				return this.complain(`${this.story(a)}: says nothing of ${said.extension}, answered ${JSON.stringify(results)}`);
			last.set(tenant.people[phone.person].id, said);
			if (said.availability === 'Busy')
				this.spoken.get(pbx.platform).busy.add(s.c.n);
		}
		const missing = m.tells.find((t) => !results.some((r) => r.extension === t.phone.extension && r.outcome !== 'unknown_extension'));
		if (missing)
			return this.complain(`${this.story(a)}: says something of ${missing.phone.extension}, answered ${JSON.stringify(results)}`);
		if (actor.strict && !at_once)
			for (const [id, said] of last)
				this.agree(a, this.model.people.get(id), said);
		return undefined;
	}

	agree(a, person, said) {
		const { from, to } = a;
		const odd = (text) => this.complain(`${this.story(a)}: ${text}, answered ${JSON.stringify(a.results)}`);
		if ((said.outcome === 'monitoring_off') !== !person.monitoring)
			odd(`should ${person.monitoring ? 'not ' : ''}be monitoring_off`);
		else if (person.monitoring && !this.model.isUnsure(person.id, from, to) && (said.availability === 'Busy') !== person.busy)
			odd(`should ${person.busy ? '' : 'not '}be Busy`);
		else if (said.outcome === 'published' && said.availability === 'Busy')
			this.model.confirmed(person.id);
	}

	/** A call of this telephone that begins or ends, or its state, so that there is a new goal. */
	async heal(tenant, phone, what, name) {
		const actor = this.plan.actors.find((x) => x.phones.includes(phone));
		const c = this.healing ??= new Map();
		const n = 9e9 + c.size;
		if (!c.has(name))
			c.set(name, { id: name, n, caller: null, callees: [phone], answerer: 0, talks: true, refs: new Map() });
		const s = VOCABULARY[phone.platform].calls ? { pbx: phone.pbx, c: c.get(name), what }
			: { pbx: phone.pbx, phone, busy: what === 'answered', c: c.get(name) };
		for (const one of this.requests(tenant, s))
			this.heard(actor, tenant, await this.send(one), true);
	}

	/** A line for each platform; and the faults: one that made nobody busy. */
	shown() {
		const lines = [...this.spoken].map(([name, { requests, busy }]) => `${name}: ${requests} events, ${busy.size} calls shown busy`);
		const faults = [...this.spoken].filter(([, { busy }]) => busy.size === 0).map(([name]) => `nobody was shown busy by ${name}`);
		return { lines, faults };
	}
}
