// One sample of each kind: its figures, what it cost whom, and whether the numbers
// of all who took part agree.

import { execFileSync } from 'node:child_process';
import { between, cpu, memory, threads } from './machine.mjs';
import { GRAPH_MS, pause } from './parts.mjs';

const NOISY = 0.1;      // of the machine: what others may take
const OPEN_CONNECTIONS = 2000;
const RESTARTS = 3;
const AWAY_S = 5;
const IDLE_S = 5;
const OURS = ['webhook', 'reconciler', 'tab', 'admin'];
const IDLE = [...OURS, 'postgres'];

const sum = (object) => Object.values(object).reduce((all, n) => all + n, 0);

export class Samples {
	constructor(parts, plan, say) {
		this.parts = parts;
		this.plan = plan;
		this.say = say;
		this.list = [];
		this.repeated = 0;
		const version = (command, ...args) => execFileSync(command, args, { stdio: ['ignore', 'pipe', 'pipe'] }).toString().trim();
		this.versions = {
			postgresql: version('/usr/lib/postgresql/15/bin/postgres', '--version').replace(/^.*\) /, ''),
			libcurl: version('curl', '--version').replace(/^.*libcurl\/(\S+)[^]*$/, '$1'),
			node: process.version.slice(1),
		};
	}

	// The programs as they are after a start, so that memory is this round's.
	async fresh() {
		const before = this.parts.pid('webhook');
		await this.parts.service('webhook', 'restart');
		for (let i = 0; i < 200; i++) {
			await pause(50);
			try {
				if (this.parts.pid('webhook') !== before && (await fetch(`${this.parts.env.URL}/readyz`)).ok)
					return;
			} catch {
				// not yet
			}
		}
		throw new Error('presence-webhook does not come back');
	}

	// Tokens, caches, the first pages of every table.
	async warm() {
		await this.parts.load('closed', 'ours', { c: 400, s: 3 });
		await this.parts.load('closed', 'quiet', { c: 50, s: 1 });
		await this.parts.settled();
	}

	// Takes a sample; once more while others took too much, and keeps the quieter.
	async take(name, round, measure, more = {}) {
		let best;
		for (let i = 0; i < 3; i++) {
			const before = cpu(this.parts.groups());
			const sample = await measure();
			const cost = between(before, sample.after ?? cpu(this.parts.groups()));
			delete sample.after;
			Object.assign(sample, { name, round, others: cost.others, steal: cost.steal, busy: cost.busy, ...more });
			sample.cpu_us = Object.fromEntries(Object.entries(cost.us).map(([group, us]) => [group, us / (sample.events || 1)]));
			if (sample.generator_us !== undefined) {
				// The bench itself is the generator and a little of its own.
				sample.cpu_us.generator = sample.generator_us / sample.events;
				delete sample.cpu_us.bench;
			}
			delete sample.generator_us;
			if (!best || sample.others < best.others)
				best = sample;
			if (best.others <= NOISY || this.repeated >= this.plan.again)
				break;
			this.repeated++;
		}
		this.list.push(best);
		const { rate, p50_us, p99_us, errors = 0, unequal } = best;
		this.say(`${name.padEnd(22)} ${rate.toFixed(0).padStart(6)}/s${p99_us === undefined ? '' :
			`  p50 ${(p50_us / 1000).toFixed(1)} ms, p99 ${(p99_us / 1000).toFixed(1)} ms`}${
			errors ? `  ${errors} errors` : ''}${unequal ? `  UNEQUAL: ${unequal}` : ''}${
			best.others > NOISY ? `  (others took ${(best.others * 100).toFixed(0)} % of the machine)` : ''}`);
		if (process.env.BENCH_LOG)
			console.log(JSON.stringify(best));
		return best;
	}

	// What the load generator tells, in the words of a sample.
	figures(load, expected) {
		const { rate, p50_us, p90_us, p99_us, max_us, answers, errors, outcomes, connections } = load;
		const bad = sum(errors) + load.given_up + Object.entries(answers).reduce((n, [status, count]) => n + (status < 300 || Number(status) === expected ? 0 : count), 0);
		return { rate, p50_us, p90_us, p99_us, max_us, answers, troubles: errors, outcomes, connections,
			no_answer: load.no_answer, errors: bad, events: load.taken + load.repeats, taken: load.taken, repeats: load.repeats,
			given_up: load.given_up, generator_us: load.cpu_s * 1e6 };
	}

	// Under load, each second, and the most of it: memory, threads, connections.
	async beside(roots, work) {
		const most = { memory_kb: {}, threads: {} };
		let over = false;
		const watching = (async () => {
			for (let i = 1; !over; i++) {
				await pause(100);
				if (i % 10 !== 0)
					continue;
				for (const [name, pid] of Object.entries(roots)) {
					most.memory_kb[name] = Math.max(most.memory_kb[name] ?? 0, memory(pid));
					most.threads[name] = Math.max(most.threads[name] ?? 0, threads(pid));
				}
			}
		})();
		try {
			return { load: await work(), most };
		} finally {
			over = true;
			await watching;
		}
	}

	// A load whose every event goes the whole way, and what all sides counted.
	async whole(mode, list, options, roots) {
		const { parts } = this;
		const since = await parts.now();
		const { changes } = await parts.shown();
		await fetch(`${parts.loginUrl}/reset`, { method: 'POST' });
		const metrics = await parts.metrics();
		const { load, most } = await this.beside(roots, () => parts.load(mode, list, options));
		const after = cpu(parts.groups());
		const sample = { ...this.figures(load), ...most, after };
		const later = await parts.metrics();
		const calm = await parts.settled();
		const counts = await parts.counts();
		sample.stored = await parts.stored(since);
		sample.shown = (await parts.shown()).changes - changes;
		sample.tls_connections = counts.connections_most;
		sample.concurrent = counts.concurrent;
		sample.over_budget = counts.over_budget;
		sample.resent = counts.given_up;
		sample.resets = counts.resets;
		sample.accepted = counts.accepted;
		sample.wrong = await parts.wrong();
		const grown = (name) => (later[name] ?? 0) - (metrics[name] ?? 0);
		const events = ['published', 'deferred', 'superseded', 'unchanged', 'duplicate'].reduce((n, word) => n + grown(`events_total{outcome="${word}"}`), 0);
		if (grown('apply_seconds_count') > 0 && list === 'ours')
			sample.batch = { apply: events / grown('apply_seconds_count'), record: grown('publishings_total{result="ok"}') / (grown('record_seconds_count') || 1) };
		sample.unequal = this.honesty(sample, calm, options.u !== undefined);
		return sample;
	}

	// 2xx = stored = shown by Graph, or superseded by something newer. Empty: so it is.
	honesty(s, calm, shared) {
		const faults = [];
		// Who got no answer and gave up may have been stored all the same.
		if (s.stored.all < s.taken || s.stored.all > s.taken + s.given_up)
			faults.push(`${s.taken} taken, ${s.stored.all} stored`);
		// People who are told of by many at once: a goal that changes and comes back
		// while it is told is published by one call.
		const superseded = (s.outcomes.superseded ?? 0) + (s.outcomes.deferred ?? 0);
		if (s.shown > s.stored.changed || (!shared && s.shown + superseded < s.stored.changed))
			faults.push(`${s.stored.changed} changes stored, ${s.shown} shown by Graph, ${superseded} superseded or deferred`);
		if (s.wrong)
			faults.push(`${s.wrong} people are shown wrong`);
		if (s.concurrent)
			faults.push(`${s.concurrent} calls at once for a person, ${s.resent} given up`);
		if (s.over_budget)
			faults.push(`${s.over_budget} calls over a tenant's budget`);
		if (!calm)
			faults.push('not settled after 40 s');
		return faults.join('; ');
	}

	// Just started, nobody there: memory of our programs, and what they and the
	// database use of a CPU.
	async idle() {
		const groups = Object.fromEntries(Object.entries(this.parts.groups()).filter(([name]) => IDLE.includes(name)));
		await pause(1000); // the last of the start
		const before = cpu(groups);
		await pause(IDLE_S * 1000);
		const { us } = between(before, cpu(groups));
		this.atRest = { cpu: Object.fromEntries(Object.entries(us).map(([name, spent]) => [name, spent / (IDLE_S * 1e6)])),
			memory_kb: Object.fromEntries(OURS.map((name) => [name, memory(groups[name])])) };
		this.say(`at rest: ${Object.entries(this.atRest.memory_kb).map(([name, kb]) => `${name} ${(kb / 1024).toFixed(1)} MB`).join(', ')}; ${
			Object.entries(this.atRest.cpu).map(([name, share]) => `${name} ${(share * 100).toFixed(1)} %`).join(', ')}`);
	}

	// --- the samples of a round -------------------------------------------------------

	ceiling(round) {
		return this.take('database alone', round, () => this.parts.pgbench(round * 10 + this.repeated, this.plan.seconds, this.plan.warm));
	}

	// nginx, FastCGI, the door with its signature, the JSON; then the type is none.
	front(round) {
		return this.take('front, no database', round, async () => this.figures(
			await this.parts.load('closed', 'ours', { c: 256, s: this.plan.seconds - this.plan.warm, u: 64, t: 'bench.none', i: 'x', x: 400 }), 400));
	}

	quiet(round) {
		return this.take('no Graph (no consent)', round, async () => this.figures(
			await this.parts.load('closed', 'quiet', { c: 256, s: this.plan.seconds, w: this.plan.warm })));
	}

	chain(round, connections) {
		return this.take(`whole chain, ${connections}`, round, () => this.whole('closed', 'ours',
			{ c: connections, s: this.plan.seconds, w: this.plan.warm }, { webhook: this.parts.pid('webhook'), nginx: this.parts.pid('nginx') }),
		{ connections });
	}

	async node(round, connections, workers) {
		await this.parts.nodeStart(workers);
		try {
			// Its database connections make their plans, its code is compiled.
			await this.parts.load('closed', 'node', { c: 64, s: 2 * this.plan.warm });
			await this.parts.settled();
			return await this.take(`Node x${workers}, ${connections}`, round, () => this.whole('closed', 'node',
				{ c: connections, s: this.plan.seconds, w: this.plan.warm }, { node: this.parts.node.pid }), { connections, workers });
		} finally {
			await this.parts.nodeStop();
		}
	}

	// --- what is measured once ---------------------------------------------------------

	async once() {
		const { parts, plan } = this;
		const roots = () => ({ webhook: parts.pid('webhook'), nginx: parts.pid('nginx') });
		const closed = { s: plan.seconds, w: plan.warm };
		this.say('once');
		await this.take('10 % duplicates, 256', 0, () => this.whole('closed', 'ours', { c: 256, d: 10, ...closed }, roots()));
		await this.take('10 people, 256', 0, () => this.whole('closed', 'ours', { c: 256, u: 10, k: 'hook', ...closed }, roots()));
		const rates = this.list.filter((s) => s.name === 'whole chain, 1000').map((s) => s.rate).sort((a, b) => a - b);
		const rate = Math.round(0.7 * rates[Math.floor(rates.length / 2)]);
		await this.take('open loop, 70 %', 0, () => this.whole('open', 'ours', { c: OPEN_CONNECTIONS, r: rate, p: true, ...closed }, roots()), { planned: rate });
		await this.fault(`${RESTARTS} restarts under load`, RESTARTS * 2 + 2, async () => {
			for (let i = 0; i < RESTARTS; i++) {
				await pause(1500);
				await this.fresh();
			}
		});
		await this.fault(`PostgreSQL away for ${AWAY_S} s`, AWAY_S + 4, async () => {
			await pause(1500);
			await parts.service('postgres', 'stop');
			await pause(AWAY_S * 1000);
			await parts.service('postgres', 'start');
		});
	}

	// Something is taken away under load; nothing may be lost.
	async fault(name, seconds, harm) {
		const { parts } = this;
		const since = await parts.now();
		const [load] = await Promise.all([parts.load('closed', 'ours', { c: 64, s: seconds }), harm()]);
		const calm = await parts.settled();
		const sample = { ...this.figures(load), name, round: 0, stored: await parts.stored(since), wrong: await parts.wrong() };
		delete sample.generator_us;
		sample.lost = load.given_up + Math.max(0, sample.taken - sample.stored.all) + sample.wrong + (calm ? 0 : 1);
		this.list.push(sample);
		this.say(`${name.padEnd(22)} ${sample.taken} events, ${sample.lost} lost; answers ${JSON.stringify(sample.answers)}, ${sample.no_answer} without an answer`);
	}
}

export { GRAPH_MS };
