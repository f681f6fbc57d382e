// Presence in words: what Teams was told, why, and what is in the way.
// The codes are those of GET /tab/api/me and GET /admin/api/people.

// Graph's pair as Teams words it, with the colour of the dot:
// available, busy, away, none.
export function presenceWords(availability, activity) {
	if (!availability)
		return { words: 'Nothing', dot: 'none' };
	if (activity === 'InACall')
		return { words: 'In a call', dot: 'busy' };
	switch (availability) {
	case 'Available': return { words: 'Available', dot: 'available' };
	case 'Busy': return { words: 'Busy', dot: 'busy' };
	case 'DoNotDisturb': return { words: 'Do not disturb', dot: 'busy' };
	case 'Away': return { words: 'Away', dot: 'away' };
	default: return { words: availability, dot: 'none' };
	}
}

// Why Teams was told this. `you` chooses the reader: the person or an admin.
export function reasonWords(reason, you = true) {
	const whose = you ? 'Your' : 'The';

	switch (reason ?? null) {
	case null: return '';
	case 'call':
		return `${you ? 'You are' : 'This person is'} on a desk phone call.`;
	case 'call_ended': return `${whose} desk phone call ended.`;
	case 'cleared': return 'It was cleared by hand with “Clear now”.';
	case 'monitoring_off': return 'Presence Monitoring was switched off.';
	case 'stale':
		return 'The phone system sent no news of the call for too long, so the call counts as ended.';
	case 'gone':
		return 'The phone system was asked and has this call no more, so it counts as ended.';
	case 'unlinked':
		return `${whose} extension was linked to somebody else or removed.`;
	case 'pbx_restarted': return 'The phone system restarted; its calls ended.';
	case 'settings': return 'The company’s settings for calls changed.';
	default: return `The server gives the reason “${reason}”.`;
	}
}

// What keeps Teams from showing it, and what to do about that.
export function problemWords(problem, you = true) {
	switch (problem ?? null) {
	case null: return null;
	case 'user_not_found':
		return you
			? 'Microsoft Teams does not know this account. Ask your administrator whether you have a Teams licence.'
			: 'Microsoft Teams does not know this account. Check that the person has a Teams licence, then upload the extensions again.';
	case 'forbidden':
		return you
			? 'Microsoft does not let us set the status of this account. Ask your administrator to check it.'
			: 'Microsoft refuses the status of this account only; others work. Check its Teams licence and policies.';
	case 'rejected':
		return 'Microsoft did not accept the status. This is a fault of ours: please report it with the time shown here.';
	case 'throttled':
		return 'Microsoft asked us to slow down. The status follows by itself, usually within a minute.';
	case 'unreachable':
		return 'Microsoft cannot be reached at the moment. We try again by ourselves; calls are still followed.';
	case 'consent_lost':
		return you
			? 'Your company’s permission for this app was withdrawn or is blocked. Ask your administrator, who finds the reason and the remedy on the dashboard.'
			: 'The company’s consent was withdrawn or is blocked. See Action Items.';
	case 'credential':
		return you
			? 'The service cannot sign in to Microsoft, so Teams is not told of your calls. Its operator has to renew a credential; afterwards your status follows by itself.'
			: 'The service cannot sign in to Microsoft: its certificate or secret must be renewed. See Action Items.';
	default: return `The server reports the problem “${problem}”.`;
	}
}
