// How each platform tells of a call: its own words, content type and proof, as the
// samples in tests/pbx show them. A writer is given what happens at the PBX and
// makes the requests that it would send; beside each stands what it says of whom,
// read from the platform's own pages, for the model. A platform that has no word
// for something sends nothing.
//
// A writer, entered in VOCABULARY at the end:
//   calls, forks, sides   does it tell of calls; may several be rung; of one side or both
//   key(n)                under what name the n-th person is linked
//   write(c, what, by)    the requests for a step of a call (moments.mjs has the steps)
//   state(phone, busy)    the request that asserts a whole extension or handset, if it has one
//   noise(phone, c)       a request that means nothing: a queue, an unknown word
//   proof(secret, m)      the headers that sign a request, where the platform signs
//   body(secret, m)       its body, where that is made only when it goes out

import { createHmac, randomUUID } from 'node:crypto';
import { sign } from '../http/sender.mjs';
import { eachSide, form, json, moments, tell, whole, xml } from './moments.mjs';
import { action_url, poly } from './phones.mjs';

export const DOMAIN = 'pbx.example';
const NUMBER = '+14155550100'; // of whoever is outside

const user = (phone) => `u${phone.n}`;
const address = (phone) => `${user(phone)}@${DOMAIN}`;
const mac = (hash, secret, text, code) => createHmac(hash, secret).update(text).digest(code);

// ---- NetSapiens ---------------------------------------------------------------

const gmt = (ms) => new Date(ms).toISOString().slice(0, 19).replace('T', ' ');

function record(c, i, { answered, removed, info = {} }) {
	const { caller } = c;
	const callee = c.callees[i];
	return {
		hostname: 'core1.pbx.example', sessionId: `2022${c.n}`, orig_callid: `0_${c.n}@192.0.2.127`,
		orig_from_user: caller ? user(caller) : '4255550100', orig_domain: caller ? DOMAIN : '', orig_user: caller ? user(caller) : '',
		term_callid: `2022${c.n}-${i}`, term_domain: callee ? DOMAIN : '*', term_type: callee ? 'device' : 'gateway',
		term_user: callee ? user(callee) : '', term_uri: '', by_action: '',
		time_start: gmt(Date.now() - 1000), time_answer: answered ? gmt(Date.now()) : '0000-00-00 00:00:00',
		orig_call_info: answered ? 'active' : 'progressing', term_call_info: answered ? 'active' : 'alerting', ...info,
		...removed ? { remove: 'yes' } : {},
	};
}

// A record is a leg between two sides, and says the state of both.
function netsapiensWrite(c, what, by) {
	const both = (i, one, other) => [...tell(c.caller, one, `${i}`), ...tell(c.callees[i], other, `${i}`)];
	const removed = (i) => ({ record: record(c, i, { answered: c.talks && i === c.answerer, removed: true }), tells: both(i, 'ended', 'ended') });
	const talks = (info, tells) => ({ record: record(c, c.answerer, { answered: true, info }), tells });
	const others = c.callees.map((_, i) => i).filter((i) => i !== c.answerer);
	let all;
	if (what === 'rings')
		all = c.callees.map((_, i) => ({ record: record(c, i, {}), tells: both(i, 'answered', 'ringing') }));
	else if (what === 'answered')
		all = [talks({}, both(c.answerer, 'answered', 'answered')), ...others.map(removed)];
	else if (what === 'held')
		all = [by === 'caller' ? talks({ orig_call_info: 'held' }, both(c.answerer, 'held', 'answered'))
			: talks({ term_call_info: 'held' }, both(c.answerer, 'answered', 'held'))];
	else if (what === 'resumed')
		all = [talks({}, both(c.answerer, 'answered', 'answered'))];
	else
		all = c.callees.map((_, i) => removed(i));
	return [json(all.map((a) => a.record), all.flatMap((a) => a.tells))];
}

const netsapiens = {
	calls: true, forks: true, sides: 2,
	key: (n) => (n % 2 ? `u${n}@${DOMAIN}` : `u${n}`),
	write: netsapiensWrite,
	// A queue, a menu, a voicemail that answers in somebody's name.
	noise: (phone, c) => json([{
		...record({ ...c, caller: null, callees: [phone] }, 0, { answered: true }),
		...[{ term_uri: `sip:Call-Queue@${DOMAIN}` }, { term_uri: 'VMail' }, { term_to_uri: `sip:Auto-Attendant@${DOMAIN}` }][c.n % 3],
	}], []),
};

