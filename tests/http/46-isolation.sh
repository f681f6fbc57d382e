#!/usr/bin/env bash
# Tenants are apart: an administrator and a person of another tenant try every route with the first one's ids.
# limit: 180
. "$(dirname "$0")/lib.sh"
start
sign_in admin@nordwind.example
mine=$COOKIES my_csrf=$CSRF
COOKIES=$TEST_DIR/foreign
sign_in admin@sudhang.example
sim POST /_sim/consent "{\"tenant\":\"$TENANT2_ID\",\"state\":\"granted\"}" >/dev/null
api POST pbxs '{"name":"Sudhang","platform":"generic"}'
expect_status 201
their_pbx=$(jq -r .id <<<"$BODY") their_secret=$(jq -r .secret <<<"$BODY") their_url=$(jq -r .webhook_url <<<"$BODY")
emil=bbbbbbbb-0000-4000-8000-000000000011
ctl link "$TENANT2_ID" "$their_pbx" 1001 $emil >/dev/null # the same extension, at another PBX
ctl monitoring "$TENANT2_ID" $emil on >/dev/null
post call.answered 1001 held-call
sim_is "$ANNA_OID" .availability Busy

# Every row of the first tenant; not when something is due: the reconciler
# corrects that by and by.
look=$(sql "SELECT string_agg(format(
    'SELECT %L, count(*), md5(string_agg(x::text, ''|'' ORDER BY x::text)) FROM presence.%I x WHERE tenant_id = %L',
    table_name, table_name, '$TENANT_ID'), ' UNION ALL ' ORDER BY table_name)
  FROM information_schema.columns WHERE table_schema = 'presence' AND column_name = 'tenant_id'
  AND table_name NOT IN ('oauth_state', 'due')")
[[ $look == *tenant_budget*UNION* || $look == *UNION*tenant_budget* ]] || fail "these are not the tables: $look"
snapshot() { sql "$look"; }
silent() { # the answer tells nothing of the first tenant
  local word
  for word in "$TENANT_ID" "$PBX_ID" "$ANNA_OID" "$ADMIN_OID" nordwind Nordwind Anna Lind held-call "${PBX_SECRET#whsec_}"; do
    [[ ${BODY,,} != *"${word,,}"* ]] || fail "$1 tells of the other tenant ($word): $BODY"
  done
}
before=$(snapshot)
calls=$(sim_calls length "user=$ANNA_OID")

