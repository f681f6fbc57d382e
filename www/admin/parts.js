// The parts that the dashboard's sections are made of.

import { el, fill, problemNodes } from '../common/dom.js';
import { ago, clockTime } from '../common/time.js';
import { Problem } from '../common/request.js';
import { presenceWords } from '../common/presence.js';

export function badge([words, kind]) {
	return el('span', { class: `badge ${kind}` }, words);
}

export function button(label, onclick, attributes = {}) {
	return el('button', { type: 'button', class: 'button', onclick, ...attributes }, label);
}

export function problemNote(error) {
	const problem = error instanceof Problem ? error
		: new Problem('server', 0, 'Something went wrong on this page. Please reload it.');

	return el('div', { class: 'note problem', role: 'alert' }, problemNodes(problem));
}

// A moment, with the exact one for those who ask.
export function timeNode(text, words = clockTime(text)) {
	return words ? el('time', { datetime: text, title: text }, words) : '–';
}

export const agoNode = (text) => timeNode(text, ago(text));

export function presenceNode(published) {
	const { words, dot } = presenceWords(published?.availability, published?.activity);

	return el('span', { class: 'presence' }, el('span', { class: `dot ${dot}` }), words);
}

// A labelled control with its explanation below.
export function field(label, control, help) {
	const helpId = help && `${control.id}-help`;

	if (help)
		control.setAttribute('aria-describedby', helpId);
	return el('div', { class: 'field' },
		el('label', { for: control.id }, label), control,
		help && el('small', { class: 'muted', id: helpId }, help));
}

// A table that becomes a list of cards on a narrow screen. The roles are
// written out because browsers forget them when CSS changes the display.
//   columns  [{ label, cell: (row) => node, hidden: label for the eye? }]
export function table(caption, columns, rows) {
	const head = el('tr', { role: 'row' }, columns.map((column) =>
		el('th', { role: 'columnheader', scope: 'col' }, column.hidden
			? el('span', { class: 'visually-hidden' }, column.label) : column.label)));
	const body = rows.map((row) => el('tr', { role: 'row' }, columns.map((column) =>
		el('td', { role: 'cell', class: column.hidden && 'act', 'data-label': column.hidden ? null : column.label },
			el('div', null, column.cell(row))))));

	return el('table', { role: 'table' },
		el('caption', { class: 'visually-hidden' }, caption),
		el('thead', { role: 'rowgroup' }, head),
		el('tbody', { role: 'rowgroup' }, body));
}

// Fills `place` with what `get` resolves to, with loading and failure shown.
// A form in it, opened meanwhile, stays with what somebody wrote there: whoever
// closes the form loads again.
export async function load(place, get, show) {
	let nodes;

	if (!place.hasChildNodes())
		fill(place, el('p', { class: 'muted' }, 'Loading…'));
	place.setAttribute('aria-busy', 'true');
	try {
		nodes = show(await get());
	} catch (error) {
		if (error.name === 'AbortError' || error.status === 401)
			return;
		nodes = [problemNote(error), el('p', null,
			button('Try again', () => load(place, get, show)))];
	} finally {
		place.removeAttribute('aria-busy');
	}
	if (!place.querySelector('form'))
		fill(place, nodes);
}

// Runs f every so often until the section is left: only while the page is
// seen, at once when it is seen again, never two at a time. f may return the
// pause in ms until the next time, or false to stop.
export function every(signal, ms, f) {
	let timer;
	let running = false;
	let stopped = false;

	const run = async () => {
		clearTimeout(timer);
		if (running || stopped || signal.aborted || document.visibilityState !== 'visible')
			return;
		running = true;
		const pause = await Promise.resolve(f()).catch(() => ms);
		running = false;
		stopped = pause === false;
		if (!stopped && !signal.aborted)
			timer = setTimeout(run, typeof pause === 'number' ? pause : ms);
	};
	document.addEventListener('visibilitychange', run, { signal });
	signal.addEventListener('abort', () => clearTimeout(timer));
	timer = setTimeout(run, ms);
}

// While a request runs its button says so and takes no second press; it
// keeps the focus. Resolves to what f resolves to; shows a failure in place.
export async function press(control, place, f) {
	if (control.getAttribute('aria-disabled') === 'true')
		return undefined;
	control.setAttribute('aria-disabled', 'true');
	fill(place);
	try {
		return await f();
	} catch (error) {
		if (error.status !== 401)
			fill(place, problemNote(error));
		return undefined;
	} finally {
		control.removeAttribute('aria-disabled');
	}
}

// Asks before something that cannot be undone; more: a control to fill in. Resolves to true or false.
export function confirm(title, text, action, more) {
	return new Promise((resolve) => {
		const answer = (yes) => () => {
			dialog.close();
			resolve(yes);
		};
		const dialog = el('dialog', { 'aria-labelledby': 'dialog-title' },
			el('h2', { id: 'dialog-title' }, title), el('p', null, text), more,
			el('div', { class: 'buttons' },
				button('Cancel', answer(false)),
				button(action, answer(true), { class: 'button danger' })));

		dialog.addEventListener('close', () => {
			dialog.remove();
			resolve(false);
		});
		document.body.append(dialog);
		dialog.showModal();
	});
}

// A value to carry elsewhere, with a button that copies it.
export function copyLine(label, value) {
	const done = el('span', { class: 'muted', role: 'status' });
	const code = el('code', { tabindex: '-1' }, value);
	const copy = async () => {
		try {
			await navigator.clipboard.writeText(value);
			done.textContent = 'Copied.';
		} catch {
			getSelection().selectAllChildren(code);
			done.textContent = 'Marked: copy it with the keyboard.';
		}
	};

	return el('div', { class: 'copy' },
		el('div', { class: 'copy-head' }, el('strong', null, label), done,
			button('Copy', copy, { 'aria-label': `Copy: ${label}` })),
		code);
}
