#!/usr/bin/env bash
# R1: whatever is killed at whatever moment, what was answered 2xx is stored, and soon every person's presence is what the telephones say.
# limit: 240
# SEED=N kills the same programs at the same moments again.
. "$(dirname "$0")/lib.sh"
seed=${SEED:-$RANDOM}
people=40 seconds=15
echo "SEED=$seed"
start

# People of the demo tenant, each with an extension p0, p1 ...
oid() { printf 'dddddddd-0000-4000-8000-%012d' "$1"; }
sim POST /_sim/users "$(jq -nc --arg t "$TENANT_ID" --argjson n $people '{tenant: $t, users: [range($n)
  | {oid: ("dddddddd-0000-4000-8000-" + ("000000000000\(.)" | .[-12:])), upn: "p\(.)@nordwind.example", name: "Person \(.)"}]}')" >/dev/null
sql "WITH u AS (INSERT INTO presence.teams_user (tenant_id, user_id, monitoring)
       SELECT '$TENANT_ID', ('dddddddd-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid, true
       FROM generate_series(0, $people - 1) i RETURNING user_id)
     INSERT INTO presence.extension (tenant_id, pbx_id, extension, user_id)
     SELECT '$TENANT_ID', '$PBX_ID', 'p' || right(user_id::text, 12)::bigint, user_id FROM u"
# Graph is slow enough that there is always a call to be killed.
fault '{"match":{"op":"setPresence"},"delay_ms":250}' >/dev/null
sign_in admin@nordwind.example
jq -nc --arg url "$PBX_URL" --arg secret "$PBX_SECRET" --argjson seed "$seed" \
  --argjson seconds $seconds --argjson people $people --arg public "$PUBLIC_URL" \
  --arg token "$(tab_token "$DAVID_OID")" --arg csrf "$CSRF" \
  --arg cookie "$(awk 'NF == 7 { printf "%s%s=%s", (n++ ? "; " : ""), $6, $7 }' "$COOKIES")" '{
    url: $url, secret: $secret, seed: $seed, seconds: $seconds, people: $people, patience_ms: 40000,
    tab: {url: "\($public)/tab/api/monitoring", token: $token},
    admin: {url: "\($public)/admin/api/tenant", cookie: $cookie, csrf: $csrf}}' >"$TEST_DIR/plan"

# --- deaths ---

RANDOM=$seed
for name in webhook webhook webhook webhook webhook reconciler reconciler tab tab admin admin postgres nginx; do
  echo "$((1000 + RANDOM % (seconds * 1000 - 2000))) $name"
done | sort -n >"$TEST_DIR/deaths"
postgres_signal=$((RANDOM % 2 ? 9 : 3)) # 3: its immediate shutdown

node tests/http/deaths.mjs <"$TEST_DIR/plan" >"$TEST_DIR/told" 3>&- &
load=$!
began=$(date +%s%3N)
while read -r ms name; do
  ms=$((began + ms - $(date +%s%3N)))
  [ $ms -le 0 ] || sleep "$((ms / 1000)).$(printf %03d $((ms % 1000)))"
  until_true 15 test -s "$PIDS/$name.pid"
  signal=9
  [ "$name" != postgres ] || signal=$postgres_signal
  kill -0 $load 2>/dev/null || fail "the load has ended"
  kill -$signal "$(<"$PIDS/$name.pid")"
done <"$TEST_DIR/deaths"
wait $load
ended=$SECONDS
BODY=$(<"$TEST_DIR/told")
jq -c '{answers, tries, events: (.keys | length), open: (.open | length), slowest_ms}' <<<"$BODY"

# --- what was answered 2xx ---

# Only "nobody could take it" is repeated; everything else must be a 200.
is "$(jq -r '.refused[]' <<<"$BODY")" "" "what was refused or never taken"
is "$(jq -r '.answers | keys[] | select(test("^(200|502|503)$|^(ECONNREFUSED|ECONNRESET|socket hang up)$|^cut off: ECONNRESET$") | not)' <<<"$BODY")" "" "other answers"
[ "$(jq '.keys | length' <<<"$BODY")" -gt 500 ] || fail "that was no load"
# Each is there, once: its key, its line in the log, its leg or the end of it.
same() { # WHAT SQL JQ
  sql "$2" | LC_ALL=C sort >"$TEST_DIR/stored"
  jq -r "$3" <<<"$BODY" | LC_ALL=C sort >"$TEST_DIR/said"
  diff -u "$TEST_DIR/said" "$TEST_DIR/stored" >"$TEST_DIR/differs" ||
    fail "$1: answered (-) and stored (+) differ: $(sed 1,2d "$TEST_DIR/differs" | head -n 40)"
}
same "events" "SELECT key FROM presence.event_key" '.keys[] + ":0"'
same "the log" "SELECT extension || ' ' || type || ' ' || count(*) FROM presence.event
  WHERE kind = 'event' AND type ~ '^(call|phone)' GROUP BY extension, type" '.events | to_entries[] | "\(.key) \(.value)"'
same "open legs" "SELECT extension || ' ' || call_id || leg_id FROM presence.call_leg" '.open[]'
is "$(sql "SELECT monitoring FROM presence.teams_user WHERE user_id = '$DAVID_OID'")" \
  "$(jq -r 'if .monitoring then "t" else "f" end' <<<"$BODY")" "the switch"
is "$(sql "SELECT lease_s FROM presence.tenant WHERE tenant_id = '$TENANT_ID'")" "$(jq .lease_s <<<"$BODY")" "the lease"

# --- and Teams shows it ---

jq -r --argjson n $people '.busy as $b | range($n) | "p\(.)" | . + " " + (if IN($b[]) then "Busy" else "Available" end)' \
  <<<"$BODY" | LC_ALL=C sort >"$TEST_DIR/should"
shown() { # all is told, nobody is telling, and Teams shows what it should
  [ "$(sql "SELECT count(*) FROM presence.teams_user u WHERE presence.user_must_tell(u) OR claim_until_at IS NOT NULL")" = 0 ] &&
    sim GET /_sim/state | jq -r --arg t "$TENANT_ID" '.tenants[] | select(.tenant_id == $t).users[]
      | select(.oid | startswith("dddddddd")) | "\(.upn | sub("@.*"; "")) \(.presence.availability)"' |
    LC_ALL=C sort >"$TEST_DIR/shows" && cmp -s "$TEST_DIR/should" "$TEST_DIR/shows"
}
touch "$TEST_DIR/shows"
until shown; do
  [ $((SECONDS - ended)) -lt 45 ] ||
    fail "after 45 s Teams should (-) show, and shows (+): $(diff -u "$TEST_DIR/should" "$TEST_DIR/shows" | sed 1,2d || true)
whom nobody has told: $(sql "SELECT user_id, goal, published, certain, claim_until_at, retry_at, problem
      FROM presence.teams_user u WHERE presence.user_must_tell(u) OR claim_until_at IS NOT NULL")"
  sleep 0.3
done
counts=$(sim GET /_sim/counts)
# A killed program's call ends within a second, its claim after 20 s.
is "$(jq .concurrent_per_user_max <<<"$counts")" 1 "calls at once for a person"
refused=$(sim_calls '[.[] | select(.status != null and .status >= 400) | .status] | unique | join(" ")')
is "$refused" "" "what Graph refused"
echo "$(wc -l <"$TEST_DIR/deaths") deaths, $(grep -c Busy "$TEST_DIR/should") of $people busy, right after $((SECONDS - ended)) s," \
  "$(jq '.graph.setPresence' <<<"$counts") calls of setPresence"
