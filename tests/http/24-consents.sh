#!/usr/bin/env bash
# R11 R12: nothing for a person who switched off, nothing for a tenant without consent; legs go on being followed.
# limit: 90
. "$(dirname "$0")/lib.sh"
start

calls() { sim_calls length "user=$1"; }
rows_of() { # rows that hold this person's legs, keys, events
  sql "SELECT (SELECT count(*) FROM presence.call_leg WHERE user_id = '$1')
    + (SELECT count(*) FROM presence.event WHERE user_id = '$1' AND kind = 'event')"
}

# David has never switched on: linked, and yet nothing is kept or sent.
ctl link "$TENANT_ID" "$PBX_ID" 1004 "$DAVID_OID" >/dev/null
keys=$(sql "SELECT count(*) FROM presence.event_key")
post call.answered 1004 c1
expect '.results[0].outcome' monitoring_off
expect '.results[0].availability' null
is "$(rows_of "$DAVID_OID")" 0 "rows of a person who is off"
is "$(sql "SELECT count(*) FROM presence.event_key")" "$keys" "kept keys"
is "$(calls "$DAVID_OID")" 0 "calls for a person who is off"

# On in mid-call: later news count.
tab PUT monitoring "$DAVID_OID" '{"on":true}'
expect_status 200
expect .monitoring true
post call.held 1004 c1
expect '.results[0].outcome' published
sim_is "$DAVID_OID" .availability Busy

# Off in mid-call: cleared at once, before the answer of the switch.
tab PUT monitoring "$DAVID_OID" '{"on":false}'
expect_status 200
expect .monitoring false
expect .presence.availability null
sim_is "$DAVID_OID" .session null
is "$(sql "SELECT count(*) FROM presence.call_leg WHERE user_id = '$DAVID_OID'")" 0 "legs after off"
post call.ended 1004 c1
expect '.results[0].outcome' monitoring_off
# Without a tombstone: the same call may count again once it is on.
tab PUT monitoring "$DAVID_OID" '{"on":true}'
post call.resumed 1004 c1
expect '.results[0].outcome' published

# Off clears an Available of ours too, and twice is once.
post call.ended 1004 c1
sim_is "$DAVID_OID" .session.availability Available
tab PUT monitoring "$DAVID_OID" '{"on":false}'
sim_is "$DAVID_OID" .session null
n=$(calls "$DAVID_OID")
tab PUT monitoring "$DAVID_OID" '{"on":false}'
is "$(calls "$DAVID_OID")" "$n" "calls of a second off"

# While Graph is away the clear waits; it is the only thing that outlives off.
tab PUT monitoring "$DAVID_OID" '{"on":true}'
post call.answered 1004 c2
sim_is "$DAVID_OID" .availability Busy
id=$(fault '{"match":{"op":"clearPresence"},"status":503,"code":"ServiceUnavailable"}')
tab PUT monitoring "$DAVID_OID" '{"on":false}'
expect_status 200
expect .monitoring false
sim_is "$DAVID_OID" .availability Busy
sim DELETE "/_sim/fault/$id" >/dev/null
sim_wait "$DAVID_OID" Available 20000 session=none

# Consent goes: found out by the next call, then answered no_consent.
sim POST /_sim/consent "{\"tenant\":\"$TENANT_ID\",\"state\":\"none\",\"tokens\":\"strip\"}" >/dev/null
post call.answered 1001 k1
expect_status 200
until_true 15 eval '[ "$(sql "SELECT consent FROM presence.tenant WHERE tenant_id = '"'$TENANT_ID'"'")" = lost ]'
n=$(sim_calls length op=setPresence)
post call.answered 1002 k2
expect '.results[0].outcome' no_consent
expect '.results[0].availability' Busy
post call.answered 1003 k3
expect '.results[0].outcome' no_consent
post call.ended 1003 k3
expect '.results[0].outcome' no_consent
is "$(sim_calls length op=setPresence)" "$n" "calls without consent"
is "$(sql "SELECT count(*) FROM presence.call_leg")" 2 "legs that are followed"
tab GET me "$BERT_OID"
expect .consent lost
expect .presence.problem consent_lost

# Granted again, in mid-call: who is on a call is published by itself.
sim POST /_sim/consent "{\"tenant\":\"$TENANT_ID\",\"state\":\"granted\"}" >/dev/null
ctl consent-check "$TENANT_ID" >/dev/null
sim_wait "$BERT_OID" Busy
sim_wait "$ANNA_OID" Busy
sim_is "$CARLA_OID" .session null
calls_settled
post call.ended 1001 k1
expect '.results[0].outcome' published
