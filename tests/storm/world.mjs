// The world that a plan speaks of, made on a running stack: tenants with their
// administrators, PBXs, people with extensions and Presence Monitoring on; and the
// ways to reach it: simulator, dashboard, database, presencectl.

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { agentNew, ask } from '../http/sender.mjs';

const run = promisify(execFile);
export const { SIM_URL, PUBLIC_URL, DATABASE_URL, PIDS, BUILD = 'build', STACK_DIR } = process.env;
export const agent = agentNew();

const json = (value) => {
	const body = JSON.stringify(value);
	return [{ 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }, body];
};

/** The simulator's control. */
export async function sim(method, path, value) {
	const answer = await ask(agent, method, `${SIM_URL}/_sim/${path}`, ...value === undefined ? [{}, undefined] : json(value));
	if (answer.status !== 200)
		throw new Error(`simulator: ${method} ${path}: ${answer.status || answer.why} ${answer.text}`);
	return JSON.parse(answer.text);
}

/** Rows of a query, each a list of texts. */
export async function sql(query) {
	const { stdout } = await run('psql', ['-X', '-q', '-At', '-v', 'ON_ERROR_STOP=1', '-d', DATABASE_URL, '-c', query]);
	return stdout.split('\n').filter(Boolean).map((line) => line.split('|'));
}

/** presencectl, with the environment that the stack wrote for it. */
export const ctl = (...args) => run('bash', ['-c', '. "$1/ctl.env"; shift; exec "$@"', 'ctl', STACK_DIR, `${BUILD}/bin/presencectl`, ...args]);

/** An id that is the same for the same words. */
function guid(...words) {
	const h = createHash('sha256').update(words.join(' ')).digest('hex');
	return `${h.slice(0, 8)}-${h.slice(8, 12)}-4${h.slice(13, 16)}-8${h.slice(17, 20)}-${h.slice(20, 32)}`;
}

/** A browser's cookies, for signing in. */
class Browser {
	constructor() {
		this.cookies = new Map();
	}

	async get(url) {
		const answer = await ask(agent, 'GET', url, { cookie: this.cookie });
		for (const line of answer.headers['set-cookie'] ?? []) {
			const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
			this.cookies.set(name, value);
		}
		return answer;
	}

	get cookie() {
		return [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
	}
}

async function signIn(upn) {
	const browser = new Browser();
	const first = await browser.get(`${PUBLIC_URL}/auth/sign-in`);
	const { location } = await sim('POST', 'sign_in', { url: first.headers.location, user: upn });
	await browser.get(location);
	const session = await browser.get(`${PUBLIC_URL}/admin/api/session`);
	if (session.status !== 200)
		throw new Error(`sign-in of ${upn}: ${session.status} ${session.text}`);
	return { cookie: browser.cookie, 'x-csrf-token': JSON.parse(session.text).csrf };
}

/** One request to the dashboard, as this tenant's administrator. */
export function admin(tenant, method, path, value, type) {
	const url = `${PUBLIC_URL}/admin/api/${path}`;
	if (type)
		return ask(agent, method, url, { ...tenant.session, 'content-type': type, 'content-length': Buffer.byteLength(value) }, value);
	const [headers, body] = value === undefined ? [{ 'content-length': 0 }, undefined] : json(value);
	return ask(agent, method, url, { ...tenant.session, ...headers }, body);
}

/** One request to the tab, as this person. */
export function tab(person, method, path, value) {
	const [headers, body] = value === undefined ? [{ 'content-length': 0 }, undefined] : json(value);
	return ask(agent, method, `${PUBLIC_URL}/tab/api/${path}`, { authorization: `Bearer ${person.token}`, ...headers }, body);
}

async function must(what, asked, status = 200) {
	const answer = await asked;
	if (answer.status !== status)
		throw new Error(`${what}: ${answer.status || answer.why} ${answer.text}`);
	return JSON.parse(answer.text);
}

/**
 * Makes the plan's tenants, new ones for each world. Gives {tenants: [{id, session, pbxs:
 * [{id, url, secret, platform}], people: [{id, upn, token}]}]} and tells the model.
 */
export async function worldMake(plan, model, name) {
	const tenants = plan.tenants.map((settings, t) => ({ id: guid(name, t), domain: `t${t}.${name}.example`, settings: { ...settings }, pbxs: [], people: [] }));
	plan.actors.forEach((actor) => actor.people.forEach((n) => {
		tenants[actor.tenant].people[n] = { id: guid(name, actor.tenant, n), upn: `p${n}@${tenants[actor.tenant].domain}` };
	}));
	await sim('POST', 'tenants', {
		tenants: tenants.map((t) => ({
			tenant_id: t.id, name: t.domain, domain: t.domain, consent: 'granted',
			users: [{ oid: guid(t.id, 'admin'), upn: `admin@${t.domain}`, name: 'Admin', roles: ['Global Administrator'] },
				...t.people.map((p) => ({ oid: p.id, upn: p.upn, name: p.upn }))],
		})),
	});
	for (const [n, t] of tenants.entries()) {
		await ctl('tenant-add', t.id, t.domain);
		await ctl('consent-check', t.id);
		t.session = await signIn(`admin@${t.domain}`);
		await must('settings', admin(t, 'PATCH', 'tenant', { settings: t.settings }));
		model.tenantAdd(t.id, t.settings);
		for (const [i, platform] of plan.pbxs[n].entries()) {
			const { id, webhook_url: url, secret } = await must('a PBX', admin(t, 'POST', 'pbxs', { name: `PBX ${i}`, platform }), 201);
			t.pbxs.push({ id, url, secret, platform });
			model.pbxAdd(id, t.id);
		}
		for (const p of t.people) {
			p.token = (await sim('POST', 'token', { kind: 'tab', tenant: t.id, user: p.id })).token;
			model.personAdd(p.id, t.id, true);
		}
		const phones = plan.actors.filter((a) => a.tenant === n).flatMap((a) => a.phones);
		await sql(`INSERT INTO presence.teams_user (tenant_id, user_id, name, upn, monitoring) VALUES ${
			t.people.map((p) => `('${t.id}', '${p.id}', '${p.upn}', '${p.upn}', true)`).join(', ')};
			INSERT INTO presence.extension (tenant_id, pbx_id, extension, user_id) VALUES ${
			phones.map((x) => `('${t.id}', '${t.pbxs[x.pbx].id}', '${x.extension}', '${t.people[x.person].id}')`).join(', ')}`);
		for (const x of phones)
			model.link(t.pbxs[x.pbx].id, x.extension, t.people[x.person].id, 0, 0);
	}
	return { tenants };
}
