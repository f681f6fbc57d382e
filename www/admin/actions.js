// Action Items: what is left to do, consent first.

import { el, fill } from '../common/dom.js';
import { get, path } from './api.js';
import { badge, button, copyLine, every, load, timeNode } from './parts.js';
import {
	actionItems, consentBadge, consentProblem, grantMends, itemState, pendingProblem,
} from './words.js';

export function actionsView(root, { signal, session, forget }) {
	const place = el('div', { class: 'stack' });
	const spoken = el('p', { class: 'visually-hidden', role: 'status' });
	let shown = ''; // what is on the page, to leave it alone when nothing changed
	let state = null;

	const show = (tenant) => {
		shown = JSON.stringify(tenant);
		if (state !== null && tenant.consent.state !== state) {
			forget(); // what was said on the way back from Microsoft
			spoken.textContent = `Consent: ${consentBadge[tenant.consent.state]?.[0] ?? tenant.consent.state}`;
		}
		state = tenant.consent.state;
		return cards(tenant, session);
	};
	const refresh = async () => {
		const tenant = await get(path('tenant'), signal);
		if (JSON.stringify(tenant) !== shown)
			fill(place, show(tenant));
		return state === 'pending' ? 3000 : 15000;
	};

	fill(root, place, spoken);
	load(place, () => get(path('tenant'), signal), show)
		.then(() => every(signal, state === 'pending' ? 3000 : 15000, refresh));
}

function cards(tenant, session) {
	const items = tenant.action_items.filter((item) => item.id !== 'consent');
	const open = tenant.action_items.filter((item) => item.state !== 'done').length;

	return [
		el('p', { class: 'muted' }, open === 0
			? 'Everything is set up. Calls on linked desk phones reach Teams for everybody who switched Presence Monitoring on.'
			: `${open} of ${tenant.action_items.length} left to do.`),
		consentCard(tenant.consent, session),
		items.map((item) => itemCard(item)),
	];
}

function consentCard(consent, session) {
	const granted = consent.state === 'granted';
	const kind = consentBadge[consent.state] ?? [consent.state, 'plain'];

	return el('section', { class: `card action ${kind[1]}`, 'aria-labelledby': 'item-consent' },
		el('div', { class: 'card-head' },
			el('h2', { id: 'item-consent' }, 'Your company’s consent'), badge(kind)),
		granted
			? el('p', null, 'Granted', consent.granted_by && [' by ', el('strong', null, consent.granted_by)],
				consent.granted_at && [', ', timeNode(consent.granted_at)], '.')
			: el('p', null, 'It lets this service set the status of people in Teams: only of those who switched Presence Monitoring on themselves, and nothing else. Microsoft shows you its own permission screen.'),
		consent.state === 'pending' && el('p', null, pendingProblem(consent.problem)),
		consent.state !== 'pending' && consent.problem && el('p', null,
			el('strong', null, consentProblem(consent.problem, session.can_consent))),
		!granted && (session.can_consent
			? grantButton(consent.state !== 'pending' && grantMends(consent.problem)) : grantByOther()),
		consent.checked_at && el('small', { class: 'muted' },
			'Last checked with Microsoft: ', timeNode(consent.checked_at), '.'));
}

function grantButton(first) {
	return el('p', null, button('Grant Consent', () => location.assign('/consent'), {
		class: first ? 'button primary' : 'button', 'data-key': 'grant',
	}));
}

// Microsoft lets only two roles grant this kind of permission.
function grantByOther() {
	return [
		el('p', null, 'Your role may not grant it: Microsoft asks for a Global Administrator or a Privileged Role Administrator. Send one of them this address:'),
		copyLine('Address for the consent', `${location.origin}/consent`),
	];
}

function itemCard(item) {
	const words = actionItems[item.id];

	if (!words)
		return null;
	return el('section', { class: `card action ${item.state}`, 'aria-labelledby': `item-${item.id}` },
		el('div', { class: 'card-head' },
			el('h2', { id: `item-${item.id}` }, words.title),
			badge(itemState[item.state] ?? [item.state, 'plain'])),
		el('p', null, words[item.state]),
		item.state !== 'done' && el('p', null,
			el('a', { class: 'button', href: `#${words.view}`, 'data-key': `go-${item.id}` },
				item.state === 'problem' && words.look || words.action)));
}
