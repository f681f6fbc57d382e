#!/usr/bin/env bash
# PBXs that cannot sign: the secret is the last part of the address; POST and GET, and no other form.
# limit: 60
. "$(dirname "$0")/lib.sh"
start
sign_in admin@nordwind.example

connect() { # JSON: a PBX, in $ID $SECRET $ADDRESS; 1001 is linked there too
  api POST pbxs "$1"
  expect_status 201
  ID=$(jq -r .id <<<"$BODY") SECRET=$(jq -r .secret <<<"$BODY") ADDRESS=$(jq -r .webhook_url <<<"$BODY")
  ctl link "$TENANT_ID" "$ID" 1001 "$ANNA_OID" >/dev/null
}
json=(-H content-type:application/json)
lifted=$(event phone.off_hook 1001)

connect '{"name":"Phones","platform":"generic","auth":"path"}'
[[ $SECRET =~ ^[A-Za-z0-9_-]{43}$ ]] || fail "a secret of 32 bytes is not like this: $SECRET"
is "$ADDRESS" "$PUBLIC_URL/webhook/$ID/$SECRET" webhook_url

# --- both methods ---
request POST "$ADDRESS" "${json[@]}" -d "$lifted"
expect_status 200
expect '.results[0].outcome' published
sim_is "$ANNA_OID" .availability Busy
request GET "$ADDRESS?type=phone.on_hook&extension=1001"
expect_status 200
expect '.results[0].outcome' published
is "$(header cache-control)" no-store "Cache-Control of a GET"
sim_is "$ANNA_OID" .availability Available
request GET "$ADDRESS?type=call.answered&extension=1001&call_id=c%201&leg_id=&line=&other=x"
expect '.results[0].outcome' published
request GET "$ADDRESS?type=call.ended&extension=1001&call_id=c+1"
expect '.results[0].outcome' published
request GET "$ADDRESS?type=pbx.restarted"
expect '.results[0].outcome' unchanged
expect '.results[0] | has("extension")' false
# A phone that looks the address up first must not move anything.
request HEAD "$ADDRESS?type=phone.off_hook&extension=1001" -I
expect_status 405
sim_is "$ANNA_OID" .availability Available
for method in PUT DELETE OPTIONS; do
  request $method "$ADDRESS" "${json[@]}" -d "$lifted"
  expect_status 405
done

# --- unsigned posts have no key: the same one twice is two events ---
for outcome in published unchanged; do
  request POST "$ADDRESS" "${json[@]}" -H webhook-id:same -H "webhook-timestamp: $(now_s)" \
    -H webhook-signature:v1,AAAA -d "$lifted"
  expect '.results[0].outcome' $outcome
done
request POST "$ADDRESS" "${json[@]}" -d "$(event phone.on_hook 1001)"

# --- who does not know it ---
words=
for address in "$PUBLIC_URL/webhook/$ID/${SECRET%?}" "$PUBLIC_URL/webhook/$ID/${SECRET}x" \
  "$PUBLIC_URL/webhook/$ID/$(tr 'A-Za-z' 'a-zA-Z' <<<"$SECRET")" \
  "$PUBLIC_URL/webhook/00000000-0000-4000-8000-000000000000/$SECRET" \
  "$PUBLIC_URL/webhook/nothing/$SECRET"; do
  for method in POST GET; do
    request $method "$address?type=phone.off_hook&extension=1001" "${json[@]}" \
      $([ $method = GET ] || printf '%s\n' -d "$lifted")
    expect_status 401
    : "${words:=$(jq -c 'del(.request_id)' <<<"$BODY")}"
    is "$(jq -c 'del(.request_id)' <<<"$BODY")" "$words" "words of a refusal"
  done
done
sim_is "$ANNA_OID" .availability Available

# --- the other form, both ways round ---
sign "$lifted" "" "" "whsec_$(openssl rand -base64 32)" >"$TEST_DIR/signed"
request POST "$PUBLIC_URL/webhook/$ID" "${json[@]}" -H "@$TEST_DIR/signed" -d "$lifted"
expect_status 401
key=$(printf '%s' "$SECRET" | base64 -w 0) # the path's secret is no key
sign "$lifted" "" "" "whsec_$key" >"$TEST_DIR/signed"
request POST "$PUBLIC_URL/webhook/$ID" "${json[@]}" -H "@$TEST_DIR/signed" -d "$lifted"
expect_status 401
for secret in "$PBX_SECRET" "${PBX_SECRET#whsec_}"; do
  request POST "$PBX_URL/$(jq -rn --arg s "$secret" '$s | @uri')" "${json[@]}" -d "$lifted"
  expect_status 401
done
request GET "$PBX_URL?type=phone.off_hook&extension=1001"
expect_status 405
is "$(header allow)" POST "what the signed form allows"

# --- a secret that somebody else made is kept as it is ---
connect '{"name":"Given","platform":"generic","auth":"path","secret":"Grüße/1 + 100%"}'
is "$SECRET" "Grüße/1 + 100%" "given secret"
request POST "$ADDRESS" "${json[@]}" -d "$lifted"
expect_status 200
expect '.results[0].outcome' published
request POST "$PUBLIC_URL/webhook/$ID/Gr%C3%BC%C3%9Fe/1" "${json[@]}" -d "$lifted"
[[ $STATUS == 401 || $STATUS == 404 ]] || fail "status is $STATUS for one part too many"
for body in '{"secret":""}' '{"secret":"a\u0007"}' "{\"secret\":\"$(printf 'x%.0s' {1..257})\"}"; do
  api POST "pbxs/$ID/secret" "$body"
  expect_status 400
  expect_detail secret
done

# --- a rotation ---
old=$ADDRESS
api POST "pbxs/$ID/secret"
expect_status 200
new=$(jq -r .webhook_url <<<"$BODY")
# What is known of a PBX may be a second old when somebody is refused.
until_true 3 eval 'request GET "$new?type=phone.off_hook&extension=1001"; [ "$STATUS" = 200 ]'
request GET "$old?type=phone.off_hook&extension=1001"
expect_status 200
sql "UPDATE presence.pbx SET old_until_at = now() - interval '1 s' WHERE pbx_id = '$ID'"
until_true 10 eval 'request GET "$old?type=phone.off_hook&extension=1001"; [ "$STATUS" = 401 ]'
request GET "$new?type=phone.off_hook&extension=1001"
expect_status 200
