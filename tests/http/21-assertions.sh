#!/usr/bin/env bash
# R6: of assertions the newest wins, by when it was said and not when it came; a wrong PBX clock does no harm.
# limit: 90
. "$(dirname "$0")/lib.sh"
start

rfc() { date -u -d "@$1" +%Y-%m-%dT%H:%M:%SZ; }
# said TYPE EXTENSION EVENT_S ATTEMPT_S [NAME=VALUE]: an event of then, sent now.
said() {
  post_body "$(event "$1" "$2" ${5:+"$5"} timestamp="$(rfc "$3")")" "" "$4"
}
outcome() {
  expect_status 200
  expect '.results[0].outcome' "$1"
}

# A late retry of "busy" does not undo the newer "idle".
now=$(now_s)
said extension.busy 1001 $((now - 30)) "$now"
outcome published
said extension.idle 1001 $((now - 10)) "$now"
outcome published
said extension.busy 1001 $((now - 20)) "$now"
outcome unchanged
sim_is "$ANNA_OID" .availability Available

# Nor a late "idle" the newer "busy".
said extension.busy 1001 "$now" "$now"
outcome published
said extension.idle 1001 $((now - 5)) "$now"
outcome unchanged
sim_is "$ANNA_OID" .availability Busy
said extension.idle 1001 $((now + 1)) $((now + 1))
outcome published

# Within 2 s the PBX's own clock decides, whatever the order of arrival ...
now=$(now_s)
said extension.busy 1002 "$now" "$now"
outcome published
said extension.idle 1002 $((now - 1)) "$now"
outcome unchanged
sim_is "$BERT_OID" .availability Busy
# ... and without it, or when it says the same, the later arrival.
said extension.idle 1002 "$now" "$now"
outcome published
post extension.busy 1002
outcome published
post extension.idle 1002
outcome published

# A clock that is hours wrong is wrong for both of its times: no harm.
far=$((now + 7200))
post extension.busy 1002 timestamp="$(rfc "$far")"
outcome published
post extension.idle 1002 timestamp="$(rfc $((far + 1)))"
outcome published
past=$((now - 86400))
post extension.busy 1003 timestamp="1970-01-01T00:00:10Z"
outcome published
post extension.idle 1003 timestamp="1970-01-01T00:00:12Z"
outcome published
sim_is "$CARLA_OID" .availability Available

# In an array the higher index is the later.
post_body "[$(event extension.busy 1003),$(event extension.idle 1003),$(event extension.busy 1003)]"
outcome superseded
expect '.results[2].outcome' published
sim_is "$CARLA_OID" .availability Busy
post extension.idle 1003
outcome published

# An assertion replaces the legs of its extension on its PBX ...
post call.answered 1003 a1
post call.answered 1003 a2
post phone.off_hook 1003
post extension.idle 1003
outcome published
sim_is "$CARLA_OID" .availability Available
# ... which stay ended ...
post call.answered 1003 a1
outcome unchanged
# ... and leaves those of other extensions alone.
ctl link "$TENANT_ID" "$PBX_ID" 2003 "$CARLA_OID" >/dev/null
post call.answered 2003 a3
outcome published
post extension.idle 1003
outcome unchanged
sim_is "$CARLA_OID" .availability Busy
post call.ended 2003 a3
outcome published

# A call that was heard of after the assertion was said goes on.
post call.answered 1003 b1
outcome published
now=$(now_s)
said extension.idle 1003 $((now - 60)) "$now"
outcome unchanged
sim_is "$CARLA_OID" .availability Busy
post call.ended 1003 b1
outcome published

# A handset: a late "lifted" does not undo "put down".
ctl link "$TENANT_ID" "$PBX_ID" 3001 "$ANNA_OID" >/dev/null
now=$(now_s)
said phone.off_hook 3001 $((now - 40)) "$now"
outcome published
said phone.on_hook 3001 $((now - 4)) "$now"
outcome published
said phone.off_hook 3001 $((now - 20)) "$now"
outcome unchanged
said phone.off_hook 3001 $((now - 20)) "$now" line=2
outcome unchanged
sim_is "$ANNA_OID" .availability Available

# pbx.restarted ends every leg of the PBX that had no newer news, and only those.
post call.answered 1001 p1
post call.answered 1002 p2
post phone.off_hook 1003
post pbx.restarted
expect_status 200
expect '.results | length' 1
expect '.results[0].outcome' published
expect '.results[0].extension' null
for who in "$ANNA_OID" "$BERT_OID" "$CARLA_OID"; do sim_is "$who" .availability Available; done
post call.answered 1001 p1
outcome unchanged
post pbx.restarted
outcome unchanged
post call.answered 1001 p3
outcome published
now=$(now_s)
post_body "{\"type\":\"pbx.restarted\",\"timestamp\":\"$(rfc $((now - 60)))\"}" "" "$now"
outcome unchanged
sim_is "$ANNA_OID" .availability Busy
