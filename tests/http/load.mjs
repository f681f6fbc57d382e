// Posts signed events for a time over many connections, each event once, and
// prints how they were answered.
//
//   node tests/http/load.mjs URL SECRET SECONDS CONNECTIONS EXTENSION ...
//
// Every connection is one call after another of one of the extensions, off-hook
// and on-hook in turn, and ends with on-hook. Output: JSON {status: count,
// error: count, slowest_ms}.

import { createHmac, randomBytes } from 'node:crypto';
import { Agent, request } from 'node:http';

const [url, secret, seconds, connections, ...extensions] = process.argv.slice(2);
const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
const agent = new Agent({ keepAlive: true, maxSockets: Infinity });
const counts = {};
let slowest_ms = 0;

function post(body) {
	const id = `msg_${randomBytes(12).toString('hex')}`;
	const time = Math.floor(Date.now() / 1000);
	const mac = createHmac('sha256', key).update(`${id}.${time}.${body}`).digest('base64');
	const began = performance.now();
	return new Promise((resolve) => {
		const done = (what) => {
			counts[what] = (counts[what] ?? 0) + 1;
			slowest_ms = Math.max(slowest_ms, performance.now() - began);
			resolve();
		};
		const rq = request(url, {
			agent, method: 'POST', timeout: 30_000, headers: {
				'content-type': 'application/json', 'content-length': Buffer.byteLength(body),
				'webhook-id': id, 'webhook-timestamp': time, 'webhook-signature': `v1,${mac}`,
			},
		}, (answer) => {
			answer.resume();
			answer.on('end', () => done(answer.statusCode));
			answer.on('error', () => done('cut_off'));
		});
		rq.on('timeout', () => rq.destroy(new Error('timeout')));
		rq.on('error', (e) => done(e.code ?? e.message));
		rq.end(body);
	});
}

async function one(number) {
	const extension = extensions[number % extensions.length];
	const end = Date.now() + seconds * 1000;
	for (let n = 0; Date.now() < end; n++) {
		for (const type of ['phone.off_hook', 'phone.on_hook'])
			await post(JSON.stringify({ type, data: { extension, line: `${number}` } }));
	}
}

await Promise.all(Array.from({ length: Number(connections) }, (_, i) => one(i)));
agent.destroy();
console.log(JSON.stringify({ ...counts, slowest_ms: Math.round(slowest_ms) }));
