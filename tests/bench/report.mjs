// What the samples say: a text for the terminal, performance.md with the same and
// a plot of it. Returns how many goals were missed.

import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { GRAPH_MS, PGBENCH_CLIENTS } from './parts.mjs';
import { goals } from './goals.mjs';
import { cell, median, ms, n, spread, table } from './words.mjs';

const BY_HAND = '<!-- from here on written by hand; the benchmark keeps it -->';
const SIDES = ['nginx', 'webhook', 'node', 'postgres', 'reconciler', 'graph', 'generator'];

// Samples of the rounds by name, in the order of the first.
function byName(samples) {
	const names = new Map();
	for (const sample of samples.filter((s) => s.round > 0))
		names.set(sample.name, [...(names.get(sample.name) ?? []), sample]);
	return names;
}

function rates(names) {
	return table(['sample', 'events/s', 'p50 ms', 'p99 ms', 'p50, p99 over Graph ms', 'errors', 'no answer', 'others took'],
		[...names].map(([name, list]) => [name, spread(list, (s) => s.rate),
			cell(list, (s) => s.p50_us, ms), cell(list, (s) => s.p99_us, ms),
			/whole|Node/.test(name) ? `${cell(list, (s) => s.p50_us - GRAPH_MS * 1000, ms)}, ${cell(list, (s) => s.p99_us - GRAPH_MS * 1000, ms)}` : '',
			list[0].p50_us === undefined ? '' : n(list.reduce((sum, s) => sum + s.errors, 0)),
			list[0].p50_us === undefined ? '' : n(list.reduce((sum, s) => sum + s.no_answer, 0)),
			`${n(100 * median(list.map((s) => s.others)))} %`]));
}

function costs(names) {
	const used = SIDES.filter((side) => [...names.values()].some((list) => list.some((s) => s.cpu_us[side] >= 0.5)));
	return table(['CPU us an event', ...used], [...names].map(([name, list]) =>
		[name, ...used.map((side) => (list[0].cpu_us[side] >= 0.5 ? n(median(list.map((s) => s.cpu_us[side] ?? 0))) : ''))]));
}

function sizes(names) {
	const rows = [];
	for (const [name, list] of names) {
		if (!list[0].memory_kb)
			continue;
		const of = (member, side) => (list[0][member][side] === undefined ? ''
			: n(median(list.map((s) => s[member][side] / (member === 'memory_kb' ? 1024 : 1)))));
		const own = list[0].memory_kb.node === undefined ? ['webhook', 'nginx'] : ['node'];
		rows.push([name, own.map((side) => of('memory_kb', side)).join(' + '), own.map((side) => of('threads', side)).join(' + '),
			cell(list, (s) => s.tls_connections, n), cell(list, (s) => s.accepted, n), cell(list, (s) => s.resets, n),
			list[0].batch ? `${cell(list, (s) => s.batch?.apply ?? 0, (x) => x.toFixed(1))}, ${cell(list, (s) => s.batch?.record ?? 0, (x) => x.toFixed(1))}` : '']);
	}
	return table(['sample', 'memory MB (PSS; webhook + nginx)', 'threads', 'TLS connections at most', 'opened', 'streams reset', 'mean batch: apply, record'], rows);
}

function onceRows(samples) {
	const list = samples.filter((s) => s.round === 0);
	return table(['sample', 'events/s', 'p50 ms', 'p99 ms', 'events', 'stored', 'outcomes', 'answers', 'no answer', 'lost'], list.map((s) => [
		s.planned ? `${s.name} (${n(s.planned)}/s planned)` : s.name, n(s.rate), ms(s.p50_us), ms(s.p99_us), n(s.taken), n(s.stored.all),
		Object.entries(s.outcomes).map(([word, count]) => `${word} ${count}`).join(', '),
		Object.entries(s.answers).map(([word, count]) => `${word}: ${count}`).join(', '), n(s.no_answer), s.lost === undefined ? '' : n(s.lost)]));
}

function honesty(samples) {
	const whole = samples.filter((s) => s.stored);
	const bad = whole.filter((s) => s.unequal);
	const total = (get) => n(whole.reduce((sum, s) => sum + (get(s) ?? 0), 0));
	return [`${total((s) => s.taken)} events answered 2xx and ${total((s) => s.repeats)} repeats of them; ${total((s) => s.stored.all)} events stored; `
		+ `${total((s) => s.stored.changed)} of them changed a state, ${total((s) => s.shown)} changes shown by Graph in ${whole.filter((s) => s.shown !== undefined).length} samples; `
		+ `${total((s) => s.no_answer)} requests without any answer; ${total((s) => s.concurrent)} calls at once for one person; ${total((s) => s.wrong)} people shown wrong at a sample's end.`,
	...bad.map((s) => `Unequal: ${s.name}, round ${s.round}: ${s.unequal}.`)];
}

