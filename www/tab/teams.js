// The page's tie to Microsoft Teams: joining the host, its theme, its token.

import { app, authentication } from '@microsoft/teams-js';
import { Problem } from '../common/request.js';
import { signInWords } from './words.js';

// TeamsJS itself waits 60 s for a host; nobody looks at a blank page so long.
const joinLimitMs = 5000;

// A first sign-in may open a window that the person has to read.
const tokenLimitMs = 60000;

const themes = new Set(['dark', 'contrast']);

// `glass` and whatever Teams invents next look like the default.
export function applyTheme(theme) {
	document.documentElement.dataset.theme = themes.has(theme) ? theme : 'default';
}

// Calls ready(context) once Teams answers, outside() when it does not. A host
// that is only slow is still welcome: then ready() comes after outside().
export function join(ready, outside) {
	const asked = new URLSearchParams(location.search).get('theme');

	if (asked)
		applyTheme(asked);
	if (window.parent === window && !window.opener && !window.nativeInterface) {
		outside();
		return;
	}
	const timer = setTimeout(outside, joinLimitMs);
	const joined = async () => {
		await app.initialize();
		const context = await app.getContext();

		clearTimeout(timer);
		applyTheme(context.app?.theme);
		app.registerOnThemeChangeHandler(applyTheme);
		app.notifyAppLoaded();
		ready(context);
	};
	joined().catch(() => {
		clearTimeout(timer);
		outside();
	});
}

// Tells the host that the page stands. Old hosts do not answer: never wait.
export function settled() {
	Promise.resolve(app.notifySuccess()).catch(() => {});
}

// The person's token for our server. Teams keeps it and renews it, so we ask
// before each request and store nothing.
export async function token() {
	let failure;

	for (let attempt = 0; attempt < 2; attempt++) {
		try {
			return await limited(authentication.getAuthToken({ silent: false }));
		} catch (error) {
			failure = error;
			// What Teams gives no reason for is often gone a moment later.
			if (!/failed|unexpected|invalid authresponse/i.test(error.message))
				break;
		}
	}
	throw new Problem('sign_in', 0, signInWords(failure?.message ?? ''));
}

function limited(promise) {
	let timer;
	const limit = new Promise((resolve, reject) => {
		timer = setTimeout(reject, tokenLimitMs, new Error('timeout'));
	});

	return Promise.race([promise, limit]).finally(() => clearTimeout(timer));
}
