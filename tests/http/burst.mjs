// Posts signed arrays of events as fast as it can, and prints how they were
// answered: {statuses: {200: n, ...}, events: accepted ones, retry_after: the
// largest that was asked for, ms}.
//
//   node tests/http/burst.mjs URL SECRET REQUESTS EVENTS AT_ONCE

import { randomUUID } from 'node:crypto';
import { Counts, agentNew, ask, sign } from './sender.mjs';

const [url, secret, ...numbers] = process.argv.slice(2);
const [requests, events, atOnce] = numbers.map(Number);
// Extensions that nobody has: the cheapest event there is.
const body = JSON.stringify(Array.from({ length: events }, (_, i) =>
	({ type: 'phone.on_hook', data: { extension: `nobody-${i}` } })));
const agent = agentNew();
const counts = new Counts();
const result = { statuses: counts.counts, events: 0, retry_after: 0, ms: 0 };

async function post() {
	const answer = await ask(agent, 'POST', url, sign(secret, `msg_${randomUUID()}`, body), body);
	counts.add(answer);
	if (answer.status === 200)
		result.events += events;
	if (answer.status === 429)
		result.retry_after = Math.max(result.retry_after, Number(answer.headers['retry-after'] ?? -1));
}

const began = performance.now();
let left = requests;
await Promise.all(Array.from({ length: atOnce }, async () => {
	while (left-- > 0)
		await post();
}));
result.ms = Math.round(performance.now() - began);
agent.destroy();
console.log(JSON.stringify(result));
