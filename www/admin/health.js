// Health: how fast, what failed, and how long the credential still lasts.

import { el, fill } from '../common/dom.js';
import { calendarDay, clockTime } from '../common/time.js';
import { get, path } from './api.js';
import { agoNode, badge, every, load, table } from './parts.js';
import { count, credentialProblem, errorWords, outcomeWords } from './words.js';

const refreshMs = 15000;

export function healthView(root, { signal }) {
	const read = () => get(path('health'), signal);

	load(root, read, cards);
	every(signal, refreshMs, async () => fill(root, cards(await read())));
}

function cards(health) {
	const errors = health.errors ?? [];
	const rows = [['From the event to Teams', health.webhook_ms], ['Microsoft’s part of it', health.graph_ms]];
	const ms = (value) => value === null || value === undefined ? '–'
		: `${Math.round(value).toLocaleString('en')} ms`;

	return [
		health.since && el('p', { class: 'muted' }, `Counted since ${clockTime(health.since)}.`),
		el('div', { class: 'figures' },
			figure(Number(health.events?.count ?? 0).toLocaleString('en'), 'events taken in'),
			figure(Number(health.events?.errors ?? 0).toLocaleString('en'), 'errors'),
			figure(ms(health.webhook_ms?.p95), 'or less from the event to Teams, 95 times in 100')),
		el('section', { class: 'card', 'aria-labelledby': 'latency-heading' },
			el('h2', { id: 'latency-heading' }, 'Latency'),
			table('Latency', [
				{ label: 'What', cell: ([label]) => label },
				{ label: 'Half of all', cell: ([, value]) => ms(value?.p50) },
				{ label: '95 %', cell: ([, value]) => ms(value?.p95) },
				{ label: '99 %', cell: ([, value]) => ms(value?.p99) },
			], rows)),
		credentialCard(health.credential),
		el('section', { class: 'card', 'aria-labelledby': 'errors-heading' },
			el('h2', { id: 'errors-heading' }, 'Errors'),
			errors.length === 0 ? el('p', { class: 'muted' }, 'None. Nothing to do.')
				: table('Errors', [
					{ label: 'Error', cell: (error) => [badge(outcomeWords(error.code)),
						el('small', { class: 'muted' }, errorWords(error.code))] },
					{ label: 'How often', cell: (error) => Number(error.count).toLocaleString('en') },
					{ label: 'Last', cell: (error) => agoNode(error.last_at) },
				], errors)),
	];
}

function figure(value, label) {
	return el('div', { class: 'card figure' }, el('strong', null, value), el('span', { class: 'muted' }, label));
}

function credentialCard(credential) {
	if (!credential)
		return null;
	const days = credential.days_left;
	const known = days !== null && days !== undefined;
	const state = credential.problem || (known && days < 0) ? ['problem', 'problem']
		: known && days < 30 ? ['expires soon', 'pending'] : ['good', 'done'];
	const kind = credential.kind === 'certificate' ? 'A certificate' : 'A secret';

	return el('section', { class: 'card', 'aria-labelledby': 'credential-heading' },
		el('div', { class: 'card-head' },
			el('h2', { id: 'credential-heading' }, 'How the service signs in to Microsoft'), badge(state)),
		el('p', null, credential.expires_at
			? `${kind}, valid until ${calendarDay(credential.expires_at)} (${
				days < 0 ? 'expired' : `${count(days, 'day')} left`}).`
			: `${kind}; Microsoft does not tell us when it expires.`),
		credential.problem && el('p', null, el('strong', null, credentialProblem(credential.problem))),
		state[1] !== 'done' && el('p', null,
			'Only the operator of the service can renew it: first in the app registration at Microsoft, then in the server’s files. It takes effect by itself, without a restart',
			credential.problem && '; then calls are told to Teams again', '.'));
}
