// Opens many connections, then sends one event over each at the same moment, and
// prints how they were answered at first: {connections, answers: {status or error:
// count}, no_retry_after: count of 503 without it, outcomes: {word: count}, p50_ms,
// slowest_ms, lost: [never taken]}. What nobody could take is given again.
//
//   node tests/http/crowd.mjs CONNECTIONS TYPE CALL <JSON [{url, secret, extensions: N}]
//
// Connection i belongs to PBX i modulo their number, and to its extension e0, e1 ...

import { readFileSync } from 'node:fs';
import { once } from 'node:events';
import { connect } from 'node:net';
import { Counts, again, agentNew, ask, insist, pause, sign } from './sender.mjs';

const OPENED_AT_ONCE = 1000; // nginx waits 10 s for a request
const PATIENCE_MS = 30_000;

const [connections, type, call] = process.argv.slice(2);
const pbxs = JSON.parse(readFileSync(0, 'utf8'));
const counts = new Counts();
const agent = agentNew(); // for what is given again
const result = { connections: Number(connections), answers: counts.counts, no_retry_after: 0, outcomes: {}, lost: [] };
const times = [];

async function open() {
	const { hostname, port } = new URL(pbxs[0].url);
	const socket = connect({ host: hostname, port: Number(port) });
	await once(socket, 'connect');
	return socket;
}

function note(answer) {
	for (const { outcome } of JSON.parse(answer.text).results)
		result.outcomes[outcome] = (result.outcomes[outcome] ?? 0) + 1;
}

function event(i) {
	const pbx = pbxs[i % pbxs.length];
	const extension = `e${Math.floor(i / pbxs.length) % pbx.extensions}`;
	const body = JSON.stringify({ type, data: { extension, call_id: call } });
	const id = `msg_${call}_${type.slice(5)}_${i}`;
	return { pbx, body, id, headers: sign(pbx.secret, id, body) };
}

async function one(socket, { pbx, body, id, headers }) {
	let answer = await ask(socket, 'POST', pbx.url, headers, body);
	counts.add(answer);
	times.push(answer.ms);
	if (again(answer)) {
		result.no_retry_after += answer.status && !(answer.headers['retry-after'] >= 1) ? 1 : 0;
		await pause((answer.headers['retry-after'] ?? 1) * 1000);
		answer = await insist(PATIENCE_MS, () => {}, () => ask(agent, 'POST', pbx.url, sign(pbx.secret, id, body), body));
	}
	if (answer.status === 200)
		note(answer);
	else
		result.lost.push(`${id}: ${answer.status || answer.why} ${answer.text}`);
}

const events = Array.from({ length: result.connections }, (_, i) => event(i));
const sockets = [];
while (sockets.length < result.connections)
	sockets.push(...await Promise.all(Array.from({ length: Math.min(OPENED_AT_ONCE, result.connections - sockets.length) }, open)));
await Promise.all(sockets.map((socket, i) => one(socket, events[i])));
for (const socket of sockets)
	socket.destroy();
agent.destroy();
times.sort((a, b) => a - b);
result.p50_ms = Math.round(times[Math.floor(times.length / 2)]);
result.slowest_ms = counts.slowest_ms;
console.log(JSON.stringify(result));
