// Looks at addresses over and over, as open pages do, until its input ends, and
// prints how they answered: {NAME: {answers: {status or error: count}, slowest_ms,
// not_json: count}}.
//
//   node tests/http/looks.mjs EVERY_MS NAME URL HEADER VALUE [NAME URL HEADER VALUE ...]

import { Counts, agentNew, ask, pause } from './sender.mjs';

const [every, ...words] = process.argv.slice(2);
const agent = agentNew();
const results = {};
let stopping = false;

process.stdin.resume().on('end', () => {
	stopping = true;
});

async function look(name, url, header, value) {
	const counts = new Counts();
	const result = results[name] = { answers: counts.counts, slowest_ms: 0, not_json: 0 };
	while (!stopping) {
		const answer = await ask(agent, 'GET', url, { [header]: value });
		counts.add(answer);
		result.slowest_ms = counts.slowest_ms;
		try {
			JSON.parse(answer.text);
		} catch {
			result.not_json += answer.status ? 1 : 0;
		}
		await pause(Number(every));
	}
}

const all = [];
for (let i = 0; i < words.length; i += 4)
	all.push(look(...words.slice(i, i + 4)));
await Promise.all(all);
agent.destroy();
console.log(JSON.stringify(results));
