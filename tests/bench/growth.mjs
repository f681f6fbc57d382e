// How the cost of an event grows with what the database holds: people, tenants, the
// log, open calls. One server, a database for each size, their blocks interleaved;
// the cost is the CPU of the backend that stores an event and what Graph answered.
//
//   tests/bench/run growth      about 6 minutes and 4 GB of disk

import { createRequire } from 'node:module';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { machine } from './machine.mjs';
import { root, run } from './parts.mjs';
import { median, n, spread, table } from './words.mjs';

const { Client } = createRequire(`${root}/tests/bench/node/`)('pg');

const FLAT = 1.15;
const ROUNDS = 9;
const EVENTS = 600;     // a block; fewer than a tenant may publish within 30 s
const PASS = 64;        // people that the reconciler takes at once
const DUE = 100_000;

// What grows, and how: the first of each kind is what the others are held against.
const SIZES = [
	{ kind: 'people', name: '1 person', tenants: 1, people: 1 },
	{ kind: 'people', name: '1,000 people', tenants: 20, people: 50 },
	{ kind: 'people', name: '1,000,000 people', tenants: 400, people: 2500 },
	{ kind: 'tenants', name: '1 tenant', tenants: 1, people: 50 },
	{ kind: 'tenants', name: '100 tenants', tenants: 100, people: 50 },
	{ kind: 'tenants', name: '10,000 tenants', tenants: 10_000, people: 5 },
	{ kind: 'log', name: 'an empty log', tenants: 400, people: 50 },
	{ kind: 'log', name: '5,000,000 rows in the log', tenants: 400, people: 50, log: 5_000_000 },
	{ kind: 'open calls', name: '10 open calls', tenants: 400, people: 300, calls: 10 },
	{ kind: 'open calls', name: '100,000 open calls', tenants: 400, people: 300, calls: DUE },
];

const id = (kind, expression) => `('${kind}0000000-0000-4000-8000-' || lpad((${expression})::text, 12, '0'))::uuid`;

// Called as the programs would: an event, its record; each its own transaction.
const LOAD = `CREATE PROCEDURE public.load(events int, tenants int, people int) LANGUAGE plpgsql AS $$
DECLARE
	t int; u int; job record; told text; word text;
	call text := gen_random_uuid();
BEGIN
	FOR nr IN 0 .. events - 1 LOOP
		IF nr % 2 = 0 THEN
			t := floor(random() * tenants); u := floor(random() * least(people, 50));
		END IF;
		word := CASE nr % 2 WHEN 0 THEN 'call.answered' ELSE 'call.ended' END;
		SELECT * INTO job FROM presence.apply(jsonb_build_array(jsonb_build_object('i', 0, 't', ${id(4, 't')}, 'p', ${id(6, 't')},
			'y', word, 'e', 'e' || u, 'c', call || nr / 2, 'k', call || nr))) WHERE kind = 'publish';
		COMMIT;
		IF job.claim_no IS NULL THEN
			RAISE EXCEPTION '% of person % of tenant % brought no call of Graph', word, u, t;
		END IF;
		SELECT outcome INTO told FROM presence.record(jsonb_build_array(jsonb_build_object('t', job.tenant_id,
			'u', job.user_id, 'c', job.claim_no, 'r', 'ok', 'm', 100)));
		COMMIT;
		IF told IS DISTINCT FROM 'told' THEN
			RAISE EXCEPTION 'that was %', told;
		END IF;
	END LOOP;
END $$`;

