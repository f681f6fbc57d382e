// People: their extensions, their own switch, and what Teams was last told.

import { el, fill } from '../common/dom.js';
import { clockTime } from '../common/time.js';
import { problemWords, reasonWords } from '../common/presence.js';
import { get, path, query, send } from './api.js';
import { badge, button, every, load, presenceNode, press, table } from './parts.js';

const refreshMs = 10000;

export function peopleView(root, { signal, parameters }) {
	let q = parameters.get('q') ?? ''; // what was asked for, not what is being typed
	const search = el('input', { id: 'people-q', type: 'search', value: q,
		maxlength: 200, autocomplete: 'off', placeholder: 'Name, sign-in name or extension' });
	const list = el('div', { class: 'stack' });
	const failed = el('div', null);
	const spoken = el('p', { class: 'visually-hidden', role: 'status' });
	let pages = ['']; // where each page up to this one begins
	let asked = 0;

	async function refresh() {
		const turn = ++asked;

		await load(list, async () => {
			const answer = await get(path('people') +
				query({ after: pages.at(-1), q }), signal);
			// Another question was asked meanwhile: its answer counts.
			if (turn !== asked)
				throw new DOMException('overtaken', 'AbortError');
			return answer;
		}, show);
	}

	const clear = async (event, person) => {
		const done = await press(event.currentTarget, failed, async () => {
			await send('POST', path('people', person.oid, 'clear'));
			return true;
		});
		if (done) {
			spoken.textContent = `Cleared for ${person.name || person.upn}.`;
			refresh();
		}
	};
	const turnTo = (change) => {
		change();
		refresh().then(() => root.querySelector('h2').focus());
	};

	const show = (answer) => [
		answer.items.length === 0
			? el('p', { class: 'muted' }, q
				? 'Nobody found. Try a part of the name, or an extension.'
				: ['Nobody is linked yet. ', el('a', { href: '#extensions' }, 'Link extensions to people'), ' first.'])
			: table('People', columns(clear), answer.items),
		(pages.length > 1 || answer.next) && el('div', { class: 'buttons' },
			pages.length > 1 && button('Previous page', () => turnTo(() => pages.pop())),
			answer.next && button('Next page', () => turnTo(() => pages.push(answer.next)))),
	];

	fill(root, el('form', {
		class: 'search', role: 'search',
		onsubmit: (event) => {
			event.preventDefault();
			q = search.value.trim();
			pages = [''];
			refresh();
		},
	}, el('label', { for: 'people-q' }, 'Find somebody'),
	el('div', { class: 'search-line' }, search,
		el('button', { class: 'button' }, 'Find'),
		button('Refresh', refresh))),
	failed, spoken,
	el('section', { class: 'card', 'aria-labelledby': 'people-heading' },
		el('h2', { id: 'people-heading', tabindex: '-1' }, 'Linked people'), list));
	refresh();
	every(signal, refreshMs, refresh);
}

const columns = (clear) => [
	{ label: 'Person', cell: (person) => [el('strong', null, person.name || person.upn || person.oid),
		person.name && person.upn && el('small', { class: 'muted' }, person.upn)] },
	{ label: 'Extensions', cell: (person) => person.extensions.length === 0 ? '–'
		: person.extensions.map((one) => one.extension).join(', ') },
	{ label: 'Monitoring', cell: (person) => badge(person.monitoring ? ['on', 'done'] : ['off', 'plain']) },
	{ label: 'Teams was told', cell: (person) => [presenceNode(person.published),
		el('small', { class: 'muted' }, told(person)),
		person.problem && el('small', { class: 'bad' }, problemWords(person.problem, false))] },
	{ label: 'Action', hidden: true, cell: (person) => (person.monitoring || person.published)
		&& button('Clear now', (event) => clear(event, person), {
			'aria-label': `Clear now: ${person.name || person.upn || person.oid}`,
			'data-key': `clear-${person.oid}`,
		}) },
];

function told(person) {
	const since = clockTime(person.since);
	const until = person.published && clockTime(person.until);

	return [since && `Since ${since}${until ? `, until ${until}` : ''}.`,
		reasonWords(person.reason, false)].filter(Boolean).join(' ');
}
