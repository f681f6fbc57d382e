#!/usr/bin/env bash
# The tenant on the dashboard: consent, action items, settings; what is wrong is named, what is changed takes effect.
# limit: 60
. "$(dirname "$0")/lib.sh"
start
sign_in admin@nordwind.example

item() { # ID STATE: so it is by now
  api GET tenant
  [ "$(jq -r --arg id "$1" '.action_items[] | select(.id == $id) | .state' <<<"$BODY")" = "$2" ]
}
bad() { # WORDS BODY
  api PATCH tenant "$2"
  expect_status 400
  expect_detail "$1"
  api GET tenant
  is "$(jq -c .settings <<<"$BODY")" "$settings" "settings after a refused change"
}

# --- what is shown ---
api GET tenant
expect_status 200
is "$(header content-type)" application/json "content type"
is "$(header cache-control)" no-store Cache-Control
expect 'keys | join(" ")' "action_items consent settings"
expect '.consent | keys | join(" ")' "checked_at granted_at granted_by problem state"
expect '.consent.state' granted
[[ $(jq -r .consent.checked_at <<<"$BODY") =~ ^20[0-9-]{8}T[0-9:.]+Z$ ]] || fail "no RFC 3339: $BODY"
expect '[.action_items[] | .id] | join(" ")' "consent pbx extensions teams_app credential"
expect '[.action_items[] | .state] | unique | join(" ")' "done"
settings='{"after_call":"available","ringing_is_busy":false,"lease_s":900}'
is "$(jq -c .settings <<<"$BODY")" "$settings" settings

# --- what cannot be ---
bad "JSON: " "{"
bad "object" '[]'
bad "settings" '{}'
bad "settings" '{"settings":[]}'
bad "settings.lease_s" '{"settings":{"lease_s":299}}'
bad "settings.lease_s" '{"settings":{"lease_s":14401}}'
bad "settings.lease_s" '{"settings":{"lease_s":"900"}}'
bad "settings.lease_s" '{"settings":{"lease_s":600.5}}'
bad "settings.lease_s" '{"settings":{"lease_s":0}}'
bad "settings.lease_s" '{"settings":{"lease_s":99999999999999999999}}'
bad "settings.after_call" '{"settings":{"after_call":"busy"}}'
bad "settings.after_call" '{"settings":{"after_call":false}}'
bad "settings.after_call" '{"settings":{"after_call":""}}'
bad "settings.ringing_is_busy" '{"settings":{"ringing_is_busy":"yes"}}'
bad "settings.ringing_is_busy" '{"settings":{"ringing_is_busy":1}}'
# One wrong member keeps the right ones from being stored.
bad "settings.lease_s" '{"settings":{"after_call":"clear","ringing_is_busy":true,"lease_s":1}}'
request PATCH "$PUBLIC_URL/admin/api/tenant" -b "$COOKIES" -H "x-csrf-token: $CSRF" -H content-type:text/plain \
  -d '{"settings":{"lease_s":600}}'
expect_status 415
api PUT tenant '{"settings":{"lease_s":600}}'
expect_status 405
is "$(header allow)" "GET, PATCH" Allow
api PATCH tenant "{\"settings\":{\"lease_s\":600},\"pad\":\"$(printf 'x%.0s' {1..70000})\"}"
expect_status 413

# --- one member at a time, the others stay ---
api PATCH tenant '{"settings":{"lease_s":300}}'
expect_status 200
is "$(jq -c .settings <<<"$BODY")" '{"after_call":"available","ringing_is_busy":false,"lease_s":300}' settings
api PATCH tenant '{"settings":{"after_call":"clear","lease_s":null,"other":1},"consent":{"state":"none"}}'
is "$(jq -c .settings <<<"$BODY")" '{"after_call":"clear","ringing_is_busy":false,"lease_s":300}' settings
expect .consent.state granted
lines=$(sql "SELECT count(*) FROM presence.event")
api PATCH tenant '{"settings":{}}'
expect_status 200
is "$(sql "SELECT count(*) FROM presence.event")" "$lines" "lines of the log after no change"
post phone.off_hook 1001
is "$(sim_calls 'last | .body.expirationDuration' op=setPresence)" PT5M "duration of a lease of 300 s"
post phone.on_hook 1001
expect '.results[0].outcome' published
sim_is "$ANNA_OID" .session null

# --- ringing_is_busy holds for calls that are under way ---
post call.ringing 1002 r1
expect '.results[0].outcome' unchanged
api PATCH tenant '{"settings":{"ringing_is_busy":true}}'
expect_status 200
sim_wait "$BERT_OID" Busy
api PATCH tenant '{"settings":{"ringing_is_busy":false}}'
sim_wait "$BERT_OID" Available 10000 session=none

# --- action items follow what is so ---
post_body "$(event phone.off_hook 1001)" "" "" "whsec_$(openssl rand -base64 32)"
expect_status 401
until_true 5 item pbx problem
sql "UPDATE presence.pbx SET refused_at = refused_at - interval '25 h'"
item pbx "done"
sim POST /_sim/consent "{\"tenant\":\"$TENANT_ID\",\"state\":\"revoked\",\"tokens\":\"strip\"}" >/dev/null
post phone.off_hook 1001
until_true 10 item consent problem
expect .consent.state lost
[ "$(jq -r .consent.problem <<<"$BODY")" != null ] || fail "lost, and nobody says why: $BODY"
api DELETE "pbxs/$PBX_ID"
expect_status 204
item pbx todo
item extensions todo

# --- who may: five roles change settings, nobody else sees them ---
for user in teamsadmin appadmin; do
  sign_in $user@nordwind.example
  api PATCH tenant '{"settings":{"after_call":"available"}}'
  expect_status 200
done
sign_in anna@nordwind.example
api GET tenant
expect_status 403
api PATCH tenant '{"settings":{"after_call":"clear"}}'
expect_status 403
sign_in admin@nordwind.example
api GET tenant
expect .settings.after_call available
api GET activity
expect '[.items[] | select(.kind == "admin" and .type == "settings")][0] | [.outcome, .detail, .oid] | join(": ")' \
  "changed: after_call available: aaaaaaaa-0000-4000-8000-000000000003"
