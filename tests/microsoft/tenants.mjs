// The simulated directories: tenants, their people and roles, and each tenant's
// consent to the application.

import { presenceNew } from './presence.mjs';

// Role template ids are fixed by Microsoft.
export const ROLES = {
	'Global Administrator': '62e90394-69f5-4237-9190-012177145e10',
	'Privileged Role Administrator': 'e8611ab8-c189-46e8-94e1-60213ab1f814',
	'Cloud Application Administrator': '158c047a-c907-4556-b7ef-446551a6b5f7',
	'Application Administrator': '9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3',
	'Teams Administrator': '69091246-20e8-4a56-aa4d-066075b2a7a8',
};
// Everybody carries this one; a client that takes any `wids` for an admin is wrong.
export const EVERYBODY_ROLE = 'b79fbf4d-3ef9-4689-8143-76b194e85509';
const MAY_CONSENT = ['Global Administrator', 'Privileged Role Administrator'];

// granted: the application has its permissions.  none: it is not in the tenant, or
// only known from a sign-in.  revoked: in the tenant, permission taken away.
// disabled: sign-in of the application switched off.  blocked: a policy refuses it.
export const CONSENT_STATES = ['granted', 'none', 'revoked', 'disabled', 'blocked'];

const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
export const isGuid = (text) => typeof text === 'string' && GUID.test(text);

const demoUser = (prefix, n, upn, name, more) =>
	({ oid: `${prefix}-0000-4000-8000-0000000000${n}`, upn, name, ...more });

const DEMO = [{
	tenant_id: '11111111-2222-4333-8444-555555555555',
	name: 'Nordwind Trading',
	users: [
		demoUser('aaaaaaaa', '01', 'admin@nordwind.example', 'Nora Winter', { roles: ['Global Administrator'] }),
		demoUser('aaaaaaaa', '02', 'teamsadmin@nordwind.example', 'Theo Lange', { roles: ['Teams Administrator'] }),
		demoUser('aaaaaaaa', '03', 'appadmin@nordwind.example', 'Alma Brook', { roles: ['Application Administrator'] }),
		demoUser('aaaaaaaa', '11', 'anna@nordwind.example', 'Anna Lind', { extension: '1001' }),
		demoUser('aaaaaaaa', '12', 'bert@nordwind.example', 'Bert Sommer', { extension: '1002' }),
		demoUser('aaaaaaaa', '13', 'carla@nordwind.example', 'Carla Reis', { extension: '1003' }),
		demoUser('aaaaaaaa', '14', 'david@nordwind.example', 'David Okoro', { extension: '1004' }),
	],
}, {
	tenant_id: '66666666-7777-4888-8999-000000000000',
	name: 'Sudhang Labs',
	users: [
		demoUser('bbbbbbbb', '01', 'admin@sudhang.example', 'Selma Hang', { roles: ['Global Administrator'] }),
		demoUser('bbbbbbbb', '11', 'emil@sudhang.example', 'Emil Roth', { extension: '2001' }),
	],
}];

export class Directory {
	constructor(state) {
		this.initial = state?.tenants ?? DEMO;
		this.reset();
	}

	reset() {
		this.tenants = new Map();
		this.domains = new Map();
		for (const t of this.initial)
			this.tenantAdd(t);
	}

	tenantAdd({ tenant_id, name, domain, consent = 'none', users = [] }) {
		if (!isGuid(tenant_id))
			throw new Error(`tenant_id is not a GUID: ${tenant_id}`);
		if (!CONSENT_STATES.includes(consent))
			throw new Error(`consent is not one of ${CONSENT_STATES.join(', ')}`);
		const tenant = {
			tenant_id: tenant_id.toLowerCase(), name: name ?? tenant_id, domain: null,
			consent, granted_from: 0, propagation_ms: 0,
			principal: consent !== 'none', // does the application exist in the tenant?
			tokens: { refused_before: 0, stripped_before: 0 },
			users: new Map(), byUpn: new Map(),
		};
		this.tenants.set(tenant.tenant_id, tenant);
		this.usersAdd(tenant, users);
		this.domainSet(tenant, domain ?? users[0]?.upn?.split('@')[1]);
		return tenant;
	}

	domainSet(tenant, domain) {
		if (!domain)
			return;
		tenant.domain = domain.toLowerCase();
		this.domains.set(tenant.domain, tenant);
	}

	usersAdd(tenant, users) {
		for (const u of users) {
			if (!isGuid(u.oid) || typeof u.upn !== 'string' || !u.upn.includes('@'))
				throw new Error(`a user needs oid (GUID) and upn: ${JSON.stringify(u)}`);
			const unknown = (u.roles ?? []).filter((r) => !ROLES[r]);
			if (unknown.length)
				throw new Error(`unknown role: ${unknown[0]}`);
			const user = {
				oid: u.oid.toLowerCase(), upn: u.upn, name: u.name ?? u.upn.split('@')[0],
				mail: u.mail ?? u.upn, phones: u.phones ?? [], roles: u.roles ?? [],
				extension: u.extension ?? null, tenant,
				presence: presenceNew(), watchers: null, inflight: 0,
			};
			tenant.users.set(user.oid, user);
			tenant.byUpn.set(user.upn.toLowerCase(), user);
		}
	}

	/** By id or verified domain; null when there is none. */
	tenantFind(name) {
		const key = String(name).toLowerCase();
		return this.tenants.get(key) ?? this.domains.get(key) ?? null;
	}

	userFind(tenant, oid) {
		return tenant?.users.get(String(oid).toLowerCase()) ?? null;
	}
}

export const mayConsent = (user) => user.roles.some((r) => MAY_CONSENT.includes(r));

/** Ids for the `wids` claim. */
export const roleIds = (user) => [...user.roles.map((r) => ROLES[r]), EVERYBODY_ROLE];

/** The application roles that a token of this tenant carries when issued now. */
export function grantedRoles(tenant, app, now) {
	return tenant.consent === 'granted' && tenant.granted_from <= now ? app.permissions : [];
}

export function consentSet(tenant, state, now) {
	tenant.consent = state;
	tenant.principal = state !== 'none';
	if (state === 'granted')
		tenant.granted_from = now + tenant.propagation_ms;
}

/** Tell everybody who waits for this person's presence that something changed. */
export function userChanged(user) {
	if (user.watchers)
		for (const watcher of [...user.watchers])
			watcher();
}

export function userWatch(user, watcher) {
	user.watchers ??= new Set();
	user.watchers.add(watcher);
	return () => user.watchers.delete(watcher);
}
