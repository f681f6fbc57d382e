// The tokens that the simulator issues: access tokens for Graph, ID tokens, and the
// token that Teams gives to a tab; and Graph's check of an access token.

import { createHash, randomUUID } from 'node:crypto';
import { randomId } from './keys.mjs';
import { grantedRoles, roleIds } from './tenants.mjs';

const GRAPH = ['https://graph.microsoft.com', '00000003-0000-0000-c000-000000000000'];
const MAX_REMEMBERED = 20_000;
// Teams in a browser (fixed).
export const TEAMS_WEB = '5e3ce6c0-2b1f-4285-8d4b-75ee78787346';

const v1Issuer = (tenant) => `https://sts.windows.net/${tenant.tenant_id}/`;

export class Tokens {
	constructor(sim) {
		this.sim = sim;
		this.known = new Map(); // token text -> who it speaks for, oldest first
		this.lifetime_s = null; // null: as Microsoft does, 60 to 90 minutes
	}

	lifetime() {
		return this.lifetime_s ?? 3600 + Math.floor(Math.random() * 1800);
	}

	/** A stable id, different for each purpose. */
	derived(...parts) {
		const h = createHash('sha256').update(parts.join('|')).digest('hex');
		return `${h.slice(0, 8)}-${h.slice(8, 12)}-4${h.slice(13, 16)}-8${h.slice(17, 20)}-${h.slice(20, 32)}`;
	}

	times(lifetime_s) {
		const now_s = Math.floor(this.sim.identityNow() / 1000);
		return { iat: now_s, nbf: now_s, exp: now_s + lifetime_s };
	}

	appClaims(tenant, lifetime_s) {
		const { app } = this.sim;
		const roles = grantedRoles(tenant, app, this.sim.identityNow());
		const principal = this.derived('principal', tenant.tenant_id, app.client_id);
		return {
			aud: GRAPH[0], iss: v1Issuer(tenant), ...this.times(lifetime_s),
			app_displayname: app.name, appid: app.client_id, appidacr: '2',
			idp: v1Issuer(tenant), idtyp: 'app', oid: principal,
			...(roles.length ? { roles } : {}), sub: principal, tid: tenant.tenant_id,
			uti: randomId(), ver: '1.0',
		};
	}

	/** A token on the application's own behalf; it is issued even without any right. */
	async appIssue(tenant) {
		const lifetime_s = this.lifetime();
		const claims = this.appClaims(tenant, lifetime_s);
		const token = await this.sim.keys.tokenSign(claims);
		this.remember(token, claims, this.sim.identityNow());
		return { token, lifetime_s };
	}

	/** What a signed-in person's code also brings: good for nothing that we offer. */
	async delegatedIssue(user, scope) {
		const { app } = this.sim;
		const lifetime_s = this.lifetime();
		const token = await this.sim.keys.tokenSign({
			aud: GRAPH[0], iss: v1Issuer(user.tenant), ...this.times(lifetime_s),
			appid: app.client_id, appidacr: '1', idtyp: 'user', oid: user.oid, scp: scope,
			sub: this.derived('graph', user.oid), tid: user.tenant.tenant_id,
			upn: user.upn, uti: randomId(), ver: '1.0',
		});
		return { token, lifetime_s };
	}

	v2Claims(user, lifetime_s) {
		const { app, loginUrl } = this.sim;
		return {
			aud: app.client_id, iss: `${loginUrl}/${user.tenant.tenant_id}/v2.0`,
			...this.times(lifetime_s),
			sub: createHash('sha256').update(`${app.client_id}|${user.tenant.tenant_id}|${user.oid}`)
				.digest('base64url'),
			tid: user.tenant.tenant_id, uti: randomId(), ver: '2.0',
		};
	}

	// `oid` and the names come only with the scope profile.
	idClaims(user, scopes, nonce) {
		return {
			...this.v2Claims(user, 3600), ...(nonce ? { nonce } : {}),
			...(scopes.includes('profile') ? {
				name: user.name, oid: user.oid, preferred_username: user.upn,
			} : {}),
			...(scopes.includes('email') && user.mail ? { email: user.mail } : {}),
			...(this.sim.app.emits_wids ? { wids: roleIds(user) } : {}),
		};
	}

	tabClaims(user) {
		return {
			...this.v2Claims(user, this.lifetime()), azp: TEAMS_WEB, azpacr: '0',
			name: user.name, oid: user.oid, preferred_username: user.upn,
			scp: 'access_as_user',
		};
	}

	remember(token, claims, issued_at) {
		if (this.known.size >= MAX_REMEMBERED)
			this.known.delete(this.known.keys().next().value);
		const who = {
			tenant: this.sim.directory.tenantFind(claims.tid),
			app: String(claims.appid).toLowerCase(), claims, issued_at,
			roles: Array.isArray(claims.roles) ? claims.roles : [],
		};
		this.known.set(token, who);
		return who;
	}

	forget() {
		this.known.clear();
	}

	/** Who asks Graph: {tenant, app, roles}, or {refused}; a promise for an unseen token. */
	check(authorization) {
		const m = /^Bearer +([^ ]+)$/i.exec(authorization ?? '');
		if (!m)
			return { refused: 'Access token is empty.' };
		const who = this.known.get(m[1]);
		if (who)
			return this.judge(who);
		return this.sim.keys.tokenVerify(m[1]).then(
			(claims) => this.judge(this.remember(m[1], claims, (claims.iat + 1) * 1000)),
			() => ({ refused: 'The token cannot be read, or its signature is wrong.' }));
	}

	judge(who) {
		const { claims, tenant } = who;
		const now = this.sim.identityNow();
		if (!GRAPH.includes(claims.aud))
			return { refused: 'Access token validation failure. Invalid audience.' };
		if (!tenant || claims.iss !== v1Issuer(tenant))
			return { refused: 'Access token validation failure. Invalid issuer.' };
		if (!(claims.exp * 1000 > now) || !(claims.nbf * 1000 <= now + 300_000))
			return { refused: 'Lifetime validation failed, the token is expired.' };
		if (who.issued_at < tenant.tokens.refused_before)
			return { refused: 'Continuous access evaluation: the token was revoked.' };
		if (who.issued_at < tenant.tokens.stripped_before)
			return { ...who, roles: [] };
		return who;
	}
}

export const traceIds = () => ({ trace_id: randomUUID(), correlation_id: randomUUID() });
