#!/usr/bin/env bash
# R2 R3 R4 R5: busy while a leg is open; ringing is not; the rank decides, not the arrival; a message counts once.
# limit: 90
. "$(dirname "$0")/lib.sh"
start

result() { # OUTCOME AVAILABILITY: of the only result
  expect_status 200
  expect '.results | length' 1
  expect '.results[0].outcome' "$1"
  expect '.results[0].availability' "$2"
}

# The walk of the product: lifted, in a call; put down, available.
post phone.off_hook 1001
result published Busy
expect '.results[0].activity' InACall
expect '.results[0].extension' 1001
sim_is "$ANNA_OID" .activity InACall
post phone.on_hook 1001
result published Available
sim_is "$ANNA_OID" .availability Available

# Two calls: the first hang-up does not free, in either order of their ends.
post call.answered 1001 c1
result published Busy
post call.answered 1001 c2
result unchanged Busy
post call.ended 1001 c1
result unchanged Busy
sim_is "$ANNA_OID" .availability Busy
post call.ended 1001 c2
result published Available
sim_is "$ANNA_OID" .availability Available

# One person, two extensions.
ctl link "$TENANT_ID" "$PBX_ID" 2001 "$ANNA_OID" >/dev/null
post call.answered 1001 c3
result published Busy
post call.answered 2001 c4
result unchanged Busy
post call.ended 1001 c3
result unchanged Busy
post call.ended 2001 c4
result published Available

# Legs of one call: without leg_id all of them end, at that extension only.
post call.answered 1001 c5 a
result published Busy
post call.answered 1001 c5 b
result unchanged Busy
post call.ended 1001 c5 a
result unchanged Busy
post call.answered 2001 c5 x
result unchanged Busy
post call.ended 1001 c5
result unchanged Busy
sim_is "$ANNA_OID" .availability Busy
post call.ended 2001 c5
result published Available

# Ringing is not busy, and its end frees nobody.
post call.ringing 1002 r1
result unchanged null
post call.answered 1002 r2
result published Busy
post call.ended 1002 r1
result unchanged Busy
post call.ended 1002 r2
result published Available

# Held and resumed stay busy; each opens a leg that was not known.
post call.held 1002 h1
result published Busy
post call.resumed 1002 h1
result unchanged Busy
post call.ended 1002 h1
result published Available
post call.resumed 1002 h2
result published Busy
post call.ended 1002 h2
result published Available

# The end first: what comes late opens nothing.
post call.ended 1002 l1
result unchanged Available
post call.answered 1002 l1
result unchanged Available
post call.ended 1002 l2
post call.answered 1002 l2 late-leg
result unchanged Available
post call.ringing 1002 l2 other-leg
result unchanged Available
post call.ended 1002 l3 a
post call.answered 1002 l3 a
result unchanged Available
sim_is "$BERT_OID" .availability Available
post call.answered 1002 l3 b   # that leg never ended
result published Busy
post call.ended 1002 l3
result published Available

# The same message again changes nothing; an array has a key for each index.
body=$(event call.answered 1003 d1)
post_body "$body" msg_same
result published Busy
post call.ended 1003 d1
result published Available
post_body "$body" msg_same
result duplicate Available
sim_is "$CARLA_OID" .availability Available
both="[$(event call.answered 1003 d2),$(event call.answered 1003 d3)]"
post_body "$both" msg_array
expect '[.results[].outcome] | join(" ")' "published unchanged"
post_body "$both" msg_array
expect '[.results[].outcome] | join(" ")' "duplicate duplicate"
post_body "[$(event call.ended 1003 d2),$(event call.ended 1003 d3)]"
expect '[.results[].outcome] | join(" ")' "unchanged published"
sim_is "$CARLA_OID" .availability Available

# Handset lines: the first put down does not free; without a line all go.
post phone.off_hook 1003 line=1
result published Busy
post phone.off_hook 1003 line=2
result unchanged Busy
post phone.on_hook 1003 line=1
result unchanged Busy
post phone.off_hook 1003 line=1
post phone.on_hook 1003
result published Available

# Whoever is linked to nobody.
post phone.off_hook 9999
result unknown_extension null

# A tenant may count ringing.
sign_in admin@nordwind.example
api PATCH tenant '{"settings":{"ringing_is_busy":true}}'
expect_status 200
post call.ringing 1002 q1
result published Busy
post call.ended 1002 q1
result published Available
