// A NetSapiens core as its documents have it (API v2 of v44: flat subscription paths), for one
// domain, and as strict: what it does not know it refuses.
//
//   node peer.mjs CERT KEY       prints "ready PORT CONTROL_PORT"
//
// https on PORT; on CONTROL_PORT, by plain http, what a test sets and looks at:
//   PUT  /set       {calls: {user: [record]}, users: [..], counted, answer: {"METHOD path": status}}
//   GET  /seen      {subscriptions, requests: ["METHOD path"], tokens}
//   POST /deliver   [record]: posted to each subscription that has not ended; answers the statuses

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer as plainServer, request as plainRequest } from 'node:http';
import { createServer } from 'node:https';

const [cert, key] = process.argv.slice(2);
const domain = 'nordwind.service';
const login = { client_id: 'presence', client_secret: 'cs-51d0e7', username: 'office@nordwind.service', password: 'pw "7f3&' };
const apiKey = 'nsd_5b1f2c9a77';
const models = ['agent', 'auditlog', 'auditlog_lite', 'call', 'call_origid', 'cdr', 'message', 'messagesession', 'subscriber', 'presence', 'voicemail'];
const state = { calls: {}, users: [], counted: null, answer: {}, subscriptions: new Map(), requests: [], tokens: new Set([apiKey]) };

class Refusal extends Error {
	constructor(status, words) {
		super(words);
		this.status = status;
	}
}
const must = (holds, status, words) => {
	if (!holds)
		throw new Refusal(status, words);
};

async function bodyOf(request) {
	const parts = [];
	for await (const part of request)
		parts.push(part);
	const text = Buffer.concat(parts).toString();
	if (text === '')
		return {};
	must(/^application\/json\b/.test(request.headers['content-type'] ?? ''), 415, 'content type');
	return JSON.parse(text);
}

const onlyMembers = (body, names) => {
	for (const name of Object.keys(body))
		must(names.includes(name), 400, `unknown member ${name}`);
};
const timeOf = (text) => {
	must(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/.test(text), 400, 'subscription-expires-datetime');
	return Date.parse(`${text.replace(' ', 'T')}Z`);
};
const shown = ({ ends, ...subscription }) => subscription;

// The same parameters are there already: 409.
function subscriptionMake(body) {
	onlyMembers(body, ['model', 'post-url', 'subscription-geo-support', 'reseller', 'domain', 'user', 'subscription-expires-datetime', 'preferred-server']);
	must(models.includes(body.model), 400, 'model');
	must(URL.canParse(body['post-url']), 400, 'post-url');
	must(['yes', 'no', undefined].includes(body['subscription-geo-support']), 400, 'geo');
	must(body.domain === domain, 403, 'domain: not within the scope');
	const ends = timeOf(body['subscription-expires-datetime']);
	for (const one of state.subscriptions.values())
		must(one['post-url'] !== body['post-url'] || one.model !== body.model, 409, 'exists');
	const id = randomBytes(16).toString('hex');
	const made = {
		user: '*', ...body, id, status: 'pending', 'error-count': 0, 'posts-count': 0,
		'current-active-server': '', ends,
	};
	state.subscriptions.set(id, made);
	return shown(made);
}

function subscription(method, id, body) {
	const one = state.subscriptions.get(id);
	must(one, 404, 'no such subscription');
	if (method === 'GET')
		return shown(one);
	if (method === 'PUT') {
		onlyMembers(body, ['post-url', 'subscription-geo-support', 'subscription-expires-datetime', 'preferred-server']);
		one.ends = timeOf(body['subscription-expires-datetime']);
		Object.assign(one, body);
	} else {
		must(method === 'DELETE', 405, method);
		must(body.subscription_id === id && body.domain === domain, 400, 'subscription_id, domain');
		state.subscriptions.delete(id);
	}
	return [202, {}];
}

