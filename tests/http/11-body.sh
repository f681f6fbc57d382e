#!/usr/bin/env bash
# Bad input from a PBX: each answered with its status and the member's name, and nothing of it stored.
# limit: 180
. "$(dirname "$0")/lib.sh"
start
body=$TEST_DIR/body

rows() { # of everything that an event can leave
  sql "SELECT (SELECT count(*) FROM presence.call_leg) + (SELECT count(*) FROM presence.call_end)
    + (SELECT count(*) FROM presence.assertion) + (SELECT count(*) FROM presence.event_key)
    + (SELECT count(*) FROM presence.event)"
}
# post_file [CONTENT TYPE] [curl's arguments ...]: $body as it is, NUL bytes too.
post_file() {
  local id=msg_$(openssl rand -hex 12) time key mac
  time=$(now_s)
  key=$(printf '%s' "${PBX_SECRET#whsec_}" | base64 -d | od -An -v -tx1 | tr -d ' \n')
  mac=$({ printf '%s.%s.' "$id" "$time"; cat "$body"; } |
    openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | base64 -w 0)
  request POST "$PBX_URL" -H "webhook-id: $id" -H "webhook-timestamp: $time" \
    -H "webhook-signature: v1,$mac" -H "content-type: ${1-application/json}" "${@:2}" --data-binary "@$body"
}
bad() { # WORDS BODY
  printf '%s' "$2" >"$body"
  post_file
  expect_status 400
  expect_detail "$1"
}
bad_data() { # WORDS DATA [TYPE]
  bad "$1" "{\"type\":\"${3:-call.answered}\",\"data\":$2}"
}
before=$(rows)
pid=$(<"$PIDS/webhook.pid")

# --- the envelope ---
bad "JSON: " ''
bad "JSON: " 'extension=1001'
bad "JSON: " '{"type":"phone.off_hook","data":{"extension":"1001"}'
bad "JSON: " '{"type":"phone.off_hook","data":{"extension":"1001"}} x'
bad "JSON: " "{'type':'phone.off_hook','data':{'extension':'1001'}}"
bad "object nor an array" '"phone.off_hook"'
bad "object nor an array" null
bad "[0] is not an object" '["phone.off_hook"]'
bad "[1] is not an object" '[{"type":"pbx.restarted"},null]'
bad "type is missing" '{"data":{"extension":"1001"}}'
bad "type" '{"type":7,"data":{"extension":"1001"}}'
bad "type is not known" '{"type":"phone.exploded","data":{"extension":"1001"}}'
bad "type is not known" '{"type":"","data":{"extension":"1001"}}'
bad "data is missing" '{"type":"phone.off_hook"}'
bad "data is not an object" '{"type":"phone.off_hook","data":[]}'
bad "data is not an object" '{"type":"pbx.restarted","data":"all"}'

# --- members, named ---
bad_data "data.extension is missing" '{"call_id":"c"}'
bad_data "data.extension" '{"extension":"","call_id":"c"}'
bad_data "data.extension" '{"extension":1001,"call_id":"c"}'
bad_data "data.extension" '{"extension":99999999999999999999999999,"call_id":"c"}'
bad_data "data.extension" '{"extension":["1001"],"call_id":"c"}'
bad_data "data.call_id is missing" '{"extension":"1001"}'
bad_data "data.call_id" '{"extension":"1001","call_id":true}'
bad_data "data.leg_id" '{"extension":"1001","call_id":"c","leg_id":5}'
bad_data "data.line" '{"extension":"1001","line":{}}' phone.off_hook
long=$(printf 'x%.0s' {1..128})
for name in extension call_id leg_id; do
  bad_data "data.$name" "$(jq -nc --arg n $name --arg v "${long}y" \
    '{extension: "1001", call_id: "c"} | .[$n] = $v')"
done
bad_data data.call_id "$(jq -nc --arg v "${long%xx}é€" '{extension: "1001", call_id: $v}')"
for time in yesterday 2026-11-22 2026-13-01T00:00:00Z 2026-02-30T00:00:00Z 2026-11-22T12:00:00 \
  2026-11-22T12:00:00.1234567890Z 2026-11-22T25:00:00Z '2026-11-22T12:00:00Z ' ''; do
  bad timestamp "$(event phone.off_hook 1001 "timestamp=$time")"
done
bad timestamp '{"type":"phone.off_hook","timestamp":1763812800,"data":{"extension":"1001"}}'
# In an array the index stands before it, and the good ones are not stored either.
good=$(event call.answered 1001 c1)
bad "[3].data.call_id is missing" "[$good,$good,$good,{\"type\":\"call.ended\",\"data\":{\"extension\":\"1001\"}}]"
bad "[1].data.extension is missing" "[$good,{\"type\":\"phone.off_hook\",\"data\":{}}]"
bad "[2].type is not known" "[$good,$good,{\"type\":\"x\",\"data\":{\"extension\":\"1001\"}}]"
bad 501 "$(jq -nc '[range(501) | {type: "call.answered", data: {extension: "1001", call_id: "c\(.)"}}]')"

