#!/usr/bin/env bash
# A restart under load loses no request: nginx takes those of the old program
# to the new one, on the socket that stayed open. Three times by SIGTERM, then
# by SIGKILL, where nothing that was answered 2xx may be lost.
# limit: 120
. "$(dirname "$0")/lib.sh"
start

load() { # SECONDS: in the background, its output in $TEST_DIR/load
  node tests/http/load.mjs "$PBX_URL" "$PBX_SECRET" "$1" 24 1001 1002 1003 >"$TEST_DIR/load" 3>&- &
}
is_another() { # NAME PID: it runs, and not as PID any more
  local pid
  pid=$(cat "$PIDS/$1.pid") && [ "$pid" ] && [ "$pid" != "$2" ]
}
restart() { # HOW TIMES
  local i was
  for ((i = 0; i < $2; i++)); do
    sleep 1 # under load, not before it
    was=$(cat "$PIDS/webhook.pid")
    service webhook "$1"
    until_true 25 is_another webhook "$was"
  done
}
all_answered() { # the last load's answers are all 200
  cat "$TEST_DIR/load"
  is "$(jq -r '[to_entries[] | select(.key != "200" and .key != "slowest_ms")] | length' "$TEST_DIR/load")" \
    0 "answers other than 200"
  [ "$(jq -r '."200"' "$TEST_DIR/load")" -gt 100 ] || fail "that was no load"
}
none_busy() { # every handset is down: nobody stays Busy
  local oid
  for oid in "$ANNA_OID" "$BERT_OID" "$CARLA_OID"; do
    sim_wait "$oid" Available 60000
  done
  is "$(sql "SELECT count(*) FROM presence.call_leg")" 0 "open legs"
}

load 8
restart restart 3
wait %1
all_answered
none_busy

load 6
restart kill 2
wait %1
all_answered
none_busy
