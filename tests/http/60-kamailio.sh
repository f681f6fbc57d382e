#!/usr/bin/env bash
# A real Kamailio with the very lines of its guide: calls, holds, transfers and outages of ours or its own show in Teams as they are.
# limit: 240
#
# The phones are SIPp's (tests/kamailio/*.xml): each tells where its call is, and does what it is
# asked for by a message with the call's id. UDP ports are of the stack's own block of ten.
. "$(dirname "$0")/lib.sh"

pids=()
stop_all() {
  [ ${#pids[@]} = 0 ] || kill "${pids[@]}" 2>/dev/null || true
  [ ! -e "$stack/pids/supervisor.pid" ] || tests/stack/down "$stack"
}
trap stop_all EXIT
export no_proxy='*' # of libcurl in Kamailio
start PRESENCE_ANSWER_MS=8000 STACK_TLS=1
dir=$TEST_DIR/kamailio
mkdir "$dir"
port=${PUBLIC_URL##*:} port=${port%%/*}
home=127.0.0.1:$port phones=$((port + 1)) others=$((port + 4))
# Who is tried second is another SIPp: for one, a Call-ID is one call.
routes=(-A "PHONES=\"sip:127.0.0.1:$phones\"" -A "OTHERS=\"sip:127.0.0.1:$others\"")

# --- Kamailio, as the guide says ------------------------------------------------

# A key of any bytes, NUL and beyond ASCII among them, is a key.
secret=whsec_$(printf '\000\377\n"\\$\200key of 32 bytes, any bytes' | head -c 32 | base64)
sign_in admin@nordwind.example
api POST pbxs "$(jq -nc --arg s "$secret" '{name: "Kamailio", platform: "generic", secret: $s}')"
expect_status 201
pbx=$(jq -r .id <<<"$BODY") url=$(jq -r .webhook_url <<<"$BODY")
ctl link "$TENANT_ID" "$pbx" 1001 "$ANNA_OID" >/dev/null
ctl link "$TENANT_ID" "$pbx" 1002 "$BERT_OID" >/dev/null
ctl link "$TENANT_ID" "$pbx" 1003 "$CARLA_OID" >/dev/null

configure() { # URL SECRET
  sed -n '/^```$/,/^```$/{/^```$/d;p}' docs/pbx/kamailio.md | sed "s|^\(#!define PRESENCE_URL \).*|\1\"$1\"|
    s|^\(#!define PRESENCE_SECRET \).*|\1\"$2\"|" >"$dir/presence.cfg"
  is "$(grep -cF -e "\"$1\"" -e "\"$2\"" "$dir/presence.cfg")" 2 "lines with the address and the secret"
  echo "modparam(\"http_client\", \"cacert\", \"$stack/tls/ca.pem\")" >>"$dir/presence.cfg"
  cp tests/kamailio/kamailio.cfg "$dir/"
}
kamailio_start() {
  kamailio -DD -E -f "$dir/kamailio.cfg" -Y "$dir" -P "$dir/kamailio.pid" -m 64 -M 8 \
    -l "udp:$home" "${routes[@]}" >>"$dir/kamailio.log" 2>&1 3>&- &
  kamailio=$!
  pids+=("$kamailio")
  until_true 20 listens "$port"
}
kamailio_stop() { # what it waits to send is lost
  kill -KILL "$kamailio" $(pgrep -P "$kamailio")
  wait "$kamailio" 2>/dev/null || true
}
listens() { ss -Huln "sport = :$1" | grep -q .; }
logged() { # WORDS: in Kamailio's log
  grep -qF -- "$1" "$dir/kamailio.log"
}
PATH=$PATH:/usr/sbin:/sbin
configure "$url" "$secret"
# Debian's own file takes them as well, where the guide says.
{
  sed -e 's/^\troute(SIPOUT);/\troute(PRESENCE_CALL);\n&/' -e 's/^\t\troute(DLGURI);/\t\troute(PRESENCE_WITHIN);\n&/' \
    -e 's/^onreply_route\[MANAGE_REPLY\] {/&\n\troute(PRESENCE_REPLY);/' /etc/kamailio/kamailio.cfg
  echo 'include_file "presence.cfg"'
} >"$dir/debian.cfg"
is "$(grep -c 'route(PRESENCE_' "$dir/debian.cfg")" 3 "calls in Debian's file"
kamailio -c -f "$dir/debian.cfg" >"$dir/check.log" 2>&1 || fail "kamailio -c: $(tail -n 5 "$dir/check.log")"
kamailio_start

# --- the phones -----------------------------------------------------------------

sipp_start() { # NAME PORT SIPp's arguments ...
  local name=$1 at=$2
  shift 2
  sipp "$home" -i 127.0.0.1 -p "$at" -nostdin -trace_logs -log_file "$dir/$name.log" -trace_err -error_file "$dir/$name.err" \
    -sf "$@" >"$dir/$name.out" 2>&1 3>&- &
  pids+=("$!")
}
for name in callee other; do
  at=$phones
  [ "$name" = callee ] || at=$others
  sipp_start "$name" "$at" tests/kamailio/callee.xml
  until_true 20 listens "$at"
done

declare -A caller=() ports=([callee]=$phones [other]=$others)
# dial NAME CALLER CALLEE PHONE [HEADER] [DOMAIN]: PHONE is 2, 3 or 5, of the phones that dial.
dial() {
  ports[$1]=$((port + $4))
  sipp_start "$1" "${ports[$1]}" tests/kamailio/caller.xml -m 1 -timeout 100 -cid_str "$1" -s "$3" \
    -key from "$2" -key extra "${5:-X-Plain: 1}" -key home "${6:-$home}" -key held "${held:-sendonly}"
  caller[$1]=$!
}
told=0
tell() { # NAME caller|callee|other METHOD
  local phone=$2
  [ "$2" != caller ] || phone=$1
  told=$((told + 1))
  printf '%s sip:phone SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK-told-%s\r\nFrom: <sip:test>\r\nTo: <sip:phone>\r\nCall-ID: %s\r\nCSeq: %s %s\r\nContent-Length: 0\r\n\r\n' \
    "$3" "$told" "$1" "$told" "$3" >"$dir/told"
  cat "$dir/told" >"/dev/udp/127.0.0.1/${ports[$phone]}" # one write, one datagram
}
# seen NAME caller|callee|other WORD: where this phone's call is.
seen() {
  local phone=$2
  [ "$2" != caller ] || phone=$1
  until_true 20 grep -qxF "$1 $3" "$dir/$phone.log"
}
rings() { seen "$1" "${2:-callee}" ringing; }
answer() { # NAME [callee|other]
  rings "$@"
  tell "$1" "${2:-callee}" INFO
  seen "$1" caller talking
  seen "$1" "${2:-callee}" talking
}
hang_up() { # NAME
  tell "$1" caller INFO
  ended "$1"
}
ended() { # NAME: SIPp says that all went as its scenario does
  wait "${caller[$1]}" || fail "phone $1: SIPp gave $?: $(tail -n 20 "$dir/$1.err" 2>/dev/null)"
}
dies() { # NAME: a phone without power
  kill -KILL "${caller[$1]}"
  wait "${caller[$1]}" 2>/dev/null || true
}
are() { # WORD ...: of Anna, Bert, Carla; - is any
  local oids=("$ANNA_OID" "$BERT_OID" "$CARLA_OID") i
  for i in 0 1 2; do
    [ "${@:i + 1:1}" = - ] || sim_wait "${oids[i]}" "${@:i + 1:1}"
  done
}
legs() { # "EXTENSION:STATE ..." of all legs that are open: 1 rings, 2 talks, 3 is held
  [ "$(sql "SELECT coalesce(string_agg(extension || ':' || state, ' ' ORDER BY extension, state), '') FROM presence.call_leg")" = "$1" ]
}
legs_are() { until_true 20 legs "$1"; }

# --- calls ----------------------------------------------------------------------

are Available Available Available
# A whole call: who dials is busy as soon as the other side rings; who is rung is not.
dial whole 1001 1002 2
rings whole
are Busy - -
legs_are '1001:2 1002:1'
sim_is "$BERT_OID" .availability Available
answer whole
are Busy Busy -
legs_are '1001:2 1002:2'
tell whole caller OPTIONS
seen whole caller held
legs_are '1001:3 1002:2'
are Busy Busy -
tell whole caller MESSAGE
seen whole caller resumed
legs_are '1001:2 1002:2'
hang_up whole
are Available Available Available
legs_are ''

# Inactive is hold as well; whoever is called hangs up.
held=inactive dial back 1001 1002 2
answer back
tell back caller OPTIONS
legs_are '1001:3 1002:2'
tell back callee INFO
ended back
are Available Available Available
legs_are ''

# Rejected, cancelled, and a number that no phone is at.
dial rejected 1001 1002 2
rings rejected
are Busy - -
tell rejected callee MESSAGE
ended rejected
are Available Available Available
dial cancelled 1001 1002 2
rings cancelled
are Busy - -
tell cancelled caller INFO
ended cancelled
are Available Available Available
legs_are ''
dial none 1001 nobody 2
ended none
echo "whole, held, rejected, cancelled: right"

# Somebody else's 1001 is not Anna; a name that is no extension's is nobody.
dial stranger 1001 1002 2 'X-Plain: 1' elsewhere.example
answer stranger
are - Busy -
legs_are '1002:2'
sim_is "$ANNA_OID" .availability Available
hang_up stranger
dial odd '10%2201' 1002 2
answer odd
legs_are '1002:2'
hang_up odd
are Available Available Available

# Refused by the one, taken by the other: the one is free.
dial forwarded 1001 1002 2 'X-Forward: 1003'
rings forwarded
legs_are '1001:2 1002:1'
tell forwarded callee MESSAGE
legs_are '1001:2 1003:1'
answer forwarded other
are Busy Available Busy
hang_up forwarded
are Available Available Available
legs_are ''

# A blind transfer: Bert hands Anna to Carla and is free, Anna stays busy.
dial transfer 1001 1002 2
answer transfer
are Busy Busy -
tell transfer callee OPTIONS
seen transfer caller referred
before=$(sim_calls length "op=setPresence&user=$ANNA_OID")
dial transferred 1001 1003 3
answer transferred
legs_are '1001:2 1001:2 1002:2 1003:2'
tell transfer callee INFO
ended transfer
are Busy Available Busy
legs_are '1001:2 1003:2'
is "$(sim_calls length "op=setPresence&user=$ANNA_OID")" "$before" "presences of Anna during the transfer"
hang_up transferred
are Available Available Available

# An attended transfer: Anna asks Carla first; then Bert's phone takes her place there.
dial asked 1001 1002 2
answer asked
dial consult 1001 1003 3
answer consult
are Busy Busy Busy
dial taken 1002 1003 5 'Replaces: consult;to-tag=1;from-tag=1'
answer taken
legs_are '1001:2 1001:2 1002:2 1002:2 1003:2 1003:2'
hang_up consult
legs_are '1001:2 1002:2 1002:2 1003:2'
sim_is "$ANNA_OID" .availability Busy
hang_up asked
are Available Busy Busy
legs_are '1002:2 1003:2'
hang_up taken
are Available Available Available
legs_are ''

# Two calls at once: Bert is busy until the last one ends.
dial first 1001 1002 2
answer first
dial second 1003 1002 3
answer second
are Busy Busy Busy
legs_are '1001:2 1002:2 1002:2 1003:2'
hang_up first
are Available - Busy
legs_are '1002:2 1003:2'
sim_is "$BERT_OID" .availability Busy
hang_up second
are Available Available Available
echo "forwarded, transferred, two at once: right"

# --- what nobody says -----------------------------------------------------------

# A phone dies in the call: the dialog's time ends it.
dial dies 1001 1002 2 'X-Lifetime: 4'
answer dies
are Busy Busy -
dies dies
are Available Available Available
legs_are ''
# Kamailio dies in the call: when it is back, its calls are over.
dial orphan 1001 1002 2
answer orphan
are Busy Busy -
dies orphan
kamailio_stop
kamailio_start
are Available Available Available
legs_are ''
echo "what died is over: right"

# --- while we are away ------------------------------------------------------------

# One call ends and another one begins and ends while nothing of ours answers, a third goes on.
dial before 1001 1002 2
answer before
are Busy Busy -
taken=$(sql "SELECT count(*) FROM presence.call_end WHERE pbx_id = '$pbx'")
service webhook stop
hang_up before
dial within 1001 1002 2
answer within
hang_up within
dial after 1003 1002 3
answer after
until_true 30 logged "events not taken (28)" # no answer within its limit
legs_are '1001:2 1002:2'
service webhook start
are Available Busy Busy
legs_are '1002:2 1003:2'
# The legs of the two that ended, of both sides: none of them was lost on the way.
is "$(sql "SELECT count(*) FROM presence.call_end WHERE pbx_id = '$pbx'")" "$((taken + 4))" "legs that ended meanwhile"
# nginx away as well: no connection.
refusals=$(grep -c "events not taken" "$dir/kamailio.log")
service nginx stop
hang_up after
refused_again() { [ "$(grep -c 'events not taken' "$dir/kamailio.log")" -gt "$refusals" ]; }
until_true 20 refused_again
sim_is "$BERT_OID" .availability Busy
service nginx start
are Available Available Available
legs_are ''
# The database away: we answer, 503.
dial stored 1001 1002 2
answer stored
are Busy Busy -
service postgres stop
hang_up stored
until_true 30 logged "events not taken (503)"
service postgres start
are Available Available Available
legs_are ''
echo "nothing is lost while we are away: right"

# --- what will never be taken is dropped and told --------------------------------

refute logged "are refused and dropped"
kamailio_stop
configure "$url" "whsec_$(head -c 32 /dev/zero | base64)"
kamailio_start
until_true 20 logged "1 events are refused and dropped: 401"
logged "signature does not match" || fail "the reason is not in the log"
refute grep -qF "${secret#whsec_}" "$dir/kamailio.log"
