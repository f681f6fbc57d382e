#!/usr/bin/env bash
# R13: a 429 shuts one tenant's gate and nobody else's; a burst stays below Microsoft's limit and ends with the newest states.
# limit: 170
. "$(dirname "$0")/lib.sh"
start

. tests/http/second-tenant.sh

# Throttled: one call learns it, then nothing of this tenant goes out until
# Retry-After has passed; the other tenant does not notice.
fault "{\"match\":{\"op\":\"setPresence\",\"tenant\":\"$TENANT_ID\"},\"times\":1,\"status\":429,\"retry_after\":4,\"code\":\"TooManyRequests\"}" >/dev/null
post call.answered 1001 g1
expect '.results[0].outcome' deferred
n=$(sim_calls length)
post call.answered 1002 g2
expect '.results[0].outcome' deferred
post call.answered 1003 g3
expect '.results[0].outcome' deferred
post call.ended 1003 g3
is "$(sim_calls length)" "$n" "calls while the gate is shut"
post2 call.answered 1 h1
expect '.results[0].outcome' published
sim_wait "$ANNA_OID" Busy 10000
sim_wait "$BERT_OID" Busy 10000
sim_is "$CARLA_OID" .session null       # busy and free again meanwhile: nothing to tell
gap=$(sim_calls '([.[] | select(.status == 200) | .started_at] | min) - ([.[] | select(.status == 429) | .ended_at] | min) | floor' op=setPresence)
[ "$gap" -ge 3900 ] || fail "the gate opened after $gap ms"

# A burst of 1,600 people: none is lost, and no 30 s see more than 1,500.
users=1600
sim POST /_sim/users "$(jq -nc --arg t "$TENANT_ID" --argjson n $users '{tenant: $t, users: [range($n)
  | {oid: ("cccccccc-0000-4000-8000-" + ("000000000000\(.)" | .[-12:])), upn: "u\(.)@nordwind.example", name: "User \(.)"}]}')" >/dev/null
sql "WITH u AS (INSERT INTO presence.teams_user (tenant_id, user_id, monitoring)
       SELECT '$TENANT_ID', ('cccccccc-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid, true
       FROM generate_series(0, $users - 1) i RETURNING user_id)
     INSERT INTO presence.extension (tenant_id, pbx_id, extension, user_id)
     SELECT '$TENANT_ID', '$PBX_ID', 'b' || right(user_id::text, 12)::bigint, user_id FROM u"
for from in $(seq 0 100 1500); do
  post_body "$(jq -nc --argjson f $from '[range($f; $f + 100)
    | {type: "call.answered", data: {extension: "b\(.)", call_id: "burst"}}]')"
  expect_status 200
  is "$(jq '[.results[] | select(.outcome != "published" and .outcome != "deferred")] | length' <<<"$BODY")" 0 "other outcomes"
done
post2 call.ended 1 h1
expect '.results[0].outcome' published
[ "$(sql "SELECT count(*) FROM presence.teams_user WHERE published = 'busy' AND certain")" -lt $((users + 2)) ] ||
  fail "the budget held nothing back"
# Those that hang up while they wait are never told that they were busy.
post_body "$(jq -nc '[range(1500; 1600) | {type: "call.ended", data: {extension: "b\(.)", call_id: "burst"}}]')"
expect_status 200
until_true 90 eval '[ "$(sql "SELECT count(*) FROM presence.teams_user u WHERE presence.user_must_tell(u)")" = 0 ]'
is "$(sql "SELECT count(*) FROM presence.teams_user WHERE user_id::text LIKE 'cccccccc-%' AND goal = 'busy' AND published = 'busy' AND certain")" 1500 "people told"
sim_is cccccccc-0000-4000-8000-000000000000 .availability Busy
sim_is cccccccc-0000-4000-8000-000000001499 .availability Busy
counts=$(sim GET /_sim/counts)
most=$(jq --arg t "$TENANT_ID" '.max_in_30s[$t]' <<<"$counts")
[ "$most" -le 1500 ] || fail "$most requests within 30 s"
is "$(sim_calls '[.[] | select(.status == 429)] | length')" 1 "answers of 429"
echo "most requests in 30 s: $most"

# A tenant that somebody holds, with hundreds of people due, keeps nobody else waiting.
coproc HOLD { psql -X -q -At -d "$DATABASE_URL"; }
echo "BEGIN; SELECT 'held' FROM pg_advisory_xact_lock(presence.tenant_key('$TENANT_ID'));" >&"${HOLD[1]}"
read -r held <&"${HOLD[0]}"
is "$held" held "the lock"
sql "UPDATE presence.due SET at = clock_timestamp() - interval '1 minute' WHERE tenant_id = '$TENANT_ID'"
[ "$(sql "SELECT count(*) FROM presence.due WHERE at < now()")" -ge 200 ] || fail "that is no crowd"
fault "{\"match\":{\"op\":\"setPresence\",\"tenant\":\"$TENANT2_ID\"},\"times\":1,\"status\":503}" >/dev/null
post2 call.answered 1 h2
expect '.results[0].outcome' deferred
TENANT_ID=$TENANT2_ID sim_wait "$EMIL_OID" Busy 8000
echo "COMMIT;" >&"${HOLD[1]}"
