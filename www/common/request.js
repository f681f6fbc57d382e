// One JSON request to our own server, and its failure as a sentence.

const timeLimitMs = 15000;

// What went wrong, in words for a person.
//   kind       'offline' no answer came; 'refused' 4xx; 'server' 5xx or junk
//   status     HTTP status, 0 without an answer
//   requestId  names the request in the server's logs, or null
export class Problem extends Error {
	constructor(kind, status, message, requestId = null) {
		super(message);
		this.kind = kind;
		this.status = status;
		this.requestId = requestId;
	}
}

// The problem that an HTTP answer means. For 4xx the server's detail says
// what to mend; what went wrong inside a server stays there.
export function problemOf(status, body, retryAfter = null) {
	const requestId = typeof body?.request_id === 'string' ? body.request_id : null;

	if (status >= 400 && status < 500) {
		const detail = body?.detail || body?.title;
		return new Problem('refused', status,
			sentence(detail) || plainRefusal(status), requestId);
	}
	const seconds = Number(retryAfter);
	const when = Number.isFinite(seconds) && seconds > 0 && seconds < 600
		? `in ${Math.ceil(seconds)} seconds` : 'in a minute';
	return new Problem('server', status, status === 503
		? `The service is busy. Please try again ${when}.`
		: `The service could not answer. Please try again ${when}.`, requestId);
}

function plainRefusal(status) {
	switch (status) {
	case 401: return 'Your sign-in is no longer valid.';
	case 403: return 'You are not allowed to do this.';
	case 404: return 'This is no longer there.';
	case 413: return 'This is too large.';
	case 429: return 'Too many requests. Please wait a moment.';
	default: return 'The server did not accept this.';
	}
}

// Details are fragments (`your company is not known`, `lease_s is missing`):
// makes sentences of them, but leaves a field's name as it is spelt.
function sentence(text) {
	if (typeof text !== 'string' || text.trim() === '')
		return '';
	const trimmed = text.trim().replace(/^[a-z]+(?=[ ’'])/,
		(word) => word[0].toUpperCase() + word.slice(1));
	return /[.!?]$/.test(trimmed) ? trimmed : `${trimmed}.`;
}

// null for an empty body, undefined for one that is not JSON: some proxy's page.
function parse(text) {
	try {
		return text === '' ? null : JSON.parse(text);
	} catch {
		return undefined;
	}
}

// Resolves to the answer's JSON (null when there is none), or throws Problem.
// options: method, headers, json (or body and type), signal, limitMs
export async function request(path, options = {}) {
	const { method = 'GET', headers = {}, json, body, type, signal } = options;
	const abort = new AbortController();
	const stop = () => abort.abort();
	const timer = setTimeout(stop, options.limitMs ?? timeLimitMs);
	const init = {
		method, signal: abort.signal, redirect: 'error', cache: 'no-store',
		credentials: options.credentials ?? 'same-origin',
		headers: { Accept: 'application/json', ...headers },
	};

	if (json !== undefined) {
		init.body = JSON.stringify(json);
		init.headers['Content-Type'] = 'application/json';
	} else if (body !== undefined) {
		init.body = body;
		init.headers['Content-Type'] = type;
	}
	signal?.addEventListener('abort', stop, { once: true });
	try {
		const response = await fetch(path, init);
		const answer = parse(await response.text());

		if (!response.ok || answer === undefined)
			throw problemOf(response.status, answer, response.headers.get('Retry-After'));
		return answer;
	} catch (error) {
		if (error instanceof Problem || signal?.aborted)
			throw error;
		throw new Problem('offline', 0, abort.signal.aborted
			? 'The server took too long to answer.'
			: 'The server cannot be reached. Please check your connection.');
	} finally {
		clearTimeout(timer);
		signal?.removeEventListener('abort', stop);
	}
}
