// One process of the Node peer: the door, the transaction, Graph, the record.

import { createHmac, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fastify from 'fastify';
import pg from 'pg';
import { Pool } from 'undici';

const SKEW_S = 300;
const TRIES = 200;
const ROWS = 'SELECT kind, i, outcome, tenant_id, user_id, goal, goal_no, claim_no, expires_s FROM';
const SHOWN = {
	busy: ['Busy', 'InACall'],
	available: ['Available', 'Available'],
};
const TYPES = new Set(['phone.off_hook', 'phone.on_hook', 'call.ringing', 'call.answered', 'call.held',
	'call.resumed', 'call.ended', 'extension.busy', 'extension.idle']);

class Problem extends Error {
	constructor(status, detail) {
		super(detail);
		this.status = status;
	}
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

// --- the door ---------------------------------------------------------------------

function verify(pbx, headers, body) {
	const id = headers['webhook-id'];
	const timestamp = headers['webhook-timestamp'];
	const signatures = headers['webhook-signature'];
	if (!id || !timestamp || !signatures)
		throw new Problem(401, 'a header is missing');
	if (!(Math.abs(Date.now() / 1000 - Number(timestamp)) <= SKEW_S))
		throw new Problem(401, 'webhook-timestamp is too far from now');
	const mac = createHmac('sha256', pbx.key).update(`${id}.${timestamp}.`).update(body).digest();
	for (const one of signatures.split(' ')) {
		if (!one.startsWith('v1,'))
			continue;
		const given = Buffer.from(one.slice(3), 'base64');
		if (given.length === mac.length && timingSafeEqual(given, mac))
			return id;
	}
	throw new Problem(401, 'the signature does not match');
}

function text(value, name) {
	if (value === undefined || value === null)
		return undefined;
	if (typeof value !== 'string' || value.length < 1 || value.length > 128)
		throw new Problem(400, `data.${name} is not a text of 1 to 128 bytes`);
	return value;
}

function parse(body, pbx, key) {
	let message;
	try {
		message = JSON.parse(body);
	} catch {
		throw new Problem(400, 'this is not JSON');
	}
	if (!TYPES.has(message?.type))
		throw new Problem(400, 'type is unknown');
	const data = message.data ?? {};
	const event = {
		i: 0, t: pbx.tenant_id, p: pbx.id, y: message.type, k: key,
		e: text(data.extension, 'extension'), c: text(data.call_id, 'call_id'),
		l: text(data.leg_id, 'leg_id'), n: text(data.line, 'line'),
	};
	if (!event.e || (event.y.startsWith('call.') && !event.c))
		throw new Problem(400, 'a member of data is missing');
	return event;
}

// --- Graph ------------------------------------------------------------------------

class Graph {
	constructor(settings) {
		const url = new URL(settings.graph_url);
		this.pool = new Pool(url.origin, {
			connect: { ca: settings.ca ? readFileSync(settings.ca) : undefined },
			connections: settings.graph_connections ?? null,
			allowH2: settings.http2 ?? false,
			pipelining: settings.http2 ? 100 : 1,
			keepAliveTimeout: 60_000,
		});
		this.login = settings.login_url;
		this.client = settings.client_id;
		this.tokens = new Map();
	}

	token(tenant) {
		const known = this.tokens.get(tenant);
		if (known && known.until > Date.now())
			return known.text;
		const one = { until: Date.now() + 60_000 };
		one.text = this.ask(tenant, one);
		this.tokens.set(tenant, one);
		return one.text;
	}

	async ask(tenant, one) {
		const answer = await fetch(`${this.login}/${tenant}/oauth2/v2.0/token`, {
			method: 'POST',
			body: new URLSearchParams({ grant_type: 'client_credentials', client_id: this.client,
				scope: 'https://graph.microsoft.com/.default' }),
		});
		if (!answer.ok) {
			this.tokens.delete(tenant);
			throw new Error(`token: http ${answer.status}`);
		}
		const { access_token, expires_in } = await answer.json();
		one.until = Date.now() + (expires_in - 300) * 1000;
		return access_token;
	}

	// One job; the result as presence.record wants it.
	async publish(job) {
		const began = Date.now();
		const result = { t: job.tenant_id, u: job.user_id, c: Number(job.claim_no), r: 'unknown' };
		try {
			const token = await this.token(job.tenant_id);
			const clear = job.goal === 'clear';
			const [availability, activity] = SHOWN[job.goal] ?? [];
			const { statusCode, body } = await this.pool.request({
				method: 'POST',
				path: `/v1.0/users/${job.user_id}/presence/${clear ? 'clearPresence' : 'setPresence'}`,
				headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
				body: JSON.stringify(clear ? { sessionId: this.client }
					: { sessionId: this.client, availability, activity, expirationDuration: `PT${job.expires_s}S` }),
				headersTimeout: 15_000,
			});
			await body.dump();
			result.r = statusCode < 300 ? 'ok' : statusCode === 429 ? 'throttled' : 'failed';
		} catch (error) {
			result.d = String(error.message).slice(0, 100);
		}
		result.m = Date.now() - began;
		return result;
	}
}

// --- the road ---------------------------------------------------------------------

class Road {
	constructor(settings) {
		this.db = new pg.Pool({ connectionString: settings.database, max: settings.db_connections });
		this.graph = new Graph(settings);
	}

	// One statement is one transaction. `locked`: another event of this tenant is
	// being stored; then again.
	async call(name, list) {
		const values = [JSON.stringify(list)];
		for (let i = 0; i < TRIES; i++) {
			const { rows } = await this.db.query({ name, text: `${ROWS} presence.${name}($1::jsonb)`, values });
			if (rows[0]?.outcome !== 'locked')
				return rows;
			await pause(1 + Math.random() * 4);
		}
		throw new Problem(503, 'the tenant is held by somebody else');
	}

	// Until this person's newest goal was told. Returns up to which goal.
	async carry(job) {
		let told = 0;
		while (job) {
			const rows = await this.call('record', [await this.graph.publish(job)]);
			if (rows[0].outcome === 'told')
				told = Number(rows[0].goal_no);
			job = rows.find((row) => row.kind === 'publish' || row.kind === 'again');
		}
		return told;
	}

	async event(event) {
		const rows = await this.call('apply', [event]);
		const [done] = rows;
		if (done.outcome === 'error')
			throw new Problem(503, 'not stored');
		let outcome = done.outcome;
		if (outcome === 'told') {
			outcome = 'published';
		} else if (outcome === 'changed') {
			const job = rows.find((row) => row.kind === 'publish' || row.kind === 'again');
			const told = job ? await this.carry(job) : 0;
			outcome = told >= Number(done.goal_no) ? 'published' : 'deferred';
		}
		const [availability, activity] = SHOWN[done.goal] ?? [null, null];
		return { results: [{ extension: event.e, outcome, availability, activity }] };
	}
}

export async function serve(settings) {
	const pbxs = new Map(Object.entries(settings.pbxs).map(([id, { tenant_id, secret }]) =>
		[id, { id, tenant_id, key: Buffer.from(secret.replace(/^whsec_/, ''), 'base64') }]));
	const road = new Road(settings);
	const app = fastify({ logger: false, bodyLimit: 262_144 });

	app.removeAllContentTypeParsers();
	app.addContentTypeParser('*', { parseAs: 'buffer' }, (request, body, done) => done(null, body));
	app.setErrorHandler((error, request, reply) => {
		const status = error.status ?? error.statusCode ?? 503;
		if (status === 503)
			reply.header('retry-after', 2);
		reply.code(status).type('application/problem+json').send({ status, detail: error.message });
	});
	app.post('/webhook/:pbx', {
		schema: {
			response: {
				200: {
					type: 'object',
					properties: {
						results: {
							type: 'array',
							items: {
								type: 'object',
								properties: {
									extension: { type: 'string' }, outcome: { type: 'string' },
									availability: { type: 'string', nullable: true },
									activity: { type: 'string', nullable: true },
								},
							},
						},
					},
				},
			},
		},
	}, async (request) => {
		const pbx = pbxs.get(request.params.pbx);
		if (!pbx)
			throw new Problem(401, 'this PBX is not known');
		const key = verify(pbx, request.headers, request.body);
		return road.event(parse(request.body, pbx, key));
	});
	await app.listen({ host: '127.0.0.1', port: settings.port, backlog: 4096 });
}
