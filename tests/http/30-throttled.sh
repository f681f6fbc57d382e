#!/usr/bin/env bash
# R13: a tenant that is throttled again and again delays no other; when its gate opens, clears go first, then the newest states, at a bounded rate.
# limit: 240
. "$(dirname "$0")/lib.sh"
start
. tests/http/second-tenant.sh
. tests/http/people.sh
most=1200
people "$TENANT_ID" "$PBX_ID" $most c
sign_in admin@nordwind.example
api PATCH tenant '{"settings":{"after_call":"clear"}}'
expect_status 200

newest_call() { sim GET "/_sim/calls?since=1000000" | jq .seq; }

# The other tenant's way from event to Graph: in the request (the middle of 15),
# and by the reconciler after one failure (from the end of that call).
measure() { # NAME: sets NAME_half, NAME_most, NAME_again (ms)
  local i times=() since
  for ((i = 0; i < 15; i++)); do
    post2 "phone.$([ $((i % 2)) = 0 ] && echo off || echo on)_hook" 1
    expect '.results[0].outcome' published
    times+=("$MS")
  done
  mapfile -t times < <(printf '%s\n' "${times[@]}" | sort -n)
  since=$(newest_call)
  fault "{\"match\":{\"op\":\"setPresence\",\"tenant\":\"$TENANT2_ID\"},\"times\":1,\"status\":503}" >/dev/null
  post2 phone.on_hook 1
  expect '.results[0].outcome' deferred
  TENANT_ID=$TENANT2_ID sim_wait "$EMIL_OID" Available 20000
  printf -v "$1_half" %s "${times[7]}"
  printf -v "$1_most" %s "${times[14]}"
  printf -v "$1_again" %s "$(sim GET "/_sim/calls?tenant=$TENANT2_ID&since=$since" |
    jq '.calls | .[1].started_at - .[0].ended_at | round')"
}

# Twenty people are on a call, as Teams knows.
array call.answered known 0 19
until_true 20 eval '[ "$(sql "SELECT count(*) FROM presence.teams_user WHERE published = '"'busy'"' AND certain")" = 20 ]'
measure quiet
echo "quiet: half within $quiet_half ms, all within $quiet_most ms, after a failure $quiet_again ms"

# Microsoft refuses everything of this tenant for 2 s, each time anew. Its people
# wait: twenty to be cleared, the others to be busy, some of them more than once.
for op in setPresence clearPresence; do
  fault "{\"match\":{\"op\":\"$op\",\"tenant\":\"$TENANT_ID\"},\"status\":429,\"retry_after\":2}" >/dev/null
done
looks=$(looked_at) since=$(newest_call) began=$(date +%s%3N)
array call.answered held 20 $((most - 1))
array call.ended known 0 19
array call.ended held 1000 1099
array call.answered twice 1000 1049
expect '.outcomes | keys - ["deferred", "duplicate"] | join(" ")' ""
measure during
echo "beside the throttled tenant: half within $during_half ms, all within $during_most ms, after a failure $during_again ms"
[ "$during_half" -le $((quiet_half * 4 + 150)) ] || fail "half of the other tenant's events took longer than $during_half ms"
[ "$during_again" -le $((quiet_again + 2500)) ] || fail "the reconciler kept the other tenant waiting for $during_again ms"

# Each time its gate opens a few learn that it is shut again, not all; and who
# waits is looked at about once for each time.
refused() { sim_calls '[.[] | select(.status == 429) | .started_at]' "since=$since"; }
until_true 30 eval '[ "$(refused | jq "[. as \$t | range(length) | select(. == 0 or \$t[.] - \$t[. - 1] > 1500)] | length")" -ge 4 ]'
took_s=$((($(date +%s%3N) - began) / 1000))
gates=$(refused | jq '[. as $t | range(length) | select(. == 0 or $t[.] - $t[. - 1] > 1500)] | length')
refusals=$(refused | jq length)
looks=$(($(looked_at) - looks))
echo "shut $gates times in $took_s s: $refusals refusals, $looks rows looked at of $most"
[ "$looks" -le $((most * (gates + 1))) ] || fail "$looks looks at $most people"

# Microsoft lets it again: the newest states only, the clears first, so many a second.
since=$(newest_call)
no_faults
must_tell() { sql "SELECT count(*) FROM presence.teams_user u WHERE presence.user_must_tell(u)"; }
until_true 60 eval '[ "$(must_tell)" = 0 ]'
sim_calls '[.[] | {op, user, status, started_at}]' "since=$since" >"$TEST_DIR/told"
told() { jq "[.[] | select(.status == 200)] | $1" "$TEST_DIR/told"; }
held=$((most - 20 - 50))
is "$(told '[.[] | select(.op == "clearPresence") | .user] | unique | length')" 20 "people cleared"
is "$(told '[.[] | select(.op == "setPresence") | .user] | unique | length')" $held "people told that they are busy"
is "$(told length)" $((held + 20)) "calls for them"
is "$(told '[.[] | select(.op == "setPresence") | .user | .[-4:] | tonumber | select(. >= 1050 and . < 1100)] | length')" 0 \
  "calls for those who hung up while they waited"
before=$(told '(map(select(.op == "clearPresence") | .started_at) | max) as $last
  | map(select(.op == "setPresence" and .started_at < $last)) | length')
rate=$(told '.[].started_at' | sort -n |
  awk '{ t[NR] = $1; while (t[NR] - t[from + 1] >= 1000) from++; if (NR - from > most) most = NR - from } END { print most }')
echo "then all $((held + 20)) were told: $before of them before the last clear, at most $rate within a second"
[ "$before" -le 150 ] || fail "$before people were told before the last clear"
[ "$rate" -le 700 ] || fail "$rate calls within a second"
is "$(sql "SELECT count(*) FROM presence.teams_user WHERE tenant_id = '$TENANT_ID' AND goal = 'busy' AND published = 'busy' AND certain")" \
  $held "people busy"
sim_is cccccccc-0000-4000-8000-000000000000 .session null
sim_is cccccccc-0000-4000-8000-000000000700 .availability Busy
sim_is cccccccc-0000-4000-8000-000000001010 .availability Busy
sim_is cccccccc-0000-4000-8000-000000001060 .session null
