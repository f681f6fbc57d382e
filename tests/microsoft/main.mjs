// Start the Microsoft simulator: read the command line, open the two ports, say ready.
// Usage and control: README.md.

import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { portOpen } from './port.mjs';
import { Simulator } from './simulator.mjs';
import { isGuid } from './tenants.mjs';

const USAGE = `usage: node main.mjs --http PORT --https PORT --cert FILE --key FILE
    --client-id GUID --public-url URL [--client-secret-file FILE] [--client-cert FILE]
    [--login-url URL] [--state FILE] [--phone-url URL --phone-secret-file FILE]
`;

const OPTIONS = Object.fromEntries([
	'http', 'https', 'port', 'cert', 'key', 'client-id', 'client-secret-file', 'client-cert',
	'public-url', 'login-url', 'state', 'phone-url', 'phone-secret-file',
].map((name) => [name, { type: 'string' }]));

function fail(text) {
	process.stderr.write(`simulator: ${text}\n${USAGE}`);
	process.exit(2);
}

function portOf(values, name) {
	const text = values[name] ?? values.port ?? fail(`--${name} is missing`);
	return /^\d{1,5}$/.test(text) && Number(text) < 65536 ? Number(text) : fail(`--${name} is not a port: ${text}`);
}

function fileOf(values, name) {
	try {
		return values[name] === undefined ? null : readFileSync(values[name], 'utf8');
	} catch (e) {
		return fail(`--${name}: ${e.message}`);
	}
}

function optionsRead() {
	let values;
	try {
		({ values } = parseArgs({ options: OPTIONS }));
	} catch (e) {
		fail(e.message);
	}
	if (!isGuid(values['client-id']))
		fail('--client-id is not a GUID');
	for (const name of ['public-url', 'cert', 'key'])
		if (values[name] === undefined)
			fail(`--${name} is missing`);
	const secret = fileOf(values, 'client-secret-file')?.trimEnd();
	const certificate = fileOf(values, 'client-cert');
	if (!secret && !certificate)
		fail('the application needs --client-secret-file or --client-cert');
	return {
		ports: { http: portOf(values, 'http'), https: portOf(values, 'https') },
		tls: { cert: fileOf(values, 'cert'), key: fileOf(values, 'key') },
		loginUrl: values['login-url']?.replace(/\/$/, ''),
		client_id: values['client-id'], public_url: values['public-url'],
		secrets: secret ? [secret] : [], certificates: certificate ? [certificate] : [],
		state: values.state === undefined ? null : JSON.parse(fileOf(values, 'state')),
		phone: { url: values['phone-url'] ?? '', secret: fileOf(values, 'phone-secret-file')?.trim() ?? '' },
	};
}

async function main() {
	const options = optionsRead();
	const sim = new Simulator(options);
	let ready = false;
	const handle = (x) => (ready ? sim.handle(x) : x.send(503, { 'retry-after': '1' }, ''));
	const http = await portOpen(options.ports.http, handle, null);
	const https = await portOpen(options.ports.https, handle, options.tls);
	await sim.prepare(options.loginUrl ?? `http://127.0.0.1:${http.port}`);
	ready = true;
	const addresses = {
		http: http.port, https: https.port, login_url: sim.loginUrl, graph_url: `https://localhost:${https.port}`,
	};
	process.stdout.write(`ready ${JSON.stringify(addresses)}\n`);
	const stop = () => process.exit(0);
	process.on('SIGTERM', stop);
	process.on('SIGINT', stop);
}

main().catch((e) => {
	process.stderr.write(`simulator: ${e.message}\n`);
	process.exit(1);
});
