// The log of every request to Graph and to the identity platform, and its counts.
// Bounded: the newest 200,000 calls.

const CAPACITY = 200_000;
const WINDOW_MS = 30_000;
// What counts as a presence request: these share one limit.
const PRESENCE_OPS = new Set([
	'setPresence', 'clearPresence', 'getPresence', 'getPresencesByUserId',
]);
const WRITES = new Set(['setPresence', 'clearPresence']);

export const isPresenceOp = (op) => PRESENCE_OPS.has(op);
export const isWrite = (op) => WRITES.has(op);
export const wallNow = () => performance.timeOrigin + performance.now();

/** Times of the last 30 s: counts what came in, throttled or not. */
export class Window {
	constructor() {
		this.times = [];
		this.head = 0;
		this.max = 0;
	}

	/** Add one now; gives how many lie in the window, this one included. */
	add(now) {
		this.trim(now);
		this.times.push(now);
		const n = this.times.length - this.head;
		if (n > this.max)
			this.max = n;
		return n;
	}

	trim(now) {
		while (this.head < this.times.length && this.times[this.head] <= now - WINDOW_MS)
			this.head++;
		if (this.head > 4096 && this.head * 2 > this.times.length) {
			this.times = this.times.slice(this.head);
			this.head = 0;
		}
	}

	/** Whole seconds until fewer than `limit` lie in the window, at least 1. */
	retryAfter_s(now, limit) {
		const leaver = this.times[Math.max(this.head, this.times.length - limit)];
		return Math.max(1, Math.ceil((leaver + WINDOW_MS - now) / 1000));
	}
}

export class Calls {
	constructor() {
		this.seq = 0;
		this.reset();
	}

	// Numbers go on after a reset, so that a `since` taken before stays valid.
	reset() {
		this.ring = [];
		this.first = this.seq + 1;
		this.counted = new Map();
		this.windows = new Map();
		this.concurrentMax = 0;
	}

	windowOf(tenant_id) {
		let window = this.windows.get(tenant_id);
		if (!window)
			this.windows.set(tenant_id, window = new Window());
		return window;
	}

	begin(op, tenant, user, userKey, body, x) {
		const call = {
			seq: ++this.seq, op, tenant: tenant?.tenant_id ?? null, user: userKey, body,
			client_request_id: x.headers['client-request-id'] ?? null, http: x.version,
			status: null, started_at: wallNow(), ended_at: null, landed_at: null,
			concurrent: 1, of: null,
		};
		if (user && WRITES.has(op)) {
			call.of = user;
			call.concurrent = ++user.inflight;
			if (user.inflight > this.concurrentMax)
				this.concurrentMax = user.inflight;
		}
		this.counted.set(op, (this.counted.get(op) ?? 0) + 1);
		this.ring[call.seq % CAPACITY] = call;
		return call;
	}

	end(call, status) {
		if (call.ended_at !== null)
			return;
		call.ended_at = wallNow();
		call.status = status;
		if (call.of)
			call.of.inflight--;
		call.of = null;
	}

	/** Calls after `since`, oldest first, that match; at most `limit`. */
	list({ since, tenant, user, op, limit }) {
		const calls = [];
		let seq = Math.max(since + 1, this.first, this.seq - CAPACITY + 1);
		for (; seq <= this.seq && calls.length < limit; seq++) {
			const c = this.ring[seq % CAPACITY];
			if ((tenant && c.tenant !== tenant) || (user && c.user !== user) || (op && c.op !== op))
				continue;
			const { of, ...shown } = c;
			calls.push({ ...shown, at: new Date(c.started_at).toISOString() });
		}
		return { seq: this.seq, more: seq <= this.seq, calls };
	}

	counts() {
		const graph = {};
		const others = { token: 0, jwks: 0, discovery: 0, authorize: 0, adminconsent: 0, sso: 0 };
		for (const [op, n] of this.counted)
			(op in others ? others : graph)[op] = n;
		const max_in_30s = {};
		for (const [tenant, window] of this.windows)
			max_in_30s[tenant] = window.max;
		return { graph, ...others, max_in_30s, concurrent_per_user_max: this.concurrentMax };
	}
}
