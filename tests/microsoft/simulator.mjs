// The simulator's whole state and the way of a request to the part that serves it.

import { Calls } from './calls.mjs';
import { controlHandle } from './control.mjs';
import { Credentials } from './credential.mjs';
import { entraHandle } from './entra.mjs';
import { Faults } from './faults.mjs';
import { graphHandle } from './graph.mjs';
import { Keys } from './keys.mjs';
import { stylesheetHandle } from './pages.mjs';
import { signinHandle } from './signin.mjs';
import { Teams } from './teams.mjs';
import { Directory } from './tenants.mjs';
import { Tokens } from './tokens.mjs';

export const PRESENCE_LIMIT = 1500; // presence requests of an app in a tenant per 30 s

export class Simulator {
	/** options: {client_id, secrets, certificates, public_url, state, phone} */
	constructor(options) {
		const { origin, host, href } = new URL(options.public_url);
		const base = href.replace(/\/$/, '');
		this.options = options;
		this.app = {
			client_id: options.client_id, key: options.client_id.toLowerCase(), name: 'Presence Sync', origin, host,
			redirect_uris: [`${base}/auth/callback`, `${base}/consent/callback`],
			permissions: ['Presence.ReadWrite.All', 'User.ReadBasic.All'], emits_wids: true,
		};
		this.directory = new Directory(options.state);
		this.calls = new Calls();
		this.faults = new Faults();
		this.teams = new Teams(this, options.phone);
		this.clear();
	}

	/** Needed before the first request: where browsers and programs find the login pages. */
	async prepare(loginUrl) {
		this.loginUrl = loginUrl;
		this.keys = await Keys.make(loginUrl);
	}

	clear() {
		this.offset_ms = 0;
		this.identity_offset_ms = 0;
		this.presenceLimit = PRESENCE_LIMIT;
		this.flows = new Map();
		this.codes = new Map();
		this.buckets = new Map();
		this.credentials = new Credentials(this.options);
		this.tokens = new Tokens(this);
		this.faults.clear();
		this.calls.reset();
	}

	reset() {
		this.directory.reset();
		this.clear();
		this.teams.reset();
	}

	// Presence expires and decays by one clock; tokens and assertions live by another,
	// so that moving the first does not make every token wrong.
	now() {
		return Date.now() + this.offset_ms;
	}

	identityNow() {
		return Date.now() + this.identity_offset_ms;
	}

	/**
	 * The directory's own limit, in resource units per 10 s: a list costs 2, less with
	 * $select or a small $top. Gives the seconds to wait, 0 when there is room.
	 */
	usersLimit(tenant, x) {
		const size = tenant.users.size;
		const capacity = size < 50 ? 3500 : size <= 500 ? 5000 : 8000;
		const now = Date.now();
		const bucket = this.buckets.get(tenant) ?? { units: capacity, at: now };
		bucket.units = Math.min(capacity, bucket.units + ((now - bucket.at) / 10_000) * capacity);
		bucket.at = now;
		this.buckets.set(tenant, bucket);
		const top = Number(x.query.get('$top') ?? 100);
		bucket.units = Math.max(-capacity, bucket.units - Math.max(1, 2 - (x.query.has('$select') ? 1 : 0) - (top < 20 ? 1 : 0)));
		return bucket.units >= 0 ? 0 : Math.max(1, Math.ceil((-bucket.units / capacity) * 10));
	}

	handle(x) {
		try {
			this.route(x);
		} catch (e) { // such as a path that cannot be decoded
			process.stderr.write(`simulator: ${x.method} ${x.path}: ${e.stack}\n`);
			x.send(e instanceof URIError ? 400 : 500, {}, '');
		}
	}

	route(x) {
		const { path } = x;
		if (path.startsWith('/v1.0/'))
			graphHandle(this, x);
		else if (path.startsWith('/_sim/'))
			controlHandle(this, x);
		else if (path.startsWith('/teams/') || path === '/teams')
			this.teams.handle(x);
		else if (path === '/favicon.ico')
			x.send(204, {});
		else if (path === '/_login/pages.css')
			stylesheetHandle(x);
		else if (path.startsWith('/_login/'))
			signinHandle(this, x);
		else
			entraHandle(this, x);
	}
}
