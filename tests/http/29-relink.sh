#!/usr/bin/env bash
# R9 R18: a change of link, the end of a PBX and "clear now" end the open legs, and nobody inherits them.
# limit: 90
. "$(dirname "$0")/lib.sh"
start
sign_in admin@nordwind.example

csv() { # LINES: the list of the stack's PBX
  api PUT "pbxs/$PBX_ID/extensions" "" -H content-type:text/csv --data-binary "extension,user
$1"
  expect_status 200
}

# Re-link in mid-call: the old one is cleared, the new one starts with none.
post call.answered 1001 c1
sim_is "$ANNA_OID" .availability Busy
csv "1001,bert@nordwind.example
1003,carla@nordwind.example"
expect .linked 2
sim_wait "$ANNA_OID" Available 5000 session=none
sim_is "$BERT_OID" .session null
post call.held 1001 c1
expect '.results[0].outcome' unchanged
sim_is "$BERT_OID" .session null
post call.answered 1001 c2
expect '.results[0].outcome' published
sim_is "$BERT_OID" .availability Busy

# Un-link: an extension that the file has no more.
csv "1003,carla@nordwind.example"
expect .unlinked 1
sim_wait "$BERT_OID" Available 5000 session=none
post call.ended 1001 c2
expect '.results[0].outcome' unknown_extension

# An extension that stays where it is keeps its call.
post call.answered 1003 c3
csv "1003,carla@nordwind.example
1001,anna@nordwind.example"
sim_is "$CARLA_OID" .availability Busy
post call.ended 1003 c3
expect '.results[0].outcome' published

# One extension by itself.
post call.answered 1001 c4
api DELETE "pbxs/$PBX_ID/extensions/1001"
expect_status 204
sim_wait "$ANNA_OID" Available 5000 session=none

# Clear now, by the administrator and by the person.
post call.answered 1003 c5
sim_is "$CARLA_OID" .availability Busy
api POST "people/$CARLA_OID/clear"
expect_status 200
expect .published null
sim_is "$CARLA_OID" .session null
post call.resumed 1003 c5
expect '.results[0].outcome' unchanged
post call.answered 1003 c6
sim_is "$CARLA_OID" .availability Busy
tab POST clear "$CARLA_OID"
expect_status 200
expect .presence.availability null
expect .presence.reason cleared
sim_is "$CARLA_OID" .session null

# The PBX goes: so do its calls, and its address.
post call.answered 1003 c7
sim_is "$CARLA_OID" .availability Busy
api DELETE "pbxs/$PBX_ID"
expect_status 204
sim_wait "$CARLA_OID" Available 5000 session=none
until_true 10 eval 'post call.answered 1003 c8; [ "$STATUS" = 401 ]'
api GET "pbxs/$PBX_ID"
expect_status 404
