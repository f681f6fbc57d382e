// Posts one event for each of the extensions eFIRST ... eLAST in signed arrays, several
// at a time, each until it is taken, and prints {answers: {status or error: count},
// outcomes: {word: count}, slowest_ms, ms}.
//
//   node tests/http/arrays.mjs URL SECRET TYPE CALL FIRST LAST

import { Counts, agentNew, ask, insist, sign } from './sender.mjs';

const EVENTS = 100; // in an array
const AT_ONCE = 4;
const PATIENCE_MS = 60_000;

const [url, secret, type, call, ...range] = process.argv.slice(2);
const [first, last] = range.map(Number);
const agent = agentNew();
const counts = new Counts();
const outcomes = {};
let next = first;

async function array(from) {
	const events = Array.from({ length: Math.min(EVENTS, last + 1 - from) }, (_, i) =>
		({ type, data: { extension: `e${from + i}`, call_id: call } }));
	const body = JSON.stringify(events);
	const answer = await insist(PATIENCE_MS, (a) => counts.add(a), () =>
		ask(agent, 'POST', url, sign(secret, `msg_${call}_${type.slice(5)}_${from}`, body), body));
	if (answer.status !== 200)
		throw new Error(`${answer.status} ${answer.why ?? answer.text}`);
	for (const { outcome } of JSON.parse(answer.text).results)
		outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
}

const began = performance.now();
await Promise.all(Array.from({ length: AT_ONCE }, async () => {
	while (next <= last) {
		const from = next;
		next += EVENTS;
		await array(from);
	}
}));
agent.destroy();
console.log(JSON.stringify({ answers: counts.counts, outcomes, slowest_ms: counts.slowest_ms, ms: Math.round(performance.now() - began) }));
