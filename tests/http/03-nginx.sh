#!/usr/bin/env bash
# What nginx promises: headers, host names, inside-only addresses, problems as
# JSON, and that no log ever holds a PBX's secret or a sign-in's code.
# limit: 120
. "$(dirname "$0")/lib.sh"
start

# --- headers of each family of pages ---
request GET "$URL/"
expect_status 302
is "$(header location)" /admin/ "where / leads"

request GET "$URL/tab/"
expect_status 200
csp=$(header content-security-policy)
[[ $csp == *"frame-ancestors 'self' https://teams.microsoft.com"* ]] || fail "the tab cannot be framed: $csp"
[[ $csp == *"script-src 'self';"* ]] || fail "inline script: $csp"
is "$(header x-frame-options)" "" "X-Frame-Options of the tab"
is "$(header cache-control)" no-cache "Cache-Control of a page"
etag=$(header etag)
request GET "$URL/tab/" -H "if-none-match: $etag"
expect_status 304
for page in tab/config tab/remove; do
  request GET "$URL/$page"
  expect_status 200
done

request GET "$URL/admin/" -H 'accept-encoding: gzip' -o /dev/null
expect_status 200
[[ $(header content-security-policy) == *"frame-ancestors 'none'"* ]] || fail "the dashboard can be framed"
is "$(header x-frame-options)" DENY "X-Frame-Options of the dashboard"
is "$(header content-encoding)" gzip "encoding of a page"
for name in x-content-type-options:nosniff referrer-policy:no-referrer; do
  is "$(header "${name%%:*}")" "${name#*:}" "${name%%:*}"
done

request GET "$URL/tab/api/me"
expect_status 401
is "$(header content-encoding)" "" "an answer of a program is not compressed"
is "$(header cache-control)" no-store "Cache-Control of an answer"
[ "$(grep -ciE '^(x-content-type-options|cache-control|content-security-policy):' "$HEADERS")" = 3 ] ||
  fail "a header is missing or stands twice: $(<"$HEADERS")"
[[ $(header server) != *[0-9]* ]] || fail "nginx tells its version"

# --- names and addresses ---
request GET "$URL/admin/" -H 'host: other.example'
expect_status 421
request GET "$URL/nothing"
expect_status 404
is "$(header content-type)" application/problem+json "type of nginx's own error"
expect '.request_id | length' 32
for probe in healthz readyz metrics; do
  for program in "" /webhook /tab /admin /reconciler; do
    request GET "$URL/$probe$program"
    expect_status 200
  done
  request GET "$URL/$probe" -H 'x-forwarded-for: 127.0.0.1'
  expect_status 403
done
request GET "$URL/%zz"
expect_status 400

# --- secrets and logs ---
secret=S3cretS3cretS3cretS3cretS3cretS3cretS3cret0
big=$TEST_DIR/big
head -c 1200000 /dev/zero >"$big"
request POST "$URL/webhook/$PBX_ID/$secret" -H 'content-type: application/json' --data-binary "@$big"
expect_status 413
head -c 262145 /dev/zero >"$big"
request POST "$URL/webhook/$PBX_ID/$secret" -H 'content-type: application/json' --data-binary "@$big"
[[ $STATUS == 413 || $STATUS == 401 ]] || fail "status is $STATUS for one byte too many"
head -c 20000 /dev/zero | tr '\0' x >"$big"
request GET "$URL/webhook/$PBX_ID/$secret?$(<"$big")"
expect_status 414

# The socket is gone: connection refused, twice, and again.
mv "$RUN/webhook.sock" "$RUN/webhook.gone"
request GET "$URL/webhook/$PBX_ID/$secret?type=phone.off_hook"
expect_status 503
[ "$(header retry-after)" -ge 1 ] || fail "no Retry-After"
is "$(header content-type)" application/problem+json "type of 503"
mv "$RUN/webhook.gone" "$RUN/webhook.sock"
mv "$RUN/admin.sock" "$RUN/admin.gone"
for path in auth/callback consent/callback; do
  request GET "$URL/$path?code=$secret&state=$secret" -H "referer: $URL/webhook/x/$secret"
  expect_status 503
done
mv "$RUN/admin.gone" "$RUN/admin.sock"

# The program takes the request and does not answer.
service webhook pause
request GET "$URL/webhook/$PBX_ID/$secret?type=phone.off_hook"
expect_status 503
service webhook continue
grep -q 'upstream_status="504"' "$LOGS/nginx-access.log" || fail "there was no 504"
grep -q 'route="/webhook/:pbx/:secret"' "$LOGS/nginx-access.log" || fail "the route is not logged"
refute grep -rl "$secret" "$LOGS"

# A wrong path with a secret in it is no better place to leak one.
request GET "$URL/webhooks/$PBX_ID/$secret"
expect_status 404
refute grep -rl "$secret" "$LOGS"
