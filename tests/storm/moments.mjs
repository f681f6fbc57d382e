// What happens to each side of a call, and what all vocabularies are written with.
//
// A call: {id, n (a number of its own), caller, callees, answerer, talks, refs}. A side is
// a telephone {extension, n, pbx, person} or null for somebody outside; callees ring at
// once, the one of number `answerer` takes it; talks: it is answered some time.
//
// A request: {method, type, query, text, tells: [{phone, type, call_id, leg_id, line,
// event_ms}], over, key}; over: it ends this call, whoever is in it; key: its id, which it
// keeps when it is sent again. A word for each side is all that differs:
//
//   rings     the caller dials, the callees ring
//   answered  by one; it rings no more elsewhere
//   held, resumed  by one side; the other is held, goes on
//   ended     for both; missed where nobody took it

export const json = (value, tells, more = {}) => ({ type: 'application/json', text: JSON.stringify(value), tells, ...more });
export const form = (pairs, tells) => ({
	type: 'application/x-www-form-urlencoded', text: new URLSearchParams(pairs).toString(), tells,
});
export const xml = (text, tells, more = {}) => ({ type: 'application/xml; charset=UTF-8', text, tells, ...more });

/** What happens to each side: {phone, side, leg, word}. */
export function moments(c, what, by) {
	const caller = { phone: c.caller, side: 'caller', leg: 'from' };
	const callees = c.callees.map((phone, i) => ({ phone, side: 'callee', leg: `to${i}`, i }));
	const talker = callees[c.answerer];
	const others = callees.filter((m) => m !== talker).map((m) => ({ ...m, word: 'elsewhere' }));
	const two = by === 'caller' ? [caller, talker] : [talker, caller];
	switch (what) {
	case 'rings':
		return [{ ...caller, word: 'dials' }, ...callees.map((m) => ({ ...m, word: 'rings' }))];
	case 'answered':
		return [{ ...caller, word: 'answered' }, { ...talker, word: 'answered' }, ...others];
	case 'held':
		return [{ ...two[0], word: 'held' }, { ...two[1], word: 'is held' }];
	case 'resumed':
		return [{ ...two[0], word: 'resumed' }, { ...two[1], word: 'goes on' }];
	default:
		return [{ ...caller, word: 'ended' }, ...c.talks ? [{ ...talker, word: 'ended' }, ...others] : callees.map((m) => ({ ...m, word: 'missed' }))];
	}
}

/** One side's news; none of somebody outside. */
export const tell = (phone, type, leg_id) => (phone ? [{ phone, type: `call.${type}`, leg_id }] : []);

/** A writer for whom each side is a request of its own. */
export const eachSide = (one) => (c, what, by) => moments(c, what, by).filter((m) => m.phone)
	.map((m) => one(c, m)).filter(Boolean);

/** The whole state of a telephone. */
export const whole = (phone, busy, event_ms) => [{ phone, type: busy ? 'extension.busy' : 'extension.idle', event_ms }];
