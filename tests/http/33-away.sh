#!/usr/bin/env bash
# R7 R8 R9: everything of ours stands still beyond the end of a lease: Teams heals itself, what is open is told again on return, and what is over is not cleared in vain.
# limit: 240
. "$(dirname "$0")/lib.sh"
start STACK_FAKETIME=passing

words() { # what Graph was told for somebody since $since, in order
  sim_calls '[.[] | select(.op == "setPresence" or .op == "clearPresence")
    | .body.availability // "clear"] | join(" ")' "user=$1&since=$since"
}
none_due() { [ "$(sql "SELECT count(*) FROM presence.due WHERE at <= clock_timestamp()")" = 0 ]; }
no_claims() { [ "$(sql "SELECT count(*) FROM presence.teams_user WHERE claim_until_at IS NOT NULL")" = 0 ]; }
quiet() { until_true 15 none_due; until_true 15 no_claims; }
# away SECONDS: all that is ours stands still for so long, PostgreSQL and nginx too.
away() {
  local name
  until_true 15 no_claims
  for name in reconciler webhook tab admin nginx postgres; do service "$name" stop; done
  no_faults
  since=$(sim GET "/_sim/calls?since=1000000" | jq .seq)
  clock "+$1"
}
# What serves events comes back first; the reconciler when it is asked for.
back() {
  local name
  for name in postgres nginx webhook tab admin; do service "$name" start; done
  for name in webhook tab admin; do until_true 20 curl -sf --noproxy '*' -o /dev/null "$URL/readyz/$name"; done
}

ctl link "$TENANT_ID" "$PBX_ID" 1004 "$DAVID_OID" >/dev/null
ctl monitoring "$TENANT_ID" "$DAVID_OID" on >/dev/null

# Anna's call goes on; Bert's ends while nobody listens, and his PBX says so on our
# return; Carla's had ended before, Available shows; David's was never told: Graph
# was away for him.
post call.answered 1001 on
expect '.results[0].outcome' published
post call.answered 1002 over
expect '.results[0].outcome' published
post call.answered 1003 before
post call.ended 1003 before
expect '.results[0].outcome' published
fault "{\"match\":{\"op\":\"setPresence\",\"user\":\"$DAVID_OID\"},\"times\":1,\"status\":503,\"retry_after\":60}" >/dev/null
post call.answered 1004 held
expect '.results[0].outcome' deferred
away 901
sim_is "$ANNA_OID" .session null
sim_is "$BERT_OID" .session null
sim_is "$CARLA_OID" .session null
back
post call.ended 1002 over
expect '.results[0].outcome' unchanged
expect '.results[0].availability' null
is "$(words "$BERT_OID")" "" "told for a call whose Busy had run out"
# News of a call that goes on: told at once, though the reconciler still sleeps.
post call.held 1001 on
expect '.results[0].outcome' unchanged
sim_wait "$ANNA_OID" Busy 5000
service reconciler start
sim_wait "$DAVID_OID" Busy 10000
quiet
is "$(words "$ANNA_OID")" Busy "told for the call that goes on"
is "$(words "$DAVID_OID")" Busy "told for the call that had to wait"
is "$(words "$CARLA_OID")$(words "$BERT_OID")" "" "told for calls that are over"

# Nobody says anything on return: the reconciler alone tells what is open.
away 901
sim_is "$ANNA_OID" .session null
back
service reconciler start
sim_wait "$ANNA_OID" Busy 10000
sim_wait "$DAVID_OID" Busy 10000
quiet
is "$(words "$ANNA_OID") $(words "$DAVID_OID")" "Busy Busy" "told on return"

# Shorter than the lease: a hang-up that is said on return is told, as ever.
away 400
sim_is "$ANNA_OID" .session.availability Busy
back
post call.ended 1001 on
expect '.results[0].outcome' published
sim_is "$ANNA_OID" .session.availability Available
service reconciler start
quiet
is "$(words "$ANNA_OID")" Available "told at hang-up"

# What had to be ended, and could not be told, is over with the lease: Available
# after a call and a clear; only a clear in time is sent on return.
post call.answered 1001 late
post call.answered 1002 late
post call.answered 1003 late
for op in setPresence clearPresence; do
  fault "{\"match\":{\"op\":\"$op\",\"tenant\":\"$TENANT_ID\"},\"action\":\"reset\",\"effect\":\"none\"}" >/dev/null
done
post call.ended 1001 late
expect '.results[0].outcome' deferred
tab PUT monitoring "$BERT_OID" '{"on":false}'
expect_status 200
away 1000
back
service reconciler start
sim_wait "$CARLA_OID" Busy 10000
quiet
is "$(words "$ANNA_OID")$(words "$BERT_OID")" "" "told for what had run out"
is "$(words "$CARLA_OID")" Busy "told for the call that goes on"
is "$(sql "SELECT count(*) FROM presence.teams_user WHERE user_id = '$BERT_OID' AND monitoring")" 0 "monitoring"

# A call that becomes stale while we are away: over, and not cleared in vain.
away 14400
back
service reconciler start
quiet
is "$(sql "SELECT count(*) FROM presence.call_leg WHERE user_id = '$CARLA_OID'")" 0 "legs without news"
is "$(words "$CARLA_OID")" "" "told for a stale call whose Busy had run out"
sim_is "$CARLA_OID" .session null
refute grep -h jumped "$LOGS/reconciler.log"