// ---- Kazoo ----------------------------------------------------------------------

const HOOKS = {
	dials: ['channel_create', 'answered'], rings: ['channel_create', 'ringing'], answered: ['channel_answer', 'answered'],
	elsewhere: ['channel_destroy', 'ended'], missed: ['channel_destroy', 'ended'], ended: ['channel_destroy', 'ended'],
};

// A form, JSON or a query, as the webhook was made.
function kazooSay(phone, c, hook, leg, side, more, tells) {
	const from_device = side === 'caller';
	const outside = `${NUMBER}@${DOMAIN}`;
	const said = {
		hook_event: hook, account_id: '91eb05e5c68d7ca05e7618b6821d2d16', authorizing_type: 'device', owner_id: `owner${phone.n}`,
		call_direction: from_device ? 'inbound' : 'outbound', call_id: `kz${c.n}-${leg}`, other_leg_call_id: `kz${c.n}-other`,
		from: from_device ? address(phone) : outside, to: from_device ? outside : address(phone), request: from_device ? outside : address(phone),
		is_internal_leg: 'false', timestamp: String(Math.floor(Date.now() / 1000) + 62167219200), ...more,
	};
	const pairs = new URLSearchParams(said).toString();
	return [form(said, tells), json({ ...said, is_internal_leg: said.is_internal_leg === 'true' }, tells),
		{ method: 'GET', query: pairs, tells }][c.n % 3];
}

const kazoo = {
	calls: true, forks: true, sides: 2,
	key: (n) => (n % 2 ? `u${n}@${DOMAIN}` : `owner${n}`),
	write: eachSide((c, m) => HOOKS[m.word] && kazooSay(m.phone, c, HOOKS[m.word][0], m.leg, m.side, {}, tell(m.phone, HOOKS[m.word][1], m.leg))),
	noise: (phone, c) => (c.n % 2 ? kazooSay(phone, c, 'channel_bridge', 'x', 'callee', {}, [])
		: kazooSay(phone, c, 'channel_answer', 'x', 'callee', { is_internal_leg: 'true' }, [])),
};

// ---- Yeastar ----------------------------------------------------------------------

const MEMBERS = {
	'dials': ['ALERT', 'answered'], 'rings': ['RING', 'ringing'], 'answered': ['ANSWER', 'answered'], 'held': ['HOLD', 'held'],
	'is held': ['ANSWER', 'answered'], 'resumed': ['ANSWER', 'answered'], 'goes on': ['ANSWER', 'answered'],
	'elsewhere': ['BYE', 'ended'], 'missed': ['BYE', 'ended'], 'ended': ['BYE', 'ended'],
};

// msg is JSON within a string.
const yeastarSay = (type, msg, tells) => json({ type, sn: '3631A2124XXX', msg: JSON.stringify(msg) }, tells);

function yeastarWrite(c, what, by) {
	const told = moments(c, what, by);
	const members = told.map(({ phone, side, leg, word }) => {
		const status = side === 'caller' && MEMBERS[word][0] === 'ANSWER' ? 'ANSWERED' : MEMBERS[word][0];
		const channel_id = `PJSIP/${c.n}-${leg}`;
		return phone ? { extension: { number: phone.extension, channel_id, member_status: status, call_path: '' } }
			: { [side === 'caller' ? 'inbound' : 'outbound']: { from: NUMBER, to: '2', trunk_name: 't', channel_id, member_status: status } };
	});
	return [yeastarSay(30011, { call_id: `16${c.n}.1`, members }, told.flatMap((m) => tell(m.phone, MEMBERS[m.word][1], m.leg)))];
}

const yeastar = {
	calls: true, forks: true, sides: 2,
	key: (n) => `${1000 + n}`,
	write: yeastarWrite,
	state: (phone, busy) => yeastarSay(30008, { extension: phone.extension, status: busy ? 'Busy' : 'Idle' }, whole(phone, busy)),
	noise: (phone, c) => (c.n % 2 ? yeastarSay(30008, { extension: phone.extension, status: 'Ringing' }, [])
		: yeastarSay(30012, { call_id: `${c.n}`, extension: phone.extension, status: 'Busy' }, [])),
	proof: (secret, m) => ({ 'x-signature': mac('sha256', secret, m.text, 'base64') }),
};