// Rate and p99 over connections, ours beside Node's.
function plot(names, out) {
	const lines = (test) => [...names].filter(([name]) => test(name)).map(([, list]) =>
		`${list[0].connections} ${median(list.map((s) => s.rate))} ${median(list.map((s) => s.p99_us)) / 1000}`).join('\n');
	const data = [['Presence Sync', (name) => name.startsWith('whole')], ['Node, 1 process', (name) => name.startsWith('Node x1')],
		['Node, 2 processes', (name) => name.startsWith('Node x2')]];
	const blocks = data.map(([, test], i) => `$d${i} << END\n${lines(test)}\nEND`).join('\n');
	const colors = ['#0f6cbd', '#c4314b', '#8a6d00'];
	const curves = (column) => data.map(([title], i) =>
		`$d${i} using 1:${column} with linespoints lw 2 pt ${5 + 2 * i} lc rgb "${colors[i]}" title "${title}"`).join(', ');
	execFileSync('gnuplot', ['-'], { stdio: ['pipe', 'ignore', 'inherit'], input: `
set terminal pngcairo size 1100,440 font "Liberation Sans,11"
set output "${out}"
${blocks}
set logscale x
set xtics (64, 256, 1000, 5000)
set xrange [50:6400]
set grid lc rgb "#dddddd"
set xlabel "connections"
set multiplot layout 1,2
set key below
set yrange [0:*]
set title "events a second"
plot ${curves(2)}
set title "p99 in ms (Graph takes ${GRAPH_MS})"
set logscale y
set yrange [50:*]
plot ${curves(3)}
unset multiplot
` });
}

export async function report(results, out, docs) {
	const { samples } = results;
	const names = byName(samples);
	const rows = goals(names, samples, results.rest);
	const missed = rows.filter((row) => row[4] === 'missed').length;
	const { machine: m, versions: v } = results;
	const kept = docs && existsSync(`${docs}/performance.md`) ? readFileSync(`${docs}/performance.md`, 'utf8') : '';
	const text = [
		'# Performance', '',
		`Written by \`make bench${results.quick ? ' QUICK=1' : ''}\` on ${results.date}: ${m.cpus} CPUs (${m.cpu}), ${m.memory_gb} GB, Debian ${m.debian}, Linux ${m.kernel}; PostgreSQL ${v.postgresql}, libcurl ${v.libcurl}, Node ${v.node}. `
		+ `${results.plan.rounds} round(s) of ${results.plan.seconds} s a sample in ${Math.round(results.took_s / 60)} minutes; everything, load and far end too, shares the machine. `
		+ `Medians, with least and most in brackets. ${results.repeated} sample(s) were repeated because others took over 10 % of the machine.`, '',
		'![events a second and p99 over connections](performance.png)', '',
		'## Goals', '', ...table(['goal', 'at least', 'aim', 'measured', ''], rows), '',
		'## Rates', '', ...rates(names), '',
		`*database alone*: pgbench, ${PGBENCH_CLIENTS} clients, the same SQL functions, a transaction for each step. *front*: signed requests whose type is none: nginx, FastCGI, signature and JSON, answered 400. `
		+ `*no Graph*: tenants that have not consented. *whole chain*: Graph answers after ${GRAPH_MS} ms over TLS and HTTP/2. *Node*: the same job with fastify, pg and undici (tests/bench/node), without nginx. `
		+ '400 tenants with 50 people each; each event changes a state and is signed when it is sent.', '',
		'## Costs', '', ...costs(names), '', ...sizes(names), '',
		'## Measured once', '', ...onceRows(samples), '',
		'## Do the numbers agree?', '', ...honesty(samples), '',
	].join('\n');
	plot(names, `${out}/performance.png`);
	writeFileSync(`${out}/report.txt`, text);
	const hand = kept.includes(BY_HAND) ? kept.slice(kept.indexOf(BY_HAND)) : `${BY_HAND}\n`;
	writeFileSync(`${out}/performance.md`, `${text}\n${hand}`);
	if (docs) {
		copyFileSync(`${out}/performance.md`, `${docs}/performance.md`);
		copyFileSync(`${out}/performance.png`, `${docs}/performance.png`);
	}
	console.log(`\n${text}`);
	return missed;
}
