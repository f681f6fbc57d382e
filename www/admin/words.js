// The dashboard's codes in plain words, each with what to do. Pure.

import { calendarDay } from '../common/time.js';

// The consent's state as the card's badge reads it.
export const consentBadge = {
	none: ['to do', 'todo'],
	pending: ['checking…', 'pending'],
	granted: ['granted', 'done'],
	lost: ['lost', 'problem'],
};

// While consent is on its way Microsoft answers as if there were none.
const onItsWay = new Set(['not_yet', 'not_consented', 'permission_removed']);

export const pendingProblem = (code) =>
	consentProblem(code && !onItsWay.has(code) ? code : 'not_yet');

// Why consent is not (or no longer) there, and the remedy; pressing Grant
// Consent is one only for who may.
export function consentProblem(code, may = true) {
	const press = (words) => may ? ` Press Grant Consent ${words}` : '';

	switch (code ?? null) {
	case null: return '';
	case 'not_yet':
		return 'Microsoft has recorded the consent but does not apply it yet. This usually takes a few minutes; we keep checking.';
	case 'not_consented':
		return `Microsoft knows of no consent of your company for this app.${press('and accept on Microsoft’s screen.')}`;
	case 'declined':
		return `The permission was declined on Microsoft’s screen.${press('again and accept it there.')}`;
	case 'disabled_by_admin':
		return 'Sign-in of this app is disabled in your directory. In the Microsoft Entra admin center open Enterprise applications, choose this app, then Properties, and set “Enabled for users to sign-in” to Yes.';
	case 'blocked_by_policy':
		return 'A Conditional Access policy for workload identities blocks this app. In the Microsoft Entra admin center exclude the app from that policy, or allow this server’s address in it.';
	case 'tenant_not_found':
		return 'Microsoft does not find your directory any more. If it was moved or deleted, sign in with an account of the new one.';
	case 'permission_removed':
		return `The permission Presence.ReadWrite.All was taken from this app in your directory.${press('to give it again.')}`;
	default:
		return `Microsoft gave the reason “${code}”.${press('again; if it stays, ask the operator of this service.')}`;
	}
}

// Is granting consent what mends it? Where Microsoft blocks the app or knows
// the directory no more, something else comes first.
export const grantMends = (code) =>
	!['disabled_by_admin', 'blocked_by_policy', 'tenant_not_found'].includes(code);

// What the server says by /admin/#error=CODE after a failed round trip.
export function arrivalError(code) {
	switch (code) {
	case 'not_admin':
		return 'Your account has none of the administrator roles this dashboard needs. Sign in with another account, or ask a Global Administrator for the role Teams Administrator.';
	case 'tenant_not_allowed':
		return 'This server does not serve your company’s directory. Ask the operator of the service to admit it.';
	case 'sign_in_failed':
		return 'Signing in with Microsoft did not work. Please try again.';
	case 'credential_refused':
		return 'Nobody can sign in at the moment: Microsoft does not accept this service’s own certificate or secret. Tell the operator of the service, who has to renew it; signing in works again right after that.';
	case 'state_mismatch':
		return 'The answer from Microsoft did not belong to this browser or came too late. Please start again from this page.';
	case 'consent_declined':
		return 'The permission was declined on Microsoft’s screen, so nothing has changed. You can grant it at any time.';
	case 'consent_mismatch':
		return 'Consent was given for another company than the one you are signed in with, so nothing has changed. Sign in with an account of the right company and try again.';
	case 'consent_pending':
		return 'Consent is given, but Microsoft does not apply it yet. We keep checking; this usually takes a few minutes.';
	default:
		return 'Something went wrong on the way back from Microsoft. Please try again.';
	}
}

