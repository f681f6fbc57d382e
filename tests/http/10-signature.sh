#!/usr/bin/env bash
# Who may post events: a signature by one of two secrets and in time, the form of the address, the network.
# limit: 180
. "$(dirname "$0")/lib.sh"
start
sign_in admin@nordwind.example
event=$(event call.ringing 1001 s1)
wrong=whsec_$(openssl rand -base64 32)

refused() { # WORDS
  expect_status 401
  expect_detail "$1"
  is "$(header content-type)" application/problem+json "type of a refusal"
}
taken() {
  expect_status 200
  expect '.results | length' 1
}
connect() { # JSON: a PBX, in $ID $SECRET $ADDRESS; 1001 is linked there too
  api POST pbxs "$1"
  expect_status 201
  ID=$(jq -r .id <<<"$BODY") SECRET=$(jq -r .secret <<<"$BODY") ADDRESS=$(jq -r .webhook_url <<<"$BODY")
  ctl link "$TENANT_ID" "$ID" 1001 "$ANNA_OID" >/dev/null
}

# --- the signature ---
post_body "$event"
taken
for name in webhook-id webhook-timestamp webhook-signature; do
  sign "$event" | grep -v "^$name" >"$TEST_DIR/signed"
  request POST "$PBX_URL" -H "@$TEST_DIR/signed" -H content-type:application/json -d "$event"
  refused "$name is missing"
done
post_body "$event" "" "" "$wrong"
refused "signature does not match"
words=$(jq -c 'del(.request_id)' <<<"$BODY")
sign "$event" >"$TEST_DIR/signed"
request POST "$PBX_URL" -H "@$TEST_DIR/signed" -H content-type:application/json -d "$event "
refused "signature does not match"
sed -i 's/^webhook-id: ./&x/' "$TEST_DIR/signed"
request POST "$PBX_URL" -H "@$TEST_DIR/signed" -H content-type:application/json -d "$event"
refused "signature does not match"
for header in "v1," "v1,AAAA" "v2,$(sign "$event" m1 | sed -n 's/.*v1,//p')" "v1,$(printf %044d 0)"; do
  request POST "$PBX_URL" -H "webhook-id: m1" -H "webhook-timestamp: $(now_s)" \
    -H "webhook-signature: $header" -H content-type:application/json -d "$event"
  refused "signature does not match"
done
# Whoever sends several needs one that is right.
sign "$event" >"$TEST_DIR/signed"
sed -i 's/^webhook-signature: /&v1a,abcd v1,AAAA /' "$TEST_DIR/signed"
request POST "$PBX_URL" -H "@$TEST_DIR/signed" -H content-type:application/json -d "$event"
taken

# --- its time: only who knows the secret is told about the clock ---
post_body "$event" "" $(($(now_s) - 299))
taken
post_body "$event" "" $(($(now_s) + 298))
taken
post_body "$event" "" $(($(now_s) - 400))
refused " s behind this server's clock"
# The PBX's page tells it too: not each time, one refusal in 5 s.
until_true 15 eval 'post_body "$event" "" $(($(now_s) - 400)); sleep 0.5; api GET "pbxs/$PBX_ID"
  [[ $(jq -r .problem <<<"$BODY") == *behind* ]]'
post_body "$event" "" $(($(now_s) + 7200))
refused " s ahead of this server's clock"
for time in $(($(now_s) - 400)) $(($(now_s) + 7200)); do
  post_body "$event" "" "$time" "$wrong"
  is "$(jq -c 'del(.request_id)' <<<"$BODY")" "$words" "refusal of a wrong signature at a wrong time"
done
post_body "$event" "" soon
refused webhook-timestamp

# --- a PBX that does not exist is refused in the same words ---
for id in 00000000-0000-4000-8000-000000000000 nothing "$TENANT_ID"; do
  sign "$event" >"$TEST_DIR/signed"
  request POST "$PUBLIC_URL/webhook/$id" -H "@$TEST_DIR/signed" -H content-type:application/json -d "$event"
  expect_status 401
  is "$(jq -c 'del(.request_id)' <<<"$BODY")" "$words" "refusal at an unknown PBX"
done

