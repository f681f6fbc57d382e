#!/usr/bin/env bash
# Slow Graph and many at once: everybody is answered in time, slow clients stop nobody, memory stays bounded.
# limit: 240
. "$(dirname "$0")/lib.sh"
. tests/http/crowd.sh
# Time enough for a machine that does other things as well: what must hold is that
# nobody is turned away within the limit, and how long 500 may take is of the bench.
answer_ms=8000
start PRESENCE_ANSWER_MS=$answer_ms
crowd_people
fault '{"match":{"op":"setPresence"},"delay_ms":300}' >/dev/null

# 500 at once over a slow Graph: all 200, and within the answer's limit.
crowd 500 call.answered first
[ "$(jq .max_us <<<"$BODY")" -lt $(((answer_ms + 1500) * 1000)) ] || fail "the slowest of 500 took $(jq .max_us <<<"$BODY") us"
until_true 30 busy_are 500
crowd 500 call.ended first
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
is "$(sim GET /_sim/counts | jq .concurrent_per_user_max)" 1 "calls at once for a person"
