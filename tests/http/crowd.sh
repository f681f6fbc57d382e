# Four tenants with 1,250 people each, for the tests of many at once: extensions
# e0 .. of a PBX each. Sourced after lib.sh; `start` comes first.
#
#   crowd_people
#   crowd 5000 call.answered many      so many connections, one event each, all at
#                                      the same moment; $BODY is what tests/bench/load
#                                      prints
#   until_true 60 busy_are 5000        what Teams shows

people=1250 # below what Graph takes of a tenant in 30 s

crowd_tenant() { printf '3000000%d-0000-4000-8000-000000000000' "$1"; }
crowd_people() {
  local n
  for n in 1 2 3 4; do
    sim POST /_sim/tenants "$(jq -nc --arg t "$(crowd_tenant $n)" --arg n $n --argjson p $people '{tenants: [{tenant_id: $t, name: "Crowd \($n)",
      consent: "granted", users: [range($p) | {oid: ("3000000\($n)-0000-4000-8000-" + ("000000000000\(.)" | .[-12:])), upn: "e\(.)@crowd\($n).example", name: "E \(.)"}]}]}')" >/dev/null
    ctl tenant-add "$(crowd_tenant $n)" "Crowd $n" >/dev/null
    ctl pbx-add "$(crowd_tenant $n)" Crowd >"$TEST_DIR/pbx"
    ctl consent-check "$(crowd_tenant $n)" >/dev/null
    sql "WITH u AS (INSERT INTO presence.teams_user (tenant_id, user_id, monitoring)
           SELECT '$(crowd_tenant $n)', ('3000000$n-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid, true
           FROM generate_series(0, $people - 1) i RETURNING user_id)
         INSERT INTO presence.extension (tenant_id, pbx_id, extension, user_id)
         SELECT '$(crowd_tenant $n)', '$(sed -n 's/^id=//p' "$TEST_DIR/pbx")', 'e' || right(user_id::text, 12)::bigint, user_id FROM u"
    jq -nc --arg url "$(sed -n 's/^webhook_url=//p' "$TEST_DIR/pbx")" --arg secret "$(sed -n 's/^secret=//p' "$TEST_DIR/pbx")" \
      --argjson people $people '{url: $url, secret: $secret, extensions: $people}' >>"$TEST_DIR/pbxs"
  done
  jq -sc . "$TEST_DIR/pbxs" >"$TEST_DIR/list"
  sql "ANALYZE presence.teams_user, presence.extension"
}

crowd() { # CONNECTIONS TYPE CALL
  jq -r '.[] | [.url, .secret, "e", .extensions] | @tsv' "$TEST_DIR/list" >"$TEST_DIR/tsv"
  BODY=$("$BUILD/tests/load" crowd -c "$1" -t "$2" -i "$3" "$TEST_DIR/tsv" 3>&-)
  echo "$2: $BODY"
  expect '.answers | tojson' "{\"200\":$1}"
  expect .no_answer 0
  expect '.outcomes | add' "$1"
  expect '.outcomes | keys - ["published", "deferred", "superseded"] | join(" ")' ""
}
high_kb() { sed -n 's/^VmHWM:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$(<"$PIDS/webhook.pid")/status"; }
people_busy() { sim GET /_sim/state | jq '[.tenants[] | select(.name | startswith("Crowd")).users[] | select(.presence.availability == "Busy")] | length'; }
busy_are() { [ "$(people_busy)" = "$1" ]; }