const yeastar_s = {
	key: (n) => `${1000 + n}`,
	state: (phone, busy, c) => json({
		[c.n % 3 ? 'event' : 'action']: 'ExtensionStatus', extension: phone.extension, sn: '3631',
		status: busy ? ['Busy', 'InUse'][c.n % 2] : ['Idle', 'Registered', 'Unregistered'][c.n % 3],
	}, whole(phone, busy)),
	noise: (phone, c) => json({ event: c.n % 2 ? 'ExtensionStatus' : 'CallStatus', extension: phone.extension, status: 'Ringing', sn: '3631' }, []),
};

// ---- RingCentral --------------------------------------------------------------------

const CODES = {
	'dials': ['Proceeding', 'answered'], 'rings': ['Proceeding', 'ringing'], 'answered': ['Answered', 'answered'],
	'held': ['Hold', 'held'], 'is held': ['Answered', 'answered'], 'resumed': ['Answered', 'answered'], 'goes on': ['Answered', 'answered'],
	'elsewhere': ['Disconnected', 'ended'], 'missed': ['Disconnected', 'ended'], 'ended': ['Disconnected', 'ended'],
};

function ringcentralSay(path, at_ms, body, tells) {
	const uuid = randomUUID();
	return json({
		uuid, event: `/restapi/v1.0/account/400144452008/${path}`, timestamp: new Date(at_ms).toISOString(),
		subscriptionId: '5c37f936-fa66-4b4b-95af-1e94b51a748d', ownerId: '400144455008', body,
	}, tells, { key: uuid });
}

// Another device of who takes the call rings as a party of its own, until then.
function otherDevice(c, what) {
	const phone = c.callees[c.answerer];
	const word = { rings: 'rings', answered: 'elsewhere', ended: 'elsewhere' }[what];
	return phone && word && c.n % 2 ? [{ phone, side: 'callee', leg: 'device', word }] : [];
}

function ringcentralWrite(c, what, by) {
	const told = [...moments(c, what, by), ...otherDevice(c, what)];
	return [ringcentralSay('telephony/sessions', Date.now(), {
		sequence: 3, sessionId: `4029${c.n}`, telephonySessionId: `Y3M${c.n}`, eventTime: new Date().toISOString(), accountId: '400144452008',
		parties: told.map(({ phone, side, leg, word }) => ({
			...phone ? { extensionId: phone.extension } : {}, id: `cs${c.n}-${leg}`, direction: side === 'caller' ? 'Outbound' : 'Inbound',
			to: { phoneNumber: '102' }, from: { phoneNumber: NUMBER }, status: { code: CODES[word][0] }, missedCall: word === 'missed', standAlone: false,
		})), origin: { type: 'Call' },
	}, told.flatMap((m) => tell(m.phone, CODES[m.word][1], m.leg)))];
}

const presence = (phone, status, at_ms, tells) => ringcentralSay(`extension/${phone.extension}/presence?detailedTelephonyState=true`, at_ms, {
	extensionId: phone.extension, ...status ? { telephonyStatus: status } : {}, sequence: 2698, presenceStatus: 'Busy', userStatus: 'Available',
	dndStatus: 'TakeAllCalls', activeCalls: [], totalActiveCalls: 0,
}, tells);

const ringcentral = {
	calls: true, forks: true, sides: 2, stamps: true,
	key: (n) => `66103${10000 + n}`,
	write: ringcentralWrite,
	state: (phone, busy, c, at_ms) => presence(phone, busy ? ['CallConnected', 'OnHold'][c.n % 2] : 'NoCall', at_ms, whole(phone, busy, at_ms)),
	noise: (phone, c) => presence(phone, ['Ringing', 'ParkedCall', undefined][c.n % 3], Date.now(), []),
	proof: (secret) => ({ 'validation-token': secret }),
};

// ---- Zoom Phone -----------------------------------------------------------------------

