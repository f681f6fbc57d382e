// Settings of the company: what a call means, and for how long.

import { el, fill } from '../common/dom.js';
import { get, path, send } from './api.js';
import { field, load, press } from './parts.js';

export function settingsView(root, { signal }) {
	load(root, () => get(path('tenant'), signal), (tenant) => form(tenant.settings));
}

function form(settings) {
	const place = el('div', { role: 'status' });
	const submit = el('button', { class: 'button primary' }, 'Save');
	const choice = (value, label, help) => el('label', { class: 'choice' },
		el('input', { type: 'radio', name: 'after-call', value, checked: settings.after_call === value }),
		el('span', null, label, el('small', { class: 'muted' }, help)));
	const ringing = el('input', { type: 'checkbox', id: 'ringing', checked: settings.ringing_is_busy });
	const lease = el('input', {
		id: 'lease', type: 'number', min: 5, max: 240, step: 1, required: true,
		value: String(Math.round(settings.lease_s / 60)),
	});

	const save = async (event) => {
		event.preventDefault();
		const changed = {
			after_call: page.querySelector('[name=after-call]:checked').value,
			ringing_is_busy: ringing.checked,
			lease_s: Number(lease.value) * 60,
		};
		const done = await press(submit, place, async () => {
			await send('PATCH', path('tenant'), { json: { settings: changed } });
			return true;
		});
		if (done)
			fill(place, el('p', { class: 'note good' }, 'Saved. It holds at once.'));
	};

	const page = el('form', { class: 'card form', onsubmit: save, oninput: () => fill(place), 'aria-label': 'Settings' },
		el('fieldset', null, el('legend', null, 'After the last call of a person'),
			choice('available', 'Show as Available', 'Teams is told “Available” for five minutes; then it shows the person’s own activity.'),
			choice('clear', 'Show Teams’ own status', 'What we told Teams is taken back, and Teams decides at once.')),
		el('fieldset', null, el('legend', null, 'Ringing'),
			el('label', { class: 'choice' }, ringing,
				el('span', null, 'A ringing phone counts as busy',
					el('small', { class: 'muted' }, 'Otherwise a person is busy from answering or lifting the handset on.')))),
		field('Busy is told to Teams for (minutes)', lease,
			'It is renewed while the call lasts. If this service ever fails, Teams forgets it after this time. 5 to 240; 15 is a good value.'),
		place, el('div', { class: 'buttons' }, submit));
	return page;
}
