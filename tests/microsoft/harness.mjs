// What the simulator's own tests share: start it on free ports, ask it, stop it.

import { spawn } from 'node:child_process';
import { createPrivateKey, generateKeyPairSync, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SignJWT } from 'jose';
import { certificateMake, derToPem, thumbprint } from './certificate.mjs';

export const APP = 'c0ffee00-1111-4222-8333-444444444444';
export const SECRET = 'a~secret+with/odd=signs';
export const TENANT = '11111111-2222-4333-8444-555555555555';
export const TENANT2 = '66666666-7777-4888-8999-000000000000';
export const ADMIN = 'aaaaaaaa-0000-4000-8000-000000000001';
export const APP_ADMIN = 'aaaaaaaa-0000-4000-8000-000000000003';
export const ANNA = 'aaaaaaaa-0000-4000-8000-000000000011';
export const BERT = 'aaaaaaaa-0000-4000-8000-000000000012';
export const EMIL = 'bbbbbbbb-0000-4000-8000-000000000011';
export const PUBLIC = 'http://localhost:8123';
export const SCOPE = 'https://graph.microsoft.com/.default';

const pem = (key) => key.export({ type: 'pkcs8', format: 'pem' });

export async function simulatorStart(...more) {
	const dir = mkdtempSync(join(tmpdir(), 'simulator-'));
	const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
	const der = certificateMake(pair, 'localhost', { hosts: ['localhost', '127.0.0.1'] });
	const file = (name, text) => {
		writeFileSync(join(dir, name), text);
		return join(dir, name);
	};
	const child = spawn(process.execPath, [new URL('./main.mjs', import.meta.url).pathname,
		'--http', '0', '--https', '0', '--cert', file('cert.pem', derToPem(der)),
		'--key', file('key.pem', pem(pair.privateKey)), '--client-id', APP,
		'--client-secret-file', file('secret', `${SECRET}\n`), '--client-cert', join(dir, 'cert.pem'),
		'--public-url', PUBLIC, ...more], { stdio: ['ignore', 'pipe', 'inherit'] });
	const line = await new Promise((resolve, reject) => {
		let text = '';
		child.on('exit', (code) => reject(new Error(`the simulator ended with ${code}`)));
		child.stdout.on('data', (d) => {
			text += d;
			if (text.includes('\n'))
				resolve(text);
		});
	});
	const ready = JSON.parse(line.slice('ready '.length));
	const sim = {
		...ready, dir, ca: derToPem(der), der, key: pair.privateKey,
		ask: (method, path, options) => ask(ready.http, method, path, options),
		control: async (method, path, value) => {
			const a = await ask(ready.http, method, `/_sim/${path}`, { value });
			if (a.status >= 400 && a.status !== 408)
				throw new Error(`${path}: ${a.status} ${a.text}`);
			return a.value;
		},
		session: connect(ready.graph_url, { ca: derToPem(der) }),
		stop: () => {
			sim.session.destroy();
			child.removeAllListeners('exit');
			child.kill();
			rmSync(dir, { recursive: true });
		},
	};
	sim.session.on('error', () => {});
	return sim;
}

/** One HTTP/1.1 request: {status, headers, text, value}. */
export function ask(port, method, path, { headers = {}, form, value, body } = {}) {
	const sent = form ? new URLSearchParams(form).toString() : value ? JSON.stringify(value) : body ?? '';
	const type = form ? 'application/x-www-form-urlencoded' : value ? 'application/json' : null;
	return new Promise((resolve, reject) => {
		const req = request({
			host: '127.0.0.1', port, method, path,
			headers: { ...(type ? { 'content-type': type } : {}), 'content-length': Buffer.byteLength(sent), ...headers },
		}, (res) => {
			let text = '';
			res.setEncoding('utf8');
			res.on('data', (d) => (text += d));
			res.on('end', () => resolve({ status: res.statusCode, headers: res.headers, text, value: parsed(text) }));
			res.on('error', reject);
		});
		req.on('error', reject);
		req.end(sent);
	});
}

function parsed(text) {
	try {
		return JSON.parse(text);
	} catch {
		return null;
	}
}

/** One HTTP/2 request to Graph; rejects when the stream is reset. */
export function graph(sim, token, method, path, value, { headers = {}, timeout_ms } = {}) {
	return new Promise((resolve, reject) => {
		const stream = sim.session.request({
			':method': method, ':path': `/v1.0${path}`,
			...(token ? { authorization: `Bearer ${token}` } : {}),
			...(value === undefined ? {} : { 'content-type': 'application/json' }), ...headers,
		});
		let head, text = '';
		if (timeout_ms)
			setTimeout(() => stream.close(8), timeout_ms);
		stream.setEncoding('utf8');
		stream.on('response', (h) => (head = h));
		stream.on('data', (d) => (text += d));
		stream.on('error', reject);
		stream.on('close', () => (head
			? resolve({ status: head[':status'], headers: head, text, value: parsed(text) })
			: reject(new Error(`reset ${stream.rstCode}`))));
		stream.end(value === undefined ? undefined : typeof value === 'string' ? value : JSON.stringify(value));
	});
}

export const tokenForm = (more) => ({
	client_id: APP, client_secret: SECRET, grant_type: 'client_credentials', scope: SCOPE, ...more,
});

export const tokenAsk = (sim, form, tenant = TENANT) => sim.ask('POST', `/${tenant}/oauth2/v2.0/token`, { form });

export async function appToken(sim, tenant = TENANT) {
	const a = await tokenAsk(sim, tokenForm(), tenant);
	if (a.status !== 200)
		throw new Error(a.text);
	return a.value.access_token;
}

/** An assertion as the documents want it, with members replaced (null: left out). */
export async function assertion(sim, { claims = {}, header = {}, key = sim.key } = {}) {
	const now_s = Math.floor(Date.now() / 1000);
	const all = {
		aud: `${sim.login_url}/${TENANT}/oauth2/v2.0/token`, iss: APP, sub: APP, jti: randomUUID(),
		nbf: now_s, iat: now_s, exp: now_s + 600, ...claims,
	};
	const head = { alg: 'PS256', typ: 'JWT', 'x5t#S256': thumbprint(sim.der, 'sha256'), ...header };
	for (const o of [all, head])
		for (const name of Object.keys(o))
			if (o[name] === null)
				delete o[name];
	return new SignJWT(all).setProtectedHeader(head).sign(createPrivateKey(pem(key)));
}

export const assertionForm = (text) => ({
	client_id: APP, grant_type: 'client_credentials', scope: SCOPE, client_assertion: text,
	client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
});

export const busy = { sessionId: APP, availability: 'Busy', activity: 'InACall', expirationDuration: 'PT15M' };
export const setPresence = (sim, token, oid, body = busy, more) =>
	graph(sim, token, 'POST', `/users/${oid}/presence/setPresence`, body, more);
export const clearPresence = (sim, token, oid, body = { sessionId: APP }, more) =>
	graph(sim, token, 'POST', `/users/${oid}/presence/clearPresence`, body, more);
