#!/usr/bin/env bash
# No log holds a secret: of PBXs, sessions, tokens, codes, keys; also when size, time or a program fails.
# limit: 180
. "$(dirname "$0")/lib.sh"
start
secrets=$TEST_DIR/secrets
: >"$secrets"
keep() { # TEXT ...: must be found in no log, in none of its spellings
  local s
  for s; do
    [ ${#s} -ge 16 ] || fail "too short to be looked for: $s"
    printf '%s\n' "$s" "$(jq -rn --arg s "$s" '$s | @uri')" >>"$secrets"
  done
}
found() { # the logs that hold one
  sort -u "$secrets" | grep -rlFf - "$LOGS" || true
}

# --- what is used where all goes well ---
keep "$PBX_SECRET" "${PBX_SECRET#whsec_}" "$(<"$STACK_DIR/tls/client.secret")" "$(<"$STACK_DIR/tls/seal.key")"
request GET "$PUBLIC_URL/auth/sign-in" -c "$COOKIES" -b "$COOKIES"
authorize=$(header location)
keep "$(sed 's/.*[?&]state=\([^&]*\).*/\1/' <<<"$authorize")" "$(sed 's/.*[?&]nonce=\([^&]*\).*/\1/' <<<"$authorize")"
callback=$(sim POST /_sim/sign_in "$(jq -nc --arg url "$authorize" '{url: $url, user: "admin@nordwind.example"}')" | jq -r .location)
keep "$(sed 's/.*[?&]code=\([^&]*\).*/\1/' <<<"$callback")"
request GET "$callback" -c "$COOKIES" -b "$COOKIES"
expect_status 302
api GET session
CSRF=$(jq -r .csrf <<<"$BODY")
keep "$CSRF"
while read -r cookie; do keep "$cookie"; done < <(awk '/presence/ { print $7 }' "$COOKIES" | grep .)
request GET "$PUBLIC_URL/consent" -c "$COOKIES" -b "$COOKIES"
callback=$(sim POST /_sim/sign_in "$(jq -nc --arg url "$(header location)" '{url: $url, user: "admin@nordwind.example"}')" | jq -r .location)
keep "$(sed 's/.*[?&]state=\([^&]*\).*/\1/' <<<"$callback")"
request GET "$callback" -c "$COOKIES" -b "$COOKIES"
api POST pbxs '{"name":"Phones","platform":"generic","auth":"path"}'
path_id=$(jq -r .id <<<"$BODY") path_secret=$(jq -r .secret <<<"$BODY") path_url=$(jq -r .webhook_url <<<"$BODY")
keep "$path_secret"
api POST "pbxs/$path_id/secret" '{"secret":"Grüße an alle Telefone/1"}'
keep "Grüße an alle Telefone/1"
second_url=$(jq -r .webhook_url <<<"$BODY")
request GET "$second_url?type=phone.off_hook&extension=1001"
expect_status 200
request GET "$path_url?type=phone.off_hook&extension=Extension-of-nobody-1"
token=$(tab_token "$ANNA_OID")
keep "$token" "${token##*.}"
request GET "$PUBLIC_URL/tab/api/me" -H "authorization: Bearer $token"
expect_status 200
post phone.off_hook 1001
post call.ringing 1001 call-id-of-somebody-4711

# --- where it does not ---
request GET "$PUBLIC_URL/tab/api/me" -H "authorization: Bearer ${token}x"
expect_status 401
request GET "$PUBLIC_URL/tab/api/me" -H "authorization: Basic $token"
request GET "$PUBLIC_URL/tab/api/me" -H "authorization: Bearer $token$token$token$token$token$token$token$token$token$token$token$token$token$token$token$token$token"
expect_status 400
request GET "$PUBLIC_URL/auth/callback?code=$path_secret&state=$path_secret&error=$path_secret" -b "presence=$path_secret"
request GET "$PUBLIC_URL/consent/callback?code=$path_secret&state=$path_secret" -H "x-csrf-token: $path_secret"
request POST "$path_url" -H content-type:application/json -d "{\"$path_secret\":\"$path_secret\",\"type\":\"$path_secret\"}"
expect_status 400
request GET "$path_url?type=$path_secret&extension=$path_secret"
expect_status 400
request POST "$path_url/$path_secret" -d x
request GET "$path_url/%00"
request GET "$path_url?type=%zz"
request GET "$PUBLIC_URL/webhook/%zz/$path_secret"
request GET "$PUBLIC_URL//webhook/$path_id/$path_secret"
request GET "$PUBLIC_URL/x/../webhook/$path_id/$path_secret" --path-as-is
request GET "$PUBLIC_URL/webhooks/$path_id/$path_secret"
head -c 1200000 /dev/zero >"$TEST_DIR/big"
for url in "$path_url" "$PUBLIC_URL/auth/sign-out?$path_secret" "$PUBLIC_URL/consent/callback?code=$path_secret"; do
  request POST "$url" -H content-type:application/json --data-binary "@$TEST_DIR/big"
  expect_status 413
done

# 502: nobody listens. 504: the program took the request and stands still.
for name in webhook admin; do mv "$RUN/$name.sock" "$RUN/$name.gone"; done
for url in "$path_url?type=phone.off_hook" "$PUBLIC_URL/auth/callback?code=$path_secret" \
  "$PUBLIC_URL/consent/callback?state=$path_secret"; do
  request GET "$url" -H "referer: $path_url" -H "user-agent: $path_secret"
  expect_status 503
done
for name in webhook admin; do mv "$RUN/$name.gone" "$RUN/$name.sock"; done
for name in webhook admin; do service $name pause; done
for url in "$path_url?type=phone.off_hook" "$PUBLIC_URL/auth/callback?code=$path_secret" \
  "$PUBLIC_URL/consent/callback?state=$path_secret"; do
  curl -sS --noproxy '*' -o /dev/null "$url" -H "referer: $path_url" &
  slow+=($!)
done
wait "${slow[@]}"
for name in webhook admin; do service $name continue; done
# The programs die in the middle of it, and say so.
service webhook kill
service admin kill
until_true 5 eval 'request GET "$path_url?type=pbx.restarted"; [ "$STATUS" = 200 ]'

# The database refuses: its log shows statements, never what they carried.
service postgres restart
post phone.off_hook 1001
until_true 10 eval 'post phone.on_hook 1001; [ "$STATUS" = 200 ]'

grep -q 'upstream_status="50[24]' "$LOGS/nginx-access.log" || fail "nothing failed at all"
[ "$(grep -c 'status=503 .*upstream_status="504"' "$LOGS/nginx-access.log")" -ge 3 ] || fail "there were no three 504"
is "$(found)" "" "logs that hold a secret"
# Nor whom a person talked to.
refute grep -rlF call-id-of-somebody-4711 "$LOGS"
refute grep -rlF Extension-of-nobody-1 "$LOGS"
# The search itself finds what is there.
printf 'x %s\n' "$path_secret" >"$LOGS/proof.log"
is "$(found)" "$LOGS/proof.log" "a log with a secret in it"
