// What the benchmark starts and asks: the stack, the fake Graph, the Node peer, the
// load generator, pgbench, the database.

import { execFileSync, spawn } from 'node:child_process';
import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import { mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export const root = new URL('../..', import.meta.url).pathname.replace(/\/$/, '');
const build = `${root}/${process.env.BUILD ?? 'build'}`;
const pgBin = '/usr/lib/postgresql/15/bin';
export const GRAPH_MS = 100;

// Tenants by number: 0.. for whole chains, then pgbench's, then those that have
// not consented.
export const TENANTS = 400;
export const PEOPLE = 50;
export const PGBENCH_CLIENTS = 16;
const QUIET = 100;
const ALL = 2 * TENANTS + QUIET;

export const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const id = (kind, n) => `${kind}0000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
export const tenantId = (n) => id(4, n);
const pbxId = (n) => id(6, n);

async function freePort() {
	const server = createServer().listen(0, '127.0.0.1');
	await once(server, 'listening');
	const { port } = server.address();
	server.close();
	await once(server, 'close');
	return port;
}

// A command to its end: what it said on stdout.
export async function run(command, args, options = {}) {
	const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], cwd: root, ...options });
	let out = '', errors = '';
	child.stdout.on('data', (data) => { out += data; });
	child.stderr.on('data', (data) => { errors += data; });
	child.stdin.end(options.input ?? '');
	const [code] = await once(child, 'close');
	if (code !== 0)
		throw new Error(`${command} ${args.join(' ')}: ${errors.trim() || out.trim().slice(-500) || `exit ${code}`}`);
	return options.both ? out + errors : out;
}

// A process that runs on; resolves when `ready` is said, or at once.
async function start(command, args, log, ready) {
	const child = spawn(command, args, { cwd: root, stdio: ['ignore', ready ? 'pipe' : openSync(log, 'a'), openSync(log, 'a')] });
	const ended = once(child, 'exit').then(([code, signal]) => {
		throw new Error(`${command} ended: ${code ?? signal} (log: ${log})`);
	});
	ended.catch(() => {});
	if (ready)
		await Promise.race([ended, (async () => {
			for await (const line of createInterface({ input: child.stdout }))
				if (line === ready)
					break;
		})()]);
	return child;
}

async function stop(child) {
	if (child.exitCode !== null || child.signalCode !== null)
		return;
	const ended = once(child, 'exit');
	child.kill('SIGTERM');
	const slow = setTimeout(() => child.kill('SIGKILL'), 5000);
	await ended;
	clearTimeout(slow);
}

export class Parts {
	constructor(dir) {
		this.dir = dir;
		this.stack = `${dir}/stack`;
		this.env = {};
		mkdirSync(dir, { recursive: true, mode: 0o711 });
	}

	async up() {
		const { dir } = this;
		this.ports = { graph: await freePort(), login: await freePort(), node: await freePort() };
		execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
			'-days', '30', '-subj', '/CN=localhost', '-addext', 'basicConstraints=critical,CA:TRUE',
			'-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', `${dir}/graph.key`, '-out', `${dir}/graph.pem`],
		{ stdio: 'ignore' });
		this.graph = await start(`${build}/tests/graph`, [this.ports.graph, this.ports.login, GRAPH_MS,
			`${dir}/graph.pem`, `${dir}/graph.key`].map(String), `${dir}/graph.log`);
		this.loginUrl = `http://127.0.0.1:${this.ports.login}`;
		this.graphUrl = `https://localhost:${this.ports.graph}`;
		this.upped = true;
		await run('tests/stack/up', [this.stack], { env: { ...process.env, PRESENCE_LOGIN_URL: this.loginUrl,
			PRESENCE_GRAPH_URL: this.graphUrl, PRESENCE_CA_FILE: `${dir}/graph.pem` } });
		for (const line of readFileSync(`${this.stack}/env`, 'utf8').trim().split('\n'))
			this.env[line.slice(0, line.indexOf('='))] = line.slice(line.indexOf('=') + 1);
	}

	// Nothing of ours is left, whatever has happened.
	async down() {
		if (this.node)
			await stop(this.node);
		if (this.upped)
			await run('tests/stack/down', [this.stack]);
		if (this.graph)
			await stop(this.graph);
	}

	service(name, action) {
		return run('tests/stack/service', [this.stack, name, action]);
	}

	pid(name) {
		return Number(readFileSync(`${this.env.PIDS}/${name}.pid`, 'utf8'));
	}

	// All whose CPU is known by name.
	groups() {
		const groups = { bench: process.pid, graph: this.graph.pid };
		for (const name of ['nginx', 'webhook', 'reconciler', 'tab', 'admin', 'postgres'])
			groups[name] = this.pid(name);
		if (this.node)
			groups.node = this.node.pid;
		return groups;
	}

	// --- the database ---------------------------------------------------------------

	sql(text) {
		return run('psql', ['-X', '-q', '-At', '-v', 'ON_ERROR_STOP=1', '-d', this.env.DATABASE_URL], { input: text });
	}

	// As the product seals it (base/secret.h), so that 900 PBXs are one statement.
	seal(aad, text) {
		const key = Buffer.from(readFileSync(`${this.stack}/tls/seal.key`, 'utf8').trim(), 'hex');
		const nonce = randomBytes(12);
		const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(aad));
		const body = Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()]);
		return ['1', createHash('sha256').update(key).digest('hex').slice(0, 8), nonce.toString('base64url'), body.toString('base64url')].join('.');
	}

	// Tenants with a PBX and people each. Consent is what an administrator's visit
	// to Microsoft leaves behind; here it is written down.
	async people() {
		const secrets = Array.from({ length: ALL }, () => `whsec_${randomBytes(32).toString('base64')}`);
		const uuid = (kind, n) => `('${kind}0000000-0000-4000-8000-' || lpad((${n})::text, 12, '0'))::uuid`;
		await this.sql(`BEGIN;
			INSERT INTO presence.tenant (tenant_id, name, consent, granted_at)
			SELECT ${uuid(4, 'n')}, 'Bench ' || n, CASE WHEN n < ${2 * TENANTS} THEN 'granted' ELSE 'none' END, now()
			FROM generate_series(0, ${ALL - 1}) n;
			INSERT INTO presence.tenant_budget (tenant_id) SELECT tenant_id FROM presence.tenant;
			${secrets.map((secret, n) => `SELECT presence.pbx_new('${tenantId(n)}', '${pbxId(n)}', 'Bench', 'generic', 'signature', '${
				this.seal(`pbx-secret/${tenantId(n)}/${pbxId(n)}`, secret)}', 14400, NULL, NULL);`).join('\n')}
			INSERT INTO presence.teams_user (tenant_id, user_id, monitoring)
			SELECT ${uuid(4, 't')}, ${uuid(5, `t * ${PEOPLE} + u`)}, true
			FROM generate_series(0, ${ALL - 1}) t, generate_series(0, ${PEOPLE - 1}) u;
			INSERT INTO presence.extension (tenant_id, pbx_id, extension, user_id)
			SELECT ${uuid(4, 't')}, ${uuid(6, 't')}, 'e' || u, ${uuid(5, `t * ${PEOPLE} + u`)}
			FROM generate_series(0, ${ALL - 1}) t, generate_series(0, ${PEOPLE - 1}) u;
			COMMIT; ANALYZE;`);
		this.secrets = secrets;
		const list = (from, n, url) => secrets.slice(from, from + n)
			.map((secret, i) => `${url}/webhook/${pbxId(from + i)}\t${secret}\te\t${PEOPLE}\n`).join('');
		writeFileSync(`${this.dir}/ours`, list(0, TENANTS, this.env.URL));
		writeFileSync(`${this.dir}/quiet`, list(2 * TENANTS, QUIET, this.env.URL));
		writeFileSync(`${this.dir}/node`, list(0, TENANTS, `http://127.0.0.1:${this.ports.node}`));
	}

	async now() {
		return (await this.sql('SELECT clock_timestamp()')).trim();
	}

	// Nothing is under way or due; false when that is not so within 40 s.
	async settled() {
		for (let i = 0; i < 80; i++) {
			const open = await this.sql(`SELECT count(*) FROM presence.teams_user u JOIN presence.tenant t USING (tenant_id)
				WHERE t.consent = 'granted' AND (u.claim_until_at IS NOT NULL OR (u.goal <> 'none' AND u.goal <> u.published))`);
			if (Number(open) === 0)
				return true;
			await pause(500);
		}
		return false;
	}

	// What the database stored since then for the tenants of whole chains.
	async stored(since) {
		const [all, changed, told] = (await this.sql(`SELECT count(*) FILTER (WHERE kind = 'event'),
			count(*) FILTER (WHERE kind = 'event' AND outcome = 'changed'),
			count(*) FILTER (WHERE kind = 'publish' AND outcome = 'published')
			FROM presence.event WHERE at >= '${since}' AND tenant_id < '${tenantId(TENANTS)}'`)).trim().split('|').map(Number);
		return { all, changed, told };
	}

	// --- the fake Graph -------------------------------------------------------------

	async counts() {
		return (await fetch(`${this.loginUrl}/counts`)).json();
	}

	// Of the tenants of whole chains: changes so far, and each one's state.
	async shown() {
		const states = new Map();
		let changes = 0;
		for (const line of (await (await fetch(`${this.loginUrl}/people`)).text()).trim().split('\n')) {
			const [tenant, user, state, , changed] = line.split(' ');
			if (tenant >= tenantId(TENANTS))
				continue;
			changes += Number(changed ?? 0);
			states.set(`${tenant} ${user}`, state);
		}
		return { changes, states };
	}

	// People whom Graph shows other than they should be.
	async wrong() {
		const { states } = await this.shown();
		const word = { busy: 'Busy', available: 'Available', clear: 'cleared' };
		const rows = (await this.sql(`SELECT tenant_id, user_id, goal FROM presence.teams_user
			WHERE tenant_id < '${tenantId(TENANTS)}' AND goal <> 'none'`)).trim().split('\n').filter(Boolean);
		return rows.filter((row) => {
			const [tenant, user, goal] = row.split('|');
			return states.get(`${tenant} ${user}`) !== word[goal];
		}).length;
	}

	// presence-webhook's own counters, by name.
	async metrics() {
		const values = {};
		for (const line of (await (await fetch(`${this.env.URL}/metrics`)).text()).split('\n')) {
			const m = /^presence_([a-z_]+(?:\{[^}]*\})?) ([\d.]+)$/.exec(line);
			if (m)
				values[m[1]] = Number(m[2]);
		}
		return values;
	}

	// --- load -----------------------------------------------------------------------

	// mode, list of PBXs (ours, quiet, node), options as load.c has them
	async load(mode, list, options) {
		const args = [mode];
		for (const [name, value] of Object.entries(options))
			args.push(`-${name}`, ...(value === true ? [] : [String(value)]));
		return JSON.parse(await run(`${build}/tests/load`, [...args, `${this.dir}/${list}`]));
	}

	// The same SQL functions, 16 clients with tenants of their own: what the
	// database alone can do with a transaction for each step.
	async pgbench(round, seconds, warm) {
		const each = TENANTS / PGBENCH_CLIENTS;
		const uuid = (kind, n) => `'${kind}0000000-0000-4000-8000-' || lpad((${n})::text, 12, '0')`;
		const file = `${this.dir}/pgbench.sql`;
		writeFileSync(file, `\\set n :n + 1
\\set on 1 - :n % 2
\\set j :n / 2
\\set call :j % 2
\\set tn ${TENANTS} + :client_id * ${each} + :j % ${each}
\\set e (:j / ${each}) % ${PEOPLE}
SELECT coalesce(max(claim_no), 0) AS c FROM presence.apply(format('[{"i":0,"t":"%s","p":"%s","y":"%s","e":"e%s"%s,"k":"%s"}]', ${
	uuid(4, ':tn::int')}, ${uuid(6, ':tn::int')}, CASE WHEN :call::int = 1 THEN CASE WHEN :on::int = 1 THEN 'call.answered' ELSE 'call.ended' END
WHEN :on::int = 1 THEN 'phone.off_hook' ELSE 'phone.on_hook' END, :e::int, CASE WHEN :call::int = 1 THEN ${
	`format(',"c":"r%s-%s"', :round::int, :j::int)`} ELSE '' END, format('r%s-%s-%s', :round::int, :client_id::int, :n::int))::jsonb) \\gset
SELECT count(*) FROM presence.record(format('[{"t":"%s","u":"%s","c":%s,"r":"ok","m":${GRAPH_MS}}]', ${
	uuid(4, ':tn::int')}, ${uuid(5, `:tn::int * ${PEOPLE} + :e::int`)}, :c::bigint)::jsonb);
`);
		const since = await this.now();
		const out = await run(`${pgBin}/pgbench`, ['-n', '-c', String(PGBENCH_CLIENTS), '-j', '2', '-T', String(seconds), '-P', '1', '-M', 'prepared',
			'-f', file, '-D', `round=${round}`, '-D', 'n=-1', '-h', `${this.env.RUN}/pg`, '-U', 'presence_webhook', 'presence'], { both: true });
		// Each second's rate; at first every connection makes its plans.
		const rates = [...out.matchAll(/^progress: [\d.]+ s, ([\d.]+) tps/mg)].map((m) => Number(m[1])).slice(warm);
		const transactions = Number(/transactions actually processed: (\d+)/.exec(out)[1]);
		const told = Number(await this.sql(`SELECT count(*) FROM presence.event WHERE at >= '${since}' AND kind = 'publish'
			AND tenant_id >= '${tenantId(TENANTS)}'`));
		// Where a step found its tenant held, nothing was done.
		return { rate: rates.reduce((sum, one) => sum + one, 0) / rates.length * Math.min(1, told / transactions), events: transactions, done: told / transactions };
	}

	// --- the Node peer --------------------------------------------------------------

	async nodeStart(workers) {
		const pbxs = {};
		for (let n = 0; n < TENANTS; n++)
			pbxs[pbxId(n)] = { tenant_id: tenantId(n), secret: this.secrets[n] };
		const file = `${this.dir}/node.json`;
		writeFileSync(file, JSON.stringify({ port: this.ports.node, workers, db_connections: 16 / workers,
			database: `postgresql://presence_webhook@/presence?host=${this.env.RUN}/pg`, login_url: this.loginUrl,
			graph_url: this.graphUrl, client_id: this.env.CLIENT_ID, ca: `${this.dir}/graph.pem`, pbxs,
			...JSON.parse(process.env.BENCH_NODE ?? '{}') }), { mode: 0o600 });
		this.node = await start(process.execPath, ['tests/bench/node/main.mjs', file], `${this.dir}/node.log`, 'ready');
	}

	async nodeStop() {
		await stop(this.node);
		this.node = undefined;
	}
}
