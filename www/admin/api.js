// The dashboard's requests: the CSRF token of the browser session goes with
// each unsafe one, and a session that has ended is told to the page once.

import { request } from '../common/request.js';

let csrf = '';
let signedOut = () => {};

export function useSession(session, whenSignedOut) {
	csrf = session?.csrf ?? '';
	signedOut = whenSignedOut;
}

async function call(path, options) {
	try {
		return await request(path, options);
	} catch (error) {
		if (error.status === 401 && !options.signal?.aborted)
			signedOut();
		throw error;
	}
}

export const get = (path, signal) => call(path, { signal });

// options: json, or body with type; limitMs
export const send = (method, path, options = {}) =>
	call(path, { ...options, method, headers: { 'X-CSRF-Token': csrf } });

// A path from its parts, each escaped; a query from what is set.
export function path(...parts) {
	return `/admin/api/${parts.map(encodeURIComponent).join('/')}`;
}

export function query(parameters) {
	const given = Object.entries(parameters).filter(([, value]) => value);

	return given.length ? `?${new URLSearchParams(given)}` : '';
}
