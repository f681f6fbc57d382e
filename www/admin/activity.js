// Activity: what came in and what was told to Teams, newest first.

import { el, fill } from '../common/dom.js';
import { get, path, query } from './api.js';
import { badge, button, every, load, problemNote, table, timeNode } from './parts.js';
import { activityKind, typeWords, outcomeWords } from './words.js';

const refreshMs = 5000;
const maxShown = 1000;

export function activityView(root, { signal }) {
	const live = el('input', { id: 'live', type: 'checkbox', role: 'switch', checked: true });
	const list = el('div', { class: 'stack' });
	let items = [];
	let next = null;

	const show = () => items.length === 0
		? el('p', { class: 'muted' }, 'Nothing has happened yet. Lift the handset of a linked extension, or send an event from the PBX.')
		: [
			table('Activity', columns, items),
			next && items.length < maxShown && el('p', null,
				button('Show older', older, { 'data-key': 'older' })),
		];

	// The newest page; while older ones are open only what is new goes on top.
	async function newest() {
		const answer = await get(path('activity'), signal);
		const known = new Set(items.map((item) => item.id));
		const fresh = answer.items.filter((item) => !known.has(item.id));

		if (fresh.length === answer.items.length) {
			items = answer.items;
			next = answer.next;
		} else {
			const now = new Map(answer.items.map((item) => [item.id, item]));
			items = [...fresh, ...items.map((item) => now.get(item.id) ?? item)].slice(0, maxShown);
		}
	}

	async function older() {
		try {
			const answer = await get(path('activity') + query({ after: next }), signal);
			items = [...items, ...answer.items];
			next = answer.next;
			fill(list, show());
		} catch (error) {
			if (error.name !== 'AbortError' && error.status !== 401)
				list.append(problemNote(error));
		}
	}

	fill(root, el('p', { class: 'choice' }, live,
		el('label', { for: 'live' }, 'Follow live')),
	el('section', { class: 'card', 'aria-labelledby': 'activity-heading' },
		el('h2', { id: 'activity-heading' }, 'Newest first'), list));
	load(list, newest, show);
	every(signal, refreshMs, async () => {
		if (!live.checked)
			return;
		await newest();
		fill(list, show());
	});
}

const columns = [
	{ label: 'When', cell: (item) => timeNode(item.at,
		new Date(item.at).toLocaleTimeString('en-GB')) },
	{ label: 'What', cell: (item) => [el('span', { class: 'muted' },
		`${activityKind[item.kind] ?? item.kind}: `), typeWords(item.type)] },
	{ label: 'Who', cell: (item) => [item.name || who(item) || '–',
		item.extension && el('small', { class: 'muted' }, ` ${item.extension}`)] },
	{ label: 'Result', cell: (item) => [badge(outcomeWords(item.outcome)),
		item.detail && el('small', { class: 'muted' }, ` ${item.detail}`)] },
	{ label: 'Took', cell: (item) => item.latency_ms === null || item.latency_ms === undefined
		? '–' : el('span', { class: 'nowrap' }, `${Math.round(item.latency_ms)} ms`) },
];

// Administrators need not be among the people that we know by name.
const who = (item) => item.kind === 'admin' || (item.kind === 'consent' && item.oid)
	? 'Administrator' : item.oid;
