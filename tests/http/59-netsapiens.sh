#!/usr/bin/env bash
# NetSapiens with its API: subscribes by itself and keeps it so, asks at each renewal and ends what is gone, lists people.
# limit: 240
. "$(dirname "$0")/lib.sh"
start STACK_FAKETIME=1 PRESENCE_PBX_NETWORKS=127.0.0.1

node tests/netsapiens/peer.mjs "$stack/tls/server.pem" "$stack/tls/server.key" >"$TEST_DIR/peer" 2>&1 &
peer=$!
trap 'kill $peer 2>/dev/null || :; tests/stack/down "$stack"' EXIT
until_true 10 grep -q ready "$TEST_DIR/peer"
read -r _ port control_port <"$TEST_DIR/peer"
core=https://127.0.0.1:$port
peer() { # PATH JQ [JSON]
  curl -sS --noproxy '*' --max-time 30 "http://127.0.0.1:$control_port$1" \
    ${3:+-X PUT -H content-type:application/json --data-binary "$3"} | jq -r "$2"
}
seen() { peer /seen "$1"; }
seen_is() { [ "$(seen "$1")" = "$2" ]; }
record() { # USER CALL LEG ANSWERED REMOVE
  jq -nc --arg user "$1" --arg call "$2" --arg leg "$3" --arg answered "$4" --arg remove "$5" '[{
    orig_callid: $call, term_callid: $leg, orig_user: "", orig_domain: "", term_user: $user, term_domain: "nordwind.service",
    time_start: "2026-01-19 00:48:25", time_answer: $answered, orig_call_info: "active", term_call_info: "active", remove: $remove}]'
}
deliver() { peer /deliver '.[]' "$(record "$@")"; }
answered() { deliver "$1" "$2" "$3" '2026-01-19 00:48:30' no; }

sign_in admin@nordwind.example
api POST pbxs '{"name":"Core","platform":"viirtue"}'
expect_status 201
id=$(jq -r .id <<<"$BODY") url=$(jq -r .webhook_url <<<"$BODY")
ctl link "$TENANT_ID" "$id" 2001@nordwind.service "$ANNA_OID" >/dev/null
ctl link "$TENANT_ID" "$id" 2002@nordwind.service "$BERT_OID" >/dev/null
users='[{"user":"2001","domain":"nordwind.service","email-address":"anna@nordwind.example"},
  {"user":"2002","domain":"nordwind.service","email-address":"bert@nordwind.example;b@nordwind.example"},
  {"user":"2003","domain":"nordwind.service","email-address":""},
  {"user":"9000","domain":"nordwind.service","service-code":"system-queue","email-address":"queue@nordwind.example"}]'
calls='{"2001":[{"call-orig-call-id":"c1","call-term-call-id":"l1"}],"2002":[]}'
peer /set . "{\"users\":$users,\"counted\":7,\"calls\":$calls}" >/dev/null

# --- what is entered ---
api GET "pbxs/$id/api"
expect .state none
api GET "pbxs/$id/api/people"
expect_status 404
while IFS='|' read -r words body; do
  api PUT "pbxs/$id/api" "$body"
  expect_status 400
  expect_detail "$words"
done <<END
url is missing|{"domain":"d","key":"k"}
https://|{"url":"http://127.0.0.1:$port","domain":"d","key":"k"}
more than|{"url":"https://core.example/ns-api/v2","domain":"d","key":"k"}
more than|{"url":"https://user@core.example","domain":"d","key":"k"}
names no host|{"url":"https:///x","domain":"d","key":"k"}
port|{"url":"https://core.example:70000","domain":"d","key":"k"}
domain is missing|{"url":"$core","key":"k"}
domain is not|{"url":"$core","domain":"d/../x","key":"k"}
key, or client_id|{"url":"$core","domain":"d"}
two ways|{"url":"$core","domain":"d","key":"k","username":"u"}
client_secret is missing|{"url":"$core","domain":"d","client_id":"c","username":"u","password":"p"}
one line|{"url":"$core","domain":"d","key":"k\r\nHost: x"}
END
api PUT "pbxs/$PBX_ID/api" "{\"url\":\"$core\",\"domain\":\"d\",\"key\":\"k\"}"
expect_status 400
expect_detail 'no API'
is "$(seen '.requests | length')" 0 "requests so far"

