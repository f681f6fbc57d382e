#!/usr/bin/env bash
# Slow Graph and many at once: everybody is answered in time, slow clients stop nobody, memory stays bounded.
# limit: 240
. "$(dirname "$0")/lib.sh"
# Time enough for a machine that does other things as well: what must hold is that
# nobody is turned away within the limit, and how long 500 may take is of the bench.
answer_ms=8000
start PRESENCE_ANSWER_MS=$answer_ms
people=1250 # of each of four tenants: below what Graph takes of a tenant in 30 s

tenant() { printf '3000000%d-0000-4000-8000-000000000000' "$1"; }
for n in 1 2 3 4; do
  sim POST /_sim/tenants "$(jq -nc --arg t "$(tenant $n)" --arg n $n --argjson p $people '{tenants: [{tenant_id: $t, name: "Crowd \($n)",
    consent: "granted", users: [range($p) | {oid: ("3000000\($n)-0000-4000-8000-" + ("000000000000\(.)" | .[-12:])), upn: "e\(.)@crowd\($n).example", name: "E \(.)"}]}]}')" >/dev/null
  ctl tenant-add "$(tenant $n)" "Crowd $n" >/dev/null
  ctl pbx-add "$(tenant $n)" Crowd >"$TEST_DIR/pbx"
  ctl consent-check "$(tenant $n)" >/dev/null
  sql "WITH u AS (INSERT INTO presence.teams_user (tenant_id, user_id, monitoring)
         SELECT '$(tenant $n)', ('3000000$n-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid, true
         FROM generate_series(0, $people - 1) i RETURNING user_id)
       INSERT INTO presence.extension (tenant_id, pbx_id, extension, user_id)
       SELECT '$(tenant $n)', '$(sed -n 's/^id=//p' "$TEST_DIR/pbx")', 'e' || right(user_id::text, 12)::bigint, user_id FROM u"
  jq -nc --arg url "$(sed -n 's/^webhook_url=//p' "$TEST_DIR/pbx")" --arg secret "$(sed -n 's/^secret=//p' "$TEST_DIR/pbx")" \
    --argjson people $people '{url: $url, secret: $secret, extensions: $people}' >>"$TEST_DIR/pbxs"
done
jq -sc . "$TEST_DIR/pbxs" >"$TEST_DIR/list"
sql "ANALYZE presence.teams_user, presence.extension"
fault '{"match":{"op":"setPresence"},"delay_ms":300}' >/dev/null

crowd() { # CONNECTIONS TYPE CALL
  BODY=$(node tests/http/crowd.mjs "$@" <"$TEST_DIR/list" 3>&-)
  echo "$2: ${BODY:0:600}"
  expect '.lost | join("; ")' ""
  expect '.outcomes | add' "$1"
  expect '.outcomes | keys - ["published", "deferred", "superseded", "duplicate"] | join(" ")' ""
}
high_kb() { sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$(<"$PIDS/webhook.pid")/status"; }
webhook=$(<"$PIDS/webhook.pid")
people_busy() { sim GET /_sim/state | jq '[.tenants[] | select(.name | startswith("Crowd")).users[] | select(.presence.availability == "Busy")] | length'; }
busy_are() { [ "$(people_busy)" = "$1" ]; }

# 500 at once over a slow Graph: all 200, and within the answer's limit.
quiet=$(high_kb)
crowd 500 call.answered first
expect '.answers | keys | join(" ")' 200
[ "$(jq .slowest_ms <<<"$BODY")" -lt $((answer_ms + 1500)) ] || fail "the slowest of 500 took $(jq .slowest_ms <<<"$BODY") ms"
until_true 30 busy_are 500
crowd 500 call.ended first
expect '.answers | keys | join(" ")' 200
until_true 30 busy_are 0

# Slow clients occupy nobody: nginx takes them in, the others go their way.
coproc SLOW { exec node tests/http/slow.mjs "$PBX_URL" "$PBX_SECRET" 40 6 3>&-; }
slow=$SLOW_PID
exec {from_slow}<&"${SLOW[0]}"
read -r word <&$from_slow
is "$word" slow "word of the slow clients"
node tests/http/load.mjs "$PBX_URL" "$PBX_SECRET" 3 4 1001 >"$TEST_DIR/load" 3>&-
kill -0 "$slow" || fail "the slow clients were gone before the others were served"
BODY=$(<"$TEST_DIR/load")
expect '.answers | keys | join(" ")' 200
beside=$(jq .slowest_ms <<<"$BODY")
[ "$beside" -lt $((answer_ms + 1500)) ] || fail "beside slow clients an event took $beside ms"
read -r answered <&$from_slow
is "$answered" 40 "slow clients that were answered 200 at last"
wait "$slow"
echo "beside 40 slow clients: $BODY"

# As many as there may be: 503 with Retry-After is the only other answer, and
# what it turned away is taken when it comes again.
most=5000
[ "$(ulimit -n)" -gt $((most + 200)) ] || most=$(($(ulimit -n) - 200))
crowd $most call.answered many
expect '.answers | keys - ["200", "503"] | join(" ")' ""
expect .no_retry_after 0
until_true 60 busy_are "$most"
is "$(sql "SELECT count(*) FROM presence.event WHERE kind = 'event' AND type = 'call.answered' AND extension LIKE 'e%'")" \
  $((500 + most)) "events stored"

# Bounded: what may be held at most, 6,144 requests of about 50 kB.
is "$(<"$PIDS/webhook.pid")" "$webhook" "process id of presence-webhook"
high=$(high_kb)
echo "memory of presence-webhook: $quiet kB quiet, $high kB at most"
case $BUILD in
*san-*) ;;
*) [ "$high" -lt $((6144 * 50)) ] || fail "presence-webhook took $high kB" ;;
esac
is "$(sim GET /_sim/counts | jq .concurrent_per_user_max)" 1 "calls at once for a person"
