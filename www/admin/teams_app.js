// The Teams app: download the package of this server, three steps to upload.

import { el, fill } from '../common/dom.js';

export function teamsAppView(root) {
	fill(root, el('section', { class: 'card', 'aria-labelledby': 'package-heading' },
		el('h2', { id: 'package-heading' }, 'PBX Soft Keys'),
		el('p', null, 'With this app people reach their switch Presence Monitoring in Teams: as a personal app, and as a tab in channels and group chats.'),
		el('p', null, el('a', { class: 'button primary', href: '/admin/api/app-package', download: true },
			'Download the app package'))),
	el('section', { class: 'card', 'aria-labelledby': 'steps-heading' },
		el('h2', { id: 'steps-heading' }, 'Bring it to your people'),
		el('ol', { class: 'steps' },
			el('li', null, 'Open the ', el('a', { href: 'https://admin.teams.microsoft.com/policies/manage-apps', rel: 'noreferrer' },
				'Teams admin center'), ', Teams apps, Manage apps. You need the role Teams Administrator or Global Administrator.'),
			el('li', null, 'Choose Upload new app (or, for an update, open PBX Soft Keys and upload the new file), and give it the downloaded package as it is.'),
			el('li', null, 'Under Setup policies add PBX Soft Keys to the installed apps, and pin it if you like. People find it in Teams within a few hours and switch Presence Monitoring on themselves.'))));
}
