#!/usr/bin/env bash
# R12 R14: each way to lose a tenant is seen in mid-call, named to administrator and person, and heals by itself; another tenant does not notice.
# limit: 240
. "$(dirname "$0")/lib.sh"
start
sign_in admin@nordwind.example
emil=bbbbbbbb-0000-4000-8000-000000000011
ctl tenant-add "$TENANT2_ID" "Sudhang Labs" >/dev/null
ctl pbx-add "$TENANT2_ID" "Second" >"$TEST_DIR/pbx2"
ctl link "$TENANT2_ID" "$(sed -n 's/^id=//p' "$TEST_DIR/pbx2")" 1 $emil >/dev/null
sim POST /_sim/consent "{\"tenant\":\"$TENANT2_ID\",\"state\":\"granted\"}" >/dev/null
ctl consent-check "$TENANT2_ID" >/dev/null
ctl monitoring "$TENANT2_ID" $emil on >/dev/null

other_tenant_works() {
  local PBX_URL PBX_SECRET type
  PBX_URL=$(sed -n 's/^webhook_url=//p' "$TEST_DIR/pbx2")
  PBX_SECRET=$(sed -n 's/^secret=//p' "$TEST_DIR/pbx2")
  for type in phone.off_hook phone.on_hook; do
    post $type 1
    expect '.results[0].outcome' published
  done
}
consent() { # STATE [TOKENS]
  sim POST /_sim/consent "{\"tenant\":\"$TENANT_ID\",\"state\":\"$1\",\"tokens\":\"${2:-keep}\"}" >/dev/null
}
item() { jq -r ".action_items[] | select(.id == \"$1\") | .state" <<<"$BODY"; }
named() { # PROBLEM: on the dashboard, and nothing is said of the credential
  api GET tenant
  [ "$(jq -r '.consent | .state + " " + (.problem // "-")' <<<"$BODY") $(item consent) $(item credential)" = "lost $1 problem done" ]
}
granted() {
  api GET tenant
  [ "$(jq -r '.consent | .state + " " + (.problem // "-")' <<<"$BODY") $(item consent)" = "granted - done" ]
}
session_is() { # OID AVAILABILITY: what we told, "-" for nothing
  [ "$(sim GET "/_sim/presence?tenant=$TENANT_ID&user=$1" | jq -r '.session.availability // "-"')" = "$2" ]
}
sent() { sim_calls '[.[] | select(.op == "setPresence" or .op == "clearPresence")] | length'; }

# lose_and_find WORDS PROBLEM BREAK: Anna is on a call when it happens.
lose_and_find() {
  local n
  post call.answered 1001 "$2-$1-a"
  expect '.results[0].outcome' published
  sim_wait "$ANNA_OID" Busy
  eval "$3"
  post call.answered 1002 "$2-$1-b"
  expect_status 200
  seen_within 5 "$1: named \"$2\" after" named "$2"
  tab GET me "$ANNA_OID"
  expect '[.consent, .presence.problem] | join(" ")' "lost consent_lost"
  api GET "people?q=bert"
  expect '.items[0].problem' consent_lost
  # It is followed on, and nobody is told.
  n=$(sent)
  post call.ended 1001 "$2-$1-a"
  expect '.results[0].outcome' no_consent
  post call.answered 1003 "$2-$1-c"
  expect '.results[0].outcome' no_consent
  expect '.results[0].availability' Busy
  other_tenant_works
  is "$(sent)" "$n" "calls for a lost tenant"
  no_faults
  consent granted
  seen_within 20 "$1: restored, healed after" granted
  # R14: open legs are published, an unexpired Busy without legs is ended.
  until_true 10 session_is "$BERT_OID" Busy
  until_true 10 session_is "$CARLA_OID" Busy
  until_true 10 session_is "$ANNA_OID" Available
  tab GET me "$ANNA_OID"
  expect '[.consent, .presence.problem // "-"] | join(" ")' "granted -"
  post call.ended 1002 "$2-$1-b"
  expect '.results[0].outcome' published
  post call.ended 1003 "$2-$1-c"
  expect '.results[0].outcome' published
}
gone() { # CODE: Microsoft knows the tenant or the application no more
  fault "{\"match\":{\"op\":\"token\",\"tenant\":\"$TENANT_ID\"},\"times\":null,\"error_code\":$1}" >/dev/null
  consent granted refuse
}
lose_and_find "permission removed" permission_removed 'consent revoked strip'
lose_and_find "application removed" not_consented 'consent none refuse'
lose_and_find "application disabled" disabled_by_admin 'consent disabled refuse'
lose_and_find "blocked by policy" blocked_by_policy 'consent blocked strip'
lose_and_find "tenant deleted" tenant_not_found 'gone 90002'

# --- a grant that has not spread yet: lost until it has ---
consent none refuse
post call.answered 1002 spread
until_true 5 named not_consented
sim POST /_sim/consent "{\"tenant\":\"$TENANT_ID\",\"state\":\"granted\",\"propagation_s\":3}" >/dev/null
seen_within 5 "granted, but not spread: named after" named permission_removed
seen_within 30 "spread: healed after" granted
until_true 10 session_is "$BERT_OID" Busy
post call.ended 1002 spread

# --- Microsoft lets tokens live that were issued before: seen at their end ---
sim POST /_sim/consent "{\"tenant\":\"$TENANT_ID\",\"propagation_s\":0,\"tokens\":\"refuse\"}" >/dev/null
sim POST /_sim/limits '{"token_lifetime_s":6}' >/dev/null
post call.answered 1001 kept
expect '.results[0].outcome' published
sim POST /_sim/limits '{"token_lifetime_s":null}' >/dev/null
consent blocked
post call.ended 1001 kept
expect '.results[0].outcome' published # by the token that was kept
calls_until_seen() { post phone.off_hook 1002; post phone.on_hook 1002; named blocked_by_policy; }
seen_within 15 "blocked, with a token of 6 s: named after" calls_until_seen
consent granted
until_true 20 granted

# --- ... and within the hour, though the token has an hour to live and nobody calls ---
post call.answered 1001 hour
expect '.results[0].outcome' published
consent disabled
[ "$(sql "SELECT probe_at - now() BETWEEN '59 min' AND '60 min' FROM presence.tenant WHERE tenant_id = '$TENANT_ID'")" = t ] ||
  fail "a granted consent is asked for again at $(sql "SELECT probe_at - now() FROM presence.tenant WHERE tenant_id = '$TENANT_ID'")"
sql "UPDATE presence.tenant SET probe_at = now() WHERE tenant_id = '$TENANT_ID'" # the hour is over
seen_within 5 "disabled, nobody calls, the hour is over: named after" named disabled_by_admin
post call.held 1001 hour
expect '.results[0].outcome' no_consent
consent granted
seen_within 20 "restored, healed after" granted
until_true 10 session_is "$ANNA_OID" Busy
is "$(sql "SELECT DISTINCT consent FROM presence.tenant WHERE tenant_id = '$TENANT2_ID'")" granted "the other tenant's consent"
is "$(sql "SELECT count(*) FROM presence.event WHERE tenant_id = '$TENANT2_ID' AND kind = 'publish' AND outcome <> 'published'")" 0 "failures of the other tenant"
