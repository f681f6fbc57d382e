#!/usr/bin/env bash
# The tab's token: every way in which it can be wrong is refused, and keys are fetched seldom.
# limit: 180
. "$(dirname "$0")/lib.sh"
third=33333333-4444-4555-8666-777777777777
start "PRESENCE_TENANTS=11111111-2222-4333-8444-555555555555,$third"
sim POST /_sim/tenants "$(jq -nc --arg t $third '{tenants: [{tenant_id: $t, name: "Third", users:
  [{oid: "dddddddd-0000-4000-8000-000000000011", upn: "dora@third.example"}]}]}')" >/dev/null

as() { # TOKEN [METHOD] [PATH] [BODY]
  request "${2:-GET}" "$PUBLIC_URL/tab/api/${3:-me}" -H "authorization: Bearer $1" \
    ${4:+-H content-type:application/json -d "$4"}
}
forge() { # [JSON of /_sim/token] [OID]
  tab_token "${2:-$ANNA_OID}" "$1"
}
refused() { # WORDS JSON
  local token
  token=$(forge "$2")
  as "$token"
  expect_status 401
  expect_detail "$1"
  is "$(header www-authenticate)" Bearer WWW-Authenticate
  [[ $BODY != *"$CLIENT_ID"* && $BODY != *"${token%%.*}"* ]] || fail "the answer tells too much: $BODY"
}
taken() { # JSON
  as "$(forge "$1")"
  expect_status 200
  expect .monitoring true
}
jwks() { sim GET /_sim/counts | jq .jwks; }
now=$(now_s)

# --- good ones ---
taken '{}'
as "$(forge '{}')" GET me
expect '.extensions | join(" ")' 1001
taken "{\"exp\":$((now - 120))}" # clocks may differ by five minutes
taken "{\"nbf\":$((now + 120)),\"iat\":$((now + 120))}"
taken '{"scp":"profile access_as_user email"}'
taken '{"azp":"1fec8e78-bce4-4aaf-ab1b-5451cc387264"}'
request GET "$PUBLIC_URL/tab/api/me" -H "authorization: bearer $(forge '{}')"
expect_status 200

# --- how it is signed ---
refused "token" '{"alg":"none"}'
refused "alg is not RS256" '{"header":{"alg":"none"}}'
refused "alg is not RS256" '{"header":{"alg":"None"}}'
refused "alg is not RS256" '{"header":{"alg":null}}'
refused "alg is not RS256" '{"alg":"HS256"}'
refused "alg is not RS256" '{"alg":"HS512"}'
refused "alg is not RS256" '{"alg":"PS256"}'
refused "alg is not RS256" '{"alg":"RS384"}'
refused "the signature is wrong" '{"alg":"HS256","header":{"alg":"RS256"}}'
refused "the signature is wrong" '{"alg":"PS256","header":{"alg":"RS256"}}'
refused "crit" '{"header":{"crit":["exp"]}}'
refused "crit" '{"header":{"crit":["b64"],"b64":false}}'
refused "crit" '{"header":{"crit":[]}}'
refused "kid" '{"header":{"kid":null}}'
refused "kid" '{"header":{"kid":7}}'
# A key that the token itself brings is nobody's.
current=$(curl -sS --noproxy '*' "$LOGIN_URL/organizations/discovery/v2.0/keys" | jq -r '.keys[2].kid')
other=$(curl -sS --noproxy '*' "$LOGIN_URL/organizations/discovery/v2.0/keys" | jq -c '.keys[0]')
refused "the signature is wrong" "{\"key\":\"unknown\",\"header\":{\"kid\":\"$current\",\"jwk\":$other,\"jku\":\"$SIM_URL/keys\"}}"
refused "the signature is wrong" "{\"key\":\"next\",\"header\":{\"kid\":\"$current\"}}"
refused "another issuer" '{"key":"foreign"}' # published, for personal accounts

# --- for whom, by whom, when ---
login=$LOGIN_URL
for aud in '"00000003-0000-0000-c000-000000000000"' '"https://graph.microsoft.com"' "\"api://localhost/$CLIENT_ID\"" \
  "[\"$CLIENT_ID\"]" '""' null; do
  refused "aud" "{\"aud\":$aud}"
done
for iss in "\"$login/$TENANT2_ID/v2.0\"" "\"$login/{tenantid}/v2.0\"" "\"$login/$TENANT_ID/v2.0/\"" \
  "\"https://sts.windows.net/$TENANT_ID/\"" "\"https://login.microsoftonline.com/$TENANT_ID/v2.0\"" \
  "\"$login/common/v2.0\"" null; do
  refused "iss" "{\"iss\":$iss}"
done
refused "iss" "{\"tid\":\"$TENANT2_ID\"}"
refused "tid" '{"tid":"nordwind.example"}'
refused "tid" '{"tid":null}'
personal=9188040d-6c67-4c5b-b112-36a304b66dad
for key in foreign current; do
  refused "personal" "{\"tid\":\"$personal\",\"iss\":\"$login/$personal/v2.0\",\"key\":\"$key\"}"
done
refused "exp" "{\"exp\":$((now - 301))}"
refused "exp" '{"exp":null}'
refused "exp" "{\"exp\":\"$((now + 3600))\"}"
refused "nbf" "{\"nbf\":$((now + 420))}"
refused "nbf" '{"nbf":null}'
refused "iat" "{\"iat\":$((now + 420))}"
refused "ver" '{"ver":"1.0"}'
refused "ver" '{"ver":null}'
refused "ver" "$(jq -nc --arg c "$CLIENT_ID" --arg t "$TENANT_ID" \
  '{ver: "1.0", iss: "https://sts.windows.net/\($t)/", azp: null, appid: $c}')"

