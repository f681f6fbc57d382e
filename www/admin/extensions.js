// Extensions: which one belongs to whom, uploaded as CSV. A file is always
// checked first; what is applied is exactly what was checked.

import { el, fill } from '../common/dom.js';
import { get, path, send } from './api.js';
import { button, confirm, field, load, press, table } from './parts.js';
import { apiOf } from './pbx_api.js';
import { report } from './report.js';
import { count } from './words.js';

// The server's limits: bytes, and the time an import may take there.
const maxBytes = 8 * 1024 * 1024;
const importLimitMs = 125000;

export function extensionsView(root, { signal, parameters }) {
	load(root, () => Promise.all([get(path('pbxs'), signal), get(path('platforms'), signal)]), ([answer, platforms]) => {
		for (const pbx of answer.items)
			pbx.platform = platforms.items.find((one) => one.name === pbx.platform) ?? {};
		if (answer.items.length === 0)
			return el('div', { class: 'card empty' },
				el('p', null, 'Extensions belong to a PBX, and none is connected yet.'),
				el('p', null, el('a', { class: 'button primary', href: '#pbxs' }, 'Connect a PBX')));
		return pbxExtensions(answer.items, parameters.get('pbx'), signal);
	});
}

function pbxExtensions(pbxs, wanted, signal) {
	const place = el('div', { class: 'stack' });
	const choice = el('select', { id: 'extensions-pbx', onchange: () => show() },
		pbxs.map((pbx) => el('option', { value: pbx.id, selected: pbx.id === wanted }, pbx.name)));

	function show() {
		const pbx = pbxs.find((one) => one.id === choice.value);
		const list = el('div', { class: 'stack' });
		const refresh = () => load(list, () => allLinks(pbx, signal),
			(links) => linkList(pbx, links, refresh));

		fill(place, uploadForm(pbx, refresh, signal),
			el('section', { class: 'card', 'aria-labelledby': 'links-heading' },
				el('h2', { id: 'links-heading' }, 'Linked now'), list));
		refresh();
	}

	show();
	return [field('PBX', choice), place];
}

// The first so many; who has more looks for a person under People.
const maxShown = 500;

async function allLinks(pbx, signal) {
	const items = [];
	let next = null;

	do {
		const answer = await get(
			`${path('pbxs', pbx.id, 'extensions')}${next ? `?after=${encodeURIComponent(next)}` : ''}`, signal);
		items.push(...answer.items);
		next = answer.next;
	} while (next && items.length < maxShown);
	return { items: items.slice(0, maxShown), more: Boolean(next) || items.length > maxShown };
}

function linkList(pbx, { items, more }, refresh) {
	const failed = el('div', null);

	if (items.length === 0)
		return el('p', { class: 'muted' }, 'None yet. Upload a list above, check it, and apply it.');
	const unlink = async (event, link) => {
		const control = event.currentTarget;
		if (!await confirm(`Un-link ${link.extension}?`,
			`Calls of this extension no longer count for ${link.name || link.upn || 'this person'}.`, 'Un-link'))
			return;
		const done = await press(control, failed, async () => {
			await send('DELETE', path('pbxs', pbx.id, 'extensions', link.extension));
			return true;
		});
		if (done)
			refresh();
	};

	return [
		failed,
		table('Linked extensions', [
			{ label: 'Extension', cell: (link) => el('code', null, link.extension) },
			{ label: 'Person', cell: (link) => [link.name || link.upn || link.user,
				link.name && link.upn && el('small', { class: 'muted' }, link.upn)] },
			{ label: 'Action', hidden: true, cell: (link) => button('Un-link',
				(event) => unlink(event, link),
				{ 'aria-label': `Un-link ${link.extension}`, 'data-key': `unlink-${link.extension}` }) },
		], items),
		more && el('p', { class: 'muted' }, `The first ${maxShown} are shown. Look for a person under `,
			el('a', { href: '#people' }, 'People'), '.'),
	];
}

