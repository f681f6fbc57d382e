#!/usr/bin/env bash
# Two instances of each program on one database never deadlock: the same events on both, while everything that touches many people at once goes on.
# limit: 180
. "$(dirname "$0")/lib.sh"
. tests/http/steady.sh
seconds=12
start STACK_INSTANCES=2 PRESENCE_ANSWER_MS=8000 # deadlocks are looked for, not speed
# A deadlock would else be hidden by the programs' own lock_timeout of 0.5 s.
sql "ALTER SYSTEM SET deadlock_timeout = '50ms'" && sql "SELECT pg_reload_conf()" >/dev/null
steady_people 32 4
fault '{"match":{"op":"setPresence"},"delay_ms":20}' >/dev/null
sign_in admin@nordwind.example
pbx_id() { jq -r ".[$1].id" "$TEST_DIR/pbxs"; }
person() { printf 'eeeeeeee-0000-4000-8000-%012d' "$1"; }
# What is too old, for the sweep.
sql "INSERT INTO presence.event_key SELECT '$TENANT_ID', '$(pbx_id 0)', 'old' || i, now() - interval '4 days' FROM generate_series(1, 20000) i;
  INSERT INTO presence.call_end SELECT '$TENANT_ID', '$(pbx_id 0)', 'e0', 'old' || i, '', false, now() - interval '4 days' FROM generate_series(1, 20000) i;
  INSERT INTO presence.event (tenant_id, at, kind, type, outcome) SELECT '$TENANT_ID', now() - interval '40 days', 'admin', 'old', 'old' FROM generate_series(1, 20000)"

# --- what touches many, each over and over until it is told to stop -----------

ok() { # the last request was taken; nobody can be looked up without consent
  case "$STATUS $BODY" in
  2*) ;;
  409*"grant consent first"*) return 1 ;;
  *) fail "$1 was answered $STATUS: $BODY" ;;
  esac
}
restarted() {
  local PBX_URL PBX_SECRET
  PBX_URL=$(jq -r .[1].url "$TEST_DIR/pbxs") PBX_SECRET=$(jq -r .[1].secret "$TEST_DIR/pbxs")
  post pbx.restarted
  ok restarted
}
# The extensions of a PBX change hands in mid-call, and at last belong to whom they should.
csv() { # BY HOW MANY the people move on
  jq -rn --argjson by "$1" '"extension,user", (range(2; 32; 4) | "e\(.),e\((. + 4 * $by - 2) % 32 + 2)@nordwind.example")'
}
relink() {
  api PUT "pbxs/$(pbx_id 2)/extensions" "" -H 'content-type: text/csv' --data-binary "$(csv $(($1 % 3)))"
  if ok relink; then is "$(jq .linked <<<"$BODY")" 8 "linked extensions"; fi
}
toggle() {
  tab PUT monitoring "$(person 3)" "{\"on\":$([ $(($1 % 2)) = 0 ] && echo true || echo false)}"
  ok toggle
}
settings() {
  api PATCH tenant "{\"settings\":{\"ringing_is_busy\":$([ $(($1 % 2)) = 0 ] && echo true || echo false),\"lease_s\":$((900 + $1))}}"
  ok settings
}
pbxs() {
  local id
  api POST pbxs '{"name":"Soon gone","platform":"generic"}'
  ok "a new PBX"
  id=$(jq -r .id <<<"$BODY")
  api PUT "pbxs/$id/extensions" "" -H 'content-type: text/csv' --data-binary $'extension,user\ng1,e5@nordwind.example\n'
  ok "its extension" || true
  api DELETE "pbxs/$id"
  ok "its end"
}
# Only a call shows that consent is lost, and a fast machine uses up what one tenant may ask in 30 s: then none is made for so long.
seen_within=45
linked() { ctl link "$TENANT_ID" "$(pbx_id 0)" l1 "$(person $(($1 % 2 * 4)))" >/dev/null; }
sweep() { sql "SET lock_timeout = '500ms'; SELECT presence.retention_sweep(30)" >/dev/null; }
consent() {
  sim POST /_sim/consent "{\"tenant\":\"$TENANT_ID\",\"state\":\"none\",\"tokens\":\"strip\"}" >/dev/null
  until_true "$seen_within" eval '[ "$(sql "SELECT consent FROM presence.tenant WHERE tenant_id = '"'$TENANT_ID'"'")" = lost ]'
  sim POST /_sim/consent "{\"tenant\":\"$TENANT_ID\",\"state\":\"granted\",\"tokens\":\"keep\"}" >/dev/null
  # A call that was under way may be refused yet: then it is found by a later probe.
  until_true "$seen_within" eval 'ctl consent-check "$TENANT_ID" >/dev/null'
  sleep 2
}
provoke() { # NAME
  local n=0 # and files of its own
  TEST_DIR=$TEST_DIR/loop-$1
  mkdir -p "$TEST_DIR"
  cp "$TEST_DIR"/../{pbxs,cookies} "$TEST_DIR"
  HEADERS=$TEST_DIR/headers COOKIES=$TEST_DIR/cookies
  while [ ! -e "$TEST_DIR/../enough" ]; do
    "$1" $n
    n=$((n + 1))
  done
  # As it must be in the end.
  case $1 in relink | toggle) "$1" 0 ;; esac
  echo "$1 $n times" >&3
}

# Everybody is cleared, over and over, in mid-call: by four at once, or their line would be all that one tenant can do.
clears=$(jq -nc --arg public "$PUBLIC_URL" --arg csrf "$CSRF" --arg cookie "$(awk 'NF == 7 {
  printf "%s%s=%s", (n++ ? "; " : ""), $6, $7 }' "$COOKIES")" '[range(4) | {name: "clear", method: "POST", body: "{}",
    urls: [range(.; 32; 4) | "\($public)/admin/api/people/eeeeeeee-0000-4000-8000-" + ("000000000000\(.)" | .[-12:]) + "/clear"],
    headers: {cookie: $cookie, "x-csrf-token": $csrf}}]')
steady_begin 20 "$clears" true 60
provokers=()
for name in restarted relink toggle settings pbxs linked sweep consent; do
  provoke $name &
  provokers+=($!)
done
sleep $seconds
touch "$TEST_DIR/enough"
told_log() { grep -cE "$1" "$LOGS/postgres.log" || true; }
is "$(told_log 'deadlock detected')" 0 "deadlocks"
for pid in "${provokers[@]}"; do wait "$pid" || fail "one of them failed"; done
steady_end
steady_only 200
is "$(jq -r '.twice | join("; ")' "$TOLD")" "" "events stored twice or not at all"
jq -c '{events: (.keys | length), clears: (.answers | map(select(.name == "clear")) | length), outcomes}' "$TOLD"
[ "$(jq '.keys | length' "$TOLD")" -gt 300 ] || fail "that was no load"
is "$(told_log 'canceling statement due to')" 0 "statements that waited too long"
for name in webhook tab admin reconciler; do
  for i in "" -2; do is "$(grep level=error "$LOGS/$name$i.log" || true)" "" "errors of $name$i"; done
done
steady_is_right
