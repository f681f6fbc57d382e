// Does vacuum keep up? Events at a steady rate for an hour, on PostgreSQL as it comes;
// then each table beside what it would take without its bloat.
//
//   tests/bench/run hour          MINUTES=60 RATE=300 unless told otherwise

import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { machine } from './machine.mjs';
import { Parts, root } from './parts.mjs';
import { n, table } from './words.mjs';

const minutes = Number(process.env.MINUTES ?? 60);
const rate = Number(process.env.RATE ?? 300);
const PART_S = Math.min(300, minutes * 60); // the generator runs so long at once
if (!(minutes >= 1 && minutes <= 600 && rate >= 1 && rate <= 5000)) {
	console.error('bench hour: MINUTES is 1 to 600, RATE 1 to 5000');
	process.exit(2);
}

const dir = mkdtempSync('/tmp/presence-bench.');
const parts = new Parts(dir);

async function tables() {
	const rows = await parts.sql(`SELECT c.relname, pg_table_size(c.oid), pg_indexes_size(c.oid), s.n_live_tup, s.n_dead_tup, s.autovacuum_count
		FROM pg_class c JOIN pg_stat_user_tables s ON s.relid = c.oid
		WHERE s.schemaname = 'presence' AND s.n_tup_ins + s.n_tup_upd > 1000 ORDER BY 1`);
	return Object.fromEntries(rows.trim().split('\n').map((row) => {
		const [name, heap, indexes, live, dead, vacuums] = row.split('|');
		return [name, { heap: Number(heap), indexes: Number(indexes), live: Number(live), dead: Number(dead), vacuums: Number(vacuums) }];
	}));
}

const mb = (bytes) => (bytes / 1048576).toFixed(1);
const both = (t) => `${mb(t.heap)} + ${mb(t.indexes)}`;

try {
	await parts.up();
	await parts.people();
	const sum = { events: 0, errors: 0 }, seen = [], p99 = [];
	for (let done = 0; done < minutes * 60; done += PART_S) {
		const l = await parts.load('open', 'ours', { c: 256, s: PART_S, r: rate });
		sum.events += l.taken;
		sum.errors += Object.entries(l.answers).reduce((all, [status, times]) => all + (status === '200' ? 0 : times), 0);
		p99.push(l.p99_us / 1000);
		seen.push(await tables());
		console.log(`${Math.round((done + PART_S) / 60)} minutes: ${n(sum.events)} events, p99 ${p99.at(-1).toFixed(0)} ms; ${
			Object.entries(seen.at(-1)).map(([name, t]) => `${name} ${both(t)} MB, ${n(t.dead)} dead`).join('; ')}`);
	}
	await parts.settled();
	const end = await tables();
	const rows = [];
	for (const [name, t] of Object.entries(end)) {
		await parts.sql(`VACUUM FULL presence.${name}`);
		const tight = (await tables())[name];
		rows.push([name, n(t.live), n(Math.max(...seen.map((one) => one[name]?.dead ?? 0))), String(t.vacuums), both(seen[0][name] ?? t), both(t), both(tight),
			((t.heap + t.indexes) / (tight.heap + tight.indexes)).toFixed(2)]);
	}
	const m = machine();
	const text = ['## Vacuum', '',
		`${n(sum.events)} events in ${minutes} minutes (${n(rate)} a second planned; ${n(sum.errors)} answers other than 200; p99 ${p99[0].toFixed(0)} ms in the first part, ${p99.at(-1).toFixed(0)} ms in the last) over 20,000 people; `
			+ `PostgreSQL's own settings for vacuum (${m.cpus} CPUs, ${m.cpu}). Sizes are table + indexes in MB.`, '',
		...table(['table', 'rows', 'dead at most', 'vacuums', `after ${PART_S / 60} min`, 'at the end', 'after VACUUM FULL', 'bloat'], rows), ''].join('\n');
	mkdirSync(`${root}/build/bench`, { recursive: true });
	writeFileSync(`${root}/build/bench/hour.md`, text);
	console.log(`\n${text}`);
} finally {
	await parts.down();
	rmSync(dir, { recursive: true, force: true });
}
process.exit(0);
