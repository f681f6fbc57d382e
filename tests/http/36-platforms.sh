#!/usr/bin/env bash
# A whole call of each platform, as tests/pbx/PLATFORM/walk tells it, moves Teams; what is not the platform's does not.
# limit: 240
#
# walk: "extension KEY", perhaps "fresh TEXT" (ids, new with each message), then a line for each
# message: the case's file, and what Teams shows after it (- : as before).
. "$(dirname "$0")/lib.sh"
start

declare -A types=([json]=application/json [form]=application/x-www-form-urlencoded [xml]=application/xml [jwt]=application/jwt)

message() { # FILE "FRESH ...": posted to $url, or sent as a query
  local ending=${1##*.} text line id args=()
  text=$(cat "$1")
  for id in $2; do
    text=${text//"$id"/$(cat /proc/sys/kernel/random/uuid)}
  done
  if [ -e "${1%.*}.headers" ]; then
    while IFS= read -r line; do
      [[ $line =~ ^(secret|url|now|content-type): ]] || args+=(-H "$line")
    done <"${1%.*}.headers"
    line=$(sed -n 's/^content-type: *//p' "${1%.*}.headers")
  fi
  if [ "$ending" = query ]; then
    request GET "$url?$text" "${args[@]}"
  else
    request POST "$url" -H "content-type: ${line:-${types[$ending]}}" "${args[@]}" --data-binary @<(printf %s "$text")
  fi
}

n=0
for walk in tests/pbx/*/walk; do
  folder=${walk%/walk} platform=$(basename "${walk%/walk}") fresh='' shown=Available
  ctl pbx-add "$TENANT_ID" "$platform" --platform "$platform" --auth path >"$TEST_DIR/pbx"
  id=$(sed -n 's/^id=//p' "$TEST_DIR/pbx") url=$(sed -n 's/^webhook_url=//p' "$TEST_DIR/pbx")
  while read -r word value; do
    case $word in
    \#* | '') ;;
    extension) ctl link "$TENANT_ID" "$id" "$value" "$ANNA_OID" >/dev/null ;;
    fresh) fresh="$fresh $value" ;;
    *)
      message "$folder/$word" "$fresh"
      [ "$STATUS" = 200 ] || fail "$folder/$word: status $STATUS: $BODY"
      [ "$value" = - ] || shown=$value
      sim_wait "$ANNA_OID" "$shown"
      ;;
    esac
  done <"$walk"
  grep -q ' Busy$' "$walk" || fail "$walk makes nobody busy"
  [ "$shown" = Available ] || fail "$walk ends with $shown"
  is "$(sql "SELECT count(*) FROM presence.call_leg")" 0 "legs that are left open by $platform"
  for body in '' '{' '[]' 'null' 'a=%zz&a=1&a=2' "$(printf '&%.0s' {1..2000})" '<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>' \
    "$(printf '[%.0s' {1..3000})"; do
    request POST "$url" -H 'content-type: application/json' --data-binary @<(printf %s "$body")
    [[ $STATUS == 200 || $STATUS == 400 ]] || fail "$platform answers $STATUS: $BODY"
  done
  is "$(sql "SELECT count(*) FROM presence.call_leg")" 0 "legs by what is not of $platform"
  n=$((n + 1))
  echo "$platform: right"
done
is "$n" "$(ls -d tests/pbx/*/ | wc -l)" "platforms with a walk"

# --- handshakes, and a signature, where events must be signed ---
signing() { # PLATFORM: its address in $url, its secret in $secret
  ctl pbx-add "$TENANT_ID" "$1 signs" --platform "$1" >"$TEST_DIR/pbx"
  id=$(sed -n 's/^id=//p' "$TEST_DIR/pbx") url=$(sed -n 's/^webhook_url=//p' "$TEST_DIR/pbx")
  secret=$(sed -n 's/^secret=//p' "$TEST_DIR/pbx")
}
hmac() { # TEXT: under $secret, in hex
  printf %s "$1" | openssl dgst -sha256 -hmac "$secret" | sed 's/.* //'
}
signing ringcentral
request POST "$url" -H 'validation-token: 1b3c-5d7f' -H 'content-type: application/json' --data-binary ''
expect_status 200
is "$(header validation-token)" 1b3c-5d7f "the token that comes back"
body='{"uuid":"1","body":{"extensionId":"7","telephonyStatus":"CallConnected"}}'
for token in 1b3c-5d7f "${secret}x"; do
  request POST "$url" -H "validation-token: $token" -H 'content-type: application/json' -d "$body"
  expect_status 401
done
ctl link "$TENANT_ID" "$id" 7 "$ANNA_OID" >/dev/null
request POST "$url" -H "validation-token: $secret" -H 'content-type: application/json' \
  -d '{"uuid":"1","event":"/restapi/v1.0/account/1/extension/7/presence","body":{"extensionId":"7","telephonyStatus":"CallConnected"}}'
expect_status 200
sim_wait "$ANNA_OID" Busy

signing zoom-phone
request POST "$url" -H 'content-type: application/json' -d '{"event":"endpoint.url_validation","payload":{"plainToken":"qgg8vlvZRS6UYooatFL8Aw"}}'
expect_status 200
expect .plainToken qgg8vlvZRS6UYooatFL8Aw
expect .encryptedToken "$(hmac qgg8vlvZRS6UYooatFL8Aw)"
body=$(cat tests/pbx/zoom-phone/2-answered.json)
ctl link "$TENANT_ID" "$id" 1002 "$BERT_OID" >/dev/null
now=$(now_s)
for at in $now $((now - 400)) $((now + 400)); do
  request POST "$url" -H 'content-type: application/json' -H "x-zm-request-timestamp: $at" \
    -H "x-zm-signature: v0=$(hmac "v0:$at:$body")" --data-binary "$body"
  [ "$at" = "$now" ] && expect_status 200 || expect_status 401
done
request POST "$url" -H 'content-type: application/json' -H "x-zm-request-timestamp: $now" \
  -H "x-zm-signature: v0=$(hmac "v0:$now: $body")" --data-binary "$body"
expect_status 401
sim_wait "$BERT_OID" Busy
