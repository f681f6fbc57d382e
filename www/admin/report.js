// The line-by-line report of an import.

import { el, fill } from '../common/dom.js';
import { badge, button, table } from './parts.js';
import { count, lineResult } from './words.js';

// A report may hold 100,000 bad lines: the page takes them in portions.
const portion = 200;

export function report(answer) {
	const bad = answer.lines.filter((line) => line.result !== 'ok');
	const good = answer.lines.filter((line) => line.result === 'ok');

	return [
		bad.length > 0 && part(`${count(bad.length, 'line')} to look at`, bad, true),
		good.length > 0 && part(good.length < answer.linked
			? `The first ${count(good.length, 'good line')}` : count(good.length, 'good line'),
		good, bad.length === 0),
	];
}

function part(title, lines, open) {
	const place = el('div', { class: 'stack' });
	let shown = portion;

	const show = () => fill(place, table(title, [
		{ label: 'Line', cell: (line) => String(line.line) },
		{ label: 'Extension', cell: (line) => line.extension || '–' },
		{ label: 'Person', cell: (line) => line.user || '–' },
		{ label: 'Result', cell: (line) => [badge(lineResult[line.result] ?? [line.result, 'plain']),
			line.detail && el('small', { class: 'muted' }, ` ${line.detail}`)] },
	], lines.slice(0, shown)),
	shown < lines.length && el('p', null, button(
		`Show ${Math.min(portion, lines.length - shown)} more`, () => {
			shown += portion;
			show();
		}, { 'data-key': `more-${title}` })));

	show();
	return el('details', { open }, el('summary', null, title), place);
}
