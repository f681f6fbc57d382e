# A second tenant for a test, with a PBX of its own and one person: extension 1 is
# Emil. Sourced after `start`; gives PBX2_ID, EMIL_OID and post2.

EMIL_OID=bbbbbbbb-0000-4000-8000-000000000011
ctl tenant-add "$TENANT2_ID" "Sudhang Labs" >/dev/null
ctl pbx-add "$TENANT2_ID" "Second" >"$TEST_DIR/pbx2"
PBX2_ID=$(sed -n 's/^id=//p' "$TEST_DIR/pbx2")
PBX2_URL=$(sed -n 's/^webhook_url=//p' "$TEST_DIR/pbx2")
PBX2_SECRET=$(sed -n 's/^secret=//p' "$TEST_DIR/pbx2")
ctl link "$TENANT2_ID" "$PBX2_ID" 1 "$EMIL_OID" >/dev/null
sim POST /_sim/consent "{\"tenant\":\"$TENANT2_ID\",\"state\":\"granted\"}" >/dev/null
ctl consent-check "$TENANT2_ID" >/dev/null
ctl monitoring "$TENANT2_ID" "$EMIL_OID" on >/dev/null

# post2 TYPE ...: an event at its PBX.
post2() { PBX_URL=$PBX2_URL PBX_SECRET=$PBX2_SECRET post "$@"; }
