// Posts signed arrays of events as fast as it can, and prints how they were
// answered: {statuses: {200: n, ...}, events: accepted ones, retry_after: the
// largest that was asked for, ms}.
//
//   node tests/http/burst.mjs URL SECRET REQUESTS EVENTS AT_ONCE

import { createHmac, randomUUID } from 'node:crypto';
import { Agent, request } from 'node:http';

const [url, secret, ...numbers] = process.argv.slice(2);
const [requests, events, atOnce] = numbers.map(Number);
const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
// Extensions that nobody has: the cheapest event there is.
const body = JSON.stringify(Array.from({ length: events }, (_, i) =>
	({ type: 'phone.on_hook', data: { extension: `nobody-${i}` } })));
const agent = new Agent({ keepAlive: true, maxSockets: atOnce });
const result = { statuses: {}, events: 0, retry_after: 0, ms: 0 };

function post() {
	const id = `msg_${randomUUID()}`;
	const time = Math.floor(Date.now() / 1000);
	const mac = createHmac('sha256', key).update(`${id}.${time}.${body}`).digest('base64');
	return new Promise((resolve) => {
		const count = (what) => {
			result.statuses[what] = (result.statuses[what] ?? 0) + 1;
			resolve();
		};
		const rq = request(url, {
			agent, method: 'POST', headers: {
				'content-type': 'application/json', 'content-length': Buffer.byteLength(body),
				'webhook-id': id, 'webhook-timestamp': time, 'webhook-signature': `v1,${mac}`,
			},
		}, (answer) => {
			answer.resume();
			answer.on('end', () => {
				if (answer.statusCode === 200)
					result.events += events;
				if (answer.statusCode === 429)
					result.retry_after = Math.max(result.retry_after, Number(answer.headers['retry-after'] ?? -1));
				count(answer.statusCode);
			});
		});
		rq.on('error', (e) => count(e.code ?? e.message));
		rq.end(body);
	});
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
