// PBXs: what is connected, and connecting one.

import { el, fill } from '../common/dom.js';
import { calendarDay } from '../common/time.js';
import { get, path, send } from './api.js';
import { capturePanel } from './capture.js';
import { agoNode, button, confirm, field, load, press } from './parts.js';
import { apiLine, apiPanel } from './pbx_api.js';
import { changeForm, connectForm } from './pbx_form.js';
import { secretPanel } from './pbx_secret.js';
import { count } from './words.js';

export function pbxsView(root, { signal }) {
	const list = el('div', { class: 'stack' });
	const place = el('div', { class: 'stack' }); // form, or what is shown once
	const refresh = () => load(list, () =>
		Promise.all([get(path('pbxs'), signal), get(path('platforms'), signal)]), show);

	const showSecret = (pbx, made, title) => {
		const panel = secretPanel(pbx, made, title, offer);
		fill(place, panel);
		panel.querySelector('h2').focus();
		refresh();
	};
	const connect = async (event) => {
		const platforms = await press(event.currentTarget, problem, () => get(path('platforms'), signal));
		if (!platforms)
			return;
		const form = connectForm(platforms.items, (pbx, made) =>
			showSecret(pbx, made, 'Connected: now tell your PBX'), offer);
		fill(place, form);
		form.querySelector('input').focus();
	};
	const problem = el('div');
	function offer() {
		fill(problem);
		fill(place, el('p', null,
			button('Connect a PBX', connect, { class: 'button primary', 'data-key': 'connect' })), problem);
	}
	const show = ([answer, platforms]) => answer.items.length === 0
		? el('p', { class: 'card empty' }, 'No PBX is connected yet. Connect yours: you get the webhook address and the secret to enter there.')
		: answer.items.map((pbx) => pbxCard(pbx,
			platforms.items.find((one) => one.name === pbx.platform), refresh, showSecret, signal));

	fill(root, place, list);
	offer();
	refresh();
}

const signingIn = {
	signature: 'signed events',
	path: 'secret in the address',
};

function pbxCard(pbx, platform, refresh, showSecret, signal) {
	const place = el('div', { class: 'stack' });
	const id = `pbx-${pbx.id}`;

	const renew = async (event) => {
		const control = event.currentTarget;
		const own = el('input', { id: `own-${pbx.id}`, maxlength: 256, autocomplete: 'off', spellcheck: 'false' });
		if (!await confirm(`New secret for ${pbx.name}?`,
			'The present one stays valid for 24 hours, so that you can enter the new one at the PBX without losing events.', 'Make a new secret',
			field('Secret', own, 'Only if the PBX gives you one to enter here. Empty: Presence Sync makes one.')))
			return;
		const secret = own.value.trim();
		const made = await press(control, place,
			() => send('POST', path('pbxs', pbx.id, 'secret'), { json: secret ? { secret } : {} }));
		if (made)
			showSecret({ ...pbx, ...made }, made, `New secret for ${pbx.name}`);
	};
	const remove = async (event) => {
		const control = event.currentTarget;
		if (!await confirm(`Disconnect ${pbx.name}?`,
			'Its webhook address stops working, its extensions are un-linked, and its open calls end. This cannot be undone.', 'Disconnect'))
			return;
		const done = await press(control, place, async () => {
			await send('DELETE', path('pbxs', pbx.id));
			return true;
		});
		if (done)
			refresh();
	};
	const closeForm = (now) => {
		const next = pbxCard(now, platform, refresh, showSecret, signal);
		card.replaceWith(next);
		next.querySelector('[data-key^="change"]').focus();
		refresh();
	};
	const record = () => {
		const panel = capturePanel(pbx, () => {
			fill(place);
			card.querySelector('[data-key^="record"]').focus();
		}, signal);
		fill(place, panel);
		panel.querySelector('h3').focus();
	};
	const api = async (event) => {
		const panel = await press(event.currentTarget, place, () => apiPanel(pbx, () => {
			fill(place);
			refresh();
			card.querySelector('[data-key^="api"]').focus();
		}, signal));
		if (!panel)
			return;
		fill(place, panel);
		panel.querySelector('h3').focus();
	};
	const change = () => {
		const form = changeForm(pbx, closeForm, () => closeForm(pbx));
		fill(place, form);
		form.querySelector('input').focus();
	};
	const card = el('section', { class: 'card', 'aria-labelledby': id },
		el('div', { class: 'card-head' }, el('h2', { id }, pbx.name),
			el('span', { class: 'muted' }, `${platform?.title ?? pbx.platform}, ${signingIn[pbx.auth] ?? pbx.auth}`)),
		pbx.problem && el('p', { class: 'note problem' }, pbx.problem),
		el('dl', { class: 'facts' },
			fact('Last event', pbx.last_event_at ? agoNode(pbx.last_event_at)
				: 'none yet – send one from the PBX to try the connection'),
			pbx.events_today !== null && pbx.events_today !== undefined &&
				fact('Today', count(pbx.events_today, 'event')),
			Number.isInteger(pbx.extensions) &&
				fact('Linked', count(pbx.extensions, 'extension')),
			fact('Webhook address', pbx.auth === 'path'
				? [el('code', null, `${pbx.webhook_url}/…`),
					el('small', { class: 'muted' }, ' and behind it the secret, which was shown once')]
				: el('code', null, pbx.webhook_url)),
			platform?.api && fact('Subscription', apiLine(pbx, signal)),
			fact('A call lasts at most', hours(pbx.max_call_s)),
			fact('Allowed addresses', pbx.allow?.length ? pbx.allow.join(', ') : 'any'),
			pbx.secret_expires_at && fact('Old secret',
				`valid until ${calendarDay(pbx.secret_expires_at)}`)),
		el('div', { class: 'buttons' },
			el('a', { class: 'button', href: `#extensions?pbx=${encodeURIComponent(pbx.id)}` }, 'Extensions'),
			el('a', { class: 'button', href: `/admin/guides/${pbx.platform}`, target: '_blank', rel: 'noopener' }, 'Guide'),
			platform?.api && button('API', api, { 'data-key': `api-${pbx.id}` }),
			button('Record requests', record, { 'data-key': `record-${pbx.id}` }),
			button('Change', change, { 'data-key': `change-${pbx.id}` }),
			button('New secret', renew, { 'data-key': `renew-${pbx.id}` }),
			button('Disconnect', remove, { class: 'button danger', 'data-key': `remove-${pbx.id}` })),
		place);

	return card;
}

function fact(label, value) {
	return el('div', null, el('dt', null, label), el('dd', null, value));
}

export function hours(seconds) {
	const minutes = Math.round((seconds ?? 0) / 60);

	return minutes % 60 === 0 ? count(minutes / 60, 'hour') : count(minutes, 'minute');
}
