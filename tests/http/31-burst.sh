#!/usr/bin/env bash
# R13: a burst of thousands of changes in one tenant: never more than 1,500 requests in 30 s, and the last one waits as long as the limit makes it, not longer.
# limit: 300
#   BURST=5000   changes (else 2,000: one window more than go out at once)
. "$(dirname "$0")/lib.sh"
: "${BURST:=2000}"
start
. tests/http/second-tenant.sh
. tests/http/people.sh
people "$TENANT_ID" "$PBX_ID" "$BURST" c
told() { sql "SELECT count(*) FROM presence.teams_user WHERE user_id::text LIKE 'cccccccc-%' AND goal = '$1' AND published = '$1' AND certain"; }

looks=$(looked_at)
array call.answered burst 0 $((BURST - 1))
expect '.outcomes | keys - ["deferred", "duplicate", "published"] | join(" ")' ""
echo "answers: $BODY"

# The budget is used up, and no other tenant notices.
[ "$(told busy)" -lt "$BURST" ] || fail "the budget held nothing back"
for ((i = 0; i < 20; i++)); do
  post2 "phone.$([ $((i % 2)) = 0 ] && echo off || echo on)_hook" 1
  expect '.results[0].outcome' published
  echo "$MS"
done | sort -n >"$TEST_DIR/beside"
echo "beside it: half of another tenant's events within $(sed -n 10p "$TEST_DIR/beside") ms, all within $(tail -n 1 "$TEST_DIR/beside") ms"
[ "$(sed -n 10p "$TEST_DIR/beside")" -lt 500 ] || fail "another tenant had to wait"
until_true 200 eval '[ "$(told busy)" = "$BURST" ]'
looks=$(($(looked_at) - looks))

# 1,450 of 35 s each: the limit's own arithmetic for the last one.
least_s=$(((BURST - 1) / 1450 * 35))
waits=$(sim_calls '[.[] | select(.status == 200)] | (map(.started_at) | min) as $from
  | group_by(.user) | map((map(.landed_at) | min) - $from | . / 1000 | round) | sort
  | [length, .[length / 2 | floor], .[-1]] | join(" ")' "op=setPresence")
read -r people half_s last_s <<<"$waits"
is "$people" "$BURST" "people told"
counts=$(sim GET /_sim/counts)
most=$(jq --arg t "$TENANT_ID" '.max_in_30s[$t]' <<<"$counts")
echo "a burst of $BURST: half of them waited $half_s s, the last one $last_s s; the limit alone is $least_s s"
echo "most requests in 30 s: $most; rows looked at: $looks"
[ "$most" -le 1500 ] || fail "$most requests within 30 s"
is "$(sim_calls '[.[] | select(.status == 429)] | length')" 0 "answers of 429"
[ $((last_s * 100)) -le $((least_s * 115 + 800)) ] || fail "the last one waited $last_s s"
# Nobody is told twice, and nobody is looked at again and again while waiting.
is "$(sim_calls length op=setPresence)" "$BURST" "calls"
[ "$looks" -le $((BURST * 2)) ] || fail "$looks looks for $BURST people"
is "$(jq .concurrent_per_user_max <<<"$counts")" 1 "calls at once for a person"
