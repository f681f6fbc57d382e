// A self-signed X.509 certificate in DER, just enough for `x5c` of a key set and
// for the TLS port of the simulator's own tests. Source: RFC 5280, X.690.

import { createHash, randomBytes, sign } from 'node:crypto';

function tlv(tag, ...parts) {
	const body = Buffer.concat(parts);
	const n = body.length;
	const length = n < 128 ? [n] : n < 256 ? [0x81, n] : [0x82, n >> 8, n & 255];
	return Buffer.concat([Buffer.from([tag, ...length]), body]);
}

const sequence = (...parts) => tlv(0x30, ...parts);
const oid = (hex) => tlv(0x06, Buffer.from(hex, 'hex'));
const SHA256_RSA = () => sequence(oid('2a864886f70d01010b'), tlv(0x05));
const name = (cn) => sequence(tlv(0x31, sequence(oid('550403'), tlv(0x0c, Buffer.from(cn)))));
const utc = (date) => tlv(0x17,
	Buffer.from(date.toISOString().replace(/^..|[-:T]|\.\d+/g, '')));

function altNames(hosts) {
	const names = hosts.map((h) => (/^[\d.]+$/.test(h)
		? tlv(0x87, Buffer.from(h.split('.').map(Number)))
		: tlv(0x82, Buffer.from(h))));
	return tlv(0xa3, sequence(sequence(oid('551d11'), tlv(0x04, sequence(...names)))));
}

/** DER of a certificate for the key pair, valid from yesterday for `days`. */
export function certificateMake({ publicKey, privateKey }, cn, { hosts = [], days = 365 } = {}) {
	const day = 86_400_000;
	const serial = randomBytes(16);
	serial[0] = (serial[0] & 0x7f) | 0x40;
	const tbs = sequence(
		tlv(0xa0, tlv(0x02, Buffer.from([2]))), tlv(0x02, serial), SHA256_RSA(), name(cn),
		sequence(utc(new Date(Date.now() - day)), utc(new Date(Date.now() + days * day))),
		name(cn), publicKey.export({ type: 'spki', format: 'der' }),
		...(hosts.length ? [altNames(hosts)] : []),
	);
	const signature = sign('sha256', tbs, privateKey);
	return sequence(tbs, SHA256_RSA(), tlv(0x03, Buffer.from([0]), signature));
}

export const derToPem = (der) => `-----BEGIN CERTIFICATE-----\n${
	der.toString('base64').replace(/.{1,64}/g, '$&\n')}-----END CERTIFICATE-----\n`;

/** base64url thumbprint of a certificate, as `x5t` (sha1) or `x5t#S256` (sha256). */
export const thumbprint = (der, hash) => createHash(hash).update(der).digest('base64url');
