// Lets time pass over calls that go on, and watches what Teams shows at every step:
// each person's session is Busy and never past its end, and it is told anew after
// two thirds of its lease, not before. Prints {steps, people: {user: {renewals,
// shortest_s, longest_s}}}; ends with 1 and the reason when one does not hold.
//
//   node tests/http/long-call.mjs STACK SECONDS STEP_S TENANT/USER/LEASE_S ...
//
// STEP_S is less than the third of every lease that a renewal may take. The stack
// was started with STACK_FAKETIME=passing; its DIR/env is in our environment.

import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { pause } from './sender.mjs';

const run = promisify(execFile);
const { RUN, SIM_URL, DATABASE_URL } = process.env;
const RENEWED_WITHIN_MS = 15_000;
const LOOK_MS = 10;

const [stack, seconds, step_s, ...people] = process.argv.slice(2);
const watched = people.map((text) => {
	const [tenant, user, lease_s] = text.split('/');
	return { tenant, user, lease_s: Number(lease_s), set_at: 0, renewals: 0, shortest_s: Infinity, longest_s: 0 };
});
let passed_s = 0;

const now = () => Date.now() + Number(readFileSync(`${RUN}/clock`, 'utf8')) * 1000;

function fail(person, words) {
	console.log(`${person.user}, after ${passed_s} s: ${words}`);
	process.exit(1);
}

async function session(person) {
	const answer = await fetch(`${SIM_URL}/_sim/presence?tenant=${person.tenant}&user=${person.user}`);
	const { session: s } = await answer.json();
	if (!s)
		fail(person, 'the session has lapsed');
	if (s.availability !== 'Busy')
		fail(person, `${s.availability} instead of Busy`);
	if (Date.parse(s.expires_at) <= now())
		fail(person, 'the session lies past its end');
	return Date.parse(s.set_at);
}

/** Told anew: notes after how long. */
function renewed(person, set_at) {
	const gap_s = (set_at - person.set_at) / 1000;
	person.renewals++;
	person.shortest_s = Math.min(person.shortest_s, gap_s);
	person.longest_s = Math.max(person.longest_s, gap_s);
	person.set_at = set_at;
}

async function look(person) {
	const due_at = person.set_at + person.lease_s * 1000 * 2 / 3;
	const until = Date.now() + RENEWED_WITHIN_MS;
	for (;;) {
		const set_at = await session(person);
		if (set_at !== person.set_at) {
			renewed(person, set_at);
			return;
		}
		if (now() < due_at)
			return;
		if (Date.now() > until)
			fail(person, `not told anew within ${RENEWED_WITHIN_MS / 1000} s of two thirds of its lease`);
		await pause(LOOK_MS);
	}
}

/** Every answer of Graph has been noted. */
async function recorded() {
	for (;;) {
		const { stdout } = await run('psql', ['-X', '-q', '-At', '-d', DATABASE_URL, '-c',
			'SELECT count(*) FROM presence.teams_user WHERE claim_until_at IS NOT NULL']);
		if (Number(stdout) === 0)
			return;
		await pause(LOOK_MS);
	}
}

for (const person of watched)
	person.set_at = await session(person);
let steps = 0;
for (; passed_s < Number(seconds); passed_s += Number(step_s), steps++) {
	const before = watched.map((p) => p.renewals);
	await run('tests/stack/clock', [stack, `+${step_s}`]);
	await Promise.all(watched.map(look));
	if (watched.some((p, i) => p.renewals !== before[i]))
		await recorded();
}
console.log(JSON.stringify({
	steps, people: Object.fromEntries(watched.map(({ user, renewals, shortest_s, longest_s }) =>
		[user, { renewals, shortest_s, longest_s }])),
}));
