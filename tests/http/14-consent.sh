#!/usr/bin/env bash
# Consent: the redirect proves nothing. Each forged or replayed answer changes nothing; a grant is proved by a call of Graph.
# limit: 180
. "$(dirname "$0")/lib.sh"
start STACK_READY=0
sign_in admin@nordwind.example

tenant_row() { sql "SELECT x FROM presence.tenant x WHERE tenant_id = '$TENANT_ID'"; }
begin() { # the address of Microsoft's page in $PAGE, the state in $STATE
  request GET "$PUBLIC_URL/consent" -c "$COOKIES" -b "$COOKIES"
  expect_status 302
  PAGE=$(header location)
  STATE=$(sed -n 's/.*[?&]state=\([^&]*\).*/\1/p' <<<"$PAGE")
  [ ${#STATE} = 43 ] || fail "no state in $PAGE"
}
decide() { # UPN true|false: where Microsoft's page sends the browser
  sim POST /_sim/sign_in "$(jq -nc --arg url "$PAGE" --arg user "$1" --argjson accept "$2" \
    '{url: $url, user: $user, accept: $accept}')" | jq -r .location
}
come_back() { # QUERY [curl's arguments ...]
  request GET "$PUBLIC_URL/consent/callback?$1" "${@:2}"
}
nothing() { # WORD: refused, with this word for the page, and the tenant's row is as it was
  expect_status 302
  [[ $(header location) == "$PUBLIC_URL/admin/#error=$1&request_id="* ]] || fail "led to $(header location), not to $1"
  is "$(tenant_row)" "$row" "the tenant's row"
}
session=(-c "$COOKIES" -b "$COOKIES")
yes="admin_consent=True&tenant=$TENANT_ID"
row=$(tenant_row)
probes=$(sim_calls length op=getPresencesByUserId)

# --- where it leads ---
begin
[[ $PAGE == "$LOGIN_URL/$TENANT_ID/v2.0/adminconsent?"* ]] || fail "the consent page is $PAGE"
[[ $PAGE == *"scope=https%3A%2F%2Fgraph.microsoft.com%2F.default"* ]] || fail "the scope is not in $PAGE"
request GET "$PUBLIC_URL/consent"
expect_status 302
is "$(header location)" "$PUBLIC_URL/auth/sign-in?next=consent" "where /consent leads whoever is not signed in"

# --- answers that nobody may believe ---
begin
come_back "state=$STATE&admin_consent=True&tenant=$TENANT2_ID" "${session[@]}"
nothing consent_mismatch
come_back "state=$STATE&$yes" "${session[@]}" # a state is good once
nothing state_mismatch
begin
come_back "state=$STATE&$yes&tenant=$TENANT2_ID" "${session[@]}"
[[ $(header location) == *"#error="* ]] || fail "two tenants lead to $(header location)"
is "$(tenant_row)" "$row" "the tenant's row"
begin
come_back "state=$STATE&$yes&error=consent_required&error_description=AADSTS65004" "${session[@]}"
nothing consent_declined
begin
come_back "state=$STATE&$yes&error=" "${session[@]}"
nothing consent_declined
begin
answer=$(decide admin@nordwind.example false)
[[ $answer == *admin_consent=True* ]] || fail "the simulator declines without admin_consent=True: $answer"
request GET "$answer" "${session[@]}"
nothing consent_declined
[[ $(header location) != *AADSTS* ]] || fail "Microsoft's words are repeated: $(header location)"
for answer in "" "tenant=$TENANT_ID" "admin_consent=False&tenant=$TENANT_ID" "admin_consent=&tenant=$TENANT_ID"; do
  begin
  come_back "state=$STATE&$answer" "${session[@]}"
  nothing consent_declined
done
for state in "" "state=" "state=x" "state=$(printf 'A%.0s' {1..43})" "state=%00" "state=%ff"; do
  come_back "$state&$yes" "${session[@]}"
  nothing state_mismatch
done
begin
come_back "state=$STATE&state=$STATE&$yes" "${session[@]}"
nothing state_mismatch

# --- whose state it is ---
begin
come_back "state=$STATE&$yes" # no session
nothing state_mismatch
come_back "state=$STATE&$yes" -b "presence=$(printf 'A%.0s' {1..43})"
nothing state_mismatch
mine=$COOKIES
COOKIES=$TEST_DIR/second sign_in admin@nordwind.example # the same person, another session
come_back "state=$STATE&$yes" -b "$TEST_DIR/second"
nothing state_mismatch
COOKIES=$TEST_DIR/foreign sign_in admin@sudhang.example
foreign=$(sql "SELECT x FROM presence.tenant x WHERE tenant_id = '$TENANT2_ID'")
for tenant in "$TENANT_ID" "$TENANT2_ID"; do
  come_back "state=$STATE&admin_consent=True&tenant=$tenant" -b "$TEST_DIR/foreign"
  nothing state_mismatch
  is "$(sql "SELECT x FROM presence.tenant x WHERE tenant_id = '$TENANT2_ID'")" "$foreign" "the other tenant's row"
done
COOKIES=$mine
# A state of the sign-in is none of the consent, and the other way round.
request GET "$PUBLIC_URL/auth/sign-in" "${session[@]}"
state=$(sed -n 's/.*[?&]state=\([^&]*\).*/\1/p' <<<"$(header location)")
come_back "state=$state&$yes" "${session[@]}"
nothing state_mismatch
begin
request GET "$PUBLIC_URL/auth/callback?state=$STATE&code=x" "${session[@]}"
nothing state_mismatch
# Too late: the state, the session.
begin
sql "UPDATE presence.oauth_state SET created_at = created_at - interval '601 s'"
come_back "state=$STATE&$yes" "${session[@]}"
nothing state_mismatch
begin
sql "UPDATE presence.browser_session SET seen_at = seen_at - interval '61 min'"
come_back "state=$STATE&$yes" "${session[@]}"
nothing state_mismatch
for method in POST PUT HEAD; do
  request $method "$PUBLIC_URL/consent/callback?state=$STATE&$yes" "${session[@]}" $([ $method != HEAD ] || echo -I)
  expect_status 405
done

# --- only who can grant it is sent there ---
for user in teamsadmin appadmin; do
  COOKIES=$TEST_DIR/$user sign_in $user@nordwind.example
  request GET "$PUBLIC_URL/consent" -b "$TEST_DIR/$user"
  expect_status 403
done
is "$(tenant_row)" "$row" "the tenant's row"
is "$(sim_calls length op=getPresencesByUserId)" "$probes" "probes after all that"

# --- a redirect that looks right, and Microsoft knows of nothing: never granted ---
sign_in admin@nordwind.example
begin
come_back "state=$STATE&$yes" "${session[@]}"
is "$(header location)" "$PUBLIC_URL/admin/#consent=pending" "where an unproved consent leads"
api GET tenant
expect .consent.state pending
post phone.off_hook 1001
expect '.results[0].outcome' monitoring_off
tab PUT monitoring "$ANNA_OID" '{"on":true}'
expect .consent pending
post phone.off_hook 1001
expect '.results[0].outcome' no_consent

# --- the good walk: pending while it spreads, granted by itself ---
sim POST /_sim/consent "{\"tenant\":\"$TENANT_ID\",\"propagation_s\":2}" >/dev/null
begin
request GET "$(decide admin@nordwind.example true)" "${session[@]}"
is "$(header location)" "$PUBLIC_URL/admin/#consent=pending" "where a consent that still spreads leads"
api GET tenant
expect .consent.state pending
expect '.action_items[] | select(.id == "consent") | .state' todo
granted() { api GET tenant; [ "$(jq -r .consent.state <<<"$BODY")" = granted ]; }
until_true 20 granted
expect .consent.granted_by "Nora Winter"
expect .consent.problem null
expect '.action_items[] | select(.id == "consent") | .state' "done"
for name in granted_at checked_at; do
  [[ $(jq -r .consent.$name <<<"$BODY") =~ ^20[0-9-]{8}T[0-9:.]+Z$ ]] || fail "$name is not a time: $BODY"
done
is "$(sim_calls '[.[] | select(.status == 200)] | last | .body.ids | join(" ")' op=getPresencesByUserId)" "$ADMIN_OID" "who was asked for"
sim_wait "$ANNA_OID" Busy # R12: who is on the phone is published
# Granted at once where nothing has to spread, and an error later takes nothing away.
sim POST /_sim/consent "{\"tenant\":\"$TENANT_ID\",\"propagation_s\":0}" >/dev/null
begin
request GET "$(decide admin@nordwind.example true)" "${session[@]}"
is "$(header location)" "$PUBLIC_URL/admin/#consent=granted" "where a consent leads"
row=$(tenant_row)
begin
come_back "state=$STATE&$yes&error=access_denied" "${session[@]}"
nothing consent_declined
