#!/usr/bin/env bash
# The database away for 5 s, dead or hanging: meanwhile only 503 with Retry-After, nothing that was taken is lost, and 200 again within 1 s of its return.
# limit: 240
. "$(dirname "$0")/lib.sh"
. tests/http/steady.sh
away_s=5
answer_ms=2500
start
# More PBXs than the webhook has threads: each is looked up again every few
# seconds, and none of that may wait for the database one after another.
steady_people 80 40
fault '{"match":{"op":"setPresence"},"delay_ms":50}' >/dev/null
sign_in admin@nordwind.example
looks=$(jq -nc --arg public "$PUBLIC_URL" --arg token "$(tab_token "$ANNA_OID")" \
  --arg cookie "$(awk 'NF == 7 { printf "%s%s=%s", (n++ ? "; " : ""), $6, $7 }' "$COOKIES")" '[
    {name: "tab", method: "GET", urls: ["\($public)/tab/api/me"], headers: {authorization: "Bearer \($token)"}, times: 6},
    {name: "admin", method: "GET", urls: ["\($public)/admin/api/tenant"], headers: {cookie: $cookie}, times: 6}]')

# Accepting connections, by PostgreSQL's own log; milliseconds of the wall clock.
ready_lines() { grep -c "database system is ready to accept connections" "$LOGS/postgres.log" || true; }
ready_ms() {
  date +%s%3N -d "$(sed -n 's/^\([0-9-]* [0-9:.]* UTC\) .*database system is ready to accept connections.*/\1/p' "$LOGS/postgres.log" | tail -n 1)"
}
is_ready_again() { [ "$(ready_lines)" -gt "$1" ]; }
# PostgreSQL is many processes, each with a group of its own.
family() { echo "$1" $(cat "/proc/$1/task/$1/children"); }

die() {
  local n
  n=$(ready_lines)
  gone_ms=$(now_ms)
  service postgres crash
  sleep $away_s
  service postgres start
  until_true 30 is_ready_again "$n"
  back_at_ms=$(ready_ms)
}
hang() {
  local pid
  pid=$(<"$PIDS/postgres.pid")
  gone_ms=$(now_ms)
  kill -STOP "$pid" # first: it makes no more of them
  kill -STOP $(family "$pid")
  sleep $((away_s + 3)) # longer than a thread waits for one answer
  back_at_ms=$(now_ms)
  kill -CONT $(family "$pid")
}
again() { # HOW
  steady_begin 800 "$looks"
  sleep 2 # under load, not before it
  "$1"
  sleep 3 # and after it
  steady_end
  steady_only 200 503
  # Within 1 s, and what an event takes on this machine while all is well.
  back_ms=$((1000 + $(told "map(select(.name == \"webhook\" and .status == 200 and .at < $gone_ms).ms) | max")))
  jq -c --arg how "$1" --argjson gone "$gone_ms" --argjson back "$back_at_ms" '.answers | {how: $how,
    away_ms: ($back - $gone)} + (group_by(.name) | map({key: .[0].name, value: {
      ok: map(select(.status == 200)) | length, busy: map(select(.status == 503)) | length, slowest_ms: map(.ms) | max,
      first_200_ms: (map(select(.status == 200 and .at > $back).at) | min - $back),
      last_503_ms: (map(select(.status == 503).at) | max - $back)}}) | from_entries)' "$TOLD" | tee "$TEST_DIR/summary"
  BODY=$(<"$TEST_DIR/summary")
  is "$(told "map(select(.status == 503 and .at < $gone_ms)) | length")" 0 "503 while the database was there"
  for name in webhook tab admin; do
    [ "$(jq ".$name.busy" <<<"$BODY")" -gt 5 ] || fail "$name was not asked meanwhile"
    is "$(told "map(select(.name == \"$name\" and .status == 200 and .begun > $gone_ms + 300 and .at < $back_at_ms - 100)) | length")" \
      0 "200 of $name while the database was away"
    [ "$(jq ".$name.first_200_ms" <<<"$BODY")" -lt $back_ms ] || fail "$name: no 200 within $back_ms ms: $BODY"
    [ "$(jq ".$name.last_503_ms" <<<"$BODY")" -lt $back_ms ] || fail "$name: a 503 after more than $back_ms ms: $BODY"
    is "$(told "map(select(.name == \"$name\" and .status != 200 and .begun > $back_at_ms + $back_ms)) | length")" 0 "503 of $name afterwards"
  done
  # R1: the answer's limit holds although nobody answers the threads.
  [ "$(jq .webhook.slowest_ms <<<"$BODY")" -lt $((answer_ms + 1500)) ] || fail "an event waited too long: $BODY"
  steady_is_right
  sql "DELETE FROM presence.event_key; DELETE FROM presence.event" # ids are used again
}
again die
again hang
for name in webhook tab admin reconciler; do
  is "$(grep -c "msg=.*started" "$LOGS/$name.log")" 1 "starts of presence-$name"
done
