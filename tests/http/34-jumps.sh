#!/usr/bin/env bash
# R16: the wall clock steps an hour, forth and back, in the middle of everything: presence is right within 45 s, and nothing is stuck for that hour.
# limit: 240
. "$(dirname "$0")/lib.sh"
start STACK_FAKETIME=1
. tests/http/second-tenant.sh
ctl link "$TENANT_ID" "$PBX_ID" 1004 "$DAVID_OID" >/dev/null
ctl monitoring "$TENANT_ID" "$DAVID_OID" on >/dev/null

# Not before the simulator's consent and certificate, which are of today.
clock +20000

# jump SECONDS: our clock, the PBX's and the identity platform's; not that of
# Teams' presence, where everybody's lease goes on as before.
jump() {
  local teams
  teams=$(sim GET /_sim/state | jq .offset_s)
  clock "$1"
  sim POST /_sim/clock "{\"offset_s\":$teams}" >/dev/null
}
# fresh OID: told anew just now, by Teams' clock.
fresh() {
  local now expires
  now=$(sim GET /_sim/state | jq -r .now)
  expires=$(sim GET "/_sim/presence?tenant=$TENANT_ID&user=$1" | jq -r '.session.expires_at // "1970-01-01"')
  [ $(($(date -d "$expires" +%s) - $(date -d "$now" +%s))) -ge 850 ]
}
emil_is() { TENANT_ID=$TENANT2_ID sim_wait "$EMIL_OID" "$@"; }

sign_in admin@nordwind.example
for step in -3600 +3600; do
  call=jump$SECONDS$step
  # Carla is busy; it rings at David's; the call of Graph for Anna takes a while;
  # Bert's fails until it is to pause; Emil's company is throttled for an hour.
  post call.answered 1003 "$call"
  expect '.results[0].outcome' published
  post call.ringing 1004 "$call"
  expect '.results[0].outcome' unchanged
  fault "{\"match\":{\"op\":\"setPresence\",\"tenant\":\"$TENANT2_ID\"},\"times\":1,\"status\":429,\"retry_after\":3500}" >/dev/null
  post2 call.answered 1 "$call"
  expect '.results[0].outcome' deferred
  failing=$(fault "{\"match\":{\"op\":\"setPresence\",\"user\":\"$BERT_OID\"},\"status\":500}")
  post call.answered 1002 "$call"
  expect '.results[0].outcome' deferred
  fault "{\"match\":{\"op\":\"setPresence\",\"user\":\"$ANNA_OID\"},\"times\":1,\"delay_ms\":6000,\"effect\":\"before\"}" >/dev/null
  post call.answered 1001 "$call"
  expect '.results[0].outcome' deferred
  until_true 20 eval '[ "$(sql "SELECT attempts >= 2 AND claim_until_at IS NULL AND retry_at > now()
    FROM presence.teams_user WHERE user_id = '"'$BERT_OID'"'")" = t ]'
  request GET "$PUBLIC_URL/auth/sign-in" -c "$TEST_DIR/begun" -b "$TEST_DIR/begun"
  begun=$(header location)
  n=$(sim_calls length "user=$CARLA_OID&op=setPresence")

  jump "$step"
  sim DELETE "/_sim/fault/$failing" >/dev/null
  began=$SECONDS
  sim_wait "$ANNA_OID" Busy 45000
  sim_wait "$BERT_OID" Busy 45000
  emil_is Busy 45000
  until_true 45 fresh "$CARLA_OID"
  until_true 45 fresh "$ANNA_OID"
  [ $((SECONDS - began)) -le 45 ] || fail "right only after $((SECONDS - began)) s"
  echo "$step s: right within $((SECONDS - began)) s"
  # What comes after it counts at once, whatever was said before.
  for extension in 1001 1002 1003; do
    post call.ended $extension "$call"
    expect '.results[0].outcome' published
  done
  post call.answered 1003 "$call"
  expect '.results[0].outcome' unchanged
  post2 call.ended 1 "$call"
  expect '.results[0].outcome' published
  # Nothing waits for a moment that is an hour away; David's ringing has its 180 s.
  until_true 20 eval '[ "$(sql "SELECT count(*) FROM presence.teams_user WHERE claim_until_at IS NOT NULL OR retry_at > clock_timestamp() + interval '"'1 min'"'")" = 0 ]'
  is "$(sql "SELECT count(*) FROM presence.tenant_budget WHERE gate_until_at > clock_timestamp()")" 0 "gates that are shut"
  is "$(sql "SELECT count(*) FROM presence.due WHERE user_id = '$DAVID_OID' AND at > clock_timestamp() + interval '185 s'")" 0 "ringing without end"
  is "$(sql "SELECT count(*) FROM presence.call_leg WHERE news_at > clock_timestamp()")" 0 "news of the future"
  is "$(sql "SELECT count(*) FROM presence.tenant WHERE probe_until_at > clock_timestamp() + interval '1 min' OR probe_at > clock_timestamp() + interval '1 day 1 min'")" 0 "probes that are held"
  post call.ended 1004 "$call"
  # A sign-in under way goes on, or begins anew: nobody is locked out.
  next=$(sim POST /_sim/sign_in "$(jq -nc --arg url "$begun" '{url: $url, user: "admin@nordwind.example"}')" | jq -r '.location // empty')
  if [ "$next" ]; then
    request GET "$next" -c "$TEST_DIR/begun" -b "$TEST_DIR/begun"
    case $STATUS in 302 | 303 | 400 | 403) ;; *) fail "a sign-in over the jump is answered $STATUS: $BODY" ;; esac
  fi
  api GET session
  case $STATUS in 200 | 401) ;; *) fail "the session is answered $STATUS" ;; esac
  sign_in admin@nordwind.example
  api GET tenant
  expect '.consent.state' granted
done
is "$(sql "SELECT count(*) FROM presence.event WHERE outcome = 'error'")" 0 "events that were not applied"