// What rings only is a leg of its own: a device that gives up does not end the call.
const ZOOM = {
	dials: (s) => [`${s}_ringing`, 'answered'], rings: (s) => [`${s}_ringing`, 'ringing', 'rings'],
	answered: (s) => [s === 'caller' ? 'caller_connected' : 'callee_answered', 'answered'],
	held: (s) => [`${s}_hold`, 'held'], resumed: (s) => [`${s}_unhold`, 'resumed'],
	elsewhere: (s) => [`${s}_ended`, 'ended', 'rings', 'Answered by Other Member'], missed: (s) => [`${s}_missed`, 'ended', 'rings', 'No Answer'],
	ended: (s) => [`${s}_ended`, 'ended'],
};

function zoomSay(phone, c, side, event, tells, result) {
	const outside = { phone_number: NUMBER, connection_type: 'pstn_off_net' };
	const inside = {
		extension_id: 'x1', extension_type: 'user', user_id: `zoom${phone.n}`, name: 'Ann', extension_number: 1000 + phone.n, device_type: 'x', connection_type: 'voip',
	};
	return json({
		event: `phone.${event}`, event_ts: Date.now(), payload: {
			account_id: 'AbC', object: {
				call_id: `7188${c.n}`, caller: side === 'caller' ? inside : outside, callee: side === 'callee' ? inside : outside,
				ringing_start_time: new Date().toISOString(), ...result ? { handup_result: result } : {},
			},
		},
	}, tells);
}

const zoom_phone = {
	calls: true, forks: true, sides: 2,
	key: (n) => (n % 2 ? `zoom${n}` : `${1000 + n}`),
	write: (c, what, by) => {
		const made = eachSide((_, m) => {
			const [event, type, leg, result] = ZOOM[m.word]?.(m.side) ?? [];
			return event && zoomSay(m.phone, c, m.side, event, tell(m.phone, type, leg), result);
		})(c, what, by);
		// His other device rang as well.
		const talker = c.callees[c.answerer];
		if (what === 'answered' && talker && c.n % 2)
			made.push(zoomSay(talker, c, 'callee', 'callee_ended', tell(talker, 'ended', 'rings'), 'Answered by Other Device'));
		return made;
	},
	noise: (phone, c) => zoomSay(phone, c, 'callee', 'recording_started', []),
	proof: (secret, m) => {
		const at = Math.floor(Date.now() / 1000);
		return { 'x-zm-request-timestamp': at, 'x-zm-signature': `v0=${mac('sha256', secret, `v0:${at}:${m.text}`, 'hex')}` };
	},
};

// ---- Wildix, Placetel ---------------------------------------------------------------------

function wildixSay(c, type, status, tells, more) {
	const side = (phone) => (phone ? {
		type: 'LOCAL', phone: `${1000 + phone.n}`, name: 'n', email: `w${phone.n}@${DOMAIN}`, userId: '125', userExtension: `${1000 + phone.n}`,
	} : { type: 'REMOTE', phone: NUMBER, name: NUMBER });
	return json({
		id: `it_w118741_${c.n}.110`, pbx: '221100001bab', time: Date.now(), company: 'it_w118741', type, integrationId: '8qkmnq',
		data: { status, caller: side(c.caller), callee: side(c.callees[0]), destination: '1', queueName: null, flags: [], endBy: null },
	}, tells, more);
}

const wildix = {
	calls: true, sides: 2,
	key: (n) => (n % 2 ? `w${n}@${DOMAIN}` : `${1000 + n}`),
	write: (c, what) => {
		const both = (one, other) => [...tell(c.caller, one), ...tell(c.callees[0], other)];
		switch (what) {
		case 'rings': return [wildixSay(c, ['call:start', 'call:update'][c.n % 2], 'CONNECTING', both('answered', 'ringing'))];
		case 'answered': return [wildixSay(c, 'call:update', 'TALKING', both('answered', 'answered'))];
		// Its status is the last one before the end.
		case 'ended': return [wildixSay(c, 'call:end', c.talks ? 'TALKING' : 'CONNECTING', [], { over: c.id })];
		default: return [];
		}
	},
	noise: (phone, c) => wildixSay({ ...c, callees: [phone], caller: null }, ['user:presence', 'call:update'][c.n % 2], 'DANCING', []),
	proof: (secret, m) => ({ 'x-signature': mac('sha256', secret, m.text, 'hex') }),
};

