// Faults on demand: which call they hit, and what then happens to it. Every call to
// Graph and to the identity platform is carried out by `carry`.

import { isWrite, wallNow } from './calls.mjs';

const LONGEST_HANG_MS = 120_000;
const MEMBERS = new Set([
	'match', 'times', 'status', 'retry_after', 'code', 'message', 'error_code', 'error',
	'delay_ms', 'effect', 'effect_delay_ms', 'action', 'headers', 'raw_body',
]);

/** What is wrong with a fault's description; null when it is good. */
function faultCheck(f) {
	const unknown = Object.keys(f).find((k) => !MEMBERS.has(k));
	if (unknown)
		return `unknown member: ${unknown}`;
	if (typeof f.match?.op !== 'string')
		return 'match.op is missing';
	if (f.times != null && !(Number.isInteger(f.times) && f.times > 0))
		return 'times is a positive whole number or null';
	if (f.status != null && !(Number.isInteger(f.status) && f.status >= 200 && f.status <= 599))
		return 'status is a number from 200 to 599';
	for (const name of ['delay_ms', 'effect_delay_ms'])
		if (f[name] != null && !(f[name] >= 0 && f[name] <= 3_600_000))
			return `${name} is a number from 0 to 3600000`;
	if (f.effect != null && !['before', 'after', 'none'].includes(f.effect))
		return 'effect is before, after or none';
	if (f.action != null && !['answer', 'reset', 'hang'].includes(f.action))
		return 'action is answer, reset or hang';
	return null;
}

// Ids are compared in lower case.
const lowered = (match) => ({
	op: match.op, tenant: match.tenant?.toLowerCase(), user: match.user?.toLowerCase(),
});

export class Faults {
	constructor() {
		this.list = [];
		this.lastId = 0;
	}

	add(description) {
		const wrong = faultCheck(description);
		if (wrong)
			throw new Error(wrong);
		const fault = {
			...description, match: lowered(description.match), id: ++this.lastId, left: description.times ?? Infinity, hits: 0,
		};
		this.list.push(fault);
		return fault.id;
	}

	remove(id) {
		const before = this.list.length;
		this.list = this.list.filter((f) => f.id !== id);
		return this.list.length < before;
	}

	clear() {
		this.list = [];
	}

	/** The oldest fault that fits, used up by one; null when none does. */
	take(op, tenant, user) {
		for (const fault of this.list) {
			const m = fault.match;
			if ((m.op !== '*' && m.op !== op) || (m.tenant && m.tenant !== tenant)
				|| (m.user && m.user !== user))
				continue;
			fault.hits++;
			if (--fault.left <= 0)
				this.remove(fault.id);
			return fault;
		}
		return null;
	}
}

const sleep = (ms) => new Promise((done) => {
	if (ms > 0)
		setTimeout(done, ms);
	else
		done();
});

/**
 * Carry out one call: log it, let a fault interfere, answer.
 *   spec     {op, tenant, user, userKey, body}
 *   perform  does it and gives the answer {status, headers, body}, or a promise of it
 *   refuse   makes the answer of a fault that has a status
 */
export function carry(sim, x, spec, perform, refuse) {
	const call = sim.calls.begin(spec.op, spec.tenant, spec.user, spec.userKey ?? null, spec.body ?? null, x);
	x.onClose(() => sim.calls.end(call, null));
	const fault = spec.faultless || sim.faults.list.length === 0 ? null
		: sim.faults.take(spec.op, call.tenant, call.user);
	const land = () => {
		const answer = perform();
		const done = (a) => {
			if (a.status < 300 && isWrite(spec.op))
				call.landed_at = wallNow();
			return a;
		};
		return typeof answer.then === 'function' ? answer.then(done) : done(answer);
	};
	const send = (answer) => {
		sim.calls.end(call, x.closed ? null : answer.status);
		x.send(answer.status, answer.headers, answer.body);
	};
	const failed = (e) => {
		process.stderr.write(`simulator: ${spec.op}: ${e.stack}\n`);
		send({ status: 500, headers: {}, body: '' });
	};
	try {
		if (fault) {
			disturb(fault, x, { land, send, refuse }).catch(failed);
			return;
		}
		const answer = land();
		if (typeof answer.then === 'function')
			answer.then(send).catch(failed);
		else
			send(answer);
	} catch (e) {
		failed(e);
	}
}

async function disturb(fault, x, { land, send, refuse }) {
	const action = fault.action ?? 'answer';
	const refused = fault.status != null || fault.error_code != null;
	// Without anything else said, a fault only makes the call slow; it then takes
	// effect at the end of the delay, whether or not the client still waits.
	const effect = fault.effect ?? (refused || action !== 'answer' ? 'none' : null);
	let answer = null;
	if (effect === 'before')
		answer = sleep(fault.effect_delay_ms).then(land);
	await sleep(fault.delay_ms);
	if (effect === null)
		answer = land();
	if (action === 'answer') {
		if (refused || effect === 'after' || effect === 'none')
			send(refuse(fault));
		else
			send(await answer);
	} else if (action === 'reset') {
		x.reset();
	} else {
		await gone(x);
	}
	await answer;
	if (effect === 'after') {
		await sleep(fault.effect_delay_ms);
		await land();
	}
}

/** Wait until the client gives up; at the latest after two minutes we do. */
function gone(x) {
	return new Promise((resolve) => {
		const timer = setTimeout(() => x.reset(), LONGEST_HANG_MS);
		x.onClose(() => {
			clearTimeout(timer);
			resolve();
		});
	});
}

/** Members of a fault that shape a refusal's head or replace its body. */
export function faultDress(fault, answer) {
	const headers = { ...answer.headers, ...fault.headers };
	if (fault.retry_after != null)
		headers['retry-after'] = String(fault.retry_after);
	if (fault.raw_body == null)
		return { ...answer, headers };
	headers['content-type'] = fault.headers?.['content-type'] ?? 'text/html';
	return { status: answer.status, headers, body: fault.raw_body };
}
