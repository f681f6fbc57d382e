#!/usr/bin/env bash
# Bad input in a query: parameters twice, badly encoded, too long, missing; nothing of it is stored.
# limit: 60
. "$(dirname "$0")/lib.sh"
start
sign_in admin@nordwind.example
api POST pbxs '{"name":"Phones","platform":"generic","auth":"path"}'
address=$(jq -r .webhook_url <<<"$BODY") id=$(jq -r .id <<<"$BODY")
ctl link "$TENANT_ID" "$id" 1001 "$ANNA_OID" >/dev/null

bad() { # WORDS QUERY
  request GET "$address?$2"
  expect_status 400
  expect_detail "$1"
  is "$(header cache-control)" no-store "Cache-Control"
}
rows() {
  sql "SELECT (SELECT count(*) FROM presence.call_leg) + (SELECT count(*) FROM presence.event WHERE kind <> 'admin')"
}
before=$(rows)
long=$(printf 'x%.0s' {1..129})

bad "type is missing" ""
bad "type is missing" "extension=1001"
bad "type is missing" "type=&extension=1001"
bad "type is not known" "type=phone.lifted&extension=1001"
bad "type is given twice" "type=phone.off_hook&type=phone.on_hook&extension=1001"
bad "type is given twice" "type=phone.off_hook&t%79pe=phone.on_hook&extension=1001"
bad "extension is missing" "type=phone.off_hook"
bad "extension is missing" "type=phone.off_hook&extension="
bad "extension is given twice" "type=phone.off_hook&extension=1001&extension=1001"
bad "extension is longer" "type=phone.off_hook&extension=$long"
bad "call_id is missing" "type=call.answered&extension=1001"
bad "call_id is longer" "type=call.answered&extension=1001&call_id=$long"
bad "leg_id is longer" "type=call.answered&extension=1001&call_id=c&leg_id=$long"
bad "line is longer" "type=phone.off_hook&extension=1001&line=$long"
for text in %00 %zz %1 % %ff %c0%80 %ed%a0%80 1%001; do
  bad "extension is badly encoded" "type=phone.off_hook&extension=$text"
done
# What stands in the path: never 200, never 500.
for path in %00 %ff %zz %2e%2e/x ../../tab/api/me //; do
  request GET "$PUBLIC_URL/webhook/$id/$path?type=phone.off_hook&extension=1001" --path-as-is
  [[ $STATUS == 40[0145] ]] || fail "status is $STATUS at $path"
  request GET "$PUBLIC_URL/webhook/$path/x?type=phone.off_hook&extension=1001" --path-as-is
  [[ $STATUS == 40[0145] ]] || fail "status is $STATUS at $path/x"
done
is "$(rows)" "$before" "rows after nothing but refused requests"

request GET "$address?type=phone.off_hook&extension=%31001&%zz=1&unknown=1&unknown=2&&="
expect_status 200
expect '.results[0].outcome' published
request GET "$address?type=call.answered&extension=1001&call_id=${long%x}"
expect_status 200