# --- for what ---
refused "scp" '{"scp":null}'
refused "scp" '{"scp":"User.Read"}'
refused "scp" '{"scp":"access_as_user2 xaccess_as_user"}'
refused "scp" '{"scp":["access_as_user"]}'
refused "scp" '{"scp":null,"idtyp":"app","roles":["access_as_user"]}'
refused "" '{"kind":"app"}'
refused "scp" '{"kind":"id"}'
refused "azp" '{"azp":null}'
refused "azp" "{\"azp\":\"$CLIENT_ID\"}"
refused "azp" '{"azp":"1fec8e78-bce4-4aaf-ab1b-5451cc387265"}'
refused "oid" '{"oid":null}'
refused "oid" '{"oid":"anna@nordwind.example"}'

# --- no token at all ---
good=$(forge '{}')
payload=$(cut -d. -f2 <<<"$good")
for token in "" . .. a.b.c "${good%?}" "$good.x" "${good%.*}." ".$payload." "$good=" "$good $good" \
  "${good%%.*}.${payload/e/f}.${good##*.}" "${good/./,}" "$(head -c 12000 /dev/zero | tr '\0' a)" \
  "$(head -c 5000 /dev/zero | tr '\0' a).$(head -c 5000 /dev/zero | tr '\0' a).$(head -c 4000 /dev/zero | tr '\0' a)"; do
  as "$token"
  expect_status 401
done
as "$(head -c 20000 /dev/zero | tr '\0' a)"
[[ $STATUS == 400 || $STATUS == 401 ]] || fail "status is $STATUS for 20 kB"
for header in "Basic $(printf 'a:b' | base64)" "$good" "Bearer" "Bearer$good" "Token $good"; do
  request GET "$PUBLIC_URL/tab/api/me" -H "authorization: $header"
  expect_status 401
done
request GET "$PUBLIC_URL/tab/api/me?access_token=$good" -b "presence=$good"
expect_status 401

# --- a good token of a tenant that is not here ---
as "$(sim POST /_sim/token "{\"tenant\":\"$TENANT2_ID\",\"user\":\"emil@sudhang.example\"}" | jq -r .token)"
expect_status 403
expect_detail "may not use this server"
token=$(sim POST /_sim/token "{\"tenant\":\"$third\",\"user\":\"dora@third.example\"}" | jq -r .token)
for way in "GET me" "POST clear" 'PUT monitoring {"on":true}'; do
  read -r method path body <<<"$way"
  as "$token" "$method" "$path" "$body"
  expect_status 403
  expect_detail "does not use Presence Sync yet"
done
is "$(sql "SELECT count(*) FROM presence.tenant")" 1 "tenants"

# --- what a refused token asks for does not happen ---
as "$(forge '{"alg":"HS256"}')" PUT monitoring '{"on":false}'
expect_status 401
as "$(forge '{"aud":"other"}')" POST clear
expect_status 401
taken '{}'

# --- keys: a new one heals without a restart, the old one is forgotten ---
old=$(forge '{}')
sim POST /_sim/keys/rotate '{}' >/dev/null
before=$(jwks)
taken '{}'
is "$(jwks)" $((before + 1)) "fetches of the keys for a new one"
as "$old"
expect_status 401
expect_detail "unknown key"
# Three at once, when nobody has the new key yet: one fetches, nobody is turned away. So at the dashboard.
sign_in admin@nordwind.example
sim POST /_sim/keys/rotate '{}' >/dev/null
fault '{"match":{"op":"jwks"},"times":1,"delay_ms":700}' >/dev/null
before=$(jwks)
new=$(forge '{}')
for _ in 1 2 3; do
  printf 'url = "%s/tab/api/me"\nheader = "authorization: Bearer %s"\noutput = /dev/null\nwrite-out = "%%{http_code}\\n"\nnext\n' "$PUBLIC_URL" "$new"
done | sed '$d' >"$TEST_DIR/three"
is "$(curl -sS --noproxy '*' --parallel --parallel-immediate -K "$TEST_DIR/three" 2>/dev/null | sort | uniq -c | xargs)" "3 200" "answers to three with the new key"
is "$(jwks)" $((before + 1)) "fetches of the keys for three at once"
sign_in admin@nordwind.example
is "$(jwks)" $((before + 2)) "fetches of the keys with the dashboard's, for a sign-in"
# Forged kids cost Microsoft at most what is left in the bucket, however many come.
before=$(jwks)
forged=()
for i in {1..4}; do forged+=("$(forge "{\"key\":\"unknown\",\"header\":{\"kid\":\"forged-$i\"}}")"); done
for i in {1..40}; do
  printf 'url = "%s/tab/api/me"\nheader = "authorization: Bearer %s"\noutput = /dev/null\nwrite-out = "%%{http_code}\\n"\nnext\n' \
    "$PUBLIC_URL" "${forged[i % 4]}"
done | sed '$d' >"$TEST_DIR/many"
statuses=$(curl -sS --noproxy '*' --parallel --parallel-max 20 -K "$TEST_DIR/many" | sort | uniq -c | xargs)
is "$statuses" "40 401" "answers to forged kids"
[ $(($(jwks) - before)) -le 3 ] || fail "40 forged kids made $(($(jwks) - before)) fetches"
taken '{}'
