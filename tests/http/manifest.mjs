// Checks a Teams app package against Microsoft's own schema, and what the
// schema does not say: prints the addresses that the package leads to.
//
//   node tests/http/manifest.mjs FOLDER_OF_THE_PACKAGE PUBLIC_URL CLIENT_ID

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { inflateSync } from 'node:zlib';
import addFormats from 'ajv-formats';
import Ajv from 'ajv-draft-04';

const [folder, publicUrl, clientId] = process.argv.slice(2);
const text = readFileSync(join(folder, 'manifest.json'), 'utf8');
const manifest = JSON.parse(text);
assert.ok(!text.includes('{{'), 'a name in the template was not replaced');

// The schemas lie in the package of Microsoft's own library.
const library = dirname(createRequire(import.meta.url).resolve('@microsoft/app-manifest'));
const found = /\/teams\/(v[\d.]+)\//.exec(manifest.$schema);
assert.ok(found, `$schema is ${manifest.$schema}`);
assert.equal(found[1], `v${manifest.manifestVersion}`);
const schemas = ['json-schemas', '../json-schemas', '../build/json-schemas'].map((s) => join(library, s));
const schema = schemas.map((s) => {
	try {
		return JSON.parse(readFileSync(join(s, 'teams', found[1], 'MicrosoftTeams.schema.json'), 'utf8'));
	} catch {
		return null;
	}
}).find(Boolean);
assert.ok(schema, `the library has no schema ${found[1]}`);
const ajv = new Ajv({ strict: false, allErrors: true });
addFormats(ajv);
const isValid = ajv.validate(schema, manifest);
assert.ok(isValid, JSON.stringify(ajv.errors, null, 1));

// What Teams wants beside the schema.
const { host } = new URL(publicUrl);
assert.equal(manifest.webApplicationInfo.id, clientId);
assert.equal(manifest.webApplicationInfo.resource, `api://${host}/${clientId}`);
assert.deepEqual(manifest.validDomains, [host]);
assert.deepEqual(manifest.configurableTabs.map((t) => t.scopes), [['team', 'groupChat']]);
assert.deepEqual(manifest.staticTabs.map((t) => t.scopes), [['personal']]);
assert.ok(manifest.permissions.includes('identity'));
assert.deepEqual(manifest.icons, { color: 'color.png', outline: 'outline.png' });

/** Size and pixels (RGBA, no interlace) of a PNG. */
function png(name) {
	const bytes = readFileSync(join(folder, name));
	assert.equal(bytes.subarray(0, 8).toString('latin1'), '\x89PNG\r\n\x1a\n', `${name} is no PNG`);
	const [width, height] = [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
	assert.deepEqual([...bytes.subarray(24, 29)], [8, 6, 0, 0, 0], `${name} is not 8-bit RGBA`);
	const parts = [];
	for (let at = 8; at < bytes.length; at += 12 + bytes.readUInt32BE(at))
		if (bytes.toString('latin1', at + 4, at + 8) === 'IDAT')
			parts.push(bytes.subarray(at + 8, at + 8 + bytes.readUInt32BE(at)));
	const raw = inflateSync(Buffer.concat(parts));
	const stride = width * 4;
	const pixels = Buffer.alloc(stride * height);
	for (let y = 0; y < height; y++)
		for (let i = 0; i < stride; i++) {
			const filter = raw[y * (stride + 1)];
			const left = i >= 4 ? pixels[y * stride + i - 4] : 0;
			const up = y ? pixels[(y - 1) * stride + i] : 0;
			const corner = y && i >= 4 ? pixels[(y - 1) * stride + i - 4] : 0;
			const near = (p) => [left, up, corner].reduce((a, b) => (Math.abs(p - b) < Math.abs(p - a) ? b : a));
			const guess = [0, left, up, (left + up) >> 1, near(left + up - corner)][filter];
			pixels[y * stride + i] = raw[y * (stride + 1) + 1 + i] + guess;
		}
	return { width, height, pixels };
}
const color = png('color.png');
assert.deepEqual([color.width, color.height], [192, 192]);
const outline = png('outline.png');
assert.deepEqual([outline.width, outline.height], [32, 32]);
let drawn = 0;
for (let i = 0; i < outline.pixels.length; i += 4)
	if (outline.pixels[i + 3] > 0) {
		drawn++;
		assert.deepEqual([...outline.pixels.subarray(i, i + 3)], [255, 255, 255], 'the outline is white');
	}
assert.ok(drawn > 20 && drawn < 700, `${drawn} pixels of the outline are drawn`);

const addresses = new Set(text.match(/https?:\/\/[^"\s]+/g));
addresses.delete(manifest.$schema);
for (const address of addresses) {
	assert.ok(address.startsWith('https://'), `no https: ${address}`);
	assert.ok(address.startsWith(`${publicUrl}/`), `somebody else's address: ${address}`);
	console.log(address.replace(/#.*/, '').replace('{app.theme}', 'dark'));
}
