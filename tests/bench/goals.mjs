// The figures to reach, each as a ratio within one round; a line a goal.

import { GRAPH_MS } from './parts.mjs';
import { median, n, spread } from './words.mjs';

const two = (x) => x.toFixed(2);

// Of each round that has both: what `ratio` makes of their samples.
function ratios(names, wanted, ratio) {
	const lists = wanted.map((name) => names.get(name) ?? []);
	return lists[0].flatMap((sample) => {
		const others = lists.map((list) => list.find((s) => s.round === sample.round));
		return others.every(Boolean) ? [ratio(...others)] : [];
	});
}

function row(goal, atLeast, aim, values, reached, write = two) {
	if (values.length === 0)
		return [goal, atLeast, aim, 'not measured', 'missed'];
	return [goal, atLeast, aim, spread(values, (x) => x, write), reached(median(values)) ? 'reached' : 'missed'];
}

const possible = (connections) => connections / (GRAPH_MS / 1000);
// nginx counts as ours; Node is asked without one.
const memory = (s) => Object.values(s.memory_kb).reduce((sum, kb) => sum + kb, 0);
const over = (s) => s.p99_us - GRAPH_MS * 1000;

export function goals(names, samples, rest) {
	const rows = [];
	for (const [connections, least, aim] of [[64, 0.93, 0.95], [256, 0.88, 0.93]])
		rows.push(row(`${connections} connections: rate / (connections / delay)`, least, aim,
			ratios(names, [`whole chain, ${connections}`], (s) => s.rate / possible(connections)), (x) => x >= least));
	rows.push(row('1,000 connections: rate / min(database alone, connections / delay)', 0.85, 1.05,
		ratios(names, ['whole chain, 1000', 'database alone'], (s, db) => s.rate / Math.min(db.rate, possible(1000))), (x) => x >= 0.85));

	// The peer is the number of processes that is faster on this machine.
	const rate = (workers) => median((names.get(`Node x${workers}, 1000`) ?? [{ rate: 0 }]).map((s) => s.rate));
	const workers = rate(2) > rate(1) ? 2 : 1;
	const pair = ['whole chain, 1000', `Node x${workers}, 1000`];
	const peer = `against Node x${workers}, 1,000 connections`;
	rows.push(row(`${peer}: rate`, '2.7x', '3.3x', ratios(names, pair, (s, node) => s.rate / node.rate), (x) => x >= 2.7));
	rows.push(row(`${peer}: p99 over Graph`, '1/5', '1/9', ratios(names, pair, (s, node) => over(s) / over(node)), (x) => x <= 1 / 5));
	rows.push(row(`${peer}: memory`, 0.45, 0.28, ratios(names, pair, (s, node) => memory(s) / memory(node)), (x) => x <= 0.45));

	rows.push(row('5,000 connections: errors', 0, 0, (names.get('whole chain, 5000') ?? []).map((s) => s.errors), (x) => x === 0, n));
	const restarts = samples.find((s) => s.name.includes('restarts'));
	rows.push(row('three restarts under load: lost, or refused', 0, 0, restarts ? [restarts.lost + restarts.errors] : [], (x) => x === 0, n));
	const away = samples.find((s) => s.name.startsWith('PostgreSQL away'));
	rows.push(row('PostgreSQL away for 5 s: lost after a 2xx', 0, 0, away ? [away.lost] : [], (x) => x === 0, n));
	rows.push(row('PostgreSQL away for 5 s: answers other than 2xx and 503', 0, 0, away
		? [Object.entries(away.answers).reduce((sum, [status, count]) => sum + (status < 300 || status === '503' ? 0 : count), away.no_answer)] : [], (x) => x === 0, n));
	const rest_mb = Object.values(rest.memory_kb).reduce((sum, kb) => sum + kb, 0) / 1024;
	rows.push(row('memory of the four programs at start, MB', 40, '', [rest_mb], (x) => x < 40, (x) => x.toFixed(1)));
	const rest_cpu = Object.values(rest.cpu).reduce((sum, share) => sum + share, 0) * 100;
	rows.push(row('at rest: CPU of the programs and PostgreSQL, % of one', 1, '', [rest_cpu], (x) => x <= 1, (x) => x.toFixed(1)));
	const unequal = samples.filter((s) => s.unequal).length;
	rows.push(row('samples whose numbers do not agree', 0, 0, [unequal], (x) => x === 0, n));
	return rows;
}
