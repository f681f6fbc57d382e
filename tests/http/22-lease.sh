#!/usr/bin/env bash
# R3 R7 R8 R9: leases are renewed while a leg is open, and nobody stays busy without news.
# limit: 150
. "$(dirname "$0")/lib.sh"
start STACK_FAKETIME=1

sets() { sim_calls 'length' "op=setPresence&user=$1"; }
clears() { sim_calls 'length' "op=clearPresence&user=$1"; }
at_least() { [ "$("$1" "$2")" -ge "$3" ]; }

# Busy for 15 minutes, told again after 10, for as long as the leg is open.
post call.answered 1001 long
expect '.results[0].outcome' published
is "$(sim_calls '.[-1].body.expirationDuration' "op=setPresence&user=$ANNA_OID")" PT15M
post call.ringing 1002 tick
for n in 2 3 4; do
  clock +610
  until_true 10 at_least sets "$ANNA_OID" $n
  sim_is "$ANNA_OID" .availability Busy
done

# A ringing leg without news ends after 180 s and frees nobody, tells nothing.
until_true 10 eval '[ "$(sql "SELECT count(*) FROM presence.call_leg WHERE call_id = '"'tick'"'")" = 0 ]'
is "$(sets "$BERT_OID")" 0 "calls for ringing"

# Without news for the PBX's max_call_s the leg is stale: cleared, whatever
# after_call says, and it does not come back.
sign_in admin@nordwind.example
api PATCH "pbxs/$PBX_ID" '{"max_call_s":600}'
expect_status 200
until_true 10 at_least clears "$ANNA_OID" 1
sim_wait "$ANNA_OID" Available 10000 session=none
is "$(sql "SELECT count(*) FROM presence.call_leg")" 0 "open legs"
post call.answered 1001 long
expect '.results[0].outcome' unchanged
tab GET me "$ANNA_OID"
expect .presence.reason stale

# News keep a leg alive beyond max_call_s.
post call.answered 1003 kept
expect '.results[0].outcome' published
n=$(sets "$CARLA_OID")
clock +500
post call.held 1003 kept
clock +500
until_true 10 at_least sets "$CARLA_OID" $((n + 1))     # its lease is renewed meanwhile
post call.resumed 1003 kept
expect '.results[0].availability' Busy
post call.ended 1003 kept
expect '.results[0].outcome' published
expect '.results[0].availability' Available
api PATCH "pbxs/$PBX_ID" '{"max_call_s":14400}'

# After a call Available is told once, for five minutes, and not renewed.
before=$(sets "$CARLA_OID")
is "$(sim_calls '.[-1].body.expirationDuration' "op=setPresence&user=$CARLA_OID")" PT5M
clock +3600
post call.ringing 1002 tock
until_true 10 eval '[ "$(sql "SELECT count(*) FROM presence.due WHERE at < clock_timestamp()")" = 0 ]'
is "$(sets "$CARLA_OID")" "$before" "calls after Available ran out"

# The reconciler dies in mid-call: Teams heals itself within the lease.
post call.answered 1003 orphan
sim_is "$CARLA_OID" .availability Busy
service reconciler stop
clock +901
sim_is "$CARLA_OID" .session null
# Its hang-up then has nothing to end ...
post call.ended 1003 orphan
expect '.results[0].availability' null
# ... and a leg that is still open is told again when it is back.
post call.answered 1003 again
clock +901
sim_is "$CARLA_OID" .session null
service reconciler start
sim_wait "$CARLA_OID" Busy

# A tenant may choose the lease and what follows a call.
sign_in admin@nordwind.example
api PATCH tenant '{"settings":{"lease_s":300,"after_call":"clear"}}'
expect_status 200
post call.ended 1003 again
expect '.results[0].availability' null
sim_wait "$CARLA_OID" Available 5000 session=none
post call.answered 1003 short
is "$(sim_calls '.[-1].body.expirationDuration' "op=setPresence&user=$CARLA_OID")" PT5M
n=$(sets "$CARLA_OID")
clock +205
until_true 10 at_least sets "$CARLA_OID" $((n + 1))
