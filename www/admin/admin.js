// The dashboard's frame: who is signed in, which section is open, and the
// message that a round trip to Microsoft brought back.

import { byId, el, fill, problemNodes } from '../common/dom.js';
import { get, send, useSession } from './api.js';
import { arrivalMessage } from './words.js';
import { button, press, problemNote } from './parts.js';
import { actionsView } from './actions.js';
import { pbxsView } from './pbxs.js';
import { extensionsView } from './extensions.js';
import { peopleView } from './people.js';
import { activityView } from './activity.js';
import { healthView } from './health.js';
import { settingsView } from './settings.js';
import { teamsAppView } from './teams_app.js';

// In the order of the navigation. A section fills `root`; what it starts
// ends with `signal`. parameters: what follows the name in the address;
// forget: takes the message at the top away, which holds no longer.
const sections = {
	'action-items': ['Action Items', actionsView],
	'pbxs': ['PBXs', pbxsView],
	'extensions': ['Extensions', extensionsView],
	'people': ['People', peopleView],
	'activity': ['Activity', activityView],
	'health': ['Health', healthView],
	'settings': ['Settings', settingsView],
	'teams-app': ['Teams app', teamsAppView],
};

let session = null;
let open = null; // the open section: { name, left }

function showMessage(message) {
	const place = byId('message');

	place.className = `note ${message?.kind ?? ''}`;
	fill(place, message && [
		el('div', null, problemNodes({ message: message.text, requestId: message.requestId })),
		button('Close', () => {
			fill(place);
			byId('main').focus();
		}),
	]);
}

// '#people?q=anna' -> ['people', parameters]; the first section otherwise.
function address() {
	const [name, rest] = location.hash.slice(1).split('?');

	return [Object.hasOwn(sections, name) ? name : 'action-items',
		new URLSearchParams(rest ?? '')];
}

function openSection(focus) {
	const [name, parameters] = address();
	const [title, view] = sections[name];
	const heading = el('h1', { tabindex: '-1' }, title);
	const root = el('div', { class: 'section' });

	open?.left.abort();
	open = { name, left: new AbortController() };
	document.title = `${title} – Presence Sync`;
	for (const link of byId('nav').querySelectorAll('a'))
		if (link.hash === `#${name}`)
			link.setAttribute('aria-current', 'page');
		else
			link.removeAttribute('aria-current');
	fill(byId('view'), heading, root);
	view(root, { signal: open.left.signal, session, parameters, forget: () => showMessage(null) });
	if (focus) {
		heading.focus({ preventScroll: true });
		scrollTo(0, 0);
	}
}

async function signOut(event) {
	const place = byId('message');

	place.className = '';
	const answer = await press(event.currentTarget, place, async () => {
		await send('POST', '/auth/sign-out');
		return true;
	});
	if (answer) {
		showMessage(null);
		showSignedOut('You are signed out.');
	}
}

function showFrame() {
	fill(byId('nav'), el('ul', null, Object.entries(sections).map(([name, [title]]) =>
		el('li', null, el('a', { href: `#${name}` }, title)))));
	fill(byId('who'), el('span', null, 'Signed in as ',
		el('strong', null, session.name || 'administrator')),
	el('small', { class: 'muted' }, `Directory ${session.tenant_id}`),
	button('Sign out', signOut));
	byId('nav').hidden = !session.is_admin;
	byId('who').hidden = false;
	document.body.classList.toggle('guest', !session.is_admin);
}

function showSignedOut(text) {
	const again = session !== null;

	open?.left.abort();
	open = null;
	session = null;
	useSession(null, () => {});
	byId('nav').hidden = true;
	byId('who').hidden = true;
	document.body.classList.add('guest');
	document.title = 'Sign in – Presence Sync';
	const heading = el('h1', { tabindex: '-1' }, 'Your desk phone and Teams, in step');
	fill(byId('view'), el('div', { class: 'card welcome' },
		heading,
		text && el('p', null, el('strong', null, text)),
		el('p', null, 'Somebody lifts the handset: Teams shows them as busy. They hang up: Teams shows them as available. Here the company’s administrator sets that up.'),
		el('p', null, el('a', { class: 'button primary', href: '/auth/sign-in' },
			'Sign in with Microsoft')),
		el('p', { class: 'muted' }, 'You need an administrator role of your company’s Microsoft 365: Global, Privileged Role, Application, Cloud Application or Teams Administrator.'),
		el('p', { class: 'muted' }, 'You only want your own switch? Open the tab PBX Soft Keys in Teams.')));
	if (again)
		heading.focus();
}

function showNotAdmin() {
	fill(byId('view'), el('div', { class: 'card welcome' },
		el('h1', null, 'This dashboard is for administrators'),
		el('p', null, 'Your account has none of the roles it needs: Global, Privileged Role, Application, Cloud Application or Teams Administrator. A role that you have to activate first counts after you activated it and signed in again.'),
		el('p', { class: 'muted' }, 'Your own switch Presence Monitoring is in Teams, in the tab PBX Soft Keys.')));
}

async function start() {
	try {
		session = await get('/admin/api/session');
	} catch (error) {
		if (error.status === 401)
			showSignedOut('');
		else
			fill(byId('view'), el('h1', null, 'Presence Sync'), problemNote(error),
				button('Try again', start));
		return;
	}
	useSession(session, () => showSignedOut('Your session has ended. Please sign in again.'));
	showFrame();
	if (session.is_admin)
		openSection(false);
	else
		showNotAdmin();
}

// A message in the address is shown once: a reload does not bring it back.
const arrival = arrivalMessage(location.hash);
if (arrival)
	history.replaceState(null, '', `${location.pathname}#action-items`);
showMessage(arrival);

document.querySelector('.skip').addEventListener('click', (event) => {
	event.preventDefault();
	byId('main').focus();
});
window.addEventListener('hashchange', () => {
	if (session?.is_admin) {
		showMessage(null);
		openSection(true);
	}
});
start();
