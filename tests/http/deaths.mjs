// Forty people with two phones each telephone according to a plan that a seed
// fixes; each phone gives an event again until it is taken, and only then the
// next one. Meanwhile somebody switches Presence Monitoring in the tab, and an
// administrator changes the lease, in the same way. Prints what was answered
// and what must be so in the end:
//
//   {answers: {status or error: count}, tries, slowest_ms, keys: [accepted ids],
//    events: {"extension type": count}, open: ["extension call-or-line"],
//    busy: [extension], refused: [what was not taken, and why],
//    monitoring, lease_s}
//
//   node tests/http/deaths.mjs <JSON {url, secret, seed, seconds, people,
//     patience_ms, tab: {url, token}, admin: {url, cookie, csrf}}

import { readFileSync } from 'node:fs';
import { Counts, agentNew, ask, insist, pause, sign } from './sender.mjs';

const o = JSON.parse(readFileSync(0, 'utf8'));
const agent = agentNew();
const counts = new Counts();
const began = Date.now();
const result = { tries: 0, keys: [], events: {}, open: [], busy: [], refused: [] };

/** Whole numbers below n, the same ones for the same seed (mulberry32). */
function dice(seed) {
	let a = seed >>> 0;
	return (n) => {
		a = a + 0x6D2B79F5 | 0;
		let t = Math.imul(a ^ a >>> 15, 1 | a);
		t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
		return ((t ^ t >>> 14) >>> 0) % n;
	};
}

function told(answer) {
	result.tries++;
	counts.add(answer);
}

/** The calls of one phone: [{at_ms, type, call}], the last one maybe left open. */
function planOf(roll, phone) {
	const plan = [];
	let at_ms = roll(1500);
	for (let n = 0; at_ms < o.seconds * 1000; n++) {
		const types = roll(3) === 0 ? ['phone.off_hook', 'phone.on_hook'] : [
			...roll(2) ? ['call.ringing'] : [], 'call.answered',
			...roll(3) ? [] : ['call.held', 'call.resumed'], 'call.ended',
		];
		for (const type of types) {
			plan.push({ at_ms, type, call: type.startsWith('phone.') ? null : `${phone}-${n}` });
			at_ms += 200 + roll(2000);
		}
	}
	if (roll(2))
		plan.pop();
	return plan;
}

async function phone(person, number) {
	const roll = dice(o.seed * 1000 + person * 10 + number);
	const extension = `p${person}`;
	let open = null; // what is busy on this phone now
	let ringing = null;
	for (const [i, { at_ms, type, call }] of planOf(roll, `${extension}-${number}`).entries()) {
		await pause(began + at_ms - Date.now());
		const id = `msg_${extension}_${number}_${i}`;
		const data = call ? { extension, call_id: call } : { extension, line: `${number}` };
		const body = JSON.stringify({ type, data });
		// Signed each time: a sender tells when it tries.
		const answer = await insist(o.patience_ms, told, () => ask(agent, 'POST', o.url, sign(o.secret, id, body), body));
		if (answer.status !== 200) {
			result.refused.push(`${id} ${type}: ${answer.status || answer.why} ${answer.text}`);
			break;
		}
		result.keys.push(id);
		const name = `${extension} ${type}`;
		result.events[name] = (result.events[name] ?? 0) + 1;
		ringing = type === 'call.ringing' ? call : null;
		open = ringing || type === 'call.ended' || type === 'phone.on_hook' ? null : call ?? `${number}`;
	}
	if (open ?? ringing)
		result.open.push(`${extension} ${open ?? ringing}`);
	return open !== null;
}

async function person(number) {
	const busy = await Promise.all([phone(number, 0), phone(number, 1)]);
	if (busy.includes(true))
		result.busy.push(`p${number}`);
}

/** Changes something over and over, each change until it is taken. */
async function changes(name, method, url, headers, bodyOf) {
	let last = null;
	for (let n = 0; Date.now() - began < o.seconds * 1000; n++) {
		const body = JSON.stringify(bodyOf(n));
		const answer = await insist(o.patience_ms, told, () =>
			ask(agent, method, url, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...headers }, body));
		if (answer.status !== 200)
			result.refused.push(`${name}: ${answer.status || answer.why} ${answer.text}`);
		last = n;
		await pause(150);
	}
	return bodyOf(last);
}

const [monitoring, settings] = await Promise.all([
	changes('tab', 'PUT', o.tab.url, { authorization: `Bearer ${o.tab.token}` }, (n) => ({ on: n % 2 === 0 })),
	changes('admin', 'PATCH', o.admin.url, { cookie: o.admin.cookie, 'x-csrf-token': o.admin.csrf },
		(n) => ({ settings: { lease_s: 900 + n } })),
	...Array.from({ length: o.people }, (_, i) => person(i)),
]);
agent.destroy();
for (const list of [result.keys, result.open, result.busy])
	list.sort();
console.log(JSON.stringify({
	answers: counts.counts, slowest_ms: counts.slowest_ms, ...result,
	monitoring: monitoring.on, lease_s: settings.settings.lease_s,
}));
