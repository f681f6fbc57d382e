// Storms, one after the other, against the stack whose DIR/env is in the environment:
//
//   node tests/storm/main.mjs faults|deaths|platforms
//
//   STORM_SEED      of the first run (default: any); the others take the following ones
//   STORM_S         seconds of each storm (default 20)
//   STORM_RUNS      how many runs (default 1); the first one that fails is the last
//   STORM_LOG       a line is appended for each run
//   STORM_INSTANCES how many of each program run
//   STORM_PLATFORM  of `platforms`: all PBXs are of this one
//
// Each run has its own tenants, people and PBXs. It fails when somebody is shown
// wrongly for too long, or ever was told an older state after a newer one.

import { appendFileSync } from 'node:fs';
import { Judge } from './judge.mjs';
import { Model } from './model.mjs';
import { planMake } from './plan.mjs';
import { platformsPlan } from './platforms.mjs';
import { Storm } from './storm.mjs';
import { Talk } from './talk.mjs';
import { agent, sim, worldMake } from './world.mjs';

const kind = process.argv[2];
const deaths = kind === 'deaths';
const platforms = kind === 'platforms';
const { STORM_S = '20', STORM_RUNS = '1', STORM_SEED, STORM_LOG, STORM_INSTANCES = '1', STORM_PLATFORM } = process.env;
const SHOWN = 12; // faults that are printed

// Without deaths nobody may be turned away; 503 is of a machine that is too slow.
const ALLOWED = deaths ? /^(200|502|503|504|ECONNREFUSED|ECONNRESET|EPIPE|socket hang up|cut off: (ECONNRESET|aborted))$/ : /^(200|503)$/;

async function one(seed) {
	const options = { seconds: Number(STORM_S), deaths, instances: Number(STORM_INSTANCES), platform: STORM_PLATFORM };
	const plan = platforms ? platformsPlan(seed, options) : planMake(seed, options);
	const model = new Model();
	const world = await worldMake(plan, model, `s${seed}`);
	const since = (await sim('GET', 'calls?limit=1&op=none')).seq;
	const storm = new (platforms ? Talk : Storm)(plan, world, model, options);
	await storm.run();
	const { hits, late } = await storm.faultsEnd();
	const ended_at = Date.now();
	const judge = new Judge(storm, since);
	if (storm.complaints.length) // what is wrong already needs no waiting
		return result(seed, storm, judge, { seconds: 0, faults: storm.complaints, hits });
	const { seconds, faults } = await judge.right(late, ended_at);
	faults.push(...await judge.stored(), ...await judge.always(), ...storm.complaints, ...storm.shown?.().faults ?? []);
	for (const answer of Object.keys(storm.counts.counts))
		if (!ALLOWED.test(answer))
			faults.push(`answered ${storm.counts.counts[answer]} times: ${answer}`);
	return result(seed, storm, judge, { seconds, faults, hits });
}

const result = (seed, storm, judge, { seconds, faults, hits }) => ({
	seed, right_s: seconds, faults, hits, deaths: storm.died, events: storm.events ?? storm.keys.size, lines: storm.shown?.().lines ?? [], answers: storm.counts.counts,
	outcomes: storm.outcomes, slowest_ms: storm.counts.slowest_ms, busy: [...storm.model.people.values()].filter((p) => p.busy).length,
	calls: judge.calls.length, healed: judge.healed.size,
});

const words = (counts) => Object.entries(counts).map(([name, n]) => `${name} ${n}`).join(', ');

let seed = STORM_SEED === undefined || STORM_SEED === '' ? Math.floor(Math.random() * 1e6) : Number(STORM_SEED);
for (let run = 0; run < Number(STORM_RUNS); run++, seed++) {
	console.log(`STORM_SEED=${seed}`);
	const r = await one(seed);
	const failed = r.faults.length > 0;
	console.log(`faults: ${words(r.hits)}`);
	console.log(`${failed ? 'FAILED' : 'right'} after ${r.right_s.toFixed(1)} s: ${r.events} events (${words(r.outcomes)}), ${
		r.calls} calls of Graph, ${r.busy} busy, ${r.deaths} deaths, ${r.healed} refused people brought a new goal, answers: ${
		words(r.answers)}, the slowest ${r.slowest_ms} ms`);
	r.lines.forEach((line) => console.log(`  ${line}`));
	if (STORM_LOG)
		appendFileSync(STORM_LOG, `seed=${seed} kind=${kind} instances=${STORM_INSTANCES} seconds=${STORM_S} result=${failed ? 'failed' : 'right'} right_s=${
			r.right_s.toFixed(1)} events=${r.events} calls=${r.calls} deaths=${r.deaths} faults="${words(r.hits)}"\n`);
	if (failed) {
		r.faults.slice(0, SHOWN).forEach((text) => console.log(`  ${text}`));
		if (r.faults.length > SHOWN)
			console.log(`  ... and ${r.faults.length - SHOWN} more`);
		console.log(`replay: STORM_SEED=${seed} STORM_S=${STORM_S}${deaths ? ` STORM_INSTANCES=${STORM_INSTANCES}` : ''}${STORM_PLATFORM ? ` STORM_PLATFORM=${STORM_PLATFORM}` : ''} tests/run storm/${
			{ faults: 10, deaths: 20, platforms: 30 }[kind]}`);
		process.exitCode = 1;
		break;
	}
}
agent.destroy();
