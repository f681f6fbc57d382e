#!/usr/bin/env bash
# Connecting PBXs: made, listed, changed in part, deleted; a mistake is named; a secret is shown once; 50 and no more.
# limit: 60
. "$(dirname "$0")/lib.sh"
start
sign_in admin@nordwind.example

bad() { # WORDS JSON [PATH [METHOD]]
  api "${4:-POST}" "${3:-pbxs}" "$2"
  expect_status 400
  expect_detail "$1"
}
with() { # JSON: a good PBX, but for this
  jq -nc --argjson more "$1" '{name: "New", platform: "generic"} + $more'
}

# --- what cannot be ---
bad name '{"platform":"generic"}'
bad name "$(with '{"name":""}')"
bad name "$(with '{"name":7}')"
bad name "$(with "{\"name\":\"$(printf 'x%.0s' {1..101})\"}")"
bad name "$(with "{\"name\":\"$(printf 'ж%.0s' {1..101})\"}")"
bad platform '{"name":"New"}'
bad platform "$(with '{"platform":"asterix"}')"
bad platform "$(with '{"platform":["generic"]}')"
bad auth "$(with '{"auth":"none"}')"
bad auth "$(with '{"auth":true}')"
for value in 599 86401 0 -1 1e9 600.5 '"600"' true; do
  bad max_call_s "$(with "{\"max_call_s\":$value}")"
done
for value in '"10.0.0.0/8"' '{}' 7; do
  bad allow "$(with "{\"allow\":$value}")"
done
for value in '"10.0.0.0/33"' '"10.0.0"' '"::1/129"' '"pbx.example"' '""' 10 null '"10.0.0.1/8/8"' '" 10.0.0.1"'; do
  bad "allow[1]" "$(with "{\"allow\":[\"10.0.0.0/8\",$value]}")"
done
bad allow "$(with "{\"allow\":$(jq -nc '[range(51) | "10.0.0.\(.)"]')}")"
for value in '""' 7 '"short"' '"whsec_c2hvcnQ="' '"whsec_###"' "\"$(printf 'x%.0s' {1..600})\""; do
  bad secret "$(with "{\"secret\":$value}")"
done
bad "JSON: " '{'
bad object '["New"]'
api GET pbxs
expect '.items | length' 1

# --- made: the only time that the secret is shown ---
name='Zweigstelle <b>"Nord"</b> & Жуковка 📞'
api POST pbxs "$(jq -nc --arg n "$name" '{name: $n, platform: "generic", allow: ["10.0.0.0/8", "2001:db8::1"], max_call_s: 600, other: 1}')"
expect_status 201
expect 'keys | join(" ")' "id secret secret_expires_at webhook_url"
id=$(jq -r .id <<<"$BODY") secret=$(jq -r .secret <<<"$BODY")
[[ $secret =~ ^whsec_[A-Za-z0-9+/]{43}=$ ]] || fail "the secret is $secret"
expect .webhook_url "$PUBLIC_URL/webhook/$id"
api GET "pbxs/$id"
expect_status 200
expect 'keys | join(" ")' \
  "allow auth created_at extensions id last_event_at max_call_s name platform problem secret_expires_at webhook_url"
expect .name "$name"
expect '[.platform, .auth, .max_call_s, .extensions, .last_event_at, .problem] | tojson' '["generic","signature",600,0,null,null]'
expect '.allow | join(" ")' "10.0.0.0/8 2001:db8::1"
one=$BODY
[[ $BODY != *"${secret#whsec_}"* ]] || fail "the secret is shown again"
api GET pbxs
expect '.items | length' 2
expect .next null
is "$(jq -c '.items[1]' <<<"$BODY")" "$(jq -c . <<<"$one")" "the same PBX in the list"
[[ $BODY != *"$secret"* && $BODY != *"$PBX_SECRET"* ]] || fail "the list shows a secret"
refute grep -qF "${secret#whsec_}" <<<"$(sql "SELECT x FROM presence.pbx x")"
api GET "pbxs/$(tr a-f A-F <<<"$id")" # an id has no case
expect .id "$id"
api GET "pbxs/$PBX_ID"
expect .extensions 3
api POST pbxs "$(with '{"auth":"path"}')"
path_id=$(jq -r .id <<<"$BODY")
api GET pbxs
expect '[.items[].webhook_url | test("/webhook/[0-9a-f-]{36}$")] | all' true # without the secret of a path

