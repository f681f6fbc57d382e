// What a failed request means in words, and one request: common/request.js.

import assert from 'node:assert/strict';
import test from 'node:test';
import { Problem, problemOf, request } from '../../../www/common/request.js';

test('a refusal shows the server’s detail as a sentence, with the request', () => {
	const problem = problemOf(400, { detail: 'allow[0] is not a network', request_id: 'a1' });

	assert.equal(problem.message, 'allow[0] is not a network.');
	assert.equal(problem.kind, 'refused');
	assert.equal(problem.requestId, 'a1');
	assert.equal(problemOf(403, { detail: 'your company is not known' }).message,
		'Your company is not known.');
	assert.equal(problemOf(404, null).message, 'This is no longer there.');
});

test('what went wrong inside the server stays there', () => {
	const problem = problemOf(500, { detail: 'db: secret words', request_id: 'b2' });

	assert.doesNotMatch(problem.message, /secret/);
	assert.equal(problem.kind, 'server');
	assert.equal(problem.requestId, 'b2');
});

test('Retry-After is told when it makes sense', () => {
	assert.match(problemOf(503, null, '7').message, /in 7 seconds/);
	assert.match(problemOf(503, null, 'Thu, 26 Nov 2026 12:00:00 GMT').message, /in a minute/);
	assert.match(problemOf(503, null, '86400').message, /in a minute/);
});

async function withFetch(fetch, f) {
	const real = globalThis.fetch;

	globalThis.fetch = fetch;
	try {
		return await f();
	} finally {
		globalThis.fetch = real;
	}
}

test('an answer is its JSON; nothing is null', async () => {
	await withFetch(async () => new Response('{"a":1}'), async () =>
		assert.deepEqual(await request('/x'), { a: 1 }));
	await withFetch(async () => new Response(null, { status: 204 }), async () =>
		assert.equal(await request('/x'), null));
});

test('a page of some proxy in place of JSON is a problem', async () => {
	await withFetch(async () => new Response('<h1>Hello</h1>'), async () =>
		await assert.rejects(request('/x'), (error) => error instanceof Problem && error.kind === 'server'));
});

test('no answer and a late answer are told apart', async () => {
	await withFetch(async () => {
		throw new TypeError('fetch failed');
	}, async () => assert.rejects(request('/x'), /cannot be reached/));
	await withFetch((path, { signal }) => new Promise((resolve, reject) =>
		signal.addEventListener('abort', () => reject(signal.reason))), async () =>
		assert.rejects(request('/x', { limitMs: 5 }), /too long/));
});

test('who takes a request back gets no problem', async () => {
	const back = new AbortController();

	await withFetch((path, { signal }) => new Promise((resolve, reject) =>
		signal.addEventListener('abort', () => reject(signal.reason))), async () => {
		const asked = request('/x', { signal: back.signal });
		back.abort();
		await assert.rejects(asked, (error) => error.name === 'AbortError');
	});
});
