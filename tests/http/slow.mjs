// Slow clients: each sends a whole signed event, a few bytes at a time. Half of
// them are slow from the request line on, half only with the body. Prints `slow`
// when all have begun, and at the end how many were answered 200.
//
//   node tests/http/slow.mjs URL SECRET CLIENTS SECONDS

import { once } from 'node:events';
import { connect } from 'node:net';
import { pause, sign } from './sender.mjs';

const [url, secret, clients, seconds] = process.argv.slice(2);
const { hostname, port, pathname } = new URL(url);
const STEPS = 50;

async function one(number) {
	const body = JSON.stringify({ type: 'phone.on_hook', data: { extension: 'nobody', line: 'x'.repeat(100) } });
	const headers = { host: `${hostname}:${port}`, connection: 'close', ...sign(secret, `msg_slow_${number}`, body) };
	const head = `POST ${pathname} HTTP/1.1\r\n${Object.entries(headers).map(([n, v]) => `${n}: ${v}\r\n`).join('')}\r\n`;
	const socket = connect({ host: hostname, port: Number(port) });
	let answer = '';
	socket.on('data', (bytes) => (answer += bytes));
	socket.on('error', () => {}); // then the answer is none
	await once(socket, 'connect');
	const slow = number % 2 ? head + body : body;
	if (slow === body)
		socket.write(head);
	const size = Math.ceil(slow.length / STEPS);
	for (let at = 0; at < slow.length && !socket.destroyed; at += size) {
		socket.write(slow.slice(at, at + size));
		await pause(seconds * 1000 / STEPS);
	}
	if (!socket.destroyed)
		await once(socket, 'close');
	return /^HTTP\/1.1 200\b/.test(answer);
}

const all = Array.from({ length: Number(clients) }, (_, i) => one(i));
await pause(500);
console.log('slow');
console.log((await Promise.all(all)).filter(Boolean).length);
