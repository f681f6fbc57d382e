#!/usr/bin/env bash
# Health: how fast, how many errors and which, how long the credential holds.
# limit: 60
. "$(dirname "$0")/lib.sh"
start
sign_in admin@nordwind.example

# --- nothing has happened ---
api GET health
expect_status 200
expect 'keys | join(" ")' "credential errors events graph_ms since webhook_ms"
expect .events.count 0
expect '.errors | tojson' '[]'
[[ $(jq -r .since <<<"$BODY") =~ ^20[0-9-]{8}T[0-9:.]+Z$ ]] || fail "since is not a time: $BODY"
expect .credential.kind certificate
expect .credential.problem null
ends=$(date -ud "$(openssl x509 -in "$STACK_DIR/tls/client.pem" -noout -enddate | cut -d= -f2)" +%Y-%m-%dT%H:%M:%SZ)
expect .credential.expires_at "$ends"
days=$((($(date -d "$ends" +%s) - $(date +%s)) / 86400))
expect .credential.days_left $days

# --- ten calls, one of them slow ---
for i in {1..9}; do
  post call.answered 1001 c$i
  post call.ended 1001 c$i
done
fault '{"match":{"op":"setPresence"},"times":1,"delay_ms":700}' >/dev/null
post phone.off_hook 1002
until_true 5 api_tells health '.graph_ms.p99 >= 700' true
expect .events.count 19
expect .events.errors 0
expect '.graph_ms | .p50 >= 0 and .p50 <= .p95 and .p95 <= .p99' true
expect '.graph_ms | .p50 < 500 and .p99 >= 700' true
expect '.webhook_ms | .p50 < 500 and .p99 >= 700 and .p99 < 2500' true

# --- errors, by what they were ---
fault '{"match":{"op":"setPresence","user":"'"$CARLA_OID"'"},"times":2,"status":500}' >/dev/null
post phone.off_hook 1003
sim_wait "$CARLA_OID" Busy 15000
until_true 5 api_tells health .events.errors 2
expect '.errors | length' 1
expect '.errors[0] | keys | join(" ")' "code count last_at"
expect '.errors[0].count' 2
# An hour later nobody cares.
sql "UPDATE presence.event SET at = at - interval '61 min'"
api GET health
expect '[.events.count, .events.errors, .webhook_ms.p50, .graph_ms.p99, (.errors | length)] | tojson' '[0,0,null,null,0]'

# --- the log may be long ---
sql "INSERT INTO presence.event (tenant_id, at, kind, type, outcome, latency_ms, graph_ms)
  SELECT '$TENANT_ID', now(), 'publish', 'busy', CASE WHEN n % 100 = 0 THEN 'failed' ELSE 'published' END, n % 1000, 50
  FROM generate_series(1, 60000) n"
began=$(date +%s%N)
api GET health
expect_status 200
[ $((($(date +%s%N) - began) / 1000000)) -lt 1500 ] || fail "health took $((($(date +%s%N) - began) / 1000000)) ms"
expect '.errors[0] | [.code, .count] | tojson' '["failed",200]'
sign_in anna@nordwind.example
api GET health
expect_status 403
