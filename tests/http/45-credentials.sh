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
problem() { # WORDS: all places say so
  api GET health
  [[ $(jq -r .credential.problem <<<"$BODY") == *$1* ]] && item problem
}
no_problem() {
  api GET health
  [ "$(jq -r .credential.problem <<<"$BODY")" = null ] && item "done"
}
told() { # the person, in the tab, and the administrator, in the list of people
  tab GET me "$ANNA_OID"
  expect .consent granted
  expect .presence.problem credential
  api GET "people?q=anna"
  expect '.items[0].problem' credential
  api GET tenant
  expect .consent.state granted
  expect .consent.problem null
}
refused_sign_in() { # nobody can sign in: the page is told why
  local next was=$COOKIES
  request GET "$PUBLIC_URL/auth/sign-in" -c "$TEST_DIR/nobody" -b "$TEST_DIR/nobody"
  next=$(sim POST /_sim/sign_in "$(jq -nc --arg url "$(header location)" '{url: $url, user: "admin@nordwind.example"}')" | jq -r .location)
  request GET "$next" -c "$TEST_DIR/nobody" -b "$TEST_DIR/nobody"
  [[ $(header location) == "$PUBLIC_URL/admin/#error=credential_refused&"* ]] || fail "led to $(header location)"
  COOKIES=$was
}
registered=$(jq -n --rawfile pem "$STACK_DIR/tls/client.pem" '{certificates: [$pem]}')
sim POST /_sim/credentials '{"certificates":[]}' >/dev/null
new_tokens
lifts deferred
seen_within 10 "certificate unknown (700027): named after" problem 700027
told
refused_sign_in
sim POST /_sim/credentials "$registered" >/dev/null
seen_within 45 "registered again: told after" sim_wait "$ANNA_OID" Busy 40000
seen_within 10 "and the problem is gone after" no_problem
sign_in admin@nordwind.example
post phone.on_hook 1001

# --- it is refused, and its successor comes with new files: no restart ---
sim POST /_sim/credentials '{"certificates":[]}' >/dev/null
new_tokens
lifts deferred
until_true 10 problem 700027
openssl req -x509 -newkey rsa:2048 -nodes -days 20 -subj /CN=next \
  -keyout "$TEST_DIR/next.key" -out "$TEST_DIR/next.pem" 2>/dev/null
sim POST /_sim/credentials "$(jq -n --rawfile pem "$TEST_DIR/next.pem" '{certificates: [$pem]}')" >/dev/null
cp "$TEST_DIR/next.pem" "$STACK_DIR/tls/client.pem"
cp "$TEST_DIR/next.key" "$STACK_DIR/tls/client.key"
seen_within 45 "files replaced: told after" sim_wait "$ANNA_OID" Busy 40000
# Good for twenty days more: that is to do, and no problem.
seen_within 10 "and the problem is gone after" item "todo"
api GET health
expect '.credential | [.problem, .days_left] | tojson' '[null,19]'

# One that ended: the service says so itself, before Microsoft does.
lib=$(ls /usr/lib/*/faketime/libfaketime.so.1 | head -n 1)
LD_PRELOAD=$lib FAKETIME=-40d openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=ended \
  -keyout "$STACK_DIR/tls/client.key" -out "$STACK_DIR/tls/client.pem" 2>/dev/null
until_true 5 item problem
api GET health
expect '.credential | [.problem, .days_left < 0] | tojson' '[null,true]'
cp "$TEST_DIR/next.pem" "$STACK_DIR/tls/client.pem"
cp "$TEST_DIR/next.key" "$STACK_DIR/tls/client.key"
until_true 5 item todo

# --- nobody calls: the hourly look sees it; tokens that were issued before are good to their end ---
for type in phone.on_hook phone.off_hook; do
  post $type 1001
  expect '.results[0].outcome' published
done
sim POST /_sim/credentials '{"certificates":[]}' >/dev/null
sql "UPDATE presence.tenant SET probe_at = now() WHERE tenant_id = '$TENANT_ID'" # an hour is over
seen_within 10 "seen without a call: named after" problem 700027
post phone.on_hook 1001
expect '.results[0].outcome' published
post phone.off_hook 1001
expect '.results[0].outcome' published
# The reconciler, which asked for a new token in vain, renews a lease with the old one.
renewals() { sim_calls '[.[] | select(.status == 200)] | length' "op=setPresence&user=$ANNA_OID"; }
n=$(renewals)
sql "UPDATE presence.teams_user SET published_at = published_at - interval '11 min',
  published_until_at = published_until_at - interval '11 min' WHERE user_id = '$ANNA_OID'"
sql "UPDATE presence.due SET at = now() WHERE user_id = '$ANNA_OID'"
until_true 10 eval '[ "$(renewals)" -gt '"$n"' ]'
post phone.on_hook 1001
stop

# --- the same data with a secret ---
start STACK_CREDENTIAL=secret
PBX_URL=$PUBLIC_URL/webhook/$PBX_ID # at another port
secret=$(<"$STACK_DIR/tls/client.secret")
registered() { sim POST /_sim/credentials "$1" >/dev/null; }
sql "UPDATE presence.tenant SET credential_problem = NULL, probe_at = now() + interval '1 hour'"
lifts published
is "$(used)" secret "how tokens were asked for"
sign_in admin@nordwind.example # codes are redeemed by it too
is "$(used)" secret "how tokens and codes were asked for"
api GET health
expect '.credential | [.kind, .expires_at, .days_left] | tojson' '["secret",null,null]'
post phone.on_hook 1001
# A secret that ran out at Microsoft's side; the operator makes a new one.
registered "{\"secrets\":[{\"value\":\"$secret\",\"expired\":true}]}"
new_tokens
lifts deferred
seen_within 10 "secret expired (7000222): named after" problem 7000222
told
refused_sign_in
registered "{\"secrets\":[{\"value\":\"$secret\",\"expired\":true},\"second-secret\"]}"
printf 'second-secret\n' >"$STACK_DIR/tls/client.secret"
seen_within 45 "file replaced: told after" sim_wait "$ANNA_OID" Busy 40000
seen_within 10 "and the problem is gone after" no_problem
post phone.on_hook 1001
# A wrong one (its id was pasted).
registered '{"secrets":["third-secret"]}'
new_tokens
lifts deferred
seen_within 10 "secret wrong (7000215): named after" problem 7000215
printf 'third-secret' >"$STACK_DIR/tls/client.secret"
seen_within 45 "file replaced: told after" sim_wait "$ANNA_OID" Busy 40000
until_true 10 no_problem
sign_in admin@nordwind.example
