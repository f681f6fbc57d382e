// A steady load while something dies or starves: telephones that are lifted and
// put down in turn, each event given again with the same id until it is taken,
// and pages that look. Ends at the end of its input, and two events later; every
// second phone is then left off the hook. Prints what must be so in the end, and
// every answer:
//
//   {keys: [ids that were stored], busy: [extension], idle: [extension], refused:
//    [what was not taken, and why], outcomes: {word: count}, twice: [events given
//    at once by two, and stored by both or none], answers: [{name, begun, at, ms,
//    status, why, retry_after, problem}]}
//
//   node tests/http/steady.mjs <JSON in one line
//     {pbxs: [{url, secret}], phones, pace_ms, patience_ms, twice,
//      looks: [{name, method, urls, headers, body, times}], look_ms}
//
// Phone i belongs to PBX i modulo their number and has the extension e<i>. A page
// asks its urls in turn, a pause of look_ms after each answer. begun
// and at are milliseconds of the wall clock; problem: the body is one of ours.

import { createInterface } from 'node:readline';
import { agentNew, ask, insist, pause, sign } from './sender.mjs';

const lines = createInterface({ input: process.stdin });
const o = JSON.parse(await new Promise((resolve) => lines.once('line', resolve)));
const agent = agentNew();
const result = { keys: [], busy: [], idle: [], refused: [], outcomes: {}, twice: [], answers: [] };
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

/** Gives an event until it is taken; the outcome, null when it never was. */
async function give(pbx, id, type, data) {
	const body = JSON.stringify({ type, data });
	const answer = await insist(o.patience_ms, (one) => note('webhook', one),
		() => ask(agent, 'POST', pbx.url, sign(pbx.secret, id, body), body));
	if (answer.status !== 200) {
		result.refused.push(`${id} ${type}: ${answer.status || answer.why} ${answer.text}`);
		return null;
	}
	const { outcome } = JSON.parse(answer.text).results[0];
	result.outcomes[outcome] = (result.outcomes[outcome] ?? 0) + 1;
	return outcome;
}

/** A person whose monitoring is off leaves no row. */
const isStored = (outcome) => outcome !== 'monitoring_off';

async function phone(number) {
	const pbx = o.pbxs[number % o.pbxs.length];
	const extension = `e${number}`;
	let more = 2; // events after the end
	let off = false;
	await pause(o.pace_ms * number / o.phones); // not all at the same moment
	for (let i = 0; more > 0 || off !== (number % 2 === 1); i++) {
		more -= stopping ? 1 : 0;
		off = !off;
		const type = off ? 'phone.off_hook' : 'phone.on_hook';
		const id = `msg_${extension}_${i}`;
		const outcomes = await Promise.all(Array.from({ length: o.twice ? 2 : 1 },
			() => give(pbx, id, type, { extension, line: '1' })));
		if (outcomes.includes(null))
			return;
		if (isStored(outcomes[0]) || isStored(outcomes.at(-1)))
			result.keys.push(id);
		if (o.twice && outcomes.every(isStored) && outcomes.filter((one) => one !== 'duplicate').length !== 1)
			result.twice.push(`${id} ${outcomes.join(' ')}`);
		await pause(o.pace_ms);
	}
	(off ? result.busy : result.idle).push(extension);
}

async function look({ name, method, urls, headers, body }) {
	for (let i = 0; !stopping; i++) {
		note(name, await ask(agent, method, urls[i % urls.length],
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
