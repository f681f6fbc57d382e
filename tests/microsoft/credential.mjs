// Who the application is, at the token endpoint: its secret, or an assertion signed
// with its certificate. Source: Microsoft identity platform, certificate credentials.

import { X509Certificate, createHash, timingSafeEqual } from 'node:crypto';
import { compactVerify } from 'jose';
import { thumbprint } from './certificate.mjs';
import { isGuid } from './tenants.mjs';

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const SKEW_S = 300;
const LONGEST_S = 600;
const MAX_REMEMBERED = 100_000;

/** The registered credentials; replaced as a whole when an administrator renews them. */
export class Credentials {
	constructor({ secrets = [], certificates = [] }) {
		this.secrets = secrets.map((s) => (typeof s === 'string' ? { value: s, expired: false } : s));
		this.certificates = new Map(certificates.map((pem) => {
			const c = new X509Certificate(pem);
			return [thumbprint(c.raw, 'sha256'), { key: c.publicKey, ends_at: Date.parse(c.validTo) }];
		}));
		this.seen = new Map(); // jti -> when it may be forgotten, in seconds
	}
}

/** [code, message] of a refusal, or null when the application has proved itself. */
export async function credentialCheck(sim, x, authority, form) {
	const basic = basicParse(x.headers.authorization);
	const client_id = form.get('client_id') ?? basic?.id;
	if (!client_id)
		return [900144, "The request body must contain the parameter 'client_id'."];
	if (client_id !== sim.app.client_id)
		return [700016, `Application with identifier '${client_id}' was not found in the directory.`];
	const secret = form.get('client_secret') ?? basic?.secret ?? null;
	const assertion = form.get('client_assertion') ?? null;
	if (secret === null && assertion === null)
		return [7000218, "The request body must contain 'client_assertion' or 'client_secret'."];
	if (secret !== null && assertion !== null)
		return [7000218, 'Only one of client_assertion and client_secret may be sent.'];
	if (secret !== null)
		return secretCheck(sim.credentials, secret);
	if (form.get('client_assertion_type') !== ASSERTION_TYPE)
		return [7000218, "'client_assertion_type' is missing or unknown."];
	return assertionCheck(sim, assertion, `${sim.loginUrl}/${authority}/oauth2/v2.0/token`);
}

function basicParse(header) {
	const m = /^Basic +([A-Za-z0-9+/=]+)$/i.exec(header ?? '');
	if (!m)
		return null;
	const [id, ...secret] = Buffer.from(m[1], 'base64').toString().split(':');
	const decode = (t) => decodeURIComponent(t.replaceAll('+', ' '));
	try {
		return { id: decode(id), secret: decode(secret.join(':')) };
	} catch {
		return null;
	}
}

const digest = (text) => createHash('sha256').update(text).digest();

function secretCheck({ secrets }, given) {
	const known = secrets.find((s) => timingSafeEqual(digest(s.value), digest(given)));
	if (!known)
		return [7000215, 'Invalid client secret provided. It must be the secret value, not the secret ID.'];
	return known.expired ? [7000222, 'The provided client secret keys are expired.'] : null;
}

async function assertionCheck(sim, assertion, audience) {
	const now_s = sim.identityNow() / 1000;
	const { certificates } = sim.credentials;
	let claims;
	try {
		const { payload, protectedHeader } = await compactVerify(assertion, (header) => {
			const certificate = certificates.get(header['x5t#S256']);
			if (!certificate || certificate.ends_at < now_s * 1000)
				throw new Error('certificate');
			return certificate.key;
		}, { algorithms: ['PS256'] });
		if (protectedHeader.typ !== 'JWT')
			return [50027, "The assertion's header must say typ JWT."];
		claims = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
	} catch {
		return [700027, 'The assertion is malformed, not signed by PS256, or by a certificate that is not registered.'];
	}
	const { client_id } = sim.app;
	if (claims.aud !== audience)
		return [50013, `Assertion is invalid: its audience must be ${audience}.`];
	if (claims.iss !== client_id || claims.sub !== client_id)
		return [50013, 'Assertion is invalid: iss and sub must both be the client id.'];
	for (const name of ['nbf', 'iat', 'exp'])
		if (!Number.isInteger(claims[name]))
			return [50013, `Assertion is invalid: ${name} must be whole seconds.`];
	if (claims.exp <= now_s || claims.nbf > now_s + SKEW_S || claims.iat > now_s + SKEW_S)
		return [700024, 'The assertion is not within its valid time range.'];
	if (claims.exp <= claims.nbf || claims.exp - claims.nbf > LONGEST_S)
		return [700024, `The assertion may be valid for at most ${LONGEST_S} seconds.`];
	if (!isGuid(claims.jti))
		return [50013, 'Assertion is invalid: jti must be a fresh GUID.'];
	return isReplay(sim.credentials.seen, claims, now_s)
		? [50013, 'Assertion is invalid: its jti was seen before.'] : null;
}

function isReplay(seen, { jti, exp }, now_s) {
	if ((seen.get(jti) ?? 0) > now_s)
		return true;
	seen.set(jti, exp);
	if (seen.size > MAX_REMEMBERED)
		for (const [old, ends_s] of seen)
			if (ends_s <= now_s || seen.size > MAX_REMEMBERED)
				seen.delete(old);
	return false;
}
