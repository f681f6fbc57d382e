#!/usr/bin/env bash
# The application's own credential: certificate or secret; when Microsoft refuses it, it is said, and it heals by itself.
# limit: 180
. "$(dirname "$0")/lib.sh"
start
sign_in admin@nordwind.example

used() { sim_calls '[.[] | select(.status == 200) | .body.credential] | unique | join(" ")' op=token; }
item() { # STATE
  api GET tenant
  [ "$(jq -r '.action_items[] | select(.id == "credential") | .state' <<<"$BODY")" = "$1" ]
}
new_tokens() { sim POST /_sim/consent "{\"tenant\":\"$TENANT_ID\",\"tokens\":\"refuse\"}" >/dev/null; }
lifts() { # OUTCOME
  post phone.off_hook 1001
  expect_status 200
  expect '.results[0].outcome' "$1"
}

# --- a certificate: an assertion by PS256, which the simulator takes no other way ---
lifts published
is "$(used)" assertion "how tokens were asked for"
[ "$(sim GET /_sim/counts | jq .token)" -le 4 ] || fail "$(sim GET /_sim/counts | jq .token) tokens for one tenant and three programs"
post phone.on_hook 1001

# --- a certificate that Microsoft does not know: our matter, never the consent's ---
problem() { # WORDS: both places say so
  api GET health
  [[ $(jq -r .credential.problem <<<"$BODY") == *$1* ]] && item problem
}
registered=$(jq -n --rawfile pem "$STACK_DIR/tls/client.pem" '{certificates: [$pem]}')
sim POST /_sim/credentials '{"certificates":[]}' >/dev/null
new_tokens
lifts deferred
until_true 10 problem 700027
expect .consent.state granted
expect .consent.problem null
tab GET me "$ANNA_OID"
expect .consent granted
[ "$(jq -r .presence.problem <<<"$BODY")" != null ] || fail "the person is not told: $BODY"
sim POST /_sim/credentials "$registered" >/dev/null
sim_wait "$ANNA_OID" Busy 40000
until_true 5 item "done"
api GET health
expect .credential.problem null
stop

# --- the same data with a secret ---
start STACK_CREDENTIAL=secret
PBX_URL=$PUBLIC_URL/webhook/$PBX_ID # at another port
post phone.on_hook 1001
expect '.results[0].outcome' published
is "$(used)" secret "how tokens were asked for"
sign_in admin@nordwind.example # codes are redeemed by it too
is "$(used)" secret "how tokens and codes were asked for"
api GET health
expect '.credential | [.kind, .expires_at, .days_left] | tojson' '["secret",null,null]'
# A secret that ran out at Microsoft's side.
sim POST /_sim/credentials "{\"secrets\":[{\"value\":\"$(<"$STACK_DIR/tls/client.secret")\",\"expired\":true}]}" >/dev/null
new_tokens
lifts deferred
until_true 10 problem 7000222
expect .consent.state granted
sim POST /_sim/credentials "{\"secrets\":[\"$(<"$STACK_DIR/tls/client.secret")\"]}" >/dev/null
sim_wait "$ANNA_OID" Busy 40000
until_true 5 item "done"