# --- bytes ---
bad "" "$(printf '[%.0s' {1..20000})"
bad "" "{\"type\":\"phone.off_hook\",\"data\":{\"extension\":\"1001\"},\"deep\":$(printf '[%.0s' {1..40})$(printf ']%.0s' {1..40})}"
bad "" '{"type":"phone.off_hook","data":{"extension":"10\u000001"}}'
bad "" '{"type":"phone.off_hook","data":{"extension":"1001","\u0000":1}}'
bad "" '{"type":"phone.off_hook","data":{"extension":"\ud83d"}}'
for bytes in '\xff' '\xc0\x80' '\xed\xa0\x80' '\xf4\x90\x80\x80' '\xe2\x82' '\x00' '\x1f'; do
  printf '{"type":"phone.off_hook","data":{"extension":"%b"}}' "$bytes" >"$body"
  post_file
  expect_status 400
done
printf '\xff\xfe{\0}\0' >"$body"
post_file
expect_status 400

# --- content types, methods ---
printf '%s' "$good" >"$body"
for type in text/plain application/x-www-form-urlencoded application/jsonx text/json '' \
  'multipart/form-data; boundary=x'; do
  post_file "$type"
  expect_status 415
done
for method in GET PUT PATCH DELETE OPTIONS; do
  request $method "$PBX_URL" -H content-type:application/json
  expect_status 405
  is "$(header allow)" POST "Allow for $method"
done
request HEAD "$PBX_URL" -I
expect_status 405

# --- sizes: 256 KiB and not a byte more ---
padded() { # BYTES
  local head='{"type":"call.ringing","data":{"extension":"1001","call_id":"pad"},"pad":"'
  { printf '%s' "$head"; head -c $(($1 - ${#head} - 2)) /dev/zero | tr '\0' x; printf '"}'; } >"$body"
  is "$(stat -c %s "$body")" "$1" "size of the body"
}
padded 262145
post_file
expect_status 413
padded 263168
post_file
expect_status 413
padded 3000000
post_file
expect_status 413

# --- a request that ends too early, one without a length ---
head="POST ${PBX_URL#"$PUBLIC_URL"} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n$(sign "$good" | sed 's/$/\\r/' |
  awk '{printf "%s\\n", $0}')Content-Type: application/json\r\n"
answer=$(printf "${head}Content-Length: 500\r\n\r\n%s" "$good" | node tests/http/raw.mjs "$NGINX_PORT" | head -n 1)
[[ $answer != *" 200 "* ]] || fail "half a body is answered: $answer"
answer=$(printf "${head}Transfer-Encoding: chunked\r\n\r\n5\r\n{\"typ\r\n" | node tests/http/raw.mjs "$NGINX_PORT" | head -n 1)
[[ $answer != *" 200 "* ]] || fail "half a chunked body is answered: $answer"
answer=$(printf "${head}Content-Length: 5\r\nContent-Length: 6\r\n\r\n{}" | node tests/http/raw.mjs "$NGINX_PORT" | head -n 1)
[[ $answer == *" 400 "* ]] || fail "two lengths are answered: $answer"
answer=$(printf "${head}Transfer-Encoding: chunked\r\n\r\nzz\r\n" | node tests/http/raw.mjs "$NGINX_PORT" | head -n 1)
[[ $answer == *" 400 "* ]] || fail "a chunk without a size is answered: $answer"

is "$(rows)" "$before" "rows after nothing but refused requests"
is "$(sim_calls length op=setPresence)" 0 "calls of Graph after them"

# --- and what is unusual but right ---
padded 262144
post_file
expect_status 200
printf '%s' "$good" >"$body"
post_file 'Application/JSON; charset=utf-8'
expect_status 200
expect '.results[0].outcome' published
printf '%s' "$(event call.ended 1001 c1)" >"$body"
post_file application/json -H transfer-encoding:chunked
expect_status 200
expect '.results[0].outcome' published
printf '[]' >"$body"
post_file
expect_status 200
expect '.results | length' 0
jq -nc '[range(500) | {type: "call.ringing", data: {extension: "1001", call_id: "c\(.)"}}]' >"$body"
post_file
expect_status 200
expect '.results | length' 500
printf '\n\t{"type":"call.ringing","timestamp":"2026-11-22T12:00:00.123456789+01:00","other":[{}],"data":{"extension":"1001","call_id":"%s","leg_id":null,"more":1e400}} \r\n' \
  "${long%xxxx}📞" >"$body"
post_file
expect_status 200
printf '{"type":"pbx.restarted"}' >"$body"
post_file
expect_status 200
expect '.results | length' 1
is "$(<"$PIDS/webhook.pid")" "$pid" "the program, which nothing of this may end"