function api(method, path, body, authorization) {
	if (path === '/tokens') {
		must(method === 'POST', 405, method);
		onlyMembers(body, ['grant_type', ...Object.keys(login)]);
		must(body.grant_type === 'password', 400, 'grant_type');
		must(Object.entries(login).every(([name, value]) => body[name] === value), 401, 'credentials');
		const token = randomBytes(20).toString('hex');
		state.tokens.add(token);
		return { access_token: token, expires_in: 3600, token_type: 'Bearer', refresh_token: randomBytes(20).toString('hex'), scope: 'Office Manager', domain };
	}
	must(authorization?.startsWith('Bearer ') && state.tokens.has(authorization.slice(7)), 401, 'The access token provided has expired');
	if (path === '/subscriptions')
		return method === 'POST' ? subscriptionMake(body) : [...state.subscriptions.values()].map(shown);
	const steps = path.slice(1).split('/').map(decodeURIComponent);
	if (steps[0] === 'subscriptions' && steps.length === 2)
		return subscription(method, steps[1], body);
	must(steps[0] === 'domains' && steps[2] === 'users' && method === 'GET', 404, 'No Route Found');
	must(steps[1] === domain, 403, 'domain: not within the scope');
	if (steps.length === 3)
		return state.users;
	if (steps[3] === 'count' && steps.length === 4)
		return { total: state.counted ?? state.users.length };
	must(steps.length === 5 && steps[4] === 'calls', 404, 'No Route Found');
	must(state.users.some((one) => one.user === steps[3]), 404, 'no such user');
	return state.calls[steps[3]] ?? [];
}

const answer = (response, status, body) => {
	response.writeHead(status, { 'content-type': 'application/json' });
	response.end(JSON.stringify(body));
};

const core = createServer({ cert: readFileSync(cert), key: readFileSync(key) }, async (request, response) => {
	const { pathname } = new URL(request.url, 'https://core');
	const asked = `${request.method} ${pathname}`;
	state.requests.push(asked);
	try {
		const body = await bodyOf(request);
		must(pathname.startsWith('/ns-api/v2/'), 404, 'No Route Found');
		must(!state.answer[asked], state.answer[asked], 'as the test wants it');
		const made = api(request.method, pathname.slice('/ns-api/v2'.length), body, request.headers.authorization);
		if (Array.isArray(made) && made[0] === 202)
			answer(response, 202, made[1]);
		else
			answer(response, 200, made);
	} catch (error) {
		answer(response, error.status ?? 400, { code: error.status ?? 400, message: error.message });
	}
});

// Any code up to 302 is success; what fails is lost.
function post(to, records) {
	const body = JSON.stringify(records);
	return new Promise((resolve) => {
		const request = plainRequest(to['post-url'], {
			method: 'POST', timeout: 10000, headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
		}, (response) => {
			response.resume();
			response.on('end', () => resolve(response.statusCode));
		});
		request.on('error', () => resolve(0));
		request.on('timeout', () => request.destroy());
		request.end(body);
	}).then((status) => {
		to['posts-count'] += 1;
		const well = status > 0 && status <= 302;
		to.status = well ? 'active' : 'error';
		to['error-count'] += well ? 0 : 1;
		return status;
	});
}

const control = plainServer(async (request, response) => {
	const body = await bodyOf(request);
	if (request.url === '/set')
		return answer(response, 200, Object.assign(state, body) && {});
	if (request.url === '/deliver') {
		const live = [...state.subscriptions.values()].filter((one) => one.model === 'call' && one.ends > Date.now());
		return answer(response, 200, await Promise.all(live.map((one) => post(one, body))));
	}
	return answer(response, 200, {
		subscriptions: [...state.subscriptions.values()].map(shown), requests: state.requests, tokens: [...state.tokens],
	});
});

core.listen(0, '127.0.0.1', () => control.listen(0, '127.0.0.1', () =>
	console.log(`ready ${core.address().port} ${control.address().port}`)));