// The message carried in the address after a round trip to Microsoft:
// { kind: 'good' | 'problem' | 'plain', text, requestId } or null.
export function arrivalMessage(hash) {
	const parameters = new URLSearchParams(hash.replace(/^#/, ''));
	const error = parameters.get('error');
	const id = parameters.get('request_id');
	const requestId = id && /^[0-9a-fA-F-]{8,36}$/.test(id) ? id : null;

	// To decline is the administrator's own choice: nothing to look up in a log.
	if (error === 'consent_declined')
		return { kind: 'plain', text: arrivalError(error), requestId: null };
	if (error)
		return {
			kind: error === 'consent_pending' ? 'plain' : 'problem',
			text: arrivalError(error), requestId,
		};
	switch (parameters.get('consent')) {
	case 'granted':
		return { kind: 'good', text: 'Consent is granted. Thank you!', requestId };
	case 'pending':
		return { kind: 'plain', text: arrivalError('consent_pending'), requestId };
	default:
		return null;
	}
}

// The action items but consent, which has a card of its own making.
export const actionItems = {
	pbx: {
		title: 'Connect your PBX', view: 'pbxs', action: 'Connect a PBX', look: 'See PBXs',
		todo: 'The PBX reports calls to this server. Connecting it gives you the webhook address to enter there.',
		done: 'A PBX is connected.',
		problem: 'A connected PBX has a problem, for example its events are refused.',
	},
	extensions: {
		title: 'Link extensions to people', view: 'extensions', action: 'Link extensions', look: 'Check the list',
		todo: 'Upload a list that says which extension belongs to which person in Teams.',
		done: 'Extensions are linked.',
		problem: 'Some linked people are not known to Microsoft Teams.',
	},
	teams_app: {
		title: 'Give people the Teams app', view: 'teams-app', action: 'Get the app package',
		todo: 'Each person switches Presence Monitoring on in the tab PBX Soft Keys. Upload the app package to Teams once.',
		done: 'People use the tab PBX Soft Keys.',
		problem: 'The Teams app of your company does not fit this server. Upload the current package.',
	},
	credential: {
		title: 'The service’s credential', view: 'health', action: 'See health',
		todo: 'The certificate with which this service signs in to Microsoft expires soon. The operator of the service has to renew it; nothing is to be done in your company.',
		done: 'The service can sign in to Microsoft.',
		problem: 'The service cannot sign in to Microsoft: its certificate or secret was refused or has expired. The operator of the service has to renew it; nothing is to be done in your company, and your consent stays.',
	},
};

export const itemState = {
	todo: ['to do', 'todo'],
	done: ['done', 'done'],
	problem: ['problem', 'problem'],
};

// What is wrong with the service's credential, by the token endpoint's codes,
// and what its operator has to do: nobody else can.
export function credentialProblem(problem) {
	const code = /\d{5,7}/.exec(problem ?? '')?.[0];

	switch (code) {
	case '7000215':
		return 'Microsoft says that the secret is wrong. The operator puts the secret’s value (not its id) from the app registration into its file.';
	case '7000222':
		return 'Microsoft says that the secret has expired. The operator makes a new one in the app registration and puts it into its file.';
	case '700024':
	case '500133':
		return 'The clock of the server is wrong, so Microsoft does not accept what it signs. The operator sets it by NTP.';
	case '700027':
		return 'Microsoft does not accept the certificate: it is not in the app registration, or has expired. The operator uploads one there and puts it with its key into their files.';
	case '7000218':
	case '70002':
		return 'Microsoft does not accept this kind of credential from the service. The operator compares the settings of the server with the app registration.';
	default:
		return problem ? `Microsoft reports “${problem}”.` : '';
	}
}

// How a line of the CSV fared.
export const lineResult = {
	ok: ['linked', 'done'],
	duplicate: ['duplicate', 'problem'],
	unknown_user: ['unknown person', 'problem'],
	bad: ['not understood', 'problem'],
};

export const activityKind = {
	event: 'Phone',
	publish: 'Teams',
	switch: 'Switch',
	consent: 'Consent',
	admin: 'Admin',
};

// What happened, by the log's type. `leg` and `ringing` ended without news.
const types = {
	'phone.off_hook': 'Handset lifted',
	'phone.on_hook': 'Handset hung up',
	'call.ringing': 'Call rings',
	'call.answered': 'Call answered',
	'call.held': 'Call on hold',
	'call.resumed': 'Call resumed',
	'call.ended': 'Call ended',
	'extension.busy': 'Extension busy',
	'extension.idle': 'Extension idle',
	'pbx.restarted': 'PBX restarted',
	leg: 'Call without news',
	ringing: 'Ringing without news',
	busy: 'In a call',
	available: 'Available',
	clear: 'Cleared',
	monitoring: 'Presence Monitoring',
	consent: 'of the company',
	pbx: 'PBX',
	extensions: 'Extensions',
	settings: 'Settings',
};

export const typeWords = (type) => types[type] ?? type ?? '';

// What became of it: [words, badge].
const outcomes = {
	published: ['Teams was told', 'done'],
	changed: ['new status', 'done'],
	deferred: ['follows shortly', 'pending'],
	unchanged: ['nothing to change', 'plain'],
	superseded: ['overtaken by a newer event', 'plain'],
	duplicate: ['seen before', 'plain'],
	monitoring_off: ['monitoring is off', 'plain'],
	unknown_extension: ['extension not linked', 'problem'],
	no_consent: ['consent is missing', 'problem'],
	stale: ['ended as stale', 'pending'],
	gone: ['the PBX has it no more', 'pending'],
	api_changed: ['API entered', 'plain'],
	api_removed: ['API removed', 'plain'],
	cleared: ['by the person', 'plain'],
	cleared_by_admin: ['by an administrator', 'plain'],
	granted: ['granted', 'done'],
	pending: ['checking…', 'pending'],
	throttled: ['slowed down', 'pending'],
	unsent: ['not reached', 'problem'],
	failed: ['Microsoft failed', 'problem'],
	unauthorized: ['token refused', 'problem'],
	forbidden: ['forbidden', 'problem'],
	not_found: ['person unknown', 'problem'],
	rejected: ['rejected', 'problem'],
	lost: ['lost', 'problem'],
	credential: ['credential refused', 'problem'],
	unknown: ['no answer', 'problem'],
	error: ['not stored', 'problem'],
};

export const outcomeWords = (outcome) =>
	outcomes[outcome] ?? [(outcome ?? '').replaceAll('_', ' '), 'plain'];

// What an error in the log means, for the health page; '' for none we know.
export function errorWords(code) {
	switch (code) {
	case 'throttled': return 'Microsoft asked us to slow down. The newest status follows by itself.';
	case 'unsent': return 'Microsoft could not be reached. Sent again by itself.';
	case 'failed': return 'Microsoft answered with an error of its own. Sent again by itself.';
	case 'unknown': return 'Microsoft did not answer in time. Sent again by itself.';
	case 'unauthorized': return 'Microsoft refused our token. Tried again with a new one.';
	case 'forbidden': return 'Microsoft refused the status of a person. See People.';
	case 'not_found': return 'Microsoft Teams does not know a linked person. See People.';
	case 'rejected': return 'Microsoft did not accept what we sent: a fault of ours, please report it.';
	case 'lost': return 'The company’s consent is lost. See Action Items.';
	case 'credential': return 'The service could not sign in to Microsoft. See Action Items.';
	case 'error': return 'An event could not be stored: a fault of ours, please report it.';
	default: return '';
	}
}

// How the subscription at a PBX does; api: as the server tells it.
export function apiState(api) {
	switch (api.state) {
	case 'none': return 'made by hand at the PBX; with its API Presence Sync does it by itself';
	case 'new': return 'the PBX is being asked…';
	case 'pending': return 'made; nothing has come by it yet';
	case 'active': return `active, renewed by itself${api.until ? `; until ${calendarDay(api.until)}` : ''}`;
	default: return 'not well';
	}
}

// Recording requests of a PBX.
export const captureWords = {
	title: 'Record requests',
	privacy: 'The next 20 requests of this PBX are kept for 7 days, so that you and the maker of Presence Sync can see why they are not understood. Before they are stored, telephone numbers, names in fields for names, and secrets are replaced; extensions of up to six digits, times, logins and free text stay, so read it before you pass it on.',
	start: 'Record the next 20',
	download: 'Download',
	delete: 'Delete',
	close: 'Close',
	replay: 'Replay',
	query: 'Query',
	headers: 'Headers',
	body: 'Body',
	cut: 'The end was not recorded: it is longer than 64 KiB.',
	long: 'The end is not shown here; the download has it.',
	refused: 'Not understood:',
	nothing: 'Understood, and nothing to change: no event of a call or a phone.',
	againTitle: 'Record anew?',
	againText: 'What was recorded before is deleted.',
	deleteTitle: 'Delete the recorded requests?',
	deleteText: 'The recording ends, and what was recorded is deleted. This cannot be undone.',
};

// Is something being recorded? until: the moment in words.
export function captureState({ recording, items }, until) {
	if (recording)
		return `Recording: ${count(recording.left, 'request')} to come, until ${until} at the latest. It begins within 5 seconds.`;
	return items.length > 0 ? `${count(items.length, 'request')} recorded.` : 'Nothing is being recorded.';
}

// '1 person', '3 people'
export function count(number, one, many = `${one}s`) {
	return `${Number(number ?? 0).toLocaleString('en')} ${number === 1 ? one : many}`;
}

// One word of a shell command, safe whatever it holds.
export function shellWord(text) {
	return /^[\w@%+=:,./-]+$/.test(text) ? text
		: `'${text.replaceAll('\'', '\'\\\'\'')}'`;
}
