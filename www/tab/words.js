// What the tab says and when it asks again. Pure: no page, no clock, no Teams.

import { clockTime, timeSpan } from '../common/time.js';
import { presenceWords, problemWords, reasonWords } from '../common/presence.js';

// Why Teams gave no token. The messages are free text of the host; see
// "Troubleshoot SSO authentication in Teams" by Microsoft.
export function signInWords(message) {
	if (/resourceDisabled|invalid_?resource|do not match/i.test(message))
		return 'Teams does not accept this app’s address. Your administrator has to check the app’s registration and upload the current app package.';
	if (/consent|AADSTS65001/i.test(message))
		return 'Microsoft asks for a permission first. Ask your company’s administrator to grant consent, then try again.';
	if (/cancelled/i.test(message))
		return 'The sign-in window was closed. Please try again.';
	if (/FailedToOpenWindow/i.test(message))
		return 'The sign-in window could not open. Please allow pop-ups for Teams and try again.';
	if (message === 'timeout')
		return 'Teams did not sign you in in time. Please try again.';
	return 'Teams could not sign you in. Please try again; if it stays, sign out of Teams and in again.';
}

// How long until the next look, in ms: soon while things move, then calmly,
// and ever more slowly (at most 60 s) while the server does not answer.
export function pollDelay(sinceChangeMs, failures) {
	if (failures > 0)
		return Math.min(60000, 5000 * 2 ** (failures - 1));
	return sinceChangeMs < 60000 ? 5000 : 15000;
}

// The address behind a soft key, or null when it holds no dialable number.
export function dialAddress(dial) {
	return typeof dial === 'string' && /^[0-9*#+][0-9*#,;.\-() ]{0,63}$/.test(dial)
		? `tel:${dial.replace(/[ .\-()]/g, '').replaceAll('#', '%23')}` : null;
}

// Everything the tab shows of one answer of /tab/api/me.
export function describe(me, origin, now) {
	const presence = me.presence ?? {};
	const told = presenceWords(presence.availability, presence.activity);
	const shown = Boolean(presence.availability);

	return {
		monitoring: me.monitoring
			? me.consent === 'granted' ? 'Calls on your desk phone set your status in Teams.'
				: 'You allow calls on your desk phone to set your status in Teams.'
			: 'Your desk phone does not touch your status in Teams, and nothing is kept about your calls.',
		consent: consentWords(me.consent, origin),
		dot: told.dot,
		told: shown ? told.words : 'Nothing at the moment',
		when: shown ? whenWords(presence, now)
			: `Teams shows your own status${
				presence.since ? ` since ${clockTime(presence.since, now)}` : ''}.`,
		why: reasonWords(presence.reason),
		// Of a lost consent the note above speaks already.
		problem: presence.problem === 'consent_lost' && me.consent === 'lost'
			? null : problemWords(presence.problem),
		extensions: me.extensions ?? [],
		noExtension: me.monitoring
			? 'No desk phone is linked to you yet, so no call can reach your status. Ask your administrator to link your extension.'
			: 'No desk phone is linked to you yet. Your administrator links extensions to people.',
		keys: (me.soft_keys ?? []).map((key) =>
			({ label: key.label, dial: key.dial, address: dialAddress(key.dial) })),
		canClear: Boolean(me.monitoring),
	};
}

function whenWords(presence, now) {
	const since = clockTime(presence.since, now);
	const until = clockTime(presence.until, now);
	const words = [];

	if (since) {
		const span = timeSpan(Math.max(0, now - Date.parse(presence.since)));
		words.push(`Since ${since} (${span}).`);
	}
	if (until && Date.parse(presence.until) <= now)
		words.push(`It ran out at ${until}; Teams shows your own status now.`);
	else if (until && presence.reason === 'call')
		words.push(`Until ${until}, renewed while the call lasts.`);
	else if (until)
		words.push(`Until ${until}; then Teams shows your own status.`);
	return words.join(' ');
}

// What the tenant's consent means for this person, or null when all is well.
function consentWords(consent, origin) {
	const where = `The administrator does that at ${origin}/admin/.`;

	switch (consent) {
	case 'granted':
		return null;
	case 'pending':
		return 'Your company’s consent is on its way: Microsoft usually needs a few minutes. You can use the switch already.';
	case 'lost':
		return `Your company’s consent for this app was withdrawn or is blocked, so Teams shows nothing of your calls. The switch keeps working; it takes effect as soon as that is mended. The administrator finds the reason and the remedy at ${origin}/admin/.`;
	default:
		return `Your company’s administrator has to grant consent before Teams can show your calls. You can use the switch already; it takes effect from then on. ${where}`;
	}
}