# --- an address that leads inside is not connected to, under whatever name ---
api PUT "pbxs/$id/api" "{\"url\":\"https://127.0.0.2:$port\",\"domain\":\"nordwind.service\",\"key\":\"k\"}"
expect_status 200
expect .state new
until_true 15 api_tells "pbxs/$id/api" .state failed
[[ $(jq -r .problem <<<"$BODY") == *'not public'* ]] || fail "the problem is told as: $BODY"
api GET "pbxs/$id"
[[ $(jq -r .problem <<<"$BODY") == *'not public'* ]] || fail "the PBX's page does not say it: $BODY"

# --- the subscription ---
login='"client_id":"presence","client_secret":"cs-51d0e7","username":"office@nordwind.service"'
api PUT "pbxs/$id/api" "{\"url\":\"$core/\",\"domain\":\"nordwind.service\",$login,\"password\":\"wrong\"}"
until_true 15 api_tells "pbxs/$id/api" .state failed
[[ $(jq -r .problem <<<"$BODY") == *'credentials are not right'* ]] || fail "the problem is told as: $BODY"
api PUT "pbxs/$id/api" "{\"url\":\"$core\",\"domain\":\"nordwind.service\",$login,\"password\":\"pw \\\"7f3&\"}"
expect_status 200
[[ $BODY != *51d0e7* && $BODY != *7f3* ]] || fail "credentials come back: $BODY"
until_true 15 api_tells "pbxs/$id/api" .state pending
is "$(seen '.subscriptions | length')" 1 subscriptions
is "$(seen '.subscriptions[0] | [."post-url", .model, .domain, .user, ."subscription-geo-support"] | join(" ")')" \
  "$url call nordwind.service * yes" "the subscription"

is "$(answered 2001 c1 l1)" 200 "what the PBX gets"
sim_wait "$ANNA_OID" Busy
clock +310
until_true 15 api_tells "pbxs/$id/api" .state active
expect .problem null
is "$(seen '[.requests[] | select(. == "POST /ns-api/v2/subscriptions")] | length')" 1 "times subscribed"

# What could not be posted to us is lost, and said on the PBX's page until it is well again.
service nginx stop
is "$(answered 2002 c0 l0)" 0 "what the PBX gets"
service nginx start
sql "UPDATE presence.pbx_api SET at = now()" >/dev/null
until_true 15 api_tells "pbxs/$id/api" .state error
api GET "pbxs/$id"
[[ $(jq -r .problem <<<"$BODY") == *'cannot post'* ]] || fail "the problem is told as: $BODY"
is "$(answered 2001 c1 l1)" 200 "what the PBX gets"
sql "UPDATE presence.pbx_api SET at = now()" >/dev/null
until_true 15 api_tells "pbxs/$id/api" .state active
expect .problem null

# A new secret: the subscription goes there, the one before is removed.
api POST "pbxs/$id/secret" '{}'
url=$(jq -r .webhook_url <<<"$BODY")
until_true 15 seen_is '[.subscriptions[]."post-url"] | join(" ")' "$url"

# --- a call whose end was lost is asked for when its lease is renewed ---
is "$(answered 2002 c2 l2)" 200 "what the PBX gets"
sim_wait "$BERT_OID" Busy
clock +610
sim_wait "$BERT_OID" Available 20000 session=none
is "$(sql "SELECT outcome || ' ' || type FROM presence.event WHERE kind = 'event' AND outcome = 'gone'")" 'gone leg' "the log"
is "$(sql "SELECT string_agg(call_id, ' ') FROM presence.call_leg")" c1 "calls that are left"
sim_is "$ANNA_OID" .availability Busy
is "$(deliver 2002 c2 l2 '2026-01-19 00:48:30' no)" 200 "late news"
is "$(sql "SELECT string_agg(call_id, ' ') FROM presence.call_leg")" c1 "calls that are left"

# What the PBX still has is not stale, however long it lasts; old names of members count as well.
api PATCH "pbxs/$id" '{"max_call_s":1200}'
peer /set . '{"calls":{"2001":[{"orig_callid":"c1","term_callid":"l1"}]}}' >/dev/null
for n in 1 2 3; do
  before=$(sql "SELECT news_at FROM presence.call_leg WHERE call_id = 'c1'")
  clock +610
  until_true 15 eval '[ "$(sql "SELECT news_at FROM presence.call_leg")" != "$before" ]'
done
sim_is "$ANNA_OID" .availability Busy

