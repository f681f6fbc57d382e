// A sender of webhooks, as PBXs are: signs, keeps its connections, and gives an
// event again, with the same id, as long as it is not taken.

import { createHmac } from 'node:crypto';
import { Agent, request } from 'node:http';

const PAUSE_MS = 250; // before an event is given again
const TIMEOUT_MS = 30_000;

export const agentNew = () => new Agent({ keepAlive: true, maxSockets: Infinity, maxFreeSockets: Infinity });
export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * One request, over a connection of the agent or over this socket. Gives {status,
 * headers, text, ms}; status is 0 when there was no whole answer, `why` says what
 * there was instead, `cut` that it had begun.
 */
export function ask(over, method, url, headers, body) {
	const began = performance.now();
	const way = over instanceof Agent ? { agent: over } : { createConnection: () => over };
	return new Promise((resolve) => {
		const done = (answer) => resolve({ status: 0, headers: {}, text: '', cut: false, ...answer, ms: performance.now() - began });
		const rq = request(url, { ...way, method, timeout: TIMEOUT_MS, headers }, (rs) => {
			const parts = [];
			rs.on('data', (part) => parts.push(part));
			rs.on('end', () => done({ status: rs.statusCode, headers: rs.headers, text: Buffer.concat(parts).toString() }));
			rs.on('error', (e) => done({ why: e.code ?? e.message, cut: true }));
		});
		rq.on('timeout', () => rq.destroy(new Error('timeout')));
		rq.on('error', (e) => done({ why: e.code ?? e.message }));
		rq.end(body);
	});
}

/** Standard Webhooks' headers; the secret is `whsec_` and base64. */
export function sign(secret, id, body) {
	const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
	const time = Math.floor(Date.now() / 1000);
	const mac = createHmac('sha256', key).update(`${id}.${time}.${body}`).digest('base64');
	return {
		'content-type': 'application/json', 'content-length': Buffer.byteLength(body),
		'webhook-id': id, 'webhook-timestamp': time, 'webhook-signature': `v1,${mac}`,
	};
}

/** Nobody could take it: no answer, or one that asks to come again. */
export const again = (answer) => [0, 502, 503].includes(answer.status);

/** Counts answers by status, or by what there was instead of one. */
export class Counts {
	constructor() {
		this.counts = {};
		this.slowest_ms = 0;
	}

	add(answer) {
		const name = answer.status || (answer.cut ? `cut off: ${answer.why}` : answer.why);
		this.counts[name] = (this.counts[name] ?? 0) + 1;
		this.slowest_ms = Math.max(this.slowest_ms, Math.round(answer.ms));
	}
}

/**
 * Asks until it is taken, at most for `patience_ms`; each answer goes to `told`.
 * Gives the last one.
 */
export async function insist(patience_ms, told, one) {
	const end = Date.now() + patience_ms;
	for (;;) {
		const answer = await one();
		told(answer);
		if (!again(answer) || Date.now() > end)
			return answer;
		await pause(PAUSE_MS);
	}
}
