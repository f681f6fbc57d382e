// What Teams shows for one person: presence sessions, their decay and expiry,
// their aggregation, and the status chosen by hand. Pure: the clock comes as an
// argument, in milliseconds. Source: the presence pages of Microsoft Graph.

const MINUTE = 60_000;

// The pairs that an application may set; every other pair is refused.
const SESSION_PAIRS = new Map([
	['Available', ['Available']],
	['Busy', ['InACall', 'InAConferenceCall']],
	['Away', ['Away']],
	['DoNotDisturb', ['Presenting']],
]);

// What a person may choose by hand, its activity, and how long it lasts by default.
const DAY = 24 * 60 * MINUTE;
const PREFERRED = new Map([
	['Available', ['Available', 7 * DAY]],
	['Busy', ['Busy', DAY]],
	['DoNotDisturb', ['DoNotDisturb', DAY]],
	['BeRightBack', ['BeRightBack', 7 * DAY]],
	['Away', ['Away', 7 * DAY]],
	['Offline', ['OffWork', 7 * DAY]],
]);

// What a Teams client that runs on some device contributes.
const TEAMS_CLIENT = new Map([
	['active', { availability: 'Available', activity: 'Available' }],
	['idle', { availability: 'Away', activity: 'Away' }],
	['in_call', { availability: 'Busy', activity: 'InACall' }],
	['presenting', { availability: 'DoNotDisturb', activity: 'Presenting' }],
	['offline', null],
]);

// Among sessions the strongest wins. An inactive Available is weaker than a fresh one.
const RANK = { DoNotDisturb: 5, Busy: 4, Available: 3, Away: 1 };
const rank = (s) => (s.activity === 'AvailableInactive' ? 2 : RANK[s.availability]);

export const OFFLINE = { availability: 'Offline', activity: 'Offline' };
export const UNKNOWN = { availability: 'PresenceUnknown', activity: 'PresenceUnknown' };
export const MIN_DURATION_MS = 5 * MINUTE;
export const MAX_DURATION_MS = 240 * MINUTE;

export const isLegalPair = (availability, activity) =>
	SESSION_PAIRS.get(availability)?.includes(activity) ?? false;

// One person's presence, as stored. `sessions` has one entry per application.
export const presenceNew = () => ({
	sessions: new Map(), teams: 'active', preferred: null, sequence: 0,
});

/** An ISO 8601 duration with days or a time part, in ms; null when malformed. */
export function durationParse(text) {
	const m = /^P(?:(\d{1,5})D)?(?:T(?:(\d{1,7})H)?(?:(\d{1,7})M)?(?:(\d{1,9})(?:\.\d{1,9})?S)?)?$/.exec(text);
	if (!m || text.endsWith('P') || text.endsWith('T'))
		return null;
	const [days, hours, minutes, seconds] = m.slice(1).map((v) => Number(v ?? 0));
	return ((days * 24 + hours) * 60 + minutes) * MINUTE + seconds * 1000;
}

/** What one application's session shows now: it decays only while Available. */
function decayed(session, now) {
	if (session.availability !== 'Available')
		return session;
	const age = now - session.set_at;
	if (age >= 10 * MINUTE)
		return { availability: 'Away', activity: 'Away' };
	if (age >= 5 * MINUTE)
		return { availability: 'Available', activity: 'AvailableInactive' };
	return session;
}

/** The application's live session, or null; an expired one is removed on the way. */
export function sessionFind(presence, app, now) {
	const session = presence.sessions.get(app);
	if (!session)
		return null;
	if (session.expires_at > now)
		return session;
	presence.sessions.delete(app);
	return null;
}

export function sessionSet(presence, app, { availability, activity, duration_ms }, now) {
	presence.sessions.set(app, {
		availability, activity, set_at: now, expires_at: now + duration_ms,
	});
	presence.sequence++;
}

/** True when there was a session to clear. */
export function sessionClear(presence, app, now) {
	const had = sessionFind(presence, app, now) !== null;
	if (had) {
		presence.sessions.delete(app);
		presence.sequence++;
	}
	return had;
}

/** Choose a status by hand; null takes the choice back. False for an unknown word. */
export function preferredSet(presence, availability, now) {
	if (availability === null) {
		presence.preferred = null;
	} else {
		const known = PREFERRED.get(availability);
		if (!known)
			return false;
		const [activity, lasts] = known;
		presence.preferred = { availability, activity, expires_at: now + lasts };
	}
	presence.sequence++;
	return true;
}

export function teamsClientSet(presence, state) {
	if (!TEAMS_CLIENT.has(state))
		return false;
	presence.teams = state;
	presence.sequence++;
	return true;
}

/** {availability, activity} that other people see now. */
export function presenceAt(presence, now) {
	let best = TEAMS_CLIENT.get(presence.teams);
	for (const app of [...presence.sessions.keys()]) {
		const live = sessionFind(presence, app, now);
		const shown = live && decayed(live, now);
		if (shown && (!best || rank(shown) > rank(best)))
			best = shown;
	}
	if (!best)
		return OFFLINE; // a chosen status shows only while some session lives
	if (presence.preferred && presence.preferred.expires_at <= now)
		presence.preferred = null;
	const from = presence.preferred ?? best;
	return { availability: from.availability, activity: from.activity };
}