const fill = ({ tenants, people, log = 0, calls = 0 }) => `
	SET session_replication_role = replica;	-- what refers to what is right by its making
	INSERT INTO presence.tenant (tenant_id, name, consent, granted_at)
	SELECT ${id(4, 'n')}, 'Tenant ' || n, 'granted', now() FROM generate_series(0, ${tenants - 1}) n;
	INSERT INTO presence.tenant_budget (tenant_id) SELECT tenant_id FROM presence.tenant;
	INSERT INTO presence.pbx (tenant_id, pbx_id, name, platform, auth, secret)
	SELECT ${id(4, 'n')}, ${id(6, 'n')}, 'PBX', 'generic', 'signature', 'none' FROM generate_series(0, ${tenants - 1}) n;
	INSERT INTO presence.teams_user (tenant_id, user_id, name, upn, monitoring)
	SELECT ${id(4, 't')}, ${id(5, `t * ${people}::bigint + u`)}, 'Person ' || u, 'p' || u || '@tenant' || t || '.example', true
	FROM generate_series(0, ${tenants - 1}) t, generate_series(0, ${people - 1}) u;
	INSERT INTO presence.extension (tenant_id, pbx_id, extension, user_id)
	SELECT ${id(4, 't')}, ${id(6, 't')}, 'e' || u, ${id(5, `t * ${people}::bigint + u`)}
	FROM generate_series(0, ${tenants - 1}) t, generate_series(0, ${people - 1}) u;
	INSERT INTO presence.event (tenant_id, at, kind, type, outcome, user_id, pbx_id, extension)
	SELECT ${id(4, `n % ${tenants}`)}, now() - make_interval(secs => (${log} - n) * 0.5), 'event', 'call.answered', 'changed',
		${id(5, 'n')}, ${id(6, `n % ${tenants}`)}, 'e' || n FROM generate_series(1, ${log}) n;
	-- Open calls: of those people whom the load leaves alone, told a while ago.
	WITH who AS (
		SELECT ${id(4, `n % ${tenants}`)} AS t, ${id(6, `n % ${tenants}`)} AS p,
			${id(5, `(n % ${tenants}) * ${people}::bigint + 50 + n / ${tenants}`)} AS u, 50 + n / ${tenants} AS e
		FROM generate_series(0, ${calls - 1}) n),
	legs AS (
		INSERT INTO presence.call_leg
		SELECT t, u, p, 'e' || e, 'call', 'open', '', 2, now(), now(), now(), now() FROM who),
	goals AS (
		UPDATE presence.teams_user x SET goal = 'busy', goal_no = 1, goal_at = now(), published = 'busy', published_no = 1,
			published_at = now(), published_until_at = now() + interval '4 hours', busy_until_at = now() + interval '4 hours',
			told_until_at = now() + interval '4 hours'
		FROM who WHERE x.tenant_id = who.t AND x.user_id = who.u)
	INSERT INTO presence.due (tenant_id, user_id, at) SELECT t, u, now() + interval '2 hours' FROM who;`;

class Size {
	constructor(size, number, server) {
		Object.assign(this, size, { server, database: `growth_${number}`, us: [] });
	}

	async up(admin) {
		await admin.query(`CREATE DATABASE ${this.database} TEMPLATE presence`);
		this.load = await this.session();
		this.aside = await this.session();
		await this.aside.query(fill(this));
		await this.aside.query('RESET session_replication_role');
		await this.aside.query('VACUUM ANALYZE');
		await this.aside.query(LOAD);
	}

	async session() {
		const client = new Client({ host: this.server, user: 'postgres', database: this.database });
		await client.connect();
		await client.query('SET jit = off');
		return client;
	}

	// CPU of the session so far, in microseconds.
	async cpu() {
		const { rows } = await this.load.query('SELECT pg_read_file(\'/proc/self/schedstat\', 0, 100) AS text');
		return Number(rows[0].text.split(' ')[0]) / 1000;
	}

	async block() {
		await this.aside.query('UPDATE presence.tenant_budget SET slots = array_fill(0, ARRAY[35]), turns = NULL WHERE 0 <> ANY (slots)');
		const before = await this.cpu();
		await this.load.query(`CALL public.load(${EVENTS}, ${this.tenants}, ${this.people})`);
		return (await this.cpu() - before) / EVENTS;
	}

