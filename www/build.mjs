// Builds the pages: bundles the scripts and style sheets of tab/ and admin/
// and copies what nginx or presence-admin takes as it is.
//
//   node build.mjs [OUTPUT]      OUTPUT defaults to ../build/www
//
// File names carry no hash and nothing carries a date, so the same sources
// always give the same bytes; nginx lets browsers revalidate by ETag.

import { build } from 'esbuild';
import { marked } from 'marked';
import { copyFile, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const source = dirname(fileURLToPath(import.meta.url));
const output = resolve(process.argv[2] ?? join(source, '../build/www'));

const bundles = [
	'tab/tab.js', 'tab/config.js', 'tab/remove.js', 'tab/tab.css',
	'admin/admin.js', 'admin/admin.css',
];

const copies = [
	['tab/index.html'], ['tab/config.html'], ['tab/remove.html'],
	['admin/index.html'], ['admin/about.html'],
	['teams/color.png', 'admin/icon.png'],
	['teams/manifest.template.json'], ['teams/color.png'],
	['teams/outline.png'],
];

// What the tab may weigh over the wire: it opens inside Teams, also on phones.
const tabMaxBytes = 25 * 1024;

// TeamsJS carries the package `debug`, which reads the browser's storage and
// logs for TeamsJS's own developers. The tab uses no storage and stays light.
const withoutDebug = {
	name: 'without-debug',
	setup(bundler) {
		bundler.onLoad({ filter: /[\\/]debug[\\/]src[\\/]browser\.js$/ }, () => ({
			contents: `const quiet = () => {};
				const debug = () => quiet;
				debug.formatArgs = quiet;
				quiet.extend = debug;
				export const b = { debug };`,
		}));
	},
};

await rm(output, { recursive: true, force: true });
await build({
	absWorkingDir: source,
	entryPoints: bundles,
	outbase: source,
	outdir: output,
	bundle: true,
	minify: true,
	format: 'esm',
	// Teams' own browsers: Chromium on desktops, WebKit on iPhone and iPad.
	target: ['chrome109', 'firefox115', 'safari15.4'],
	charset: 'utf8',
	legalComments: 'none',
	logLevel: 'warning',
	plugins: [withoutDebug],
});

for (const [from, to = from] of copies) {
	await mkdir(dirname(join(output, to)), { recursive: true });
	await copyFile(join(source, from), join(output, to));
}

// A page for each PBX platform, from docs/pbx/: what to do there. The texts are
// ours, so what they hold of HTML is meant.
const guides = join(source, '../docs/pbx');
const frame = await readFile(join(source, 'admin/guide.html'), 'utf8');
await mkdir(join(output, 'admin/guides'), { recursive: true });
for (const file of (await readdir(guides)).filter((name) => name.endsWith('.md'))) {
	const text = await readFile(join(guides, file), 'utf8');
	const title = /^# (.+)$/m.exec(text)[1];
	const body = marked.parse(text).replace(/href="([a-z0-9-]+)\.md/g, 'href="/admin/guides/$1')
		.replaceAll('<table>', '<div class="scroll"><table>').replaceAll('</table>', '</table></div>');
	await writeFile(join(output, 'admin/guides', file.replace(/md$/, 'html')),
		frame.replace('{title}', () => title).replace('{body}', () => body));
}

let tabBytes = 0;
for (const file of ['tab/index.html', 'tab/tab.js', 'tab/tab.css'])
	tabBytes += gzipSync(await readFile(join(output, file)), { level: 9 }).length;
const adminBytes = (await stat(join(output, 'admin/admin.js'))).size;
console.log(`www: tab ${tabBytes} bytes gzip, admin script ${adminBytes} bytes`);
if (tabBytes > tabMaxBytes) {
	console.error(`www: the tab is heavier than ${tabMaxBytes} bytes gzip`);
	process.exit(1);
}