const placetel = {
	calls: true, sides: 1,
	key: (n) => `7777u${n}@fpbx.de`,
	write: (c, what) => {
		const phone = c.caller ?? c.callees[0];
		const direction = c.caller ? 'out' : 'in';
		const say = (event, more, tells) => form({ event, from: '0123456789', to: '0987654321', call_id: `${c.n}`.padStart(64, 'a'), ...more, direction }, tells);
		if (what === 'rings')
			return [c.caller ? say('OutgoingCall', { peer: phone.extension }, tell(phone, 'answered')) : say('IncomingCall', {}, [])];
		if (what === 'answered' && !c.caller)
			return [say('CallAccepted', { peer: phone.extension }, tell(phone, 'answered'))];
		// The end names nobody.
		return what === 'ended' ? [{ ...say('HungUp', { type: c.talks ? 'accepted' : 'missed', duration: 1 }, []), over: c.id }] : [];
	},
	noise: (phone, c) => form({ event: 'Dancing', call_id: `${c.n}`.padStart(64, 'b'), peer: phone.extension }, []),
	proof: (secret, m) => ({ 'x-placetel-signature': mac('sha256', secret, m.text, 'hex') }),
};

// ---- BroadWorks -------------------------------------------------------------------------------

const XSI = {
	dials: ['CallOriginatedEvent', 'answered'], rings: ['CallReceivedEvent', 'ringing'], answered: ['CallAnsweredEvent', 'answered'],
	held: ['CallHeldEvent', 'held'], resumed: ['CallRetrievedEvent', 'resumed'], elsewhere: ['CallReleasedEvent', 'ended'],
	missed: ['CallReleasedEvent', 'ended'], ended: ['CallReleasedEvent', 'ended'],
};

function xsi(phone, kind, data, tells) {
	const id = randomUUID();
	return xml(`<?xml version="1.0" encoding="UTF-8"?>
<Event xmlns="http://schema.broadsoft.com/xsi" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="xsi:SubscriptionEvent">
<eventID>${id}</eventID><sequenceNumber>53</sequenceNumber><userId>${address(phone)}</userId><targetId>${address(phone)}</targetId>
<eventData xsi:type="xsi:${kind}">${data}</eventData></Event>`, tells, { key: id });
}

const half = (c, leg, side) => `<call><callId>callhalf-${c.n}-${leg}:0</callId><extTrackingId>${c.n}:1</extTrackingId>
<personality>${side === 'caller' ? 'Originator' : 'Terminator'}</personality><remoteParty><name>M&#252;ller &amp; Co</name></remoteParty>
<startTime>${Date.now() - 1000}</startTime><answerTime>${Date.now()}</answerTime><releaseTime>${Date.now()}</releaseTime></call>`;

const broadworks = {
	calls: true, forks: true, sides: 2,
	key: (n) => (n % 2 ? `u${n}@${DOMAIN}` : `u${n}`),
	write: eachSide((c, m) => XSI[m.word] && xsi(m.phone, XSI[m.word][0], half(c, m.leg, m.side), tell(m.phone, XSI[m.word][1], m.leg))),
	state: (phone, busy) => xsi(phone, 'HookStatusEvent', `<hookStatus>${busy ? 'Off' : 'On'}-Hook</hookStatus>`, whole(phone, busy)),
	noise: (phone, c) => xsi(phone, ['CallUpdatedEvent', 'CallTransferredEvent'][c.n % 2], half(c, 'x', 'caller'), []),
};

// ---- Dialpad, Webex, Twilio ----------------------------------------------------------------------

const base64url = (value) => Buffer.from(value).toString('base64url');
const DIALPAD = {
	dials: ['calling'], rings: ['ringing', 'ringing'], answered: ['connected', 'answered'], held: ['hold', 'held'], resumed: ['connected', 'answered'],
	elsewhere: ['hangup', 'ended'], missed: ['hangup', 'ended'], ended: ['hangup', 'ended'],
};

// A stream for each person; the ids are greater than JavaScript's numbers can be.
function dialpadSay(phone, c, leg, state, tells, kind = 'user') {
	const claims = JSON.stringify({
		call_id: 'ID', state, direction: 'inbound', external_number: NUMBER, date_connected: null, event_timestamp: Date.now(),
		target: { id: `9${phone.n}`, type: kind, email: `d${phone.n}@${DOMAIN}`, name: 'Ann' }, entry_point_call_id: null, is_transferred: false,
	}).replace('"ID"', `62${String(c.n).padStart(15, '0')}${leg === 'from' ? 0 : 1 + Number(leg.slice(2))}`);
	return { type: 'application/jwt', claims, tells };
}

