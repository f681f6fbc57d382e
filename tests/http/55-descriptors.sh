#!/usr/bin/env bash
# No file descriptors left in the programs: none ends, none spins, nothing that was taken is lost, and all goes on when there are some again.
# limit: 180
. "$(dirname "$0")/lib.sh"
. tests/http/steady.sh
start
steady_people 24 6
fault '{"match":{"op":"setPresence"},"delay_ms":50}' >/dev/null
sign_in admin@nordwind.example
looks=$(jq -nc --arg public "$PUBLIC_URL" --arg token "$(tab_token "$ANNA_OID")" \
  --arg cookie "$(awk 'NF == 7 { printf "%s%s=%s", (n++ ? "; " : ""), $6, $7 }' "$COOKIES")" '[
    {name: "tab", method: "GET", urls: ["\($public)/tab/api/me"], headers: {authorization: "Bearer \($token)"}, times: 3},
    {name: "admin", method: "GET", urls: ["\($public)/admin/api/tenant"], headers: {cookie: $cookie}, times: 3}]')
names=(webhook tab admin reconciler)
case $BUILD in *san-*) part=2 ;; *) part=5 ;; esac # a sanitizer makes each wake-up dear
declare -A pids limits cpu
for name in "${names[@]}"; do
  pids[$name]=$(<"$PIDS/$name.pid")
  limits[$name]=$(awk '/^Max open files/ { print $4 }' "/proc/${pids[$name]}/limits")
done

allow() { # NAME NUMBER: descriptors below it
  prlimit --pid "${pids[$1]}" --nofile="$2:" || fail "prlimit of $1"
}
highest() { ls "/proc/${pids[$1]}/fd" | sort -n | tail -n 1; }
cpu_ms() { # what it has used, by the clock's ticks of 10 ms
  awk '{ sub(/.*\) /, ""); print ($12 + $13) * 10 }' "/proc/${pids[$1]}/stat"
}
# starve SECONDS NUMBER: so many more descriptors than each has open.
starve() {
  local began
  for name in "${names[@]}"; do
    if [ "$2" = 0 ]; then allow "$name" 3; else allow "$name" $(($(highest "$name") + 1 + $2)); fi
    cpu[$name]=$(cpu_ms "$name")
  done
  began=$(now_ms)
  sql "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename LIKE 'presence\\_%'" >/dev/null
  sleep "$1"
  for name in "${names[@]}"; do
    kill -0 "${pids[$name]}" || fail "presence-$name has ended"
    used=$(($(cpu_ms "$name") - cpu[$name])) lasted=$(($(now_ms) - began))
    echo "presence-$name, $2 descriptors left: $used ms of CPU in $lasted ms"
    # Waiting costs a few wake-ups a second; a loop would take all there is.
    [ $used -lt $((lasted / part)) ] || fail "presence-$name took $used ms of CPU in $lasted ms"
  done
}
feed() { for name in "${names[@]}"; do allow "$name" "${limits[$name]}"; done; }

steady_begin 100 "$looks"
sleep 1 # under load, not before it
starve 5 0 # not even one: connections wait to be accepted
feed
sleep 2
# Some: taken requests, libpq and libcurl contend for them.
starve 5 2
full=$(now_ms)
feed
sleep 3
steady_end
steady_only 200 503
told 'group_by([.name, .status]) | map("\(length) x \(.[0].name) \(.[0].status), slowest \(map(.ms) | max) ms") | join("; ")'
is "$(told "map(select(.status != 200 and .begun > $full + 2000)) | length")" 0 "503 afterwards"
[ "$(told "map(select(.status == 200 and .begun > $full + 2000)) | map(.name) | unique | length")" = 3 ] || fail "not all are served again"
grep -q 'accept: ' "$LOGS/webhook.log" || fail "that was no shortage"
for name in "${names[@]}"; do
  is "$(<"$PIDS/$name.pid")" "${pids[$name]}" "process id of presence-$name"
done
steady_is_right
