#!/usr/bin/env bash
# People and activity: page by page without a gap, found by any part of a name; the log says who, what and what came of it.
# limit: 60
. "$(dirname "$0")/lib.sh"
start
sign_in admin@nordwind.example

pages() { # PATH JQ [QUERY]: all items of all pages, one a line; the number of pages in $PAGES
  local after= n=0
  while :; do
    api GET "$1?${3:-}${after:+&after=$(jq -rn --arg a "$after" '$a | @uri')}"
    expect_status 200
    n=$((n + 1))
    [ "$(jq '.items | length' <<<"$BODY")" -le 50 ] || fail "a page has more than 50"
    jq -r ".items[] | $2" <<<"$BODY"
    after=$(jq -r '.next // empty' <<<"$BODY")
    [ "$after" ] && [ $n -lt 20 ] || break
  done
  echo $n >"$TEST_DIR/pages"
}
names() { # QUERY: of the people found
  api GET "people?q=$(jq -rn --arg q "$1" '$q | @uri')"
  expect_status 200
  jq -r '[.items[].name // .items[].upn] | join(", ")' <<<"$BODY"
}

# --- one person, on the phone ---
post phone.off_hook 1001
until_true 5 api_tells people ".items[] | select(.oid == \"$ANNA_OID\") | .published.availability" Busy
expect '.items | length' 3
expect '[.items[].name // .items[].upn] | length' 3
expect ".items[] | select(.oid == \"$ANNA_OID\") | keys | join(\" \")" \
  "extensions monitoring name oid problem published reason since until upn"
expect ".items[] | select(.oid == \"$ANNA_OID\") | [.monitoring, .published.availability, .published.activity, .problem] | tojson" \
  '[true,"Busy","InACall",null]'
expect ".items[] | select(.oid == \"$ANNA_OID\") | .extensions | tojson" "[{\"pbx_id\":\"$PBX_ID\",\"extension\":\"1001\"}]"
expect ".items[] | select(.oid == \"$BERT_OID\") | [.published, .since, .until] | tojson" '[null,null,null]'
since=$(jq -r ".items[] | select(.oid == \"$ANNA_OID\") | .since, .until" <<<"$BODY")
[[ $since =~ ^20[0-9-]{8}T[0-9:.]+Z.20[0-9-]{8}T[0-9:.]+Z$ ]] || fail "since and until are $since"

# --- clear now ---
api POST "people/$ANNA_OID/clear"
expect_status 200
expect .oid "$ANNA_OID"
expect .published null
expect .monitoring true
sim_is "$ANNA_OID" .session null
api POST "people/$(tr a-f A-F <<<"$ANNA_OID")/clear"
expect_status 200
for oid in 00000000-0000-4000-8000-000000000000 x "$TENANT_ID" anna@nordwind.example; do
  api POST "people/$oid/clear"
  expect_status 404
done
api GET "people/$ANNA_OID/clear"
expect_status 405

# --- many people: every page, nobody twice, in order ---
sql "INSERT INTO presence.teams_user (tenant_id, user_id, name, upn)
  SELECT '$TENANT_ID', gen_random_uuid(), 'Person ' || n % 40, 'p' || n || '@nordwind.example' FROM generate_series(1, 160) n"
sql "INSERT INTO presence.teams_user (tenant_id, user_id, name, upn) VALUES
  ('$TENANT_ID', gen_random_uuid(), '100% _real_ \\name', 'odd@nordwind.example'),
  ('$TENANT_ID', gen_random_uuid(), 'Özlem Ärger', NULL),
  ('$TENANT_ID', gen_random_uuid(), NULL, NULL)"
pages people .oid >"$TEST_DIR/all"
is "$(wc -l <"$TEST_DIR/all")" 166 people
is "$(sort -u "$TEST_DIR/all" | wc -l)" 166 "different people"
is "$(<"$TEST_DIR/pages")" 4 pages
pages people '(.name // .upn // "") | ascii_downcase' 'q=person' >"$TEST_DIR/named"
is "$(wc -l <"$TEST_DIR/named")" 160 "people found"
LC_ALL=C sort -c "$TEST_DIR/named" || fail "not in the order of their names"

# --- found by a part of name, user principal name, extension ---
ctl link "$TENANT_ID" "$PBX_ID" 'Room%5' "$DAVID_OID" >/dev/null
is "$(names '0% _')" '100% _real_ \name' "who is found by 0% _"
is "$(names '\na')" '100% _real_ \name' 'who is found by \na'
is "$(names 'özl')" "Özlem Ärger" "who is found by özl"
names 'm%5' >/dev/null
expect '[.items[].oid] | join(" ")' "$DAVID_OID"
names 'P160@NORD' >/dev/null
expect '.items | length' 1
names 1001 >/dev/null
expect '[.items[].oid] | join(" ")' "$ANNA_OID"
for q in "zzz" "' OR 1=1 --" '%%' '__' '\'; do
  names "$q" >/dev/null
  expect '.items | length <= 1' true
done
for query in "q=$(printf 'x%.0s' {1..201})" "after=$(printf 'x%.0s' {1..1001})" after=Anna q=%00 q=%ff "q=a&q=b"; do
  api GET "people?$query"
  expect_status 400
  expect_detail "${query:0:1}"
done
for after in x "$TENANT_ID" 00000000-0000-4000-8000-000000000000 ------------------------------------ -1; do
  api GET "people?after=$after"
  [[ $STATUS == 200 || $STATUS == 400 ]] || fail "status is $STATUS for after=$after: $BODY"
done

# --- what happened ---
post call.answered 1002 secret-call-of-bert
post call.ended 1002 secret-call-of-bert
tab PUT monitoring "$BERT_OID" '{"on":false}'
api PATCH "pbxs/$PBX_ID" '{"name":"Phones"}'
until_true 5 api_tells activity '[.items[] | select(.kind == "publish")] | length > 2' true
expect_status 200
expect '.items[0] | keys | join(" ")' "at detail extension id kind latency_ms name oid outcome pbx_id type"
expect '.items[0] | [.kind, .type, .outcome, .detail] | join(" ")' "admin pbx changed Phones"
expect '[.items[] | select(.kind == "switch")][0] | [.type, .outcome, .oid] | join(" ")' "monitoring off $BERT_OID"
expect '[.items[] | select(.kind == "event")][0] | [.type, .extension, .oid, .pbx_id] | join(" ")' "call.ended 1002 $BERT_OID $PBX_ID"
expect '[.items[] | select(.kind == "publish" and .outcome == "published") | .latency_ms] | map(type) | unique | join(" ")' number
expect '[.items[].at | test("^20[0-9-]{8}T[0-9:.]+Z$")] | all' true
expect '[.items[].id] | . == (sort | reverse)' true
[[ $BODY != *secret-call-of-bert* ]] || fail "the log names a call"
sql "INSERT INTO presence.event (tenant_id, at, kind, type, outcome)
  SELECT '$TENANT_ID', now(), 'event', 'phone.on_hook', 'unchanged' FROM generate_series(1, 120)"
pages activity .id >"$TEST_DIR/ids"
is "$(sort -u "$TEST_DIR/ids" | wc -l)" "$(sql "SELECT count(*) FROM presence.event")" "different lines of the log"
sort -rnc "$TEST_DIR/ids" || fail "the log is not newest first"
for after in x 0 -1 1.5 99999999999999999999 ''; do
  api GET "activity?after=$after"
  expect_status 400
  expect_detail after
done
api GET activity?after=1
expect '.items | length' 0
expect .next null
