// The page Teams shows while somebody removes the tab. Nothing hangs on the
// tab itself, so removing is always fine.

import { pages } from '@microsoft/teams-js';
import { byId } from '../common/dom.js';
import { join, settled } from './teams.js';

const outside = () => {
	byId('state').textContent = 'Please open this page in Microsoft Teams.';
};

join(() => {
	byId('state').textContent = '';
	try {
		pages.config.setValidityState(true);
		pages.config.registerOnRemoveHandler((event) => event.notifySuccess());
	} catch {
		outside();
	}
	settled();
}, outside);
