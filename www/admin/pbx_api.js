// A PBX's own API: how its subscription does, and what Presence Sync signs in with.

import { el, fill } from '../common/dom.js';
import { get, path, send } from './api.js';
import { button, confirm, every, field, press } from './parts.js';
import { apiState } from './words.js';

const lookMs = 1000; // while the PBX is being asked for the first time

// { url, domain, state, problem, checked_at, until }; state none: none is set.
export const apiOf = (pbx, signal) => get(path('pbxs', pbx.id, 'api'), signal);

// One line of the card, which fills itself. Failures are the panel's to tell.
export function apiLine(pbx, signal) {
	const line = el('span', null, '…');
	const look = async () => {
		const api = await apiOf(pbx, signal);

		line.textContent = apiState(api);
		return api.state === 'new' ? lookMs : false;
	};

	look().then((pause) => pause && every(signal, pause, look)).catch(() => {});
	return line;
}

// The panel in the PBX's card. done(): what takes it away.
export async function apiPanel(pbx, done, signal) {
	const api = await apiOf(pbx, signal);
	const left = new AbortController();
	const id = `api-${pbx.id}`;
	const input = (name, attributes = {}) => el('input', {
		id: `${id}-${name}`, autocomplete: 'off', spellcheck: 'false', maxlength: 512, ...attributes,
	});
	const url = input('url', { type: 'url', required: true, value: api.url ?? '', placeholder: 'https://pbx.example.com' });
	const domain = input('domain', { required: true, value: api.domain ?? '' });
	const key = input('key', { type: 'password' });
	const client = input('client');
	const clientSecret = input('client-secret', { type: 'password' });
	const user = input('user');
	const password = input('password', { type: 'password' });
	const problem = el('div');
	const state = el('p', { role: 'status' });
	const submit = el('button', { class: 'button primary' }, 'Save');

	signal.addEventListener('abort', () => left.abort(), { once: true });
	const close = () => {
		left.abort();
		done();
	};
	const show = (now) => {
		state.textContent = `Subscription: ${apiState(now)}`;
		fill(problem, now.problem && el('p', { class: 'note problem' }, now.problem));
		return now.state === 'new' ? lookMs : false;
	};
	const save = async (event) => {
		event.preventDefault();
		const given = {
			url: url.value.trim(), domain: domain.value.trim(), key: key.value.trim(),
			client_id: client.value.trim(), client_secret: clientSecret.value,
			username: user.value.trim(), password: password.value,
		};
		const now = await press(submit, problem, () => send('PUT', path('pbxs', pbx.id, 'api'),
			{ json: Object.fromEntries(Object.entries(given).filter(([, value]) => value)) }));
		if (!now)
			return;
		for (const control of [key, client, clientSecret, user, password])
			control.value = '';
		remove.hidden = false;
		follow(now);
	};
	const follow = (now) => show(now) &&
		every(left.signal, lookMs, async () => show(await apiOf(pbx, left.signal)));
	const remove = button('Remove', async (event) => {
		const control = event.currentTarget;
		if (!await confirm(`Stop using the API of ${pbx.name}?`,
			'What it is signed in with is deleted here. The subscription at the PBX goes on until its time is over: 7 days, unless it was made by hand.', 'Remove'))
			return;
		const gone = await press(control, problem, async () => {
			await send('DELETE', path('pbxs', pbx.id, 'api'));
			return true;
		});
		if (gone)
			close();
	}, { class: 'button danger', hidden: api.state === 'none' });

	follow(api);
	return el('form', { class: 'stack', 'aria-labelledby': `${id}-title`, autocomplete: 'off', onsubmit: save },
		el('h3', { id: `${id}-title`, tabindex: '-1' }, 'The PBX’s API'),
		el('p', { class: 'muted' }, 'With it Presence Sync subscribes to calls by itself, ends calls whose end was lost, and lists the people of the PBX for linking.'),
		state,
		field('Server', url, 'As https://pbx.example.com; the path is known.'),
		field('Domain', domain, 'The PBX’s name for your company, for example example.service.'),
		field('API key', key, api.url ? 'Empty: what is stored is kept.' : 'Or sign in with an account instead:'),
		el('details', null, el('summary', null, 'Sign in with an account'),
			field('Client id', client), field('Client secret', clientSecret),
			field('User', user, 'An account with the scope Office Manager.'), field('Password', password)),
		problem,
		el('div', { class: 'buttons' }, submit, remove, button('Close', close)));
}