# --- every route there is ---
# What is sent to it; a route that takes a body or a query and is not named
# here fails the test: whoever adds one says how it is attacked.
declare -A sent=(
  ["GET /tab/api/me"]= ["POST /tab/api/clear"]= ["PUT /tab/api/monitoring"]='{"on":true}'
  ["GET /auth/sign-in"]= ["GET /auth/callback"]=state=x ["POST /auth/sign-out"]=
  ["GET /consent"]= ["GET /consent/callback"]="admin_consent=True&tenant=$TENANT_ID&state=x"
  ["GET /admin/api/session"]= ["GET /admin/api/tenant"]="tenant_id=$TENANT_ID&tenant=$TENANT_ID"
  ["PATCH /admin/api/tenant"]='{"settings":{"lease_s":600},"tenant_id":"'$TENANT_ID'"}'
  ["GET /admin/api/platforms"]="tenant_id=$TENANT_ID" ["GET /admin/api/pbxs"]="tenant_id=$TENANT_ID"
  ["POST /admin/api/pbxs"]='{"name":"Mine","platform":"generic","tenant_id":"'$TENANT_ID'","id":"'$PBX_ID'"}'
  ["GET /admin/api/pbxs/:id"]= ["PATCH /admin/api/pbxs/:id"]='{"name":"Taken"}' ["DELETE /admin/api/pbxs/:id"]=
  ["POST /admin/api/pbxs/:id/secret"]='{}' ["GET /admin/api/pbxs/:id/extensions"]="after=1000"
  ["PUT /admin/api/pbxs/:id/extensions"]=csv ["DELETE /admin/api/pbxs/:id/extensions/:extension"]=
  ["GET /admin/api/pbxs/:id/api"]= ["DELETE /admin/api/pbxs/:id/api"]= ["GET /admin/api/pbxs/:id/api/people"]=
  ["PUT /admin/api/pbxs/:id/api"]='{"url":"https://core.example","domain":"d","key":"k"}'
  ["GET /admin/api/pbxs/:id/capture"]= ["POST /admin/api/pbxs/:id/capture"]= ["DELETE /admin/api/pbxs/:id/capture"]=
  ["POST /admin/api/pbxs/:id/capture/:no/replay"]= ["GET /admin/api/pbxs/:id/capture/download"]=
  ["GET /admin/api/people"]="after=$ANNA_OID" ["POST /admin/api/people/:oid/clear"]=
  ["GET /admin/api/activity"]="after=9000000000000000000" ["GET /admin/api/health"]="tenant_id=$TENANT_ID"
  ["GET /admin/api/app-package"]=
)
attack() { # METHOD PATH SENT
  local path=$2 method=$1 sent=$3
  path=${path/:id/$PBX_ID} path=${path/:pbx/$PBX_ID} path=${path/:oid/$ANNA_OID}
  path=${path/:no/1} path=${path/:extension/1001} path=${path/:ext/1001}
  [[ $path != *:* ]] || fail "nobody says what to put into $2"
  case $2 in
  /tab/*)
    request "$method" "$PUBLIC_URL$path" -H "authorization: Bearer $token" \
      ${sent:+-H content-type:application/json -d "$sent"} ;;
  *)
    local more=()
    case $method:$sent in
    *:csv) more=(-H content-type:text/csv --data-binary $'extension,user\n1001,emil@sudhang.example') ;;
    GET:?*) path+="?$sent" ;;
    *:?*) more=(-H content-type:application/json -d "$sent") ;;
    esac
    request "$method" "$PUBLIC_URL$path" -b "$COOKIES" -H "x-csrf-token: $CSRF" "${more[@]}" --output "$TEST_DIR/answer"
    BODY=$(tr -d '\0' <"$TEST_DIR/answer")$(<"$HEADERS") ;;
  esac
  case $2 in
  *:*) [[ $STATUS == 404 || $STATUS == 403 ]] || fail "$method $2 with another tenant's id gives $STATUS: $BODY" ;;
  *) [[ $STATUS -lt 500 ]] || fail "$method $2 gives $STATUS: $BODY" ;;
  esac
  # /consent leads to the page of one's own tenant, app-package has our name.
  silent "$method $2"
}
# A person who has the same object id in another tenant is another person.
sim POST /_sim/users "{\"tenant\":\"$TENANT2_ID\",\"users\":[{\"oid\":\"$ANNA_OID\",\"upn\":\"twin@sudhang.example\"}]}" >/dev/null
token=$(sim POST /_sim/token "{\"tenant\":\"$TENANT2_ID\",\"user\":\"twin@sudhang.example\"}" | jq -r .token)
# Method and path of every line of the two tables of routes.
routes=$(sed 's|API "|"/admin/api/|' fcgi/app/main_admin.c fcgi/app/main_tab.c |
  grep -oE '\{ *"(GET|POST|PUT|PATCH|DELETE)", *"/[^"]*"' | sed -E 's/\{ *"([A-Z]+)", *"([^"]*)"/\1 \2/')
[ "$(wc -l <<<"$routes")" -ge 25 ] || fail "these are not all routes: $routes"
while read -r method path; do
  [ "${sent["$method $path"]+is}" ] || fail "a route without an attack: $method $path"
  [ "$method $path" = "POST /auth/sign-out" ] || attack "$method" "$path" "${sent["$method $path"]}"
  is "$(snapshot)" "$before" "the first tenant's rows after $method $path"
done <<<"$routes"
for route in "${!sent[@]}"; do grep -qxF "$route" <<<"$routes" || fail "this route is no more: $route"; done
is "$(sim_calls length "user=$ANNA_OID&tenant=$TENANT_ID")" "$calls" "calls of Graph for the first tenant's person"

# --- somebody else's object id cannot be linked, somebody else's cursor shows nothing ---
api PUT "pbxs/$their_pbx/extensions" "" -H content-type:text/csv --data-binary $'extension,user\n1,'"$BERT_OID"$'\n2,bert@nordwind.example'
expect_status 400
api GET people
ANNA_OID=her-id silent people # the twin has her id
expect '[.items[].oid] | index("'$emil'") != null' true
newest=$(sql "SELECT max(event_id) FROM presence.event WHERE tenant_id = '$TENANT_ID'")
api GET "activity?after=$((newest + 1))"
silent activity
api GET "people?q=anna"
expect '.items | length' 0

# --- one tenant's session with the other one's CSRF token ---
for pair in "$mine $CSRF" "$COOKIES $my_csrf"; do
  request PATCH "$PUBLIC_URL/admin/api/tenant" -b "${pair% *}" -H "x-csrf-token: ${pair#* }" \
    -H content-type:application/json -d '{"settings":{"lease_s":301}}'
  expect_status 403
done

# --- webhooks: a PBX moves its own tenant's people and nobody else's ---
url=$PBX_URL PBX_URL=$their_url
post_body "$(event call.ended 1001 held-call)" "" "" "$their_secret"
expect_status 200
post_body "$(event extension.idle 1002)" "" "" "$their_secret"
expect '.results[0].outcome' unknown_extension
post_body '{"type":"pbx.restarted"}' "" "" "$their_secret"
expect_status 200
PBX_URL=$url
post_body "$(event call.ended 1001 held-call)" "" "" "$their_secret"
expect_status 401
# The idempotency key is the PBX's, not the world's.
body=$(event call.ringing 1001 k1)
post_body "$body" same-key
expect '.results[0].outcome' unchanged
PBX_URL=$their_url
post_body "$body" same-key "" "$their_secret"
[ "$(jq -r '.results[0].outcome' <<<"$BODY")" != duplicate ] || fail "another tenant's message is a duplicate"
PBX_URL=$url
sim_is "$ANNA_OID" .availability Busy
post call.ended 1001 held-call
expect '.results[0].outcome' published

# --- a tenant that is held (a large import) makes nobody else wait ---
url=$PBX_URL PBX_URL=$their_url
post_body "$(event call.answered 1001 meanwhile)" "" "" "$their_secret"
expect_status 200
sql "BEGIN; SELECT FROM pg_advisory_xact_lock(presence.tenant_key('$TENANT2_ID')); SELECT pg_sleep(1.5)" &
held=$!
until_true 5 eval '[ "$(sql "SELECT count(*) FROM pg_stat_activity WHERE wait_event = '"'PgSleep'"'")" = 1 ]'
body='{"type":"pbx.restarted"}'
sign "$body" "" "" "$their_secret" >"$TEST_DIR/restart"
curl -sS --noproxy '*' -H "@$TEST_DIR/restart" -H 'content-type: application/json' -d "$body" "$PBX_URL" >"$TEST_DIR/restarted" &
restart=$!
sleep 0.1
PBX_URL=$url
post call.ringing 1001 k2
expect_status 200
took_ms=$(grep "pbx=$PBX_ID" "$LOGS/webhook.log" | tail -n 1 | sed 's/.* ms=\([0-9]*\) .*/\1/')
[ "$took_ms" -lt 300 ] || fail "an event waited $took_ms ms for another tenant"
wait $held $restart
BODY=$(<"$TEST_DIR/restarted")
expect '.results[0].outcome' no_consent
is "$(sql "SELECT count(*) FROM presence.call_leg WHERE tenant_id = '$TENANT2_ID'")" 0 "legs after the restart"

# --- a tenant for which there is always a long line: its events and what Teams
# was told stand in it, too, and others do not ---
line=() others_ms=()
for i in 1 2 3 4; do
  sql "DO \$\$ BEGIN FOR i IN 1..12 LOOP
      PERFORM pg_advisory_xact_lock(presence.tenant_key('$TENANT_ID')), pg_sleep(0.08);
      COMMIT;
    END LOOP; END \$\$" &
  line+=($!)
done
until_true 5 eval '[ "$(sql "SELECT count(*) FROM pg_locks WHERE locktype = '"'advisory'"' AND NOT granted")" -ge 3 ]'
body=$(event call.answered 1001 k3)
sign "$body" >"$TEST_DIR/waits"
curl -sS --noproxy '*' -H "@$TEST_DIR/waits" -H 'content-type: application/json' -d "$body" "$url" >"$TEST_DIR/waited" &
waits=$!
PBX_URL=$their_url
while kill -0 $waits 2>/dev/null; do
  post_body "$(event call.ringing 1001 "other-${#others_ms[@]}")" "" "" "$their_secret"
  expect_status 200
  others_ms+=("$(tail -n 1 "$LOGS/webhook.log" | sed 's/.* ms=\([0-9]*\) .*/\1/')")
done
wait $waits
[ ${#others_ms[@]} -ge 3 ] || fail "that was no line"
BODY=$(<"$TEST_DIR/waited")
expect '.results[0].outcome' published
[ "$(printf '%s\n' "${others_ms[@]}" | sort -n | sed -n "$((${#others_ms[@]} / 2 + 1))p")" -lt 40 ] || fail "others waited: ${others_ms[*]} ms"
for i in "${line[@]}"; do wait "$i"; done
PBX_URL=$url
post call.ended 1001 k3
expect_status 200
