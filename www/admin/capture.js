// Recording a PBX's next requests: what came (redacted), what its adapter makes of it.

import { el, fill } from '../common/dom.js';
import { clockTime } from '../common/time.js';
import { get, path, send } from './api.js';
import { button, confirm, every, load, press, timeNode } from './parts.js';
import { captureState, captureWords as words, typeWords } from './words.js';

const refreshMs = 2000;
const idleMs = 5000; // nothing comes; another administrator may begin
const shownBytes = 20000; // of a body on the page; the download has all

// The panel in the PBX's card. close(): what takes it away. signal: the section's.
export function capturePanel(pbx, close, signal) {
	const left = new AbortController();
	const problem = el('div');
	const state = el('p', { role: 'status' });
	const list = el('div', { class: 'stack' });
	const id = `capture-${pbx.id}`;
	let seen = []; // what the list shows: more comes behind it, so that what is open stays open

	signal.addEventListener('abort', () => left.abort(), { once: true });
	const show = (answer) => {
		const now = answer.items.map((item) => `${item.no} ${item.at}`);
		const text = captureState(answer, clockTime(answer.recording?.until));

		if (state.textContent !== text) // said once
			state.textContent = text;
		clear.hidden = answer.items.length === 0 && !answer.recording;
		download.hidden = answer.items.length === 0;
		if (seen.some((one, i) => one !== now[i])) {
			fill(list);
			seen = [];
		}
		list.append(...answer.items.slice(seen.length).map((item) => requestItem(pbx, item)));
		seen = now;
	};
	const look = async () => {
		const answer = await get(path('pbxs', pbx.id, 'capture'), left.signal);

		show(answer);
		return answer.recording ? refreshMs : idleMs;
	};
	const start = async (event) => {
		const control = event.currentTarget;
		if (seen.length > 0 && !await confirm(words.againTitle, words.againText, words.start))
			return;
		const answer = await press(control, problem, () => send('POST', path('pbxs', pbx.id, 'capture')));
		if (answer)
			show(answer);
	};
	const remove = async (event) => {
		const control = event.currentTarget;
		if (!await confirm(words.deleteTitle, words.deleteText, words.delete))
			return;
		const done = await press(control, problem, async () => {
			await send('DELETE', path('pbxs', pbx.id, 'capture'));
			return true;
		});
		if (done) {
			show({ recording: null, items: [] });
			heading.focus();
		}
	};
	const heading = el('h3', { id, tabindex: '-1' }, words.title);
	const download = el('a', {
		class: 'button', hidden: true, download: true, href: path('pbxs', pbx.id, 'capture', 'download'),
	}, words.download);
	const clear = button(words.delete, remove, { class: 'button danger', hidden: true });

	load(state, () => get(path('pbxs', pbx.id, 'capture'), left.signal), (answer) => {
		show(answer);
		return state.textContent;
	});
	every(left.signal, refreshMs, look);
	return el('section', { class: 'capture stack', 'aria-labelledby': id },
		heading, el('p', { class: 'muted' }, words.privacy), state,
		el('div', { class: 'buttons' },
			button(words.start, start, { class: 'button primary' }), download, clear,
			button(words.close, () => {
				left.abort();
				close();
			})),
		problem, list);
}

// One recorded request: its first line, and inside what came and what it means.
function requestItem(pbx, item) {
	const result = el('div', { role: 'status' });
	const what = firstLine(item);
	const replay = async (event) => {
		const answer = await press(event.currentTarget, result,
			() => send('POST', path('pbxs', pbx.id, 'capture', String(item.no), 'replay')));
		if (answer)
			fill(result, resultNodes(answer));
	};
	const text = item.body.slice(0, shownBytes);

	return el('details', { class: 'request-item' },
		el('summary', null, timeNode(item.at, new Date(item.at).toLocaleTimeString('en-GB')), ' ',
			el('span', { class: item.status < 400 ? 'badge done' : 'badge problem' }, String(item.status)), ' ',
			item.method, ' ', el('span', { class: 'muted' }, what)),
		item.detail && el('p', { class: 'note problem' }, item.detail),
		item.query && copied(words.query, item.query),
		copied(words.headers, item.headers.join('\n') || '–'),
		item.body && copied(words.body, text),
		(item.cut || text.length < item.body.length) && el('p', { class: 'muted' }, item.cut ? words.cut : words.long),
		el('div', { class: 'buttons' },
			button(words.replay, replay, { 'aria-label': `${words.replay}: ${item.no}` })),
		result);
}

// A long text scrolls in its box, also by the keyboard.
function copied(label, text) {
	return el('div', null, el('strong', null, label),
		el('pre', { tabindex: '0', role: 'group', 'aria-label': label }, text));
}

function firstLine(item) {
	const line = (item.body.trim() || item.query).split('\n')[0];

	return line.length > 80 ? `${line.slice(0, 80)}…` : line;
}

// What the adapter made of it: events, or why it took nothing.
function resultNodes(answer) {
	if (answer.error !== undefined)
		return el('p', { class: 'note problem' }, words.refused, ' ', answer.error);
	if (answer.events.length === 0)
		return el('p', { class: 'note' }, words.nothing);
	return el('ul', null, answer.events.map((event) => el('li', null,
		el('strong', null, typeWords(event.type)),
		Object.entries(event).filter(([name, value]) => name !== 'type' && value !== null)
			.map(([name, value]) => [', ', `${name} `, el('code', null, value)]))));
}