function uploadForm(pbx, refresh, signal) {
	const file = el('input', { id: 'csv-file', type: 'file', accept: '.csv,text/csv,text/plain', onchange: forget });
	const pasted = el('textarea', {
		id: 'csv-text', rows: 6, spellcheck: 'false', oninput: forget,
		placeholder: 'extension,user\n1001,anna@example.com',
	});
	const result = el('div', { class: 'stack', role: 'status' });
	const apply = button('Apply', applyChecked, { class: 'button primary', hidden: true });
	let checked = null; // what the last dry run was about

	// Whatever changes the input makes the check worthless.
	function forget() {
		checked = null;
		apply.hidden = true;
		fill(result);
		pasted.disabled = file.files.length > 0;
	}

	const put = (body, dry) => send('PUT',
		`${path('pbxs', pbx.id, 'extensions')}${dry ? '?dry_run=1' : ''}`,
		{ body, type: 'text/csv', limitMs: importLimitMs });

	async function check(event) {
		const body = file.files[0] ?? pasted.value;
		const size = body.size ?? new Blob([body]).size;

		event.preventDefault();
		forget();
		if (size === 0 || size > maxBytes) {
			fill(result, el('p', { class: 'note problem' }, size === 0
				? 'Choose a file or paste a list first.'
				: 'The list is larger than 8 MiB. Please split it up over several PBXs, or remove columns it does not need.'));
			return;
		}
		const answer = await press(submit, result, () => {
			fill(result, el('p', { class: 'muted' }, 'Checking… a long list can take a minute or two.'));
			return put(body, true);
		});
		if (!answer)
			return;
		checked = body;
		apply.hidden = false;
		fill(result, el('p', { class: 'note' },
			el('strong', null, 'Checked; nothing has changed yet.'),
			el('span', null, `Applying links ${count(answer.linked, 'extension')} and un-links ${answer.unlinked}.`)),
		report(answer));
	}

	async function applyChecked() {
		const body = checked;
		const answer = await press(apply, result, () => {
			fill(result, el('p', { class: 'muted' }, 'Applying…'));
			return put(body, false);
		});
		if (!answer)
			return;
		file.value = '';
		pasted.value = '';
		forget();
		fill(result, el('p', { class: 'note good', tabindex: '-1' },
			el('strong', null, 'Applied.'),
			el('span', null, `${count(answer.linked, 'extension')} linked, ${answer.unlinked} un-linked.`)),
		report(answer));
		result.firstElementChild.focus();
		refresh();
	}

	// A PBX that can be asked fills in the list; what follows is as with any other.
	const take = button('Take the list from the PBX', async () => {
		const answer = await press(take, result, () => get(path('pbxs', pbx.id, 'api', 'people'), signal));

		if (!answer)
			return;
		file.value = '';
		forget();
		pasted.value = answer.csv;
		fill(result, el('p', { class: answer.counted > answer.listed ? 'note problem' : 'note' },
			answer.counted > answer.listed
				? `The PBX listed only ${answer.listed} of its ${count(answer.counted, 'user')}; who is not in the list would be un-linked.`
				: `The PBX listed ${count(answer.listed, 'user')}. Remove who shall not be linked, then check the list.`));
		pasted.focus();
	}, { hidden: true });
	if (pbx.platform.api)
		apiOf(pbx, signal).then((api) => {
			take.hidden = api.state === 'none';
		}).catch(() => {}); // then it is not offered

	const submit = el('button', { class: 'button' }, 'Check');
	return el('form', { class: 'card form', 'aria-labelledby': 'csv-heading', onsubmit: check },
		el('h2', { id: 'csv-heading' }, 'Upload the list'),
		el('p', null, 'A CSV file with the header ', el('code', null, 'extension,user'),
			': the extension as the PBX names it, and the person’s sign-in name or object id. A person may have several extensions.'),
		el('p', null, 'The list replaces what is linked now: who is not in it is un-linked.'),
		field('CSV file', file), field('or paste it here', pasted),
		el('div', { class: 'buttons' }, submit, take, apply), result);
}
