// What desk phones say by themselves: Poly's XML and action URLs. Each tells of its own
// side only, and numbers its calls; the numbers come again, ours once the old
// call is over and forgotten.

import { eachSide, tell, xml } from './moments.mjs';

/** The phone's number for this call; `phone.refs`: number -> when it may be used again. */
function reference(c, phone) {
	const name = `${phone.pbx} ${phone.extension}`;
	phone.refs ??= new Map();
	if (!c.refs.has(name)) {
		const free = [...phone.refs].find(([, at]) => at < Date.now())?.[0] ?? phone.refs.size + 1;
		phone.refs.set(free, Infinity);
		c.refs.set(name, free);
	}
	return c.refs.get(name);
}

/** The call is over: its numbers may be used again after `after_ms`. */
export function referencesFree(c, after_ms) {
	for (const phone of [c.caller, ...c.callees])
		if (phone?.refs && c.refs.has(`${phone.pbx} ${phone.extension}`))
			phone.refs.set(c.refs.get(`${phone.pbx} ${phone.extension}`), Date.now() + after_ms);
}

// ---- action URLs ------------------------------------------------------------------

const TYPES = {
	dials: 'answered', rings: 'ringing', answered: 'answered', held: 'held', resumed: 'resumed', elsewhere: 'ended', missed: 'ended', ended: 'ended',
};

const macOf = (n) => `0004f2${n.toString(16).padStart(6, '0')}`;
const query = (pairs, tells) => ({ method: 'GET', query: Object.entries(pairs).map(([k, v]) => `${k}=${encodeURIComponent(v).replace('%24', '$')}`).join('&'), tells });

// By its user, or by itself alone: then the variable stays as it was written.
const who = (phone) => (phone.extension === macOf(phone.n) ? {
	extension: '$active_user', mac: phone.n % 4 ? macOf(phone.n).toUpperCase() : macOf(phone.n).match(/../g).join(':'),
} : { extension: phone.extension, mac: macOf(phone.n) });

export const action_url = {
	calls: true, forks: true, sides: 2,
	handset: (c) => c.n % 2 === 0,
	key: (n) => (n % 2 ? macOf(n) : `${1000 + n}`),
	write: eachSide((c, m) => TYPES[m.word] && query({
		type: `call.${TYPES[m.word]}`, ...who(m.phone), call_id: reference(c, m.phone), leg_id: '$leg',
	}, tell(m.phone, TYPES[m.word]))),
	// The whole phone, or a line of it.
	state: (phone, busy, c) => {
		const type = c.n % 2 ? busy ? 'extension.busy' : 'extension.idle' : busy ? 'phone.off_hook' : 'phone.on_hook';
		const line = c.n % 4 === 2 ? { line: `${1 + c.n % 3}` } : {};
		return query({ type, ...who(phone), ...line, call_id: '' }, [{ phone, type, ...line }]);
	},
	noise: (phone, c) => query({ type: ['dnd_on', 'pbx.restarted'][c.n % 2], ...who(phone), call_id: '$call_id' }, []),
};

// ---- Poly -----------------------------------------------------------------------------

const STATES = {
	'dials': ['Setup', 'answered'], 'rings': ['Offering', 'ringing'], 'answered': ['Connected', 'answered'], 'held': ['Hold', 'held'],
	'is held': ['Held', 'held'], 'resumed': ['Connected', 'answered'], 'goes on': ['Connected', 'answered'],
	'elsewhere': ['Free', 'ended'], 'missed': ['Free', 'ended'], 'ended': ['Disconnected', 'ended'],
};

const zoned = (ms) => `${new Date(ms - 8 * 3600_000).toISOString().slice(0, 19)}-08:00`; // its local time

const notice = (phone, event, attributes, data, tells) => xml(`<PolycomIPPhone>
<${event}${attributes}><PhoneIP>172.24.128.160</PhoneIP><MACAddress>${macOf(phone.n)}</MACAddress><LineNumber>1</LineNumber>
<TimeStamp>${zoned(Date.now())}</TimeStamp>${data}</${event}></PolycomIPPhone>`, tells);

// All calls of the line stand in it; of one that is over only that.
function polyCall(c, m) {
	const { phone } = m;
	const [state, type] = STATES[m.word];
	const ref = reference(c, phone);
	phone.line ??= new Map();
	if (type === 'ended')
		phone.line.delete(ref);
	else
		phone.line.set(ref, { c, state, type });
	const calls = [...phone.line].map(([r, o]) => `<CallInfo><CallState>${o.state}</CallState><CallType>Incoming</CallType><CallReference>${r}</CallReference></CallInfo>`);
	const tells = [...phone.line.values()].flatMap((o) => tell(phone, o.type).map((t) => ({ ...t, call_id: o.c.id })));
	return notice(phone, 'CallStateChangeEvent', ` CallReference="${ref}" CallState="${state}"`, `<CallLineInfo><LineKeyNum>1</LineKeyNum>
<LineDirNum>${2000 + phone.n}</LineDirNum><LineState>${calls.length ? 'Active' : 'Inactive'}</LineState>${calls.join('')}</CallLineInfo>`,
	type === 'ended' ? [...tells, ...tell(phone, 'ended')] : tells);
}

export const poly = {
	calls: true, forks: true, sides: 2,
	handset: () => true,
	key: (n) => (n % 2 ? macOf(n) : `${2000 + n}`),
	write: eachSide(polyCall),
	// The handset is the phone's, and says nothing of a line.
	state: (phone, busy) => notice(phone, busy ? 'OffHookEvent' : 'OnHookEvent', '', '', phone.extension === macOf(phone.n)
		? [{ phone, type: busy ? 'phone.off_hook' : 'phone.on_hook', event_ms: Math.floor(Date.now() / 1000) * 1000 }] : []),
	noise: (phone, c) => notice(phone, ['IncomingCallEvent', 'LineRegistrationEvent'][c.n % 2], '', '<CallingPartyNumber>1</CallingPartyNumber>', []),
};