# Nobody is freed by an answer that is none, that is not understood, or that knows the call by another id.
api PATCH "pbxs/$id" '{"max_call_s":14400}'
asked() { seen '[.requests[] | select(endswith("2001/calls"))] | length'; }
for set in '{"answer":{"GET /ns-api/v2/domains/nordwind.service/users/2001/calls":500}}' \
  '{"answer":{},"calls":{"2001":[{"id":"c1"}]}}' '{"calls":{"2001":[{"orig_callid":"other","term_callid":"l9"}]}}'; do
  peer /set . "$set" >/dev/null
  before=$(asked)
  clock +610
  until_true 15 eval '[ "$(asked)" -gt "$before" ]'
  until_true 10 eval '[ "$(sql "SELECT count(*) FROM presence.pbx_api WHERE claim_until_at IS NOT NULL")" = 0 ]'
  is "$(sql "SELECT string_agg(call_id, ' ') FROM presence.call_leg")" c1 "calls that are left after $set"
done
until_true 20 api_tells "pbxs/$id/api" .state active # also after it had failed
expect .problem null
is "$(deliver 2001 c1 l1 '2026-01-19 00:48:30' yes)" 200 "the end"
sim_wait "$ANNA_OID" Available

# --- the subscription is renewed day by day ---
clock +90000
sign_in admin@nordwind.example
until_true 15 seen_is '[.requests[] | select(startswith("PUT /ns-api/v2/subscriptions/"))] | length > 0' true
is "$(seen '.subscriptions | length')" 1 subscriptions
# ... and made again where it is gone; an answer 409 is as good.
for status in null 409; do
  peer /set . "{\"answer\":{\"POST /ns-api/v2/subscriptions\":$status}}" >/dev/null
  made=$(seen '[.requests[] | select(. == "POST /ns-api/v2/subscriptions")] | length')
  for one in $(seen '.subscriptions[].id'); do
    curl -sS --cacert "$stack/tls/ca.pem" --noproxy '*' -X DELETE "https://localhost:$port/ns-api/v2/subscriptions/$one" \
      -H 'authorization: Bearer nsd_5b1f2c9a77' -H content-type:application/json \
      -d "{\"subscription_id\":\"$one\",\"domain\":\"nordwind.service\"}" >/dev/null
  done
  sql "UPDATE presence.pbx_api SET at = now()" >/dev/null
  until_true 15 eval '[ "$(seen "[.requests[] | select(. == \"POST /ns-api/v2/subscriptions\")] | length")" -gt $made ]'
  until_true 10 api_tells "pbxs/$id/api" .state pending
done

# --- its people ---
api GET "pbxs/$id/api/people"
expect_status 200
expect .csv 'extension,user
2001@nordwind.service,anna@nordwind.example
2002@nordwind.service,bert@nordwind.example
2003@nordwind.service,'
expect '[.listed, .counted] | join(" ")' '4 7'
jq -r .csv <<<"$BODY" >"$TEST_DIR/list.csv"
request PUT "$PUBLIC_URL/admin/api/pbxs/$id/extensions?dry_run=1" -b "$COOKIES" -H "x-csrf-token: $CSRF" \
  -H content-type:text/csv --data-binary "@$TEST_DIR/list.csv"
expect '[.linked, .unlinked] | join(" ")' '2 0'
peer /set . '{"answer":{"GET /ns-api/v2/domains/nordwind.service/users":403}}' >/dev/null
api GET "pbxs/$id/api/people"
expect_status 409
expect_detail 'may not do that'

# --- an API key, and the end ---
api PUT "pbxs/$id/api" "{\"url\":\"$core\",\"domain\":\"nordwind.service\",\"key\":\"nsd_5b1f2c9a77\"}"
tokens=$(seen '.tokens | length')
peer /set . '{"answer":{}}' >/dev/null
until_true 15 api_tells "pbxs/$id/api" .state pending
is "$(seen '.tokens | length')" "$tokens" "tokens: a key is one itself"
api PUT "pbxs/$id/api" "{\"url\":\"https://core.example\",\"domain\":\"nordwind.service\"}" # the key goes nowhere else
expect_status 400
api PUT "pbxs/$id/api" "{\"url\":\"$core\",\"domain\":\"other.service\"}" # but is kept for this one
expect_status 200
until_true 15 api_tells "pbxs/$id/api" .state failed
api DELETE "pbxs/$id/api"
expect_status 204
api GET "pbxs/$id/api"
expect .state none

for word in cs-51d0e7 'pw "7f3&' nsd_5b1f2c9a77 $(seen '.tokens[]') "${url##*/}"; do
  refute grep -rqF -- "$word" "$LOGS"
  is "$(sql "SELECT count(*) FROM presence.pbx_api a WHERE a::text LIKE '%$word%'")" 0 "secrets in the database"
done
