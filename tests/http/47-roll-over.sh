#!/usr/bin/env bash
# The application's certificate is rolled over under load: no restart, no failed call, no refused token.
# limit: 120
. "$(dirname "$0")/lib.sh"
start PRESENCE_ANSWER_MS=8000 # a busy machine is no reason for `deferred`
sign_in admin@nordwind.example
tls=$STACK_DIR/tls
certificate() { # NAME DAYS
  openssl req -x509 -newkey rsa:2048 -nodes -days "$2" -subj "/CN=$1" \
    -keyout "$tls/$1.key" -out "$tls/$1.pem" 2>/dev/null
}
register() { # FILE ...: what Microsoft knows from now on
  sim POST /_sim/credentials "$(cat "$@" | jq -Rsc '{certificates: [scan("-----BEGIN[^-]*-----[^-]*-----END[^-]*-----")]}')" >/dev/null
}
move_in() { cp -p "$1" "$2.new"; mv "$2.new" "$2"; } # FILE PLACE
new_tokens() { sim POST /_sim/consent "{\"tenant\":\"$TENANT_ID\",\"tokens\":\"refuse\"}" >/dev/null; }
ways=(phone.off_hook phone.on_hook) way=0
# Every program asks for a token now, and nobody notices.
asks_again() {
  local probes
  new_tokens
  post "${ways[way]}" 1001
  way=$((1 - way))
  expect_status 200
  expect '.results[0].outcome' published
  probes=$(sql "UPDATE presence.tenant SET probe_at = now(), probe_until_at = NULL WHERE tenant_id = '$TENANT_ID' RETURNING probe_no")
  until_true 10 eval "[ \$(sql \"SELECT count(*) FROM presence.tenant WHERE probe_no > $probes AND probe_until_at IS NULL\") = 1 ]"
  is "$(sql "SELECT concat_ws(' ', consent, credential_problem) FROM presence.tenant WHERE tenant_id = '$TENANT_ID'")" granted "the tenant"
}
lines() { grep -c "$2" "$LOGS/$1.log" || true; } # PROGRAM WORDS
no_refusal() {
  is "$(sim_calls '[.[] | select(.status != 200)] | length' op=token)" 0 "token requests that were refused"
}

# A server ends a connection on which too many streams are reset; libcurl 7.88
# resets each whose answer has no body. Slowed down, they are few.
fault '{"match":{"op":"setPresence"},"delay_ms":12}' >/dev/null
asks_again
node tests/http/load.mjs "$PBX_URL" "$PBX_SECRET" 300 1 1002 >"$TEST_DIR/load" 3>&- &
load=$!
trap 'kill $load 2>/dev/null || true; [ ! -e "$stack/pids/supervisor.pid" ] || tests/stack/down "$stack"' EXIT

# --- the next certificate beside the old one, at Microsoft first, then here ---
cp -p "$tls/client.pem" "$tls/old.pem"
cp -p "$tls/client.key" "$tls/old.key"
certificate next 400
register "$tls/old.pem" "$tls/next.pem"
asks_again
move_in "$tls/next.pem" "$tls/client.pem"
for _ in 1 2; do asks_again; done # the key is still the old one's
for program in webhook reconciler; do
  is "$(lines $program 'are of no use yet')" 1 "complaints of $program about a pair that does not fit"
  is "$(lines $program 'new certificate is used')" 0 "roll-overs of $program with half of the pair"
done
head -c 700 "$tls/next.key" >"$tls/client.key" # somebody copies slowly
asks_again
move_in "$tls/next.key" "$tls/client.key"
asks_again
for program in webhook reconciler; do
  is "$(lines $program 'are of no use yet')" 1 "complaints of $program"
  is "$(lines $program 'new certificate is used')" 1 "roll-overs of $program"
done

# --- the old one goes ---
register "$tls/next.pem"
asks_again
api GET health
ends=$(date -u -d "$(openssl x509 -in "$tls/next.pem" -noout -enddate | cut -d= -f2)" +%Y-%m-%dT%H:%M:%SZ)
expect .credential.expires_at "$ends"
expect .credential.days_left 399
expect .credential.problem null
sign_in admin@nordwind.example # codes are redeemed with it too
no_refusal

kill -0 "$load" || fail "the load has ended"
kill "$load"
wait "$load" || true
sql "SELECT 'under load: ' || outcome || ' ' || count(*) FROM presence.event WHERE kind = 'publish' GROUP BY outcome"
is "$(lines webhook 'route="POST /webhook/:pbx" status=[^2]')" 0 "events that were not taken"
# What Graph refused was refused because this test made the tokens void.
is "$(sql "SELECT string_agg(DISTINCT outcome, ' ') FROM presence.event
  WHERE kind = 'publish' AND outcome NOT IN ('published', 'unauthorized')")" "" "failures of publishing"
[ "$(sql "SELECT count(*) FROM presence.event WHERE kind = 'publish' AND outcome = 'published'")" -gt 200 ] || fail "that was no load"