# --- changed in part ---
changed() { # JQ: the PBX is as before, but for this
  is "$(jq -cS . <<<"$BODY")" "$(jq -cS "$1" <<<"$one")" "the changed PBX"
  one=$BODY
}
api PATCH "pbxs/$id" '{"name":"Nord"}'
expect_status 200
changed '.name = "Nord"'
api PATCH "pbxs/$id" '{"max_call_s":86400}'
changed '.max_call_s = 86400'
api PATCH "pbxs/$id" '{"allow":[]}'
changed '.allow = []'
api PATCH "pbxs/$id" '{"allow":["192.0.2.1"],"name":null,"platform":"other","auth":"path","secret":"x","id":"y"}'
changed '.allow = ["192.0.2.1"]'
api PATCH "pbxs/$id" '{}'
changed .
api PATCH "pbxs/$id" "{\"name\":\"$(printf 'ж%.0s' {1..100})\"}"
expect_status 200
api PATCH "pbxs/$id" '{"name":"Nord"}'
changed .
bad name '{"name":""}' "pbxs/$id" PATCH
bad max_call_s '{"name":"X","max_call_s":5}' "pbxs/$id" PATCH
bad "allow[0]" '{"name":"X","allow":["x"]}' "pbxs/$id" PATCH
bad object '[]' "pbxs/$id" PATCH
api GET "pbxs/$id"
changed .
bad secret '{"secret":"short"}' "pbxs/$id/secret"
bad secret '{"secret":7}' "pbxs/$id/secret"
post phone.off_hook 4711
until_true 10 eval 'api GET "pbxs/$PBX_ID"; [[ $(jq -r .problem <<<"$BODY") == *4711* ]]'
until_true 10 eval 'api GET "pbxs/$PBX_ID"; [ "$(jq -r .last_event_at <<<"$BODY")" != null ]'

# --- not there ---
for missing in 00000000-0000-4000-8000-000000000000 x "${id}0" "$TENANT_ID" %00 "$(printf 'a%.0s' {1..500})"; do
  for way in "GET $missing" "PATCH $missing {\"name\":\"X\"}" "DELETE $missing" "POST $missing/secret" \
    "GET $missing/extensions" "DELETE $missing/extensions/1001"; do
    read -r method path body <<<"$way"
    api "$method" "pbxs/$path" "$body"
    [[ $STATUS == 404 || ($STATUS == 400 && $missing == %00) ]] || fail "$way gives $STATUS: $BODY"
  done
done
api DELETE "pbxs/$PBX_ID/extensions/9999"
expect_status 404
api PUT "pbxs/$PBX_ID" '{}'
expect_status 405
is "$(header allow)" "GET, PATCH, DELETE" Allow

# --- deleted ---
api DELETE "pbxs/$path_id"
expect_status 204
is "$BODY" "" "body of 204"
api DELETE "pbxs/$path_id"
expect_status 404
api GET pbxs
expect '.items | length' 2

# --- 50 of a tenant ---
sql "INSERT INTO presence.pbx (tenant_id, pbx_id, name, platform, auth, secret)
  SELECT tenant_id, gen_random_uuid(), 'No ' || n, platform, auth, secret FROM presence.pbx, generate_series(1, 47) n
  WHERE pbx_id = '$PBX_ID'"
api POST pbxs "$(with '{}')"
expect_status 201
last=$(jq -r .id <<<"$BODY")
api POST pbxs "$(with '{}')"
expect_status 409
expect_detail 50
api GET pbxs
expect '.items | length' 50
expect .next null
api DELETE "pbxs/$last"
api POST pbxs "$(with '{}')"
expect_status 201
