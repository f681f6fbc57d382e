#!/usr/bin/env bash
# A restart loses no request: nginx keeps them on the socket that stayed open, and what is under way is answered first. By SIGKILL nginx gives the webhook's to the next program.
# limit: 150
. "$(dirname "$0")/lib.sh"
start PRESENCE_ANSWER_MS=8000 # a busy machine is no reason for a 503
sign_in admin@nordwind.example
token=$(tab_token "$ANNA_OID")
cookie=$(awk 'NF == 7 { printf "%s%s=%s", (n++ ? "; " : ""), $6, $7 }' "$COOKIES")
# Graph takes a while, so that there is always something under way.
fault '{"match":{"op":"setPresence"},"delay_ms":100}' >/dev/null

load() { # SECONDS: events over 64 kept connections, and pages that look
  coproc PAGES {
    exec node tests/http/looks.mjs 20 tab "$PUBLIC_URL/tab/api/me" authorization "Bearer $token" \
      admin "$PUBLIC_URL/admin/api/session" cookie "$cookie" >"$TEST_DIR/looks" 3>&-
  }
  node tests/http/load.mjs "$PBX_URL" "$PBX_SECRET" "$1" 64 1001 1002 1003 >"$TEST_DIR/load" 3>&- &
  load=$!
}
is_another() { # NAME PID: it runs, and not as PID any more
  local pid
  pid=$(cat "$PIDS/$1.pid") && [ "$pid" ] && [ "$pid" != "$2" ]
}
restart() { # HOW NAME ...
  local name was
  local -A pids
  sleep 1 # under load, not before it
  for name in "${@:2}"; do
    pids[$name]=$(<"$PIDS/$name.pid")
    service "$name" "$1"
  done
  for name in "${!pids[@]}"; do until_true 25 is_another "$name" "${pids[$name]}"; done
  kill -0 "$load" || fail "the load has ended"
}
end_of_load() {
  local pages=$PAGES_PID
  wait "$load"
  eval "exec ${PAGES[1]}>&-" # end of the pages' input
  wait "$pages"
  echo "events $(<"$TEST_DIR/load") pages $(<"$TEST_DIR/looks")"
  BODY=$(<"$TEST_DIR/load")
  expect '.answers | keys | join(" ")' 200
  expect '.begun - .answers."200"' 0
  [ "$(jq .begun <<<"$BODY")" -gt 200 ] || fail "that was no load"
  BODY=$(<"$TEST_DIR/looks")
  expect '[.[].not_json] | add' 0
  [ "$(jq '[.[].answers."200"] | min' <<<"$BODY")" -gt 50 ] || fail "that was no load of pages"
}
none_busy() { # every handset is down: nobody stays Busy
  local oid
  for oid in "$ANNA_OID" "$BERT_OID" "$CARLA_OID"; do
    sim_wait "$oid" Available 60000
  done
  is "$(sql "SELECT count(*) FROM presence.call_leg")" 0 "open legs"
}
stops() { grep -c "msg=stopped" "$LOGS/$1.log" || true; }

load 11
for n in 1 2 3; do restart restart webhook tab admin reconciler; done
# Once more while somebody holds the tenant: all that was taken waits to be
# stored, and is.
sql "SELECT FROM pg_advisory_xact_lock(presence.tenant_key('$TENANT_ID')); SELECT pg_sleep(2)" >/dev/null &
restart restart webhook
end_of_load
# Nobody noticed, not the pages either; and each ended by itself, in order.
expect '[.[].answers | keys[]] | unique | join(" ")' 200
is "$(stops webhook)" 4 "orderly ends of webhook"
for name in tab admin reconciler; do is "$(stops $name)" 3 "orderly ends of $name"; done
none_busy

load 7
for n in 1 2; do restart kill webhook tab admin; done
end_of_load
# A page's request is tried once: 503, never half an answer.
expect '[.[].answers | keys[] | select(. != "200" and . != "503")] | join(" ")' ""
none_busy
