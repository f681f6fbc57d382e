# Many people of a tenant, for tests of what many of them do at once. Sourced
# after `start`.

# people TENANT PBX NUMBER LETTER: people with the extensions e0, e1 ... of that
# PBX, monitoring on. LETTER (a to f) tells apart those of several calls.
people() {
  sim POST /_sim/users "$(jq -nc --arg t "$1" --argjson n "$3" --arg l "$4" '{tenant: $t, users: [range($n)
    | {oid: "\($l * 8)-0000-4000-8000-\("000000000000\(.)" | .[-12:])", upn: "\($l)\(.)@nordwind.example", name: "Person \(.)"}]}')" >/dev/null
  sql "WITH u AS (INSERT INTO presence.teams_user (tenant_id, user_id, monitoring)
      SELECT '$1', (repeat('$4', 8) || '-0000-4000-8000-' || lpad(i::text, 12, '0'))::uuid, true
      FROM generate_series(0, $3 - 1) i RETURNING user_id)
    INSERT INTO presence.extension (tenant_id, pbx_id, extension, user_id)
    SELECT '$1', '$2', 'e' || right(user_id::text, 12)::bigint, user_id FROM u"
}

# array TYPE CALL FIRST LAST: one event for each of the extensions eFIRST ... eLAST of
# $PBX_URL, until all are taken; what came of them is in BODY.
array() {
  BODY=$(node tests/http/arrays.mjs "$PBX_URL" "$PBX_SECRET" "$@") || fail "the arrays: $BODY"
  expect '.answers | keys - ["200", "503"] | join(" ")' ""
}

# looked_at: how many rows of `due` the reconciler has taken in hand so far.
looked_at() {
  curl -sS --noproxy '*' --fail "$URL/metrics/reconciler" | awk '/due_taken_total/ { n = $NF } END { print n + 0 }'
}
