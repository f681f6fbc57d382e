#!/usr/bin/env bash
# The CSV of extensions: as spreadsheets write it, reported line by line; bad files change nothing; large ones are bounded.
# limit: 120
. "$(dirname "$0")/lib.sh"
start
sign_in admin@nordwind.example
file=$TEST_DIR/file.csv

put() { # [QUERY]: $file
  MAX_TIME=110 api PUT "pbxs/$PBX_ID/extensions${1:+?$1}" "" -H content-type:text/csv --data-binary "@$file"
}
# good LINKED RESULTS, bad WORDS: the file is stdin, printf's escapes in it.
good() {
  printf '%b' "$(cat)" >"$file"
  put
  expect_status 200
  expect .linked "$1"
  expect '[.lines[] | .result] | join(" ")' "$2"
}
bad() {
  printf '%b' "$(cat)" >"$file"
  put "${2:-}"
  expect_status 400
  expect_detail "$1"
  is "$(rows)" "$before" "rows after a refused file"
}
rows() {
  sql "SELECT md5(string_agg(x::text, '|' ORDER BY x.extension)) || (SELECT count(*) FROM presence.teams_user)
    FROM presence.extension x"
}
list() { # extension=user of all
  api GET "pbxs/$PBX_ID/extensions"
  jq -r '[.items[] | "\(.extension)=\(.upn | sub("@.*"; ""))"] | join(" ")' <<<"$BODY"
}

# --- what spreadsheets write ---
good 2 "ok ok" <<<'\xef\xbb\xbf"extension","user"\r\n"1001","anna@nordwind.example"\r\n1002,bert@nordwind.example\r\n'
is "$(list)" "1001=anna 1002=bert" list
api GET "pbxs/$PBX_ID/extensions"
expect .next null
expect '.items[0] | [.user, .name, .upn] | join(" ")' "$ANNA_OID Anna Lind anna@nordwind.example"
good 2 "ok ok" <<<'Extension;User\n1001;anna@nordwind.example\n\n\n1003;carla@nordwind.example'
is "$(list)" "1001=anna 1003=carla" list
good 1 ok <<<'name,USER,room,EXTENSION\rAnna,Anna@NORDWIND.example,4,1001'
good 1 ok <<<"extension,user\n 1001 ,\t$(tr a-f A-F <<<"$ANNA_OID") \n"
good 1 ok <<<'extension,user\n"10""01,x",anna@nordwind.example\n'
is "$(list)" '10"01,x=anna' list
good 1 ok <<<'extension,user\nB\xc3\xbcro 1 \xf0\x9f\x93\x9e,anna@nordwind.example'
is "$(list)" 'Büro 1 📞=anna' list
sim POST /_sim/users "$(jq -nc --arg t "$TENANT_ID" '{tenant: $t, users: [
  {oid: "eeeeeeee-0000-4000-8000-000000000001", upn: "guest_other.example#EXT#@nordwind.example", name: "Gast"},
  {oid: "eeeeeeee-0000-4000-8000-000000000002", upn: "o'"'"'hara+1@nordwind.example", name: "Ona Hara"}]}')" >/dev/null
good 2 "ok ok" <<<"extension,user\n1,guest_other.example#EXT#@nordwind.example\n2,o'hara+1@nordwind.example"

# --- line by line ---
good 3 "ok duplicate unknown_user bad bad ok bad bad bad bad bad ok" <<END
extension,user
1001,anna@nordwind.example
1001,bert@nordwind.example
1004,nobody@nordwind.example
1005,
,anna@nordwind.example
2001,$ANNA_OID
2002,anna
2003
$(printf 'x%.0s' {1..129}),anna@nordwind.example
"2004,anna@nordwind.example
2005,\xff@nordwind.example
2006,david@nordwind.example
END
expect '[.lines[].line] | join(" ")' "2 3 4 5 6 7 8 9 10 11 12 13"
expect '.lines[1].detail' "line 2 has this extension already"
expect '.lines[0] | [.extension, .user, .detail] | tojson' '["1001","anna@nordwind.example",null]'
expect '[.lines[] | select(.result != "ok") | .detail | length > 0] | all' true
expect .unlinked 2
is "$(list)" "1001=anna 2001=anna 2006=david" list

# --- a dry run: the same report, and nothing else ---
before=$(rows)
printf 'extension,user\n1001,bert@nordwind.example\n1,guest_other.example#EXT#@nordwind.example\n9,nobody@nordwind.example\n' >"$file"
put dry_run=1
expect_status 200
report=$BODY
expect '[.lines[].result] | join(" ")' "ok ok unknown_user"
expect '[.linked, .unlinked] | tojson' '[2,2]'
is "$(rows)" "$before" "rows after a dry run"
put
is "$BODY" "$report" "the report of the real run"
before=$(rows)

# --- files that change nothing ---
bad "file is empty" <<<''
bad "file is empty" <<<'\xef\xbb\xbf\r\n\r\n'
bad "header" <<<'1001,anna@nordwind.example\n1002,bert@nordwind.example'
bad "header" <<<'extension\n1001'
bad "header" <<<'extension,person\n1001,anna@nordwind.example'
bad "no line" <<<'extension,user\n'
bad "no line is good" <<<'extension,user\n1001,nobody@nordwind.example\n,anna@nordwind.example'
bad "line 2: Microsoft knows no such user" <<<'extension,user\n1001,emil@sudhang.example'
bad "" <<<'"extension,user\n1001,anna@nordwind.example'
bad "NUL" <<<'extension,user\n10\x0001,anna@nordwind.example'
{ echo extension,user; seq -f '%.0f,anna@nordwind.example' 100001; } >"$file"
put
expect_status 400
expect_detail 100000
for type in application/json text/plain ''; do
  api PUT "pbxs/$PBX_ID/extensions" "" -H "content-type: $type" --data-binary $'extension,user\n1,anna@nordwind.example'
  expect_status 415
done
{ echo extension,user; head -c $((8 * 1024 * 1024)) /dev/zero | tr '\0' x; } >"$file"
put
expect_status 413
is "$(rows)" "$before" "rows after refused files"

# --- Microsoft does not let us: say so, whether the token has no right or there is none ---
printf 'extension,user\n1001,anna@nordwind.example\n' >"$file"
for tokens in strip refuse; do
  sim POST /_sim/consent "{\"tenant\":\"$TENANT_ID\",\"state\":\"$([ $tokens = strip ] && echo revoked || echo none)\",\"tokens\":\"$tokens\"}" >/dev/null
  put
  expect_status 409
  expect_detail consent
done
is "$(rows)" "$before" "rows without consent"
sim POST /_sim/consent "{\"tenant\":\"$TENANT_ID\",\"state\":\"granted\"}" >/dev/null
# Microsoft is busy: not now, and nothing changes. (A refused token is not asked for again at once.)
fault '{"match":{"op":"users"},"times":1,"status":429,"retry_after":7}' >/dev/null
until_true 20 eval 'put; [ "$STATUS" != 409 ]'
expect_status 503
is "$(header retry-after)" 7 Retry-After
is "$(rows)" "$before" "rows after a throttled lookup"

# --- 100,000 lines, as alike as phone numbers are: in bounded time, and people are paged once ---
jq -nc --arg t "$TENANT_ID" '{tenant: $t, users: [range(2000) | {oid: "ffffffff-0000-4000-8000-\("000000000000\(.)"[-12:])",
  upn: "p\(.)@nordwind.example", name: "Person \(.)"}]}' >"$TEST_DIR/people"
