// Draws the app's two icons, color.png and outline.png, beside this file:
// a handset with the presence dot. Run it when the drawing changes; the
// pictures are committed so that building needs no drawing.
//
// Each pixel asks how far it is from the shapes' edges (signed distance,
// negative inside) and takes its colour from that, which smooths the edges.

import { writeFileSync } from 'node:fs';
import { deflateSync } from 'node:zlib';

const indigo = [63, 74, 168];
const white = [255, 255, 255];
const green = [107, 214, 103];

// The handset in a square from -1 to 1, its hollow side to the upper right:
// a curved grip with an ear and a mouth piece at its ends.
function handset(x, y) {
	const turn = Math.SQRT1_2;
	const u = (y - x) * turn; // across the grip, its hollow side negative
	const v = (x + y) * turn; // along it
	const grip = arc(u + 0.62, v, 0.98, 0.17, 0.72);
	const ear = box(u + 0.13, v - 0.70, 0.25, 0.22, 0.10);
	const mouth = box(u + 0.13, v + 0.70, 0.25, 0.22, 0.10);

	return Math.min(grip, ear, mouth);
}

// A bent bar: part of a ring of this radius, so thick to each side, open by
// this angle (radians) to each side of the positive x axis.
function arc(x, y, radius, thick, angle) {
	const a = Math.atan2(y, x);
	if (Math.abs(a) <= angle)
		return Math.abs(Math.hypot(x, y) - radius) - thick;
	const end = Math.sign(a) * angle;
	return Math.hypot(x - radius * Math.cos(end), y - radius * Math.sin(end)) - thick;
}

function box(x, y, halfWidth, halfHeight, corner) {
	const dx = Math.abs(x) - halfWidth + corner;
	const dy = Math.abs(y) - halfHeight + corner;

	return Math.hypot(Math.max(dx, 0), Math.max(dy, 0)) +
		Math.min(Math.max(dx, dy), 0) - corner;
}

const circle = (x, y, radius) => Math.hypot(x, y) - radius;

// How much of a pixel a shape covers, from its distance in pixels.
const cover = (distance) => Math.min(1, Math.max(0, 0.5 - distance));

// colour(x, y) -> [r, g, b, a] with a from 0 to 1
function draw(size, colour) {
	const rows = Buffer.alloc(size * (size * 4 + 1)); // each row: filter 0, pixels

	for (let row = 0; row < size; row++)
		for (let column = 0; column < size; column++) {
			const [r, g, b, a] = colour(column + 0.5, row + 0.5);
			rows.set([r, g, b, a * 255].map(Math.round),
				row * (size * 4 + 1) + 1 + column * 4);
		}
	return png(size, rows);
}

function png(size, rows) {
	const header = Buffer.alloc(13);

	header.writeUInt32BE(size, 0);
	header.writeUInt32BE(size, 4);
	header.set([8, 6, 0, 0, 0], 8); // 8 bits each of red, green, blue, alpha
	return Buffer.concat([
		Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
		chunk('IHDR', header),
		chunk('IDAT', deflateSync(rows, { level: 9 })),
		chunk('IEND', Buffer.alloc(0)),
	]);
}

function chunk(type, data) {
	const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
	const length = Buffer.alloc(4);
	const check = Buffer.alloc(4);

	length.writeUInt32BE(data.length);
	check.writeUInt32BE(crc32(body));
	return Buffer.concat([length, body, check]);
}

// CRC-32 as in ISO 3309, which PNG asks for; node's own is not in version 18.
function crc32(bytes) {
	let crc = 0xffffffff;

	for (const byte of bytes) {
		crc ^= byte;
		for (let bit = 0; bit < 8; bit++)
			crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc >>> 0;
}

const mix = (below, above, amount) =>
	below.map((value, index) => value + (above[index] - value) * amount);

// The symbol takes the middle 96 of 192 pixels, as Teams asks.
function color(x, y) {
	const u = (x - 96) / 48;
	const v = (y - 96) / 48;
	let pixel = mix(indigo, white, cover(handset(u, v) * 48));

	pixel = mix(pixel, indigo, cover(circle(u - 0.5, v + 0.5, 0.46) * 48));
	pixel = mix(pixel, green, cover(circle(u - 0.5, v + 0.5, 0.34) * 48));
	return [...pixel, 1];
}

function outline(x, y) {
	const u = (x - 16) / 13.5;
	const v = (y - 16) / 13.5;
	const gap = 1 - cover(circle(u - 0.5, v + 0.5, 0.5) * 13.5);
	const shape = Math.max(cover(handset(u, v) * 13.5) * gap,
		cover(circle(u - 0.5, v + 0.5, 0.34) * 13.5));

	return [...white, shape];
}

writeFileSync(new URL('color.png', import.meta.url), draw(192, color));
writeFileSync(new URL('outline.png', import.meta.url), draw(32, outline));
