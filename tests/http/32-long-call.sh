#!/usr/bin/env bash
# R8 R9: a call of ten hours is Busy at every moment of it, by a lease renewed at two thirds; one longer than max_call_s is cleared, once.
# limit: 240
#   SHORT_S=36000   also the shortest lease for all of the ten hours (else: the first)
. "$(dirname "$0")/lib.sh"
: "${SHORT_S:=3600}"
start STACK_FAKETIME=passing

hour=3600 step=240
sets() { sim_calls length "op=setPresence&user=$1"; }
clears() { sim_calls length "op=clearPresence&user=$1"; }

sign_in admin@nordwind.example
api PATCH "pbxs/$PBX_ID" '{"max_call_s":43200}'
expect_status 200
. tests/http/second-tenant.sh
sql "UPDATE presence.tenant SET lease_s = 300 WHERE tenant_id = '$TENANT2_ID'"
sql "UPDATE presence.pbx SET max_call_s = 43200 WHERE pbx_id = '$PBX2_ID'"

# watch SECONDS STEP_S TENANT/USER/LEASE_S ...: time passes, and every renewal is
# one at two thirds of the lease, as far as the steps can tell.
watch() {
  local step=$2 person gaps
  gaps=$(node tests/http/long-call.mjs "$stack" "$@") || fail "$gaps"
  echo "$gaps"
  for person in "${@:3}"; do
    local lease=${person##*/} user=${person#*/}
    jq -e --arg u "${user%/*}" --argjson lease "$lease" --argjson step "$step" '.people[$u]
      | .renewals > 0 and .shortest_s >= $lease * 2 / 3 - 0.1
        and .longest_s <= $lease * 2 / 3 + $step + 20 and .longest_s < $lease' <<<"$gaps" >/dev/null ||
      fail "renewals of $person: $gaps"
  done
}
anna=$TENANT_ID/$ANNA_OID/900 bert=$TENANT_ID/$BERT_OID/900 emil=$TENANT2_ID/$EMIL_OID/300

# Ten hours of three calls: two with the default lease, one with the shortest.
post call.answered 1001 long
expect '.results[0].outcome' published
post call.answered 1002 forgotten
expect '.results[0].outcome' published
stale_at=$(($(now_s) + 12 * hour))
post2 call.answered 1 short
expect '.results[0].outcome' published
watch "$SHORT_S" 95 "$anna" "$bert" "$emil"
post2 call.ended 1 short
expect '.results[0].availability' Available
[ "$SHORT_S" -ge $((10 * hour)) ] || watch $((10 * hour - SHORT_S)) $step "$anna" "$bert"

# It ends at hang-up: Available, then nothing of ours, and nothing is sent any more.
post call.ended 1001 long
expect '.results[0].outcome' published
sim_is "$ANNA_OID" .session.availability Available
n=$(sets "$ANNA_OID")
is "$(sim_calls '[.[] | select(.status != 200)] | length')" 0 "calls that were refused"

# The other one's PBX forgot to say its end: twelve hours without news are over.
watch $((2 * hour - 600)) $step "$bert"
watch $((stale_at - $(now_s) - 100)) 95 "$bert"
is "$(clears "$BERT_OID")" 0 "clears before max_call_s"
clock +$((stale_at - $(now_s) + 2))
sim_wait "$BERT_OID" Available 10000 session=none
is "$(sql "SELECT count(*) FROM presence.call_leg")" 0 "open legs"
until_true 10 eval '[ "$(sql "SELECT count(*) FROM presence.due WHERE at <= clock_timestamp()")" = 0 ]'
m=$(sets "$BERT_OID")
for ((i = 0; i < 8; i++)); do clock +900; done
is "$(clears "$BERT_OID")" 1 "clears of a stale call"
is "$(sets "$BERT_OID")" "$m" "calls after its end"
is "$(sets "$ANNA_OID")" "$n" "calls after hang-up"
sim_is "$ANNA_OID" .session null
post call.held 1002 forgotten
expect '.results[0].outcome' unchanged
refute grep -h jumped "$LOGS/reconciler.log"
