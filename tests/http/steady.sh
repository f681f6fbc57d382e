# What the tests of deaths and starvation share: people with telephones, a steady
# load of their calls (steady.mjs), and what must be so afterwards. Sourced after
# lib.sh; `start` comes first.
#
#   steady_people 40 12      phones e0 .. e39, of 12 PBXs, one person each
#   steady_begin 20          the load, a pause of 20 ms after each event
#   ...                      whatever happens meanwhile
#   steady_end               $TOLD is the file of what steady.mjs prints
#   steady_only 200 503      no other answer, 503 as it must be
#   steady_is_right          all accepted is stored once, and Teams shows it

now_ms() { date +%s%3N; }

# steady_people PHONES PBXS
steady_people() {
  local i n=$1 pbxs=$2
  phones=$n
  sim POST /_sim/users "$(jq -nc --arg t "$TENANT_ID" --argjson n "$n" '{tenant: $t, users: [range($n)
    | {oid: ("eeeeeeee-0000-4000-8000-" + ("000000000000\(.)" | .[-12:])), upn: "e\(.)@nordwind.example", name: "Person \(.)"}]}')" >/dev/null
  for ((i = 0; i < pbxs; i++)); do
    ctl pbx-add "$TENANT_ID" "Steady $i" >"$TEST_DIR/pbx"
    jq -nc --arg id "$(sed -n 's/^id=//p' "$TEST_DIR/pbx")" --arg url "$(sed -n 's/^webhook_url=//p' "$TEST_DIR/pbx")" \
      --arg secret "$(sed -n 's/^secret=//p' "$TEST_DIR/pbx")" '{id: $id, url: $url, secret: $secret}'
  done | jq -sc . >"$TEST_DIR/pbxs"
  sql "WITH u AS (INSERT INTO presence.teams_user (tenant_id, user_id, monitoring)
         SELECT '$TENANT_ID', ('eeeeeeee-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid, true
         FROM generate_series(0, $n - 1) i RETURNING user_id),
       p AS (SELECT nr - 1 AS nr, (pbx->>'id')::uuid AS pbx_id
         FROM jsonb_array_elements('$(<"$TEST_DIR/pbxs")') WITH ORDINALITY AS x(pbx, nr))
     INSERT INTO presence.extension (tenant_id, pbx_id, extension, user_id)
     SELECT '$TENANT_ID', p.pbx_id, 'e' || right(user_id::text, 12)::bigint, user_id
     FROM u JOIN p ON p.nr = right(user_id::text, 12)::bigint % $pbxs"
}

# steady_begin PACE_MS [LOOKS as JSON] [TWICE: true, each event by two at once] [LOOK_MS]
steady_begin() {
  TOLD=$TEST_DIR/told.json
  coproc LOAD { exec node tests/http/steady.mjs 3>&-; }
  load_pid=$LOAD_PID
  exec {load_in}>&"${LOAD[1]}" {load_out}<&"${LOAD[0]}"
  eval "exec ${LOAD[1]}>&- ${LOAD[0]}<&-"
  jq -nc --slurpfile pbxs "$TEST_DIR/pbxs" --argjson phones "$phones" --argjson pace "$1" --argjson looks "${2:-[]}" --argjson twice "${3:-false}" --argjson look "${4:-200}" \
    '{pbxs: $pbxs[0], phones: $phones, pace_ms: $pace, twice: $twice, patience_ms: 60000, looks: $looks, look_ms: $look}' >&$load_in
  local word
  read -r word <&$load_out
  is "$word" begun "word of the load"
}
steady_end() {
  kill -0 "$load_pid" || fail "the load has ended"
  exec {load_in}>&-
  cat <&$load_out >"$TOLD"
  wait "$load_pid"
  exec {load_out}<&-
  is "$(jq -r '.refused | join("; ")' "$TOLD")" "" "events that were never taken"
}

# told JQ: of all answers.
told() { jq -r ".answers | $1" "$TOLD"; }

# steady_only STATUS ...: 503 carries Retry-After and a problem for people.
steady_only() {
  local other
  other=$(told "map(select((.status | IN($(IFS=,; echo "$*")) | not)
      or (.status == 503 and (.retry_after < 1 or (.problem | not))))) | group_by([.name, .status, .why])
    | map(.[0] + {n: length}) | map(\"\(.n) x \(.name) \(.status) \(.why // \"\") retry-after \(.retry_after) after \(.ms) ms\") | join(\"; \")")
  is "$other" "" "answers other than $*"
}

same() { # WHAT SQL JQ
  sql "$2" | LC_ALL=C sort >"$TEST_DIR/stored"
  jq -r "$3" "$TOLD" | LC_ALL=C sort >"$TEST_DIR/said"
  diff -u "$TEST_DIR/said" "$TEST_DIR/stored" >"$TEST_DIR/differs" ||
    fail "$1: answered (-) and stored (+) differ: $(sed 1,2d "$TEST_DIR/differs" | head -n 40)"
}

steady_shown() {
  [ "$(sql "SELECT count(*) FROM presence.teams_user u WHERE presence.user_must_tell(u) OR claim_until_at IS NOT NULL")" = 0 ] &&
    sim GET /_sim/state | jq -r --arg t "$TENANT_ID" '.tenants[] | select(.tenant_id == $t).users[]
      | select(.oid | startswith("eeeeeeee")) | "\(.upn | sub("@.*"; "")) \(.presence.availability)"' |
    LC_ALL=C sort >"$TEST_DIR/shows" && cmp -s "$TEST_DIR/should" "$TEST_DIR/shows"
}

# steady_is_right [SECONDS]: within them (45) Teams shows what the phones are.
steady_is_right() {
  local end=$((SECONDS + ${1:-45}))
  same "events" "SELECT key FROM presence.event_key WHERE key ~ '^msg_e[0-9]+_'" '.keys[] + ":0"'
  same "open legs" "SELECT extension FROM presence.call_leg WHERE extension LIKE 'e%'" '.busy[]'
  is "$(sql "SELECT count(*) FROM presence.event WHERE kind = 'event' AND type LIKE 'phone.%' AND extension LIKE 'e%'")" \
    "$(jq '.keys | length' "$TOLD")" "lines of the log"
  jq -r '(.busy[] + " Busy"), (.idle[] + " Available")' "$TOLD" | LC_ALL=C sort >"$TEST_DIR/should"
  until steady_shown; do
    [ $SECONDS -lt $end ] || fail "in the end Teams should (-) show, and shows (+): $(
      diff -u "$TEST_DIR/should" "$TEST_DIR/shows" | sed 1,2d | head -n 30)"
    sleep 0.2
  done
  is "$(sim GET /_sim/counts | jq .concurrent_per_user_max)" 1 "calls at once for a person"
}