	// Everybody on the phone is due at once: passes, and how the next renewals lie.
	async passes() {
		await this.aside.query('UPDATE presence.teams_user SET published_at = now() - interval \'11 minutes\', published_until_at = now() + interval \'4 minutes\' '
			+ 'WHERE goal = \'busy\'');
		await this.aside.query('UPDATE presence.due SET at = now()');
		await this.aside.query('VACUUM ANALYZE presence.due');
		const took = [];
		let told = 0;
		for (;;) {
			const from = performance.now();
			const { rows } = await this.load.query(`SELECT * FROM presence.due_take(${PASS}) WHERE kind <> 'next'`);
			took.push(performance.now() - from);
			if (rows.length === 0)
				break;
			told += rows.length;
			await this.load.query('SELECT count(*) FROM presence.record($1)', [JSON.stringify(rows.map((r) => ({ t: r.tenant_id, u: r.user_id, c: r.claim_no, r: 'ok', m: 100 })))]);
		}
		const { rows } = await this.aside.query('SELECT count(*)::int AS n FROM presence.due GROUP BY date_trunc(\'second\', at) ORDER BY n DESC LIMIT 1');
		return { told, took: took.slice(0, -1), together: rows[0]?.n ?? 0 };
	}
}

const dir = mkdtempSync('/tmp/presence-growth.');
let failed = 0;
try {
	chmodSync(dir, 0o711); // the server's user goes through it
	await run(`${root}/tests/stack/up`, [`${dir}/stack`], { env: { ...process.env, STACK_ONLY: 'database' } });
	const server = `${dir}/stack/run/pg`;
	const admin = new Client({ host: server, user: 'postgres', database: 'postgres' });
	await admin.connect();
	const sizes = SIZES.map((size, i) => new Size(size, i, server));
	for (const size of sizes) {
		await size.up(admin);
		console.log(`made: ${size.name}`);
	}
	for (let round = 0; round <= ROUNDS; round++) {
		for (const size of sizes) {
			const us = await size.block();
			if (round > 0) // before: plans and caches
				size.us.push(us);
		}
		console.log(`round ${round} of ${ROUNDS}`);
	}
	const rows = sizes.map((size) => {
		const first = sizes.find((s) => s.kind === size.kind);
		const ratio = median(size.us.map((us, i) => us / first.us[i]));
		if (ratio > FLAT)
			failed++;
		return [size.name, spread(size.us, (us) => us), size === first ? '' : ratio.toFixed(2), size === first ? '' : ratio <= FLAT ? 'flat' : 'grows'];
	});
	const due = sizes.at(-1);
	const [few, many] = [await sizes.at(-2).passes(), await due.passes()];
	const pass = (p) => `${n(p.told)} renewed, a pass of ${PASS} takes ${median(p.took).toFixed(1)} ms (at most ${Math.max(...p.took).toFixed(0)} ms)`;
	const m = machine();
	const text = ['## How the cost grows', '',
		`CPU of PostgreSQL for an event and its record, each a transaction of its own, by what the database holds: medians of ${ROUNDS} interleaved rounds of ${EVENTS} events, least and most in brackets (${m.cpus} CPUs, ${m.cpu}).`, '',
		...table(['the database holds', 'CPU us an event', 'to the first', ''], rows), '',
		`Renewals that are due at one moment: ${pass(few)}; ${pass(many)}. Their next renewals: at most ${n(many.together)} in one second.`, ''].join('\n');
	mkdirSync(`${root}/build/bench`, { recursive: true });
	writeFileSync(`${root}/build/bench/growth.md`, text);
	console.log(`\n${text}`);
	for (const size of sizes)
		await Promise.all([size.load.end(), size.aside.end()]);
	await admin.end();
} finally {
	await run(`${root}/tests/stack/down`, [`${dir}/stack`]).catch(() => {});
	rmSync(dir, { recursive: true, force: true });
}
process.exitCode = failed > 0 ? 1 : 0;
