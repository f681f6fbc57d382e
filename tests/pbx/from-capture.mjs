// Makes test cases of recorded requests: the file that the dashboard's *Download* gives
// becomes NAME.json (.form .xml .query), NAME.headers and NAME.events, in the format
// that tests/unit/test_pbx_cases.c tells.
//
//   node tests/pbx/from-capture.mjs FILE [PREFIX] [FOLDER]
//
// PREFIX defaults to `recorded`, FOLDER to tests/pbx/PLATFORM. Nothing is overwritten. The
// events are what the adapter made of each request: check them, and what is left in the
// requests, before they are committed.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const kinds = {
	'.json': 'application/json',
	'.form': 'application/x-www-form-urlencoded',
	'.xml': 'text/xml',
};

function die(words) {
	console.error(`from-capture: ${words}`);
	process.exit(1);
}

// '.json' of '{"a":1}', whatever its content type says: the endings only name the file.
function endingOf(request, type) {
	if (request.method === 'GET')
		return '.query';
	const media = type.split(';')[0].trim().toLowerCase();
	if (media.endsWith('/xml') || media.endsWith('+xml'))
		return '.xml';
	return media === kinds['.form'] ? '.form' : '.json';
}

// As test_pbx_cases prints it: a JSON string where a blank, quote or backslash is in it.
const field = (name, value) => value === null ? ''
	: ` ${name}=${value === '' || /[ \t\n"\\]/.test(value) ? JSON.stringify(value) : value}`;

// Microseconds since 1970 of RFC 3339 with six decimals.
const micros = (text) =>
	BigInt(Date.parse(`${text.slice(0, 19)}Z`)) * 1000n + BigInt(text.slice(20, 26));

function eventsText({ events, error, kind, sent_at: sentAt }) {
	if (error !== undefined)
		return `error ${kind} ${error}\n`;
	const lines = events.map((e) => e.type + field('extension', e.extension) + field('call_id', e.call_id) +
		field('leg_id', e.leg_id) + field('line', e.line) + (e.at ? ` at_us=${micros(e.at)}` : '') + field('key', e.key));
	return [...lines, ...(sentAt ? [`attempt_us=${micros(sentAt)}`] : [])].map((line) => `${line}\n`).join('');
}

function filesOf(request, auth) {
	const type = request.headers.find((line) => line.startsWith('content-type: '))?.slice(14) ?? '';
	const ending = endingOf(request, type);
	const headers = request.headers.filter((line) => line !== `content-type: ${kinds[ending]}`);

	// The reader of the files takes the ending's type where there is none.
	if (type === '' && ending !== '.query')
		headers.push('content-type: ');
	if (auth === 'path')
		headers.push('by-path: yes');
	return {
		[ending]: ending === '.query' ? `${request.query}\n` : request.body,
		...(headers.length > 0 && { '.headers': `${headers.join('\n')}\n` }),
		'.events': eventsText(request.result),
	};
}

const [file, prefix = 'recorded', folder] = process.argv.slice(2);
if (!file || !/^[A-Za-z0-9][\w-]*$/.test(prefix))
	die('node tests/pbx/from-capture.mjs FILE [PREFIX] [FOLDER]');
const { platform, auth, requests } = JSON.parse(readFileSync(file, 'utf8'));
if (!/^[a-z0-9-]+$/.test(platform) || !Array.isArray(requests))
	die(`${file} is no download of recorded requests`);
const place = folder ?? join(dirname(fileURLToPath(import.meta.url)), platform);

mkdirSync(place, { recursive: true });
for (const request of requests) {
	const name = `${prefix}-${String(request.no).padStart(2, '0')}`;

	if (request.method !== 'GET' && request.query !== '')
		console.error(`from-capture: ${name}: a case has no query beside a body: left out`);
	if (request.cut) {
		console.error(`from-capture: ${name}: too long to be recorded to its end: no case is made of it`);
		continue;
	}
	const files = filesOf(request, auth);
	for (const ending of Object.keys(files))
		if (existsSync(join(place, name + ending)))
			die(`${join(place, name + ending)} is there already`);
	for (const [ending, text] of Object.entries(files))
		writeFileSync(join(place, name + ending), text);
	console.log(join(place, name));
}
