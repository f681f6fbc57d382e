// The forms to connect a PBX and to change one.

import { el } from '../common/dom.js';
import { path, send } from './api.js';
import { button, field, press } from './parts.js';

const defaultMaxCallMinutes = 240;

// platforms: [{name, title, auth, auths}]; done(pbx, made): made holds id, webhook_url
// and secret, shown only now.
export function connectForm(platforms, done, cancel) {
	const name = el('input', { id: 'pbx-name', required: true, maxlength: 100, autocomplete: 'off' });
	const platform = el('select', { id: 'pbx-platform', onchange: () => chosen() },
		platforms.map((one) => el('option', { value: one.name }, one.title)));
	const guide = el('a', { target: '_blank', rel: 'noopener' });
	const auth = (value, label, help) => el('label', { class: 'choice' },
		el('input', { type: 'radio', name: 'pbx-auth', value }),
		el('span', null, label, el('small', { class: 'muted' }, help)));
	const secret = el('input', { id: 'pbx-secret', maxlength: 256, autocomplete: 'off', spellcheck: 'false' });
	const advanced = advancedFields({ max_call_s: defaultMaxCallMinutes * 60, allow: [] });

	const form = formOf('Connect a PBX', 'Connect', cancel, async (place, submit) => {
		const pbx = {
			name: name.value.trim(), platform: platform.value,
			auth: form.querySelector('[name=pbx-auth]:checked').value,
			...(secret.value.trim() && { secret: secret.value.trim() }),
			...advanced.read(),
		};
		const made = await press(submit, place,
			() => named(pbx.allow, send('POST', path('pbxs'), { json: pbx })));
		if (made)
			done({ ...pbx, ...made }, made);
	},
	field('Name', name, 'For you to tell them apart, for example “Head office”.'),
	field('Platform', platform),
	el('p', null, guide),
	el('fieldset', null, el('legend', null, 'How it signs in'),
		auth('signature', 'Signature', 'The PBX signs each event. The safer way.'),
		auth('path', 'Secret in the address', 'For systems and phones that cannot sign: whoever knows the address can send events.')),
	field('Secret', secret, 'Only if the PBX gives you one to enter here. Empty: Presence Sync makes one.'),
	el('details', null, el('summary', null, 'Advanced'), advanced.nodes));

	function chosen() {
		const one = platforms.find((each) => each.name === platform.value);

		for (const choice of form.querySelectorAll('[name=pbx-auth]')) {
			choice.disabled = !one.auths.includes(choice.value);
			choice.checked = choice.value === one.auth;
		}
		guide.href = `/admin/guides/${one.name}`;
		guide.textContent = `What to do at the PBX: ${one.title}`;
	}
	chosen();
	return form;
}

// done(changed): the PBX as it is now.
export function changeForm(pbx, done, cancel) {
	const name = el('input', { id: `name-${pbx.id}`, required: true, maxlength: 100, autocomplete: 'off', value: pbx.name });
	const advanced = advancedFields(pbx, pbx.id);

	return formOf(`Change ${pbx.name}`, 'Save', cancel, async (place, submit) => {
		const change = { name: name.value.trim(), ...advanced.read() };
		const changed = await press(submit, place,
			() => named(change.allow, send('PATCH', path('pbxs', pbx.id), { json: change })));
		if (changed)
			done(changed);
	}, field('Name', name), advanced.nodes);
}

// The server names a network by its place in the list; the person knows it
// by what they wrote.
function named(allow, sent) {
	return sent.catch((error) => {
		error.message = error.message.replace(/^allow\[(\d+)\]/, (all, i) =>
			allow[i] === undefined ? all : `“${allow[i]}”`);
		throw error;
	});
}

function formOf(title, action, cancel, act, ...fields) {
	const place = el('div', null);
	const submit = el('button', { class: 'button primary' }, action);

	return el('form', {
		class: 'card form', 'aria-label': title, autocomplete: 'off',
		onsubmit: (event) => {
			event.preventDefault();
			act(place, submit);
		},
	}, el('h2', null, title), fields, place,
	el('div', { class: 'buttons' }, submit, button('Cancel', cancel)));
}

function advancedFields(pbx, suffix = 'new') {
	const maxCall = el('input', {
		id: `max-call-${suffix}`, type: 'number', min: 10, max: 1440, step: 1, required: true,
		value: String(Math.round(pbx.max_call_s / 60)),
	});
	const allow = el('textarea', {
		id: `allow-${suffix}`, rows: 3, spellcheck: 'false', value: (pbx.allow ?? []).join('\n'),
	});

	return {
		nodes: [
			field('A call lasts at most (minutes)', maxCall,
				'If the PBX sends no news of a call for so long, the call counts as ended. 10 to 1440.'),
			field('Allowed addresses', allow,
				'Networks the events may come from, one a line, like 203.0.113.0/24. Empty: any.'),
		],
		read: () => ({
			max_call_s: Number(maxCall.value) * 60,
			allow: allow.value.split(/[\s,]+/).filter(Boolean),
		}),
	};
}