sim POST /_sim/users "$(<"$TEST_DIR/people")" >/dev/null
awk 'BEGIN { print "extension,user"; for (i = 0; i < 100000; i++)
  printf "+49301234%05d,p%d@nordwind.example\r\n", i, i % 2000 + (i > 99989 ? 5000 : 0) }' >"$file"
since=$(sim GET "/_sim/calls?limit=1" | jq .seq)
# Meanwhile the tenant's phones go on: none of its events is turned away.
phones() (
  HEADERS=$TEST_DIR/phones/headers TEST_DIR=$TEST_DIR/phones
  until [ -e "$TEST_DIR/stop" ]; do
    post phone.off_hook 1
    echo "$STATUS" >>"$TEST_DIR/statuses"
    sleep 0.2
  done
)
mkdir "$TEST_DIR/phones"
phones &
for query in dry_run=1 ""; do
  began=$(date +%s%N)
  put $query
  took_ms=$((($(date +%s%N) - began) / 1000000))
  expect_status 200
  expect .linked 99990
  expect '[.lines[] | .result] | group_by(.) | map("\(.[0]) \(length)") | join(", ")' "ok 1000, unknown_user 10"
  echo "100,000 lines${query:+ ($query)}: $took_ms ms"
  [ $took_ms -lt 30000 ] || fail "an import of 100,000 lines took $took_ms ms"
done
touch "$TEST_DIR/phones/stop"
wait $!
is "$(sort -u "$TEST_DIR/phones/statuses")" 200 "what the phones were answered meanwhile"
is "$(sql "SELECT count(*), count(DISTINCT user_id) FROM presence.extension")" "99990|2000" "extensions and people"
[ "$(sim_calls length "op=users&since=$since")" -le 8 ] || fail "people were looked up $(sim_calls length "op=users&since=$since") times"
post phone.off_hook +4930123477777
expect '.results[0].outcome' monitoring_off
printf 'extension,user\n1001,anna@nordwind.example\n' >"$file"
put
expect_status 200
expect .unlinked 99990
post phone.off_hook 1001
expect '.results[0].outcome' published
