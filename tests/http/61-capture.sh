#!/usr/bin/env bash
# Recording requests: the next 20, redacted, seen, replayed, taken along as test cases, deleted; off: nothing.
# limit: 120
. "$(dirname "$0")/lib.sh"
start
sign_in admin@nordwind.example

kept() { sql "SELECT count(*) FROM presence.capture"; }
kept_is() { [ "$(kept)" = "$1" ]; }
# The door asks the database again after 5 s, a new process at once.
record() { # PBX
  api POST "pbxs/$1/capture"
  expect_status 200
  expect .recording.left 20
  service webhook restart
}
number=+491701234567 plain=01701234567 name=Ottokar

# --- off: nothing is stored ---
post call.ringing 1001 off-1
expect_status 200
api GET "pbxs/$PBX_ID/capture"
expect_status 200
is "$(jq -c . <<<"$BODY")" '{"recording":null,"items":[]}' "nothing recorded"
api GET "pbxs/$PBX_ID/capture/download"
expect_status 404
api POST "pbxs/$PBX_ID/capture/1/replay"
expect_status 404
is "$(kept)" 0 "requests kept while it is off"

# --- 20 of 25, good and bad; never one that is not proved ---
record "$PBX_ID"
body='{"type":"call.answered","data":{"extension":"1001","call_id":"c-1"},"from":"'$number'","caller_name":"'$name' Berg","token":"tok-sekret-1"}'
post_body "$body"
signature=$(sed -n 's/^webhook-signature: v1,//p' "$TEST_DIR/signed")
expect_status 200
post_body '{"type":"call.paused","data":{"extension":"1001","call_id":"c-1","peer":"0170 123-4567"}}'
expect_status 400
post_body '{"type":"call.ended"'
expect_status 400
sign '{}' | sed 's/v1,.*/v1,AAAA/' >"$TEST_DIR/signed"
request POST "$PBX_URL" -H "@$TEST_DIR/signed" -H 'content-type: application/json' -d '{"unproved":1}'
expect_status 401
for i in {4..25}; do
  post_body "{\"type\":\"call.ended\",\"data\":{\"extension\":\"1001\",\"call_id\":\"c-1\"},\"n\":$i,\"to\":\"$plain\"}"
  expect_status 200
done
until_true 10 kept_is 20
api GET "pbxs/$PBX_ID/capture"
expect .recording null
expect '.items | length' 20
expect '[.items[] | .status] | tojson' "$(jq -nc '[200, 400, 400, (range(17) | 200)]')"
expect '[.items[].no] | tojson' "$(jq -nc '[range(1; 21)]')"
expect '.items[0] | [.method, .query, .cut, .detail] | tojson' '["POST","",false,null]'
expect '.items[0].body | fromjson | [.type, .data.extension, .data.call_id, .token, (.from | length)] | tojson' \
  '["call.answered","1001","c-1","redacted",13]'
[[ $(jq -r '.items[1].detail' <<<"$BODY") == *type* ]] || fail "no reason of the 400: $BODY"
expect '.items[2].body' '{"type":"call.ended"'
expect '[.items[].body | contains("unproved")] | any' false
expect '[.items[3:][].body | fromjson | .to] | unique | length' 1 # equal numbers stay equal
expect '[.items[0].headers[] | split(": ")[0]] | tojson' \
  '["content-type","user-agent","webhook-id","webhook-timestamp","webhook-signature"]'
expect '.items[0].headers[-1]' 'webhook-signature: redacted'

# --- nothing of a person or a secret is there, nor in the logs ---
sql "SELECT c FROM presence.capture c" >"$TEST_DIR/rows"
for word in "${number#+}" 1701234567 123-4567 "$name" Berg tok-sekret-1 "$signature" "${PBX_SECRET#whsec_}"; do
  refute grep -qF -- "$word" "$TEST_DIR/rows"
  refute grep -rqF -- "$word" "$LOGS"
done
is "$(sql "SELECT capture_key FROM presence.pbx WHERE pbx_id = '$PBX_ID'")" "" "the key of a recording that is over"

# --- replayed: what the adapter makes of it; nobody's presence changes ---
legs=$(sql "SELECT count(*) FROM presence.call_leg") events=$(sql "SELECT count(*) FROM presence.event")
api POST "pbxs/$PBX_ID/capture/1/replay"
expect_status 200
expect '.events | length' 1
expect '.events[0] | [.type, .extension, .call_id, .leg_id, .line, .at] | tojson' '["call.answered","1001","c-1",null,null,null]'
[[ $(jq -r '.events[0].key' <<<"$BODY") == *:0 ]] || fail "the event's key is not told: $BODY"
api POST "pbxs/$PBX_ID/capture/2/replay"
expect_status 200
[[ $(jq -r .error <<<"$BODY") == *type* ]] || fail "no error of the adapter: $BODY"
for no in 0 21 x 99999999999; do
  api POST "pbxs/$PBX_ID/capture/$no/replay"
  expect_status 404
done
is "$(sql "SELECT count(*) FROM presence.call_leg")" "$legs" "legs after a replay"
is "$(sql "SELECT count(*) FROM presence.event")" "$events" "events after a replay"

