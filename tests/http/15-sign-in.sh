#!/usr/bin/env bash
# Signing in: every part of the flow is good once and in one browser; sessions end; only administrators get further.
# limit: 180
. "$(dirname "$0")/lib.sh"
third=33333333-4444-4555-8666-777777777777
start STACK_TLS=1 "PRESENCE_TENANTS=11111111-2222-4333-8444-555555555555,$third"
sim POST /_sim/tenants "$(jq -nc --arg t $third '{tenants: [{tenant_id: $t, name: "Third", users: [
  {oid: "dddddddd-0000-4000-8000-000000000001", upn: "head@third.example", name: "Hedda Third", roles: ["Privileged Role Administrator"]},
  {oid: "dddddddd-0000-4000-8000-000000000011", upn: "dora@third.example"}]}]}')" >/dev/null
cookie=__Host-presence

sessions() { sql "SELECT count(*) FROM presence.browser_session"; }
value() { awk -v n="$1" '$6 == n { print $7 }' "${2:-$COOKIES}"; }
begin() { # [QUERY]: $PAGE, $STATE
  request GET "$PUBLIC_URL/auth/sign-in${1:+?$1}" -c "$COOKIES" -b "$COOKIES"
  expect_status 302
  PAGE=$(header location)
  STATE=$(sed -n 's/.*[?&]state=\([^&]*\).*/\1/p' <<<"$PAGE")
}
choose() { # UPN: where Microsoft sends the browser
  sim POST /_sim/sign_in "$(jq -nc --arg url "$PAGE" --arg user "$1" '{url: $url, user: $user}')" | jq -r .location
}
come_back() { request GET "$1" -c "$COOKIES" -b "$COOKIES"; }
nobody() { # WORD: refused, and no session came of it
  expect_status 302
  [[ $(header location) == "$PUBLIC_URL/admin/#error=$1&request_id="* ]] || fail "led to $(header location), not to $1"
  is "$(sessions)" "$n" "sessions"
}

# --- what is asked of Microsoft ---
begin
for part in response_type=code response_mode=query scope=openid%20profile code_challenge_method=S256 nonce= code_challenge=; do
  [[ $PAGE == *"&$part"* ]] || fail "$part is not in $PAGE"
done
[[ $PAGE == "$LOGIN_URL/organizations/oauth2/v2.0/authorize?"* ]] || fail "the sign-in page is $PAGE"
first=$PAGE
begin
[ "$(sed 's/.*nonce=\([^&]*\).*/\1/' <<<"$first")" != "$(sed 's/.*nonce=\([^&]*\).*/\1/' <<<"$PAGE")" ] || fail "the same nonce twice"

# --- it works once ---
n=0
answer=$(choose admin@nordwind.example)
come_back "$answer"
is "$(header location)" "$PUBLIC_URL/admin/" "where a sign-in leads"
[[ $(grep -i "^set-cookie: $cookie=" "$HEADERS") =~ \;\ Path=/\;.*HttpOnly\;\ SameSite=Lax\;\ Secure ]] ||
  fail "the cookie is $(grep -i ^set-cookie "$HEADERS")"
[[ $(header strict-transport-security) == max-age=* ]] || fail "no HSTS"
n=1
is "$(sessions)" 1 sessions
is "$(sql "SELECT encode(session_hash, 'hex') FROM presence.browser_session")" \
  "$(printf '%s' "$(value $cookie)" | sha256sum | cut -d' ' -f1)" "what is kept of the cookie"
api GET session
expect_status 200
expect .name "Nora Winter"
expect .is_admin true
expect .tenant_id "$TENANT_ID"
come_back "$answer" # the same answer again
nobody state_mismatch
begin
code=$(sed 's/.*[?&]code=\([^&]*\).*/\1/' <<<"$answer")
come_back "$PUBLIC_URL/auth/callback?code=$code&state=$STATE" # an old code with a new state
nobody sign_in_failed
# Another browser's answer, though it comes in time.
begin
answer=$(choose admin@nordwind.example)
request GET "$answer"
nobody state_mismatch
request GET "$answer" -b "$cookie-flow=$(printf 'A%.0s' {1..43})"
nobody state_mismatch
# Somebody else's code under my state: its PKCE does not fit.
begin
state=$STATE
begin
code=$(sed 's/.*[?&]code=\([^&]*\).*/\1/' <<<"$(choose appadmin@nordwind.example)")
come_back "$PUBLIC_URL/auth/callback?code=$code&state=$state"
nobody sign_in_failed
begin
come_back "$PUBLIC_URL/auth/callback?error=access_denied&error_description=%3Cb%3E&state=$STATE"
nobody sign_in_failed
come_back "$PUBLIC_URL/auth/callback?code=$code&state=$STATE"
nobody state_mismatch
begin
come_back "$PUBLIC_URL/auth/callback?state=$STATE"
nobody sign_in_failed
begin
come_back "$PUBLIC_URL/auth/callback?state=$STATE&code=a&code=b"
nobody sign_in_failed
begin
answer=$(choose admin@nordwind.example)
sql "UPDATE presence.oauth_state SET created_at = created_at - interval '601 s'"
come_back "$answer"
nobody state_mismatch