const dialpad = {
	calls: true, forks: true, sides: 2,
	key: (n) => (n % 2 ? `9${n}` : `d${n}@${DOMAIN}`),
	write: eachSide((c, m) => {
		const [state, type] = DIALPAD[m.word] ?? [];
		return state && dialpadSay(m.phone, c, m.leg, state, type ? tell(m.phone, type, m.leg) : []);
	}),
	noise: (phone, c) => dialpadSay(phone, c, 'to8', 'connected', [], ['department', 'callcenter'][c.n % 2]),
	// The whole body is the proof.
	body: (secret, m) => {
		const signed = `${base64url('{"alg":"HS256","typ":"JWT"}')}.${base64url(m.claims)}`;
		return `${signed}.${mac('sha256', secret, signed, 'base64url')}`;
	},
};

const WEBEX = {
	'dials': ['connecting'], 'rings': ['alerting', 'ringing'], 'answered': ['connected', 'answered'], 'held': ['held', 'held'],
	'is held': ['remoteHeld', 'held'], 'resumed': ['connected', 'answered'], 'goes on': ['connected', 'answered'],
	'elsewhere': ['disconnected', 'ended'], 'missed': ['disconnected', 'ended'], 'ended': ['disconnected', 'ended'],
};

const webexSay = (phone, c, { leg, side }, state, tells, resource = 'telephony_calls') => json({
	id: 'Y2lz', name: 'calls', resource, event: { connecting: 'created', alerting: 'created', disconnected: 'deleted' }[state] ?? 'updated',
	orgId: 'o', createdBy: 'c', actorId: 'a', data: {
		eventTimestamp: new Date().toISOString(), personId: phone.extension, callId: `Y2lz${c.n}${leg}`, callSessionId: `OGQ${c.n}`,
		personality: side === 'caller' ? 'originator' : 'terminator', state, remoteParty: { name: 'x', number: '1012' },
	},
}, tells);

const webex = {
	calls: true, forks: true, sides: 2,
	key: (n) => `Y2lzY29zcGFyazovL3VzL1BFT1BMRS9${n}`,
	write: eachSide((c, m) => {
		const [state, type] = WEBEX[m.word];
		return webexSay(m.phone, c, m, state, type ? tell(m.phone, type, m.leg) : []);
	}),
	noise: (phone, c) => (c.n % 2 ? webexSay(phone, c, { leg: 'x' }, 'dancing', []) : webexSay(phone, c, { leg: 'x' }, 'connected', [], 'rooms')),
	proof: (secret, m) => ({ 'x-spark-signature': mac('sha1', secret, m.text, 'hex') }),
};

const party = (phone) => phone?.extension ?? NUMBER;

// A callback is about a leg that is dialled, From one side To the other.
function twilioWrite(c, what) {
	const say = (i, status, tells) => form({
		CallSid: `CA${c.n}-${i}`, ParentCallSid: `CA${c.n}`, AccountSid: 'AC1', CallStatus: status, Direction: 'outbound-dial',
		From: party(c.caller), To: party(c.callees[i]), Timestamp: new Date().toUTCString(), SequenceNumber: '1',
	}, tells);
	const both = (i, type) => [...tell(c.caller, type, `${i}from`), ...tell(c.callees[i], type, `${i}to`)];
	const all = c.callees.map((_, i) => i);
	switch (what) {
	case 'rings':
		return all.flatMap((i) => [say(i, 'initiated', []), say(i, 'ringing', tell(c.callees[i], 'ringing', `${i}to`))]);
	case 'answered':
		return all.map((i) => (i === c.answerer ? say(i, 'in-progress', both(i, 'answered')) : say(i, 'canceled', both(i, 'ended'))));
	case 'ended':
		return all.map((i) => say(i, c.talks && i === c.answerer ? 'completed' : ['busy', 'failed', 'no-answer', 'canceled'][c.n % 4], both(i, 'ended')));
	default:
		return [];
	}
}

