#!/usr/bin/env bash
# The stack itself: what is killed is back within 5 s on the same socket, and
# `down` leaves neither a process nor a port.
# limit: 120
. "$(dirname "$0")/lib.sh"
start

serves() { [ "$(curl -sS --noproxy '*' -o /dev/null -w '%{http_code}' --max-time 1 "$1")" = 200 ]; }
is_another() { # NAME PID: it runs, and not as PID any more
  local pid
  pid=$(cat "$PIDS/$1.pid") && [ "$pid" ] && [ "$pid" != "$2" ]
}
for name in webhook tab admin reconciler nginx postgres microsoft; do
  was=$(<"$PIDS/$name.pid")
  service "$name" kill
  until_true 5 is_another "$name" "$was"
done
# PostgreSQL looks through all its files after a crash before it takes anybody,
# and the simulator makes keys.
for name in webhook tab admin reconciler; do until_true 30 serves "$URL/readyz/$name"; done
until_true 30 serves "$SIM_URL/_sim/counts"

# A second one on a folder that is in use is refused, with the reason.
reason=$(tests/stack/up "$stack" 2>&1 | tail -n 1) || true
[[ $reason == *"runs already"* ]] || fail "the reason is: $reason"
# So is a port that is taken, and a setting that no program knows.
reason=$(STACK_PORT=$NGINX_PORT tests/stack/up "$TEST_DIR/second" 2>&1 | tail -n 1) || true
[[ $reason == *"port $NGINX_PORT is taken"* ]] || fail "the reason is: $reason"
reason=$(PRESENCE_NONSENSE=1 tests/stack/up "$TEST_DIR/third" 2>&1 | tail -n 1) || true
[[ $reason == *PRESENCE_NONSENSE* ]] || fail "the reason is: $reason"

# Nothing is left, also when the supervisor itself was killed.
left() { # processes that name the folder, but for those of this test
  local p
  for p in /proc/[0-9]*; do
    { tr '\0' '\n' <"$p/environ" | grep -qx "STACK_DIR=$1"; } 2>/dev/null && echo "${p#/proc/}"
  done
  return 0
}
set +a
unset STACK_DIR # start exported it; what we run from here on is no part of the stack
stop
is "$(left "$stack")" "" "processes after down"
for port in "$NGINX_PORT" "${SIM_URL##*:}" "${GRAPH_URL##*:}"; do
  refute serves "http://127.0.0.1:$port/"
  is "$(ss -Hltn "sport = :$port")" "" "listeners at $port after down"
done

start
unset STACK_DIR
kill -KILL "$(<"$PIDS/supervisor.pid")"
stop
is "$(left "$stack")" "" "processes after a killed supervisor"
