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
  folder=${walk%/walk} platform=$(basename "${walk%/walk}") fresh='' shown=''
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
      [ -z "$shown" ] || sim_wait "$ANNA_OID" "$shown"
      ;;
    esac
  done <"$walk"
  [ "$shown" = Available ] || fail "$walk ends with ${shown:-nothing}"
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