# --- the vector of the standard: right, and years too late ---
connect '{"name":"Vector","platform":"generic","secret":"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}'
is "$SECRET" whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw "given secret"
vector() { # BODY
  request POST "$ADDRESS" -H content-type:application/json -H webhook-id:msg_p5jXN8AQM9LWM0D4loKWxJek \
    -H webhook-timestamp:1614265330 -d "$1" \
    -H 'webhook-signature: v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
}
vector '{"test": 2432232314}'
refused behind
vector '{"test": 2432232315}'
refused "signature does not match"

# --- the reference library ---
standard() { # BODY [ID] [SECONDS AGO]
  BODY=$(node tests/http/standard.mjs "$PBX_URL" "$PBX_SECRET" "$@")
  STATUS=$(jq .status <<<"$BODY") BODY=$(jq .body <<<"$BODY")
}
standard "$(event phone.off_hook 1001)" msg_library
taken
expect '.results[0].outcome' published
sim_is "$ANNA_OID" .activity InACall
standard "$(event phone.off_hook 1001)" msg_library
expect '.results[0].outcome' duplicate
standard "$(event phone.on_hook 1001)"
expect '.results[0].outcome' published
sim_is "$ANNA_OID" .availability Available
standard '{"type":"call.ringing","data":{"extension":"1001","call_id":"Größe 📞"}}'
taken
standard "$event" "" 310
refused behind

# --- the network ---
from() { # JSON of allow STATUS [curl's arguments ...]
  connect "{\"name\":\"Network\",\"platform\":\"generic\",\"allow\":$1}"
  sign "$event" "" "" "$SECRET" >"$TEST_DIR/signed"
  request POST "$ADDRESS" -H "@$TEST_DIR/signed" -H content-type:application/json "${@:3}" -d "$event"
  expect_status "$2"
}
from '["127.0.0.0/8","::1"]' 200
near=$ADDRESS near_id=$ID near_secret=$SECRET
from '["192.0.2.0/24","2001:db8::/32"]' 401
is "$(jq -c 'del(.request_id)' <<<"$BODY")" "$words" "refusal of another network"
# What a client says of its own address is nobody's word.
from '["192.0.2.7"]' 401 -H x-forwarded-for:192.0.2.7 -H x-real-ip:192.0.2.7 -H 'forwarded: for=192.0.2.7'

# --- two secrets during a rotation, and no third ---
# What is known of a PBX may be 5 s old, 1 s when somebody is refused.
api POST "pbxs/$PBX_ID/secret"
expect_status 200
second=$(jq -r .secret <<<"$BODY")
[[ $second == whsec_* && $second != "$PBX_SECRET" ]] || fail "the new secret is $second"
left=$(($(date -d "$(jq -r .secret_expires_at <<<"$BODY")" +%s) - $(date +%s)))
[ $left -gt 86300 ] && [ $left -le 86400 ] || fail "the old secret lives for $left s"
api GET "pbxs/$PBX_ID"
[ "$(jq -r .secret_expires_at <<<"$BODY")" != null ] || fail "the list does not tell of the old secret"
until_true 3 eval 'post_body "$event" "" "" "$second"; [ "$STATUS" = 200 ]'
post_body "$event"
taken
sql "UPDATE presence.pbx SET old_until_at = now() - interval '1 s' WHERE pbx_id = '$PBX_ID'"
api PATCH "pbxs/$near_id" '{"allow":["192.0.2.1"]}'
until_true 10 eval 'post_body "$event"; [ "$STATUS" = 401 ]'
refused "signature does not match"
post_body "$event" "" "" "$second"
taken
PBX_URL=$near
until_true 10 eval 'post_body "$event" "" "" "$near_secret"; [ "$STATUS" = 401 ]'
PBX_URL=$PUBLIC_URL/webhook/$PBX_ID
api POST "pbxs/$PBX_ID/secret" "{\"secret\":\"$wrong\"}"
expect .secret "$wrong"
api POST "pbxs/$PBX_ID/secret"
third=$(jq -r .secret <<<"$BODY")
for secret in "$third" "$wrong"; do
  until_true 3 eval 'post_body "$event" "" "" "$secret"; [ "$STATUS" = 200 ]'
done
post_body "$event" "" "" "$second"
refused "signature does not match"