# --- taken along: what the file holds is a test case, as it is ---
api GET "pbxs/$PBX_ID/capture/download"
expect_status 200
[[ $(header content-disposition) == attachment* ]] || fail "it is no download"
printf '%s\n' "$BODY" >"$TEST_DIR/recorded.json"
mkdir "$TEST_DIR/root"
cp -r docs "$TEST_DIR/root/docs"
mkdir "$TEST_DIR/root/tests"
cp -r tests/pbx "$TEST_DIR/root/tests/pbx"
cases=$(realpath "$BUILD/tests/test_pbx_cases")
node tests/pbx/from-capture.mjs "$TEST_DIR/recorded.json" field "$TEST_DIR/root/tests/pbx/generic" >"$TEST_DIR/made"
is "$(wc -l <"$TEST_DIR/made")" 20 "cases made"
(cd "$TEST_DIR/root" && "$cases") >"$TEST_DIR/cases" 2>&1 || fail "$(<"$TEST_DIR/cases")"
refute node tests/pbx/from-capture.mjs "$TEST_DIR/recorded.json" field "$TEST_DIR/root/tests/pbx/generic" 2>/dev/null
sed -i 's/1001/1009/' "$TEST_DIR/root/tests/pbx/generic/field-01.events"
refute eval '(cd "$TEST_DIR/root" && "$cases" >/dev/null 2>&1)' # they are really looked at

# --- a PBX whose address holds the secret; a large body; a query ---
ctl pbx-add "$TENANT_ID" kazoo --platform kazoo >"$TEST_DIR/pbx"
id=$(sed -n 's/^id=//p' "$TEST_DIR/pbx") url=$(sed -n 's/^webhook_url=//p' "$TEST_DIR/pbx")
secret=${url##*/}
record "$id"
request GET "$url?hook_event=channel_answer&call_id=k1&callback=$secret&caller_id_number=%2B49+170+1234567"
large=$(printf 'x%.0s' {1..70000})
request POST "$url" -H 'content-type: application/json' --data-binary @<(printf '{"url":"%s","a":"%s"}' "$url" "$large")
request POST "$url" --data-binary @<(printf 'a=\377\0b')
until_true 10 kept_is 23
api GET "pbxs/$id/capture"
expect .recording.left 17
expect '.items[0].method' GET
[[ $(jq -r '.items[0].query' <<<"$BODY") == hook_event=channel_answer\&call_id=k1\&callback=redacted\&caller_id_number=%2B* ]] ||
  fail "the query is $BODY"
expect '.items[1] | [.cut, (.body | length)] | tojson' '[true,65536]'
expect '.items[2].body' $'a=\uFFFD\uFFFDb'
sql "SELECT c FROM presence.capture c" >"$TEST_DIR/rows"
refute grep -qF -- "$secret" "$TEST_DIR/rows"
refute grep -qF "170+1234567" "$TEST_DIR/rows"
api GET "pbxs/$id/capture/download"
printf '%s\n' "$BODY" >"$TEST_DIR/recorded.json"
node tests/pbx/from-capture.mjs "$TEST_DIR/recorded.json" field "$TEST_DIR/root/tests/pbx/kazoo" >/dev/null 2>&1
[ -e "$TEST_DIR/root/tests/pbx/kazoo/field-03.events" ] && [ ! -e "$TEST_DIR/root/tests/pbx/kazoo/field-02.events" ] ||
  fail "what has no end became a case, or the others did not"
sed -i 's/1009/1001/' "$TEST_DIR/root/tests/pbx/generic/field-01.events"
(cd "$TEST_DIR/root" && "$cases") >"$TEST_DIR/cases" 2>&1 || fail "$(<"$TEST_DIR/cases")"

# --- the database refuses what is recorded: the answer is as before ---
sql "REVOKE EXECUTE ON FUNCTION presence.capture_add FROM presence_webhook"
request POST "$url" -H 'content-type: application/json' -d '{"hook_event":"x"}'
expect_status 200
until_true 10 grep -q "lacks a note" "$LOGS/webhook.log"
sql "GRANT EXECUTE ON FUNCTION presence.capture_add TO presence_webhook"

# --- deleted; begun anew; gone with the PBX ---
api DELETE "pbxs/$PBX_ID/capture"
expect_status 204
is "$(kept)" 3 "requests of the other PBX"
request POST "$url" -H 'content-type: application/json' -d '{"hook_event":"x"}'
until_true 10 kept_is 4
api POST "pbxs/$id/capture"
expect '[.recording.left, (.items | length)] | tojson' '[20,0]'
for missing in 00000000-0000-4000-8000-000000000000 x; do
  for way in "GET capture" "POST capture" "DELETE capture" "POST capture/1/replay" "GET capture/download"; do
    api "${way% *}" "pbxs/$missing/${way#* }"
    expect_status 404
  done
done
service webhook restart
request POST "$url" -H 'content-type: application/json' -d '{"hook_event":"x"}'
until_true 10 kept_is 1
api DELETE "pbxs/$id"
expect_status 204
is "$(kept)" 0 "requests of a PBX that is gone"
