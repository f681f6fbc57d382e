#!/usr/bin/env bash
# R10: one call at a time for a person, the newest state wins, and what lands late is corrected. Slow Graph: the PBX is answered in time.
# limit: 180
. "$(dirname "$0")/lib.sh"
start STACK_FAKETIME=1

# The goals that Graph was told for somebody, in order, as one word each.
told() {
  sim_calls '[.[] | select(.op == "setPresence" or .op == "clearPresence")
    | .body.availability // "clear"] | join(" ")' "user=$1"
}
told_is() { [ "$(told "$1")" = "$2" ]; }

# Graph takes 10 s: the PBX is answered within 3 s, and what it says meanwhile
# is carried by the call under way: nothing is sent beside it.
fault '{"match":{"op":"setPresence"},"times":1,"delay_ms":10000}' >/dev/null
post call.answered 1001 c1
[ "$MS" -lt 3000 ] || fail "the answer took $MS ms"
expect_status 200
expect '.results[0].outcome' deferred
expect '.results[0].availability' Busy
post call.ended 1001 c1
expect '.results[0].outcome' deferred
post call.answered 1001 c2
expect '.results[0].availability' Busy
post call.ended 1001 c2
expect '.results[0].availability' Available
sim_wait "$ANNA_OID" Available 15000
told_is "$ANNA_OID" "Busy Available" || fail "told: $(told "$ANNA_OID")"

# It came back to what is being told: confirmed, and not told again.
fault '{"match":{"op":"setPresence"},"times":1,"delay_ms":1200}' >/dev/null
post call.answered 1002 d1 &
first=$!
until_true 5 eval '[ "$(sim_calls length "user=$BERT_OID&op=setPresence")" -ge 1 ] ||
  [ "$(sql "SELECT claim_until_at IS NOT NULL FROM presence.teams_user WHERE user_id = '"'$BERT_OID'"'")" = t ]'
post_body "[$(event call.ended 1002 d1),$(event call.answered 1002 d2)]"
expect '.results[0].outcome' superseded
expect '.results[1].outcome' published
wait $first
is "$(told "$BERT_OID")" Busy "told"

# A call that was given up after 15 s lands late, over the newer state: told
# once more 60 s after the next.
fault '{"match":{"op":"setPresence"},"times":1,"action":"hang","effect":"after","effect_delay_ms":4000}' >/dev/null
post call.answered 1003 e1
expect '.results[0].outcome' deferred
post call.ended 1003 e1
until_true 25 told_is "$CARLA_OID" "Busy Available"
sim_wait "$CARLA_OID" Busy 10000         # the late one landed
clock +61
sim_wait "$CARLA_OID" Available 10000
told_is "$CARLA_OID" "Busy Available Available" || fail "told: $(told "$CARLA_OID")"

# Never two at once for anybody.
is "$(sim GET /_sim/counts | jq .concurrent_per_user_max)" 1 "calls at once for a person"

# Graph is away for a minute (its connections break): answers in time all
# through, and then the newest state goes out by itself.
fault '{"match":{"op":"setPresence"},"status":503,"code":"ServiceUnavailable","effect":"none"}' >/dev/null
fault '{"match":{"op":"clearPresence"},"action":"reset","effect":"none"}' >/dev/null
for n in 1 2 3; do
  post call.answered 1001 "f$n"
  [ "$MS" -lt 3000 ] || fail "the answer took $MS ms"
  expect '.results[0].outcome' deferred
  clock +10
  post call.ended 1001 "f$n"
  clock +10
done
post call.answered 1001 f4
expect '.results[0].outcome' deferred
no_faults
clock +31
sim_wait "$ANNA_OID" Busy 10000
calls_settled
post call.ended 1001 f4
expect '.results[0].outcome' published
