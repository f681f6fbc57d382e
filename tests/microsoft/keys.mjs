// The signing keys of the simulated identity platform, its key set document, and
// the tokens made with them: good ones by `tokenSign`, wrong ones by `tokenForge`.

import { constants, createHmac, generateKeyPair, randomBytes, sign } from 'node:crypto';
import { promisify } from 'node:util';
import { SignJWT, compactVerify } from 'jose';
import { certificateMake, thumbprint } from './certificate.mjs';

const generate = promisify(generateKeyPair);
// The tenant of personal accounts (fixed): its key must not vouch for a company's tenant.
export const PERSONAL_TENANT = '9188040d-6c67-4c5b-b112-36a304b66dad';

async function keyMake(role) {
	const pair = await generate('rsa', { modulusLength: 2048 });
	const der = certificateMake(pair, 'Simulated identity platform');
	const { n, e } = pair.publicKey.export({ format: 'jwk' });
	const x5t = thumbprint(der, 'sha1');
	return {
		role, kid: x5t, x5t, ...pair,
		jwk: { kty: 'RSA', use: 'sig', kid: x5t, x5t, n, e, x5c: [der.toString('base64')] },
	};
}

export class Keys {
	// published: in the key set. `foreign` is published for personal accounts only;
	// `unknown` never is.
	static async make(loginUrl) {
		const keys = new Keys();
		keys.loginUrl = loginUrl;
		[keys.current, keys.next, keys.foreign, keys.unknown] = await Promise.all(
			['current', 'next', 'foreign', 'unknown'].map(keyMake));
		keys.kept = [];
		return keys;
	}

	/** A new signing key that no client has seen; the old one goes or stays published. */
	async rotate(keep) {
		if (keep)
			this.kept.push(this.current);
		this.current = await keyMake('current');
		return this.current.kid;
	}

	find(kid) {
		return [this.current, this.next, ...this.kept].find((k) => k.kid === kid);
	}

	/** The key set; order has no meaning, so the signing key does not come first. */
	document(tenant_id) {
		const issuer = `${this.loginUrl}/${tenant_id ?? '{tenantid}'}/v2.0`;
		const entry = (key, iss) => ({ ...key.jwk, issuer: iss });
		return {
			keys: [
				entry(this.foreign, `${this.loginUrl}/${PERSONAL_TENANT}/v2.0`),
				entry(this.next, issuer),
				entry(this.current, issuer),
				...this.kept.map((k) => entry(k, issuer)),
			],
		};
	}

	async tokenSign(claims, header = {}) {
		return new SignJWT(claims)
			.setProtectedHeader({ typ: 'JWT', alg: 'RS256', kid: this.current.kid, ...header })
			.sign(this.current.privateKey);
	}

	/** Claims of a token that one of our published keys signed; throws otherwise. */
	async tokenVerify(token) {
		const { payload } = await compactVerify(token, ({ kid }) => {
			const key = this.find(kid);
			if (!key)
				throw new Error('unknown key');
			return key.publicKey;
		}, { algorithms: ['RS256'] });
		return JSON.parse(new TextDecoder().decode(payload));
	}

	/** Sign whatever is asked, also what nobody should accept. */
	tokenForge(claims, { alg = 'RS256', header = {}, key = 'current', secret } = {}) {
		const signer = this[key];
		if (!signer?.privateKey)
			throw new Error('key is one of current, next, foreign, unknown');
		const merged = { typ: 'JWT', alg, kid: signer.kid, ...header };
		for (const name of Object.keys(merged))
			if (merged[name] === null)
				delete merged[name];
		const encode = (o) => Buffer.from(JSON.stringify(o)).toString('base64url');
		const input = `${encode(merged)}.${encode(claims)}`;
		return `${input}.${signatureMake(alg, input, signer, secret)}`;
	}
}

function signatureMake(alg, input, signer, secret) {
	const bits = alg.slice(2);
	switch (alg.slice(0, 2)) {
	case 'no':
		return '';
	case 'HS': // the classic confusion: the public key's text taken for a shared secret
		return createHmac(`sha${bits}`,
			secret ?? signer.publicKey.export({ type: 'spki', format: 'pem' }))
			.update(input).digest('base64url');
	case 'RS':
		return sign(`sha${bits}`, Buffer.from(input), signer.privateKey).toString('base64url');
	case 'PS':
		return sign(`sha${bits}`, Buffer.from(input), {
			key: signer.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING,
			saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
		}).toString('base64url');
	default:
		throw new Error(`no such alg: ${alg}`);
	}
}

export const randomId = () => randomBytes(16).toString('base64url');
