// The parts of the Teams app package: www/teams.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { inflateSync } from 'node:zlib';

const file = (name) => readFileSync(new URL(`../../../www/teams/${name}`, import.meta.url));

test('the manifest is JSON and asks only for names the server knows', () => {
	const text = file('manifest.template.json').toString();
	const known = new Set(['PUBLIC_URL', 'HOST', 'CLIENT_ID', 'APP_ID']);
	const used = [...text.matchAll(/\{\{(\w+)\}\}/g)].map((match) => match[1]);
	const manifest = JSON.parse(text);

	assert.deepEqual(new Set(used), known);
	assert.equal(manifest.webApplicationInfo.resource, 'api://{{HOST}}/{{CLIENT_ID}}');
	assert.ok(manifest.$schema.includes(`/v${manifest.manifestVersion}/`));
	// The limits that Microsoft's schema sets on what we word ourselves.
	assert.ok(manifest.name.short.length <= 30 && manifest.name.full.length <= 100);
	assert.ok(manifest.description.short.length <= 80);
	assert.ok(manifest.developer.name.length <= 32);
	assert.deepEqual(manifest.configurableTabs[0].scopes, ['team', 'groupChat']);
	assert.deepEqual(manifest.staticTabs[0].scopes, ['personal']);
});

// PNG of 8 bits each of red, green, blue, alpha, rows unfiltered: our own.
function pixels(name) {
	const png = file(name);
	const size = png.readUInt32BE(16);

	assert.equal(png.subarray(1, 4).toString(), 'PNG');
	assert.equal(png.readUInt32BE(20), size);
	const rows = inflateSync(png.subarray(41, 41 + png.readUInt32BE(33)));
	return { size, at: (x, y) => [...rows.subarray(y * (size * 4 + 1) + 1 + x * 4).subarray(0, 4)] };
}

test('the icons have the sizes and colours that Teams asks for', () => {
	const color = pixels('color.png');
	const outline = pixels('outline.png');

	assert.equal(color.size, 192);
	assert.equal(color.at(0, 0)[3], 255);
	assert.equal(outline.size, 32);
	assert.equal(outline.at(0, 0)[3], 0);
	for (let y = 0; y < 32; y++)
		for (let x = 0; x < 32; x++)
			assert.deepEqual(outline.at(x, y).slice(0, 3), [255, 255, 255]);
});
