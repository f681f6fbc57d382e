#!/usr/bin/env bash
# R1: 2xx only after the commit; without the database only 503 with Retry-After, within the answer's limit, and back at once.
# limit: 120
. "$(dirname "$0")/lib.sh"
start

post call.answered 1001 before
expect '.results[0].outcome' published

# Away: stopped at once.
service postgres stop
post call.answered 1002 away
expect_status 503
[ "$(header retry-after)" -ge 1 ] || fail "no Retry-After"
expect .status 503
[ "$MS" -lt 3500 ] || fail "503 took $MS ms"
refute curl -sS --noproxy '*' --fail -o /dev/null "$URL/readyz/webhook"
curl -sS --noproxy '*' --fail -o /dev/null "$URL/healthz/webhook"
service postgres start
until_true 10 eval 'post call.answered 1002 back; [ "$STATUS" = 200 ]'
sim_wait "$BERT_OID" Busy
is "$(sql "SELECT count(*) FROM presence.call_leg WHERE call_id = 'away'")" 0 "rows of a refused event"
post call.ended 1001 before
expect '.results[0].outcome' published

# Hanging: it takes the connection and says nothing.
for p in $(pgrep -g "$(ps -o pgid= -p "$(<"$PIDS/postgres.pid")" | tr -d ' ')" 2>/dev/null || true) \
  $(pgrep -P "$(<"$PIDS/postgres.pid")") "$(<"$PIDS/postgres.pid")"; do
  ps -o comm= -p "$p" | grep -q '^postgres' && kill -STOP "$p" && stopped+=("$p")
done
post call.answered 1003 hanging
kill -CONT "${stopped[@]}"
expect_status 503
[ "$MS" -lt 3500 ] || fail "503 took $MS ms"
until_true 15 eval 'post call.answered 1003 later; [ "$STATUS" = 200 ]'
sim_wait "$CARLA_OID" Busy

# Many at once, all of them stored: every 2xx is in the log.
n=$(sql "SELECT count(*) FROM presence.event WHERE type LIKE 'phone.%'")
node tests/http/load.mjs "$PBX_URL" "$PBX_SECRET" 2 64 1001 1002 1003 >"$TEST_DIR/load" 3>&-
BODY=$(<"$TEST_DIR/load")
expect '.answers | keys | join(" ")' 200
[ "$(jq .begun <<<"$BODY")" -ge 128 ] || fail "that were few"
is "$(sql "SELECT count(*) FROM presence.event WHERE type LIKE 'phone.%'")" $((n + $(jq .begun <<<"$BODY"))) "stored events"
