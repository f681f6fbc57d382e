#!/usr/bin/env bash
# R1 R5: presence-webhook killed just before its commit, and just after it: the event is stored once, and its sender is told so.
# limit: 150
. "$(dirname "$0")/lib.sh"
start
stored() { sql "SELECT (SELECT count(*) FROM presence.event_key WHERE key LIKE '$1:%') || ' ' ||
  (SELECT count(*) FROM presence.event WHERE kind = 'event' AND extension = '$2' AND type = '$3')"; }
die() {
  local was
  was=$(<"$PIDS/webhook.pid")
  kill -9 "$was"
  until_true 15 eval '[ -s "$PIDS/webhook.pid" ] && [ "$(<"$PIDS/webhook.pid")" != '"$was"' ]'
}
post_beside() { # ID TYPE EXTENSION: nginx gives it to the next program when this one dies
  (post_body "$(event "$2" "$3")" "$1" && echo "$STATUS $BODY") >"$TEST_DIR/answer" &
  posting=$!
}
answered() { # OUTCOME
  wait $posting
  read -r STATUS BODY <"$TEST_DIR/answer"
  expect_status 200
  expect '.results[0].outcome' "$1"
  expect '.results[0].availability' Busy
}

# Before: the tenant is held, the event waits, nothing is stored.
coproc HOLD { exec psql -X -q -At -d "$DATABASE_URL" 3>&-; }
exec {hold}>&"${HOLD[1]}"
eval "exec ${HOLD[1]}>&-"
hold_pid=$HOLD_PID
echo "BEGIN; SELECT 'held' FROM pg_advisory_xact_lock(presence.tenant_key('$TENANT_ID'));" >&$hold
read -r word <&"${HOLD[0]}"
is "$word" held "the tenant"
post_beside msg_before phone.off_hook 1001
in_line() { sql "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"; }
until_true 10 eval 'dead=$(in_line); [ -n "$dead" ]'
die
# Nobody has told PostgreSQL: the statement of the dead stands in line a little longer.
until_true 5 eval '[ "$(sql "SELECT count(*) FROM pg_stat_activity WHERE pid = '"$dead"'")" = 0 ]'
is "$(stored msg_before 1001 phone.off_hook)" "0 0" "stored before the commit"
echo "COMMIT;" >&$hold
exec {hold}>&-
wait $hold_pid || true
answered published
is "$(stored msg_before 1001 phone.off_hook)" "1 1" "stored once"
sim_wait "$ANNA_OID" Busy

# After: stored, Microsoft is being told, nobody has been answered.
fault '{"match":{"op":"setPresence"},"times":1,"delay_ms":20000,"effect":"before"}' >/dev/null
post_beside msg_after phone.off_hook 1002
until_true 10 eval '[ "$(stored msg_after 1002 phone.off_hook)" = "1 1" ]'
sim_wait "$BERT_OID" Busy
die
answered duplicate
is "$(stored msg_after 1002 phone.off_hook)" "1 1" "stored once"
# The claim of the dead runs out after 20 s; what changed meanwhile follows then.
post phone.on_hook 1002
expect_status 200
expect '.results[0].outcome' deferred
sim_wait "$BERT_OID" Available 40000
is "$(sql "SELECT count(*) FROM presence.call_leg WHERE extension = '1002'")" 0 "open legs"
is "$(sim GET /_sim/counts | jq .concurrent_per_user_max)" 1 "calls at once for a person"
