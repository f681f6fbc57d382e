// Posts signed events for a time over many connections, each event once, and
// prints how they were answered.
//
//   node tests/http/load.mjs URL SECRET SECONDS CONNECTIONS EXTENSION ...
//
// Every connection is one call after another of one of the extensions, off-hook
// and on-hook in turn, and ends with on-hook. Output: JSON {begun, answers:
// {status or error: count}, slowest_ms}. All together stay below the events a second
// that one PBX may send for long (1,000).

import { randomUUID } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { Counts, agentNew, ask, sign } from './sender.mjs';

const RATE = 900;

const [url, secret, seconds, connections, ...extensions] = process.argv.slice(2);
const agent = agentNew();
const counts = new Counts();
let begun = 0;

async function one(number) {
	const extension = extensions[number % extensions.length];
	const end = Date.now() + seconds * 1000;
	let turn = Date.now();
	while (Date.now() < end) {
		for (const type of ['phone.off_hook', 'phone.on_hook']) {
			const body = JSON.stringify({ type, data: { extension, line: `${number}` } });
			await pause(Math.max(0, turn - Date.now()));
			turn = Math.max(turn, Date.now()) + connections * 1000 / RATE;
			begun++;
			counts.add(await ask(agent, 'POST', url, sign(secret, `msg_${randomUUID()}`, body), body));
		}
	}
}

await Promise.all(Array.from({ length: Number(connections) }, (_, i) => one(i)));
agent.destroy();
console.log(JSON.stringify({ begun, answers: counts.counts, slowest_ms: counts.slowest_ms }));
