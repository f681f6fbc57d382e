#!/usr/bin/env bash
# The Teams app package: valid by Microsoft's own schema, made for this server, the same whenever it is made.
# limit: 60
. "$(dirname "$0")/lib.sh"
start STACK_TLS=1 STACK_READY=0
sign_in admin@nordwind.example

api GET tenant
expect '.action_items[] | select(.id == "teams_app") | .state' todo
request GET "$PUBLIC_URL/admin/api/app-package" -o "$TEST_DIR/first.zip"
expect_status 401
api GET app-package "" -o "$TEST_DIR/first.zip"
expect_status 200
is "$(header content-type)" application/zip "content type"
[[ $(header content-disposition) == 'attachment; filename="'*.zip\" ]] || fail "Content-Disposition: $(header content-disposition)"
is "$(header content-length)" "$(stat -c %s "$TEST_DIR/first.zip")" Content-Length
api GET tenant
expect '.action_items[] | select(.id == "teams_app") | .state' "done"

unzip -q "$TEST_DIR/first.zip" -d "$TEST_DIR/package"
is "$(cd "$TEST_DIR/package" && find . -type f | sort | xargs)" "./color.png ./manifest.json ./outline.png" "files of the package"
addresses=$(node tests/http/manifest.mjs "$TEST_DIR/package" "$PUBLIC_URL" "$CLIENT_ID") || fail "the package is not right"
[ "$(wc -l <<<"$addresses")" -ge 4 ] || fail "the package leads to: $addresses"
while read -r address; do
  request GET "$address" -o /dev/null
  [ "$STATUS" = 200 ] || fail "status is $STATUS at $address"
done <<<"$addresses"

sleep 2.1 # a zip's times have two seconds
service admin restart
until_true 10 eval 'api GET session; [ "$STATUS" = 200 ]'
api GET app-package "" -o "$TEST_DIR/second.zip"
cmp "$TEST_DIR/first.zip" "$TEST_DIR/second.zip" || fail "another package from the same server"
sign_in teamsadmin@nordwind.example
api GET app-package "" -o "$TEST_DIR/second.zip"
expect_status 200
