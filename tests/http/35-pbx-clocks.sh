#!/usr/bin/env bash
# R4 R6 R16: a PBX whose clock is hours wrong, or jumps in mid-call, does no harm: to legs, handsets and assertions, signed or not.
# limit: 180
. "$(dirname "$0")/lib.sh"
start STACK_FAKETIME=passing
sign_in admin@nordwind.example
hour=3600

rfc() { date -u -d "@$1" +%Y-%m-%dT%H:%M:%SZ; }
# A PBX that cannot sign says no time of its attempt, only that of the event.
api POST pbxs '{"name":"Old phones","platform":"generic","auth":"path"}'
expect_status 201
path_id=$(jq -r .id <<<"$BODY") path_url=$(jq -r .webhook_url <<<"$BODY")
ctl link "$TENANT_ID" "$path_id" 1001 "$ANNA_OID" >/dev/null

# says TYPE OFF_S [CALL] [NAME=VALUE]: an event of this moment by a clock that is so much off.
unsigned() {
  request POST "$path_url" -H content-type:application/json \
    -d "$(event "$1" 1001 ${3:+"$3"} timestamp="$(rfc $(($(now_s) + $2)))")"
}
signed() { # the sender's clock is right, the PBX's is not
  post_body "$(event "$1" 1001 ${3:+"$3"} timestamp="$(rfc $(($(now_s) + $2)))")"
}
right() { # AVAILABILITY: at once, and still after what time brings
  expect_status 200
  expect '.results[0].outcome' published
  sim_is "$ANNA_OID" .availability "$1"
}
n=0

# Off by hours for the whole call, then jumping in mid-call: the clocks of lifting
# and of hanging up.
for way in unsigned signed; do
  for clocks in "-$((5 * hour)) -$((5 * hour))" "$((5 * hour)) -$((5 * hour))" "0 $hour" \
    "$((40000 * hour)) -$((40000 * hour))"; do
    read -r up down <<<"$clocks"
    n=$((n + 1))
    $way call.ringing "$up" "c$n"
    expect '.results[0].outcome' unchanged
    $way call.answered "$up" "c$n"
    right Busy
    $way call.held "$down" "c$n"
    expect '.results[0].outcome' unchanged
    $way call.ended "$down" "c$n"
    right Available
    $way call.answered "$up" "c$n"
    expect '.results[0].outcome' unchanged
  done
done

# Handset and whole extension: the newest wins, by when it came: nothing here says
# how long it was held back.
for kind in "phone.off_hook phone.on_hook" "extension.busy extension.idle"; do
  read -r begins ends <<<"$kind"
  for clocks in "-$((5 * hour)) -$((5 * hour))" "$((5 * hour)) -$((5 * hour))" "-$((5 * hour)) $((5 * hour))" \
    "0 -$hour"; do
    read -r up down <<<"$clocks"
    unsigned "$begins" "$up"
    right Busy
    clock +3        # within 2 s the PBX's own clock decides
    unsigned "$ends" "$down"
    right Available
    clock +3
  done
done

# One that signs says both times by its own clock, which may be 300 s off: the
# difference of the two counts, so its jumps within that do no harm either.
both() { # TYPE OFF_S HELD_S: an event that was held back so long
  local now
  now=$(($(now_s) + $2))
  post_body "$(event "$1" 1002 timestamp="$(rfc $((now - $3)))")" "" "$now"
}
for clocks in "290 290" "-290 -290" "290 -290" "-290 290"; do
  read -r up down <<<"$clocks"
  both extension.busy "$up" 0
  expect '.results[0].outcome' published
  clock +30
  both extension.idle "$down" 0
  expect '.results[0].outcome' published
  sim_is "$BERT_OID" .availability Available
  clock +3
  both extension.busy "$up" 20        # the retry of one that was said before
  expect '.results[0].outcome' unchanged
  sim_is "$BERT_OID" .availability Available
  clock +3
done
# Its events' clock alone is ahead, or so far behind that nobody holds a message
# back so long: then it counts when it came.
for off in $((5 * hour)) -$((200 * hour)); do
  signed extension.busy "$off"
  right Busy
  clock +3
  signed extension.idle "$off"
  right Available
  clock +3
done

# Further off than 300 s its signature is not taken; it is told by how much.
for off in -$((2 * hour)) $((2 * hour)) -301 320; do
  post_body "$(event call.answered 1003 x)" "" $(($(now_s) + off))
  expect_status 401
  word="ahead of"
  [ "$off" -gt 0 ] || word=behind
  expect_detail "$word this server's clock"
  said=$(jq -r .detail <<<"$BODY" | grep -oE '[0-9]+ s' | head -n 1)
  differ=$((${said% s} - ${off#-}))
  [ ${differ#-} -le 3 ] || fail "off by $off s: $BODY"
done
sim_is "$CARLA_OID" .session null
api GET "pbxs/$PBX_ID"
echo "on the PBX's page: $(jq -c '.problem' <<<"$BODY")"
[[ $(jq -r '.problem // empty' <<<"$BODY") == *clock* ]] || fail "the PBX's page does not tell: $BODY"
