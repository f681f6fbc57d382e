// The benchmark: interleaved rounds, each of every sample; then what is measured
// once. Results go to build/bench/ (results.json, report.txt, performance.md, .png).
//
//   tests/bench/run             3 rounds, about 11 minutes
//   QUICK=1 tests/bench/run     1 round of short samples, about 2 minutes
//   BENCH_LOG=1                 also says each sample's figures
//   DOCS=1                      and copies the report to docs/

import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { report } from './report.mjs';
import { Parts, root } from './parts.mjs';
import { Samples } from './samples.mjs';
import { machine } from './machine.mjs';

const quick = ['1', 'yes', 'true'].includes(process.env.QUICK);
const plan = quick ? { rounds: 1, seconds: 4, warm: 1, again: 2 } : { rounds: 3, seconds: 8, warm: 2, again: 8 };
// No round is begun that would not end in time; what is measured once takes ONCE_S.
const BUDGET_S = quick ? 170 : 840;
const ONCE_S = quick ? 50 : 80;
const LIMIT_MS = (quick ? 6 : 20) * 60_000;
const out = `${root}/build/bench`;
const began = Date.now();
const clock = () => `${String(Math.floor((Date.now() - began) / 60_000)).padStart(2)}:${String(Math.floor((Date.now() - began) / 1000) % 60).padStart(2, '0')}`;
const say = (words) => console.log(`${clock()}  ${words}`);

const dir = mkdtempSync('/tmp/presence-bench.');
const parts = new Parts(dir);
const samples = new Samples(parts, plan, say);

// The order within a round: what is compared stands together.
async function round(n) {
	say(`round ${n} of ${plan.rounds}`);
	await samples.fresh();
	await samples.ceiling(n);
	await samples.front(n);
	await samples.quiet(n);
	for (const connections of [64, 256, 1000]) {
		await samples.chain(n, connections);
		for (const workers of [1, 2])
			await samples.node(n, connections, workers);
	}
	await samples.chain(n, 5000);
}

let broken;
const stopped = new Promise((done, fail) => {
	for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
		process.once(signal, () => fail(new Error(`stopped by ${signal}`)));
	setTimeout(() => fail(new Error(`not done in ${LIMIT_MS / 60_000} minutes`)), LIMIT_MS).unref();
});
try {
	say('starting PostgreSQL, nginx, the programs and a fake Graph; 900 tenants');
	await Promise.race([stopped, (async () => {
		await parts.up();
		await samples.idle();
		await parts.people();
		await samples.warm();
		for (let n = 1, last_s = 0; n <= plan.rounds; n++) {
			const from = Date.now();
			if (n > 1 && (from - began) / 1000 + last_s + ONCE_S > BUDGET_S) {
				say(`no time for round ${n}`);
				plan.rounds = n - 1;
				break;
			}
			await round(n);
			last_s = (Date.now() - from) / 1000;
		}
		await samples.once();
	})()]);
} catch (error) {
	broken = error;
} finally {
	await parts.down();
}
if (broken) {
	console.error(`bench: ${broken.message} (logs: ${dir})`);
	process.exit(1);
}
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const results = { date: new Date().toISOString().slice(0, 10), quick, plan, machine: machine(), versions: samples.versions,
	took_s: Math.round((Date.now() - began) / 1000), samples: samples.list, repeated: samples.repeated, rest: samples.atRest };
writeFileSync(`${out}/results.json`, JSON.stringify(results, null, '\t'));
const missed = await report(results, out, process.env.DOCS ? `${root}/docs` : undefined);
rmSync(dir, { recursive: true, force: true });
say(`done, ${missed} goal(s) missed; the report is in build/bench/`);
process.exit(0);
