#!/usr/bin/env bash
# Limits: events per PBX and second; what every kind of answer tells browsers; what is only for loopback.
# limit: 180
. "$(dirname "$0")/lib.sh"
start
sign_in admin@nordwind.example

# --- headers of every kind of answer, each once ---
one_header() { # NAME ERE: there once, and like this
  is "$(grep -ci "^$1:" "$HEADERS")" 1 "number of $1 at $address"
  [[ $(header "$1") =~ $2 ]] || fail "$1 at $address is \"$(header "$1")\""
}
look() { # STATUS ADDRESS [curl's arguments ...]
  address=$2
  request GET "$PUBLIC_URL$2" "${@:3}" -o /dev/null
  expect_status "$1"
  one_header content-security-policy "default-src 'none'"
  [[ $(header content-security-policy) != *unsafe* ]] || fail "unsafe script or style at $2"
  one_header x-content-type-options '^nosniff$'
  one_header referrer-policy '^no-referrer$'
  case $2 in
  /tab/api/*) framed= ;;
  /tab/*) framed=1 ;;
  *) framed= ;;
  esac
  if [ $framed ]; then
    is "$(header x-frame-options)" "" "X-Frame-Options at $2"
    one_header content-security-policy "frame-ancestors 'self' https://teams"
  else
    one_header x-frame-options '^DENY$'
    one_header content-security-policy "frame-ancestors 'none'"
  fi
  case $2 in
  /admin/api/* | /tab/api/*) one_header cache-control '^no-store$' ;;
  /admin/* | /tab/*) one_header cache-control '^no-cache$' ;; # pages: asked for again each time
  *) one_header cache-control '^no-store$' ;;
  esac
}
for page in /admin/ /admin/about.html /tab/ /tab/config /tab/remove; do
  look 200 $page
  curl -sS --noproxy '*' "$PUBLIC_URL$page" >"$TEST_DIR/page"
  refute grep -nE '<script[^>]*>[^<]|<style|style="| on[a-z]+="|https?://' "$TEST_DIR/page"
  for part in $(grep -oE '(src|href)="[^"#]+' "$TEST_DIR/page" | sed 's/.*"//' | grep -vE '^[a-z]+:' | sort -u); do
    part=$(jq -rn --arg b "$page" --arg p "$part" '$p | if startswith("/") then . else ($b | sub("[^/]*$"; "")) + . end')
    case $part in */) continue ;; esac
    look 200 "$part"
  done
done
look 302 /
look 404 /nothing
look 404 /admin/nothing
look 404 /tab/nothing.js
look 401 /tab/api/me
look 404 /tab/api/nothing
look 401 /admin/api/session
look 200 /admin/api/session -b "$COOKIES"
look 404 /admin/api/nothing -b "$COOKIES"
look 302 /auth/sign-in
look 302 /auth/callback
look 302 /consent
look 302 /consent -b "$COOKIES"
look 302 /consent/callback
look 405 "/webhook/$PBX_ID"
look 401 "/webhook/$PBX_ID/x"
look 200 /healthz
look 200 /metrics/tab

# --- inside only ---
for probe in healthz readyz metrics healthz/admin metrics/webhook; do
  for forwarded in 127.0.0.1 ::1 203.0.113.5 'unknown'; do
    request GET "$URL/$probe" -H "x-forwarded-for: $forwarded"
    expect_status 403
  done
done
request GET "$URL/metrics"
refute grep -qE "$PBX_ID|$TENANT_ID|$ANNA_OID|nordwind" <<<"$BODY"
# Our other addresses are not loopback.
for ip in $(ip -4 -o addr show scope global 2>/dev/null | awk '{sub("/.*", "", $4); print $4}'); do
  refute curl -sS --noproxy '*' --max-time 2 -o /dev/null "http://$ip:$NGINX_PORT/healthz" 2>/dev/null
done

# --- names of this server ---
for host in other.example "localhost.other.example" "other.example:$NGINX_PORT" '127.0.0.1.nip.example' '[::2]'; do
  request GET "$URL/admin/" -H "host: $host"
  expect_status 421
done
request GET "$URL/auth/sign-in" -H 'host: other.example'
expect_status 421
# Addresses that we hand out come from the setting, never from the request.
request GET "$URL/auth/sign-in" -H "host: 127.0.0.1" -H 'x-forwarded-host: other.example' -H 'forwarded: host=other.example'
[[ $(header location) == *"redirect_uri=$(jq -rn --arg u "$PUBLIC_URL" '$u | @uri')%2Fauth%2Fcallback&"* ]] ||
  fail "the way back is $(header location)"
refute grep -q other.example "$HEADERS"

# --- 1,000 events a second of one PBX, 10,000 at once ---
api POST pbxs '{"name":"Quiet","platform":"generic"}'
quiet_url=$(jq -r .webhook_url <<<"$BODY") quiet_secret=$(jq -r .secret <<<"$BODY")
node tests/http/burst.mjs "$PBX_URL" "$PBX_SECRET" 60 500 6 >"$TEST_DIR/burst" &
burst=$!
while kill -0 $burst 2>/dev/null; do
  url=$PBX_URL
  PBX_URL=$quiet_url
  post_body "$(event phone.on_hook nobody)" "" "" "$quiet_secret"
  PBX_URL=$url
  expect_status 200 # whatever the other one does
  sleep 0.2
done
wait $burst
BODY=$(<"$TEST_DIR/burst")
is "$(jq -c '.statuses | keys' <<<"$BODY")" '["200","429"]' "how a burst of 30,000 is answered"
most=$(jq '10000 + .ms + 500' <<<"$BODY")
[ "$(jq .events <<<"$BODY")" -ge 10000 ] && [ "$(jq .events <<<"$BODY")" -le "$most" ] ||
  fail "events taken, not 10000 to $most: $BODY"
[ "$(jq .retry_after <<<"$BODY")" -ge 1 ] || fail "no Retry-After: $BODY"
until_true 5 eval 'post phone.on_hook nobody; [ "$STATUS" = 200 ]'
body=$(jq -nc '[range(500) | {type: "phone.on_hook", data: {extension: "nobody"}}]')
until_true 5 eval 'post_body "$body"; [ "$STATUS" = 200 ]'     # what was used up comes back
