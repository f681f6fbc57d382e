#!/usr/bin/env bash
# As many at once as there may be, 5,000, while Graph is slow: each is stored and answered 200 within the limit, and later shown.
# limit: 240
# alone
. "$(dirname "$0")/lib.sh"
. tests/http/crowd.sh
# What must hold is that nobody is turned away; how soon all are stored on a machine
# that carries sender, simulator and database too is of the benchmark.
start PRESENCE_ANSWER_MS=8000
crowd_people
# So slow that nobody waits for the simulator's share of the machine.
fault '{"match":{"op":"setPresence"},"delay_ms":9000}' >/dev/null
webhook=$(<"$PIDS/webhook.pid")
quiet=$(high_kb)
most=5000
case $BUILD in *san-*) most=2500 ;; esac # it is several times as slow
[ "$(ulimit -n)" -gt $((most + 200)) ] || most=$(($(ulimit -n) - 200))
crowd $most call.answered many
no_faults
is "$(sql "SELECT count(*) FROM presence.event WHERE kind = 'event' AND type = 'call.answered' AND extension LIKE 'e%'")" "$most" "events stored"
until_true 90 busy_are "$most"

# Bounded: what may be held at most, 6,144 requests of about 50 kB.
is "$(<"$PIDS/webhook.pid")" "$webhook" "process id of presence-webhook"
high=$(high_kb)
echo "memory of presence-webhook: $quiet kB quiet, $high kB at most"
case $BUILD in
*san-*) ;;
*) [ "$high" -lt $((6144 * 50)) ] || fail "presence-webhook took $high kB" ;;
esac
is "$(sim GET /_sim/counts | jq .concurrent_per_user_max)" 1 "calls at once for a person"