# --- Microsoft answers with an ID token that is not for this sign-in ---
wrong() { # WORD JSON of /_sim/token
  local token
  begin
  token=$(sim POST /_sim/token "$(jq -nc --arg t "$TENANT_ID" --arg n "$(sed 's/.*nonce=\([^&]*\).*/\1/' <<<"$PAGE")" \
    --argjson more "$2" '{kind: "id", tenant: $t, user: "admin@nordwind.example", nonce: $n} + $more')" | jq -r .token)
  fault "$(jq -nc --arg id "$token" '{match: {op: "token"}, times: 1, status: 200, headers: {"content-type": "application/json"},
    raw_body: ({token_type: "Bearer", expires_in: 3599, access_token: "x", id_token: $id} | tojson)}')" >/dev/null
  come_back "$PUBLIC_URL/auth/callback?code=any&state=$STATE"
  no_faults
  [ "$1" = none ] || nobody "$1"
}
wrong sign_in_failed '{"nonce":"another"}'
wrong sign_in_failed '{"claims":{"nonce":null}}'
wrong sign_in_failed '{"claims":{"oid":null}}'
wrong sign_in_failed '{"claims":{"aud":"another"}}'
wrong sign_in_failed '{"claims":{"exp":1}}'
wrong sign_in_failed "{\"claims\":{\"tid\":\"$third\"}}"
wrong sign_in_failed '{"alg":"none"}'
wrong sign_in_failed '{"alg":"HS256"}'
wrong sign_in_failed '{"key":"unknown"}'
wrong sign_in_failed '{"key":"foreign"}'
# Without roles nobody is an administrator.
wrong none '{"claims":{"wids":null}}'
api GET session
expect .is_admin false
api GET tenant
expect_status 403
wrong none '{"claims":{"wids":"62e90394-69f5-4237-9190-012177145e10"}}'
api GET tenant
expect_status 403
wrong none '{}' # and so it is when all is right
api GET session
expect .is_admin true

# --- tenants: only an administrator of one that may brings it into being ---
tenants() { sql "SELECT string_agg(tenant_id::text, ' ' ORDER BY tenant_id) FROM presence.tenant"; }
n=$(sessions)
begin
come_back "$(choose admin@sudhang.example)"
nobody tenant_not_allowed
begin
come_back "$(choose dora@third.example)"
nobody not_admin
is "$(tenants)" "$TENANT_ID" tenants
sign_in head@third.example
is "$(tenants)" "$TENANT_ID $third" tenants
api GET tenant
expect .consent.state none
sign_in dora@third.example
expect .is_admin false
for path in tenant pbxs people activity health app-package; do
  api GET $path
  expect_status 403
done

# --- a new session at each sign-in; the old one of this browser is over ---
sign_in admin@nordwind.example
old=$(value $cookie)
begin
come_back "$(choose admin@nordwind.example)"
[ "$(value $cookie)" != "$old" ] || fail "the same session after another sign-in"
request GET "$PUBLIC_URL/admin/api/session" -b "$cookie=$old"
expect_status 401
fixed=$(printf 'F%.0s' {1..43}) # one that somebody else put there
rm "$COOKIES"
begin
request GET "$(choose admin@nordwind.example)" -c "$COOKIES" -b "$cookie-flow=$(value $cookie-flow); $cookie=$fixed"
[ "$(value $cookie)" != "$fixed" ] || fail "a session id that came from outside"
request GET "$PUBLIC_URL/admin/api/session" -b "$cookie=$fixed"
expect_status 401

# --- CSRF ---
sign_in admin@nordwind.example
token=$CSRF
mine=$(value $cookie)
COOKIES=$TEST_DIR/second sign_in admin@nordwind.example
theirs=$CSRF
for CSRF in "" wrong "$theirs" "${token}x"; do
  api PATCH tenant '{"settings":{"lease_s":600}}'
  expect_status 403
  expect_detail X-CSRF-Token
  request POST "$PUBLIC_URL/auth/sign-out" -b "$COOKIES" ${CSRF:+-H "x-csrf-token: $CSRF"}
  expect_status 403
done
CSRF=
api GET tenant
expect_status 200
expect .settings.lease_s 900
CSRF=$token

# --- back to where one came from, and nowhere else ---
for next in https://other.example //other.example /tab/ %2f%2fother.example consent/x; do
  begin "next=$next"
  come_back "$(choose admin@nordwind.example)"
  is "$(header location)" "$PUBLIC_URL/admin/" "where next=$next leads"
done
begin next=consent
come_back "$(choose admin@nordwind.example)"
is "$(header location)" "$PUBLIC_URL/consent" "where next=consent leads"

# --- the end of a session ---
sign_in admin@nordwind.example
mine=$(value $cookie)
hash="session_hash = '\\x$(printf '%s' "$mine" | sha256sum | cut -d' ' -f1)'"
sql "UPDATE presence.browser_session SET seen_at = now() - interval '59 min' WHERE $hash"
api GET session
expect_status 200
[ "$(sql "SELECT now() - seen_at < interval '5 s' FROM presence.browser_session WHERE $hash")" = t ] || fail "seen_at is not touched"
sql "UPDATE presence.browser_session SET seen_at = now() - interval '61 min' WHERE $hash"
api GET session
expect_status 401
sign_in admin@nordwind.example
hash="session_hash = '\\x$(printf '%s' "$(value $cookie)" | sha256sum | cut -d' ' -f1)'"
sql "UPDATE presence.browser_session SET created_at = now() - interval '479 min' WHERE $hash"
api GET session
expect_status 200
sql "UPDATE presence.browser_session SET created_at = now() - interval '481 min' WHERE $hash"
api GET session
expect_status 401
sign_in admin@nordwind.example
mine=$(value $cookie)
request POST "$PUBLIC_URL/auth/sign-out" -c "$COOKIES" -b "$COOKIES" -H "x-csrf-token: $CSRF"
expect_status 204
is "$(value $cookie)" "" "the cookie after signing out"
for kept in "" "$cookie=$mine"; do
  request GET "$PUBLIC_URL/admin/api/session" ${kept:+-b "$kept"}
  expect_status 401
done
request POST "$PUBLIC_URL/auth/sign-out" -H "x-csrf-token: $CSRF"
expect_status 401
