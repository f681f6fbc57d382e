// A steady load while something dies or starves: telephones that are lifted and
// put down in turn, each event given again with the same id until it is taken,
// and pages that look. Ends at the end of its input; every second phone is then
// left off the hook. Prints what must be so in the end, and every answer:
//
//   {keys: [accepted ids], busy: [extension], idle: [extension], refused: [what
//    was not taken, and why], answers: [{name, begun, at, ms, status, why,
//    retry_after, problem}]}
//
//   node tests/http/steady.mjs <JSON in one line
//     {pbxs: [{url, secret}], phones, pace_ms, patience_ms,
//      looks: [{name, method, url, headers, body, times}], look_ms}
//
// Phone i belongs to PBX i modulo their number and has the extension e<i>. begun
// and at are milliseconds of the wall clock; problem: the body is one of ours.

import { createInterface } from 'node:readline';
import { agentNew, ask, insist, pause, sign } from './sender.mjs';

const lines = createInterface({ input: process.stdin });
const o = JSON.parse(await new Promise((resolve) => lines.once('line', resolve)));
const agent = agentNew();
const result = { keys: [], busy: [], idle: [], refused: [], answers: [] };
let stopping = false;
lines.once('close', () => {
	stopping = true;
});

function isProblem(answer) {
	try {
		const { status, title } = JSON.parse(answer.text);
		return answer.headers['content-type'] === 'application/problem+json' && status === answer.status && title !== '';
	} catch {
		return false;
	}
}

function note(name, answer) {
	const at = Date.now();
	result.answers.push({
		name, begun: Math.round(at - answer.ms), at, ms: Math.round(answer.ms), status: answer.status, why: answer.why,
		retry_after: Number(answer.headers['retry-after'] ?? 0), problem: isProblem(answer),
	});
}

async function phone(number) {
	const pbx = o.pbxs[number % o.pbxs.length];
	const extension = `e${number}`;
	let off = false;
	await pause(o.pace_ms * number / o.phones); // not all at the same moment
	for (let i = 0; !stopping || off !== (number % 2 === 1); i++) {
		off = !off;
		const type = off ? 'phone.off_hook' : 'phone.on_hook';
		const id = `msg_${extension}_${i}`;
		const body = JSON.stringify({ type, data: { extension, line: '1' } });
		const answer = await insist(o.patience_ms, (one) => note('webhook', one),
			() => ask(agent, 'POST', pbx.url, sign(pbx.secret, id, body), body));
		if (answer.status !== 200) {
			result.refused.push(`${id} ${type}: ${answer.status || answer.why} ${answer.text}`);
			return;
		}
		result.keys.push(id);
		await pause(o.pace_ms);
	}
	(off ? result.busy : result.idle).push(extension);
}

async function look({ name, method, url, headers, body }) {
	while (!stopping) {
		note(name, await ask(agent, method, url,
			{ ...body && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }, ...headers }, body));
		await pause(o.look_ms);
	}
}

console.log('begun');
await Promise.all([
	...Array.from({ length: o.phones }, (_, i) => phone(i)),
	...(o.looks ?? []).flatMap((one) => Array.from({ length: one.times ?? 1 }, () => look(one))),
]);
agent.destroy();
for (const list of [result.keys, result.busy, result.idle])
	list.sort();
console.log(JSON.stringify(result));