const twilio = {
	calls: true, forks: true, sides: 2,
	key: (n) => [`client:u${n}`, `sip:u${n}@${DOMAIN}`, `+1415556${1000 + n}`][n % 3],
	write: twilioWrite,
	noise: (phone, c) => form({ CallSid: `CA${c.n}x`, CallStatus: 'dancing', From: NUMBER, To: phone.extension }, []),
	proof: (secret, m, url) => {
		const pairs = [...new URLSearchParams(m.text)].sort(([a], [b]) => (a < b ? -1 : 1));
		return { 'x-twilio-signature': mac('sha1', secret, url + pairs.flat().join(''), 'base64') };
	},
};

// ---- Amazon Connect, generic ---------------------------------------------------------------------------

function agentEvent(phone, type, states, at_ms, tells) {
	const id = randomUUID();
	return json({
		AWSAccountId: '123456789012', CurrentAgentSnapshot: {
			AgentStatus: { Name: 'Available' }, Configuration: { FirstName: 'Ann', Username: phone.extension },
			Contacts: states.map((State) => ({ ContactId: randomUUID(), Channel: 'VOICE', State })),
		}, EventId: id, EventTimestamp: new Date(at_ms).toISOString(), EventType: type, PreviousAgentSnapshot: null, Version: '2017-10-01',
	}, tells, { key: id });
}

const BUSY = [['CONNECTED'], ['ENDED', 'CONNECTED'], ['CONNECTED_ONHOLD'], ['INCOMING', 'CONNECTED_ONHOLD']];
const IDLE = [[], ['ENDED'], ['INCOMING'], ['CONNECTING', 'MISSED'], ['REJECTED', 'ERROR']];

const amazon_connect = {
	stamps: true,
	key: (n) => `agent${n}`,
	state: (phone, busy, c, at_ms) => (!busy && c.n % 4 === 0 ? agentEvent(phone, 'LOGOUT', ['CONNECTED'], at_ms, whole(phone, false, at_ms))
		: agentEvent(phone, ['STATE_CHANGE', 'HEART_BEAT'][c.n % 2], busy ? BUSY[c.n % 4] : IDLE[c.n % 5], at_ms, whole(phone, busy, at_ms))),
	noise: (phone) => agentEvent(phone, 'DANCE', ['CONNECTED'], Date.now(), []),
};

const GENERIC = {
	dials: 'answered', rings: 'ringing', answered: 'answered', held: 'held', resumed: 'resumed', elsewhere: 'ended', missed: 'ended', ended: 'ended',
};

const generic = {
	calls: true, forks: true, sides: 2,
	key: (n) => `${1000 + n}`,
	write: (c, what, by) => {
		const told = moments(c, what, by).filter((m) => m.phone && GENERIC[m.word]);
		return told.length === 0 ? [] : [json(told.map((m) => ({
			type: `call.${GENERIC[m.word]}`, data: { extension: m.phone.extension, call_id: c.id, leg_id: m.leg },
		})), told.flatMap((m) => tell(m.phone, GENERIC[m.word], m.leg)), { key: randomUUID() })];
	},
	state: (phone, busy) => json({ type: busy ? 'extension.busy' : 'extension.idle', data: { extension: phone.extension } }, whole(phone, busy), { key: randomUUID() }),
	noise: () => json([], []),
	proof: (secret, m) => sign(secret, m.key ?? randomUUID(), m.text),
};

/** By the platform's name. NetSapiens is sold under three more. */
export const VOCABULARY = {
	generic, 'action-url': action_url, 'amazon-connect': amazon_connect, broadworks, dialpad, kazoo, netsapiens, placetel, poly, ringcentral,
	ringlogix: netsapiens, twilio, 'united-cloud': netsapiens, viirtue: netsapiens, webex, wildix, yeastar, 'yeastar-s': yeastar_s, 'zoom-phone': zoom_phone,
};

/** The request as it goes out now: {method, url, headers, text}. */
export function proven(platform, m, { url, secret }) {
	const words = VOCABULARY[platform];
	const text = words.body ? words.body(secret, m) : m.text;
	const method = m.method ?? 'POST';
	if (method === 'GET')
		return { method, url: `${url}?${m.query}`, headers: {}, text: undefined };
	return { method, url, text, headers: { 'content-type': m.type, ...words.proof?.(secret, m, url), 'content-length': Buffer.byteLength(text) } };
}
