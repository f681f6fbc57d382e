// The page Teams shows while somebody adds the tab to a channel or chat.
// There is nothing to choose: the tab is the same for all, and who looks at
// it is told by their own token.

import { pages } from '@microsoft/teams-js';
import { byId } from '../common/dom.js';
import { join, settled } from './teams.js';

function state(text, problem = false) {
	byId('state').className = problem ? 'note problem' : 'note';
	byId('state').textContent = text;
}

async function save(event) {
	try {
		await pages.config.setConfig({
			entityId: 'pbx-soft-keys',
			suggestedDisplayName: 'PBX Soft Keys',
			contentUrl: `${location.origin}/tab/?theme={app.theme}`,
			websiteUrl: `${location.origin}/tab/`,
			removeUrl: `${location.origin}/tab/remove?theme={app.theme}`,
		});
		event.notifySuccess();
	} catch {
		state('Teams could not save the tab. Please try again.', true);
		event.notifyFailure('The tab could not be saved. Please try again.');
	}
}

join(() => {
	try {
		pages.config.registerOnSaveHandler(save);
		pages.config.setValidityState(true);
		state('Ready: choose Save to add the tab.');
	} catch {
		// Teams opened it somewhere else than in its dialog for a new tab.
		state('This page belongs to the dialog in which Teams adds a tab. Choose + beside the tabs of a channel or chat, then PBX Soft Keys.', true);
	}
	settled();
}, () => state('Please open this page in Microsoft Teams: choose + beside the tabs of a channel or chat, then PBX Soft Keys.', true));
