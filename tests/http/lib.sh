# What the tests of the whole product share. A test is
#
#   #!/usr/bin/env bash
#   # One sentence: what must hold.
#   # limit: 180                       (seconds, where 120 are too few)
#   . "$(dirname "$0")/lib.sh"
#   start                              # or: start STACK_FAKETIME=1 PRESENCE_LEASE_S=300
#   post phone.off_hook 1001
#   expect_status 200
#   expect '.results[0].outcome' published
#   sim_wait "$ANNA_OID" Busy
#
# It ends at the first command that fails. Everything of DIR/env is at hand
# ($URL, $PBX_URL, $ANNA_OID, $LOGS ...). Each request leaves STATUS, BODY, MS
# (how long curl waited) and the headers in $HEADERS (a file).

set -Eeuo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
: "${BUILD:=build}" "${TEST_DIR:=$(mktemp -d /tmp/presence-http.XXXXXX)}"
chmod 711 "$TEST_DIR"
stack=$TEST_DIR/stack
HEADERS=$TEST_DIR/headers
STATUS="" BODY=""

# Where failures are told, also from within a silenced command.
exec 3>&1
fail() {
  trap - ERR
  local words="$*"
  printf 'FAIL: %s\n' "${words:0:1500}" >&3
  local i
  for ((i = 1; i < ${#FUNCNAME[@]}; i++)); do
    [ "${FUNCNAME[i]}" != main ] ||
      printf '  at %s:%s\n' "${BASH_SOURCE[i]}" "${BASH_LINENO[i - 1]}" >&3
  done
  exit 1
}
trap 'fail "this command gave $?: $BASH_COMMAND (line $LINENO)"' ERR
trap '[ ! -e "$stack/pids/supervisor.pid" ] || tests/stack/down "$stack"' EXIT
trap 'exit 143' TERM INT HUP

# start [NAME=value ...]: the stack, with these in its environment.
start() {
  local last
  last=$(env "$@" tests/stack/up "$stack" 3>&- | tail -n 1)
  [[ $last == ready\ * ]] || fail "the stack does not start: $last"
  set -a
  . "$stack/env"
  set +a
}
stop() { tests/stack/down "$stack"; }
service() { tests/stack/service "$stack" "$@"; }
clock() { tests/stack/clock "$stack" "$@"; }
ctl() { (. "$stack/ctl.env"; "$BUILD/bin/presencectl" "$@"); }
sql() { psql -X -q -At -v ON_ERROR_STOP=1 -d "$DATABASE_URL" -c "$1"; }
# The programs' time in seconds, moved or not.
now_s() {
  local moved=0
  [ ! -s "$RUN/clock" ] || moved=$(<"$RUN/clock")
  echo $(($(date +%s) + moved))
}

# --- saying what must hold ------------------------------------------------------

# is ACTUAL EXPECTED [WHAT]
is() {
  [ "$1" = "$2" ] || fail "${3:-value} is \"$1\", not \"$2\""
}
expect_status() { # STATUS
  [ "$STATUS" = "$1" ] || fail "status is $STATUS, not $1: $BODY"
}
# expect JQ VALUE: of the last body. Words of JSON are told from text by jq -r.
expect() {
  local actual
  actual=$(jq -r "$1" <<<"$BODY") || fail "no JSON: $BODY"
  [ "$actual" = "$2" ] || fail "$1 is \"$actual\", not \"$2\": $BODY"
}
expect_detail() { # WORDS that the problem's detail holds
  local detail
  detail=$(jq -r .detail <<<"$BODY") || fail "no JSON: $BODY"
  [[ $detail == *"$1"* ]] || fail "detail \"$detail\" does not hold \"$1\""
}
header() { # NAME: its value in the last answer
  sed -n "s/^$1: *//Ip" "$HEADERS" | tr -d '\r' | tail -n 1
}
# until_true SECONDS COMMAND ...
until_true() {
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $end ] || fail "not within its time: $*"
    sleep 0.05
  done
}
# seen_within SECONDS WORDS COMMAND ...: as until_true, and prints how long it took.
seen_within() {
  local from
  from=$(date +%s%3N)
  until_true "$1" "${@:3}"
  echo "$2: $(($(date +%s%3N) - from)) ms"
}
refute() { # COMMAND ... must fail
  if "$@"; then fail "this must not hold: $*"; fi
}

# --- requests -------------------------------------------------------------------

# request METHOD URL [curl's arguments ...]
request() {
  local method=$1 url=$2 told=$TEST_DIR/told
  shift 2
  BODY=$(curl -sS --noproxy '*' --max-time "${MAX_TIME:-30}" ${CA_FILE:+--cacert "$CA_FILE"} \
    -D "$HEADERS" -w '%{stderr}%{time_total}' -X "$method" "$url" "$@" 2>"$told") ||
    fail "curl: $method $url: $(<"$told")"
  MS=$(awk '{ printf "%d", $1 * 1000 }' "$told")
  STATUS=$(sed -n 's/^HTTP[^ ]* \([0-9]*\).*/\1/p' "$HEADERS" | tail -n 1)
}

# sign BODY [ID] [TIME] [SECRET]: Standard Webhooks' headers, one a line.
sign() {
  local id=${2:-msg_$(openssl rand -hex 12)} time=${3:-$(now_s)} secret=${4:-$PBX_SECRET} key
  key=$(printf '%s' "${secret#whsec_}" | base64 -d | od -An -v -tx1 | tr -d ' \n')
  printf 'webhook-id: %s\nwebhook-timestamp: %s\nwebhook-signature: v1,%s\n' "$id" "$time" \
    "$(printf '%s.%s.%s' "$id" "$time" "$1" |
      openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary | base64 -w 0)"
}

# post_body BODY [ID] [TIME] [SECRET]: signed, to $PBX_URL.
post_body() {
  sign "$@" >"$TEST_DIR/signed"
  printf '%s' "$1" >"$TEST_DIR/body"
  request POST "$PBX_URL" -H "@$TEST_DIR/signed" -H 'content-type: application/json' --data-binary "@$TEST_DIR/body"
}

# event TYPE [EXTENSION] [CALL] [LEG] [NAME=VALUE ...]: the JSON of one event.
# An empty word leaves the member out; timestamp= is of the event itself.
event() {
  local type=$1 args=() word names=(extension call_id leg_id) i=0
  shift
  for word; do
    case $word in
    *=*) args+=(--arg "${word%%=*}" "${word#*=}") ;;
    *) [ -z "$word" ] || args+=(--arg "${names[i]}" "$word"); i=$((i + 1)) ;;
    esac
  done
  jq -nc --arg type "$type" "${args[@]}" '$ARGS.named as $a | {type: $a.type}
    + (if $a.timestamp then {timestamp: $a.timestamp} else {} end)
    + {data: ($a | del(.type, .timestamp))}'
}

# post TYPE [EXTENSION] [CALL] [LEG] [NAME=VALUE ...]: one event, signed.
post() {
  post_body "$(event "$@")"
}

# The tab, as somebody: tab METHOD PATH OID [BODY]
tab() {
  local token
  token=$(tab_token "$3")
  request "$1" "$PUBLIC_URL/tab/api/$2" -H "authorization: Bearer $token" \
    ${4:+-H content-type:application/json --data-binary "$4"}
}
tab_token() { # OID [JSON of further members of /_sim/token]
  local more=${2:-}
  [ "$more" ] || more='{}'
  sim POST /_sim/token "$(jq -nc --arg t "$TENANT_ID" --arg u "$1" --argjson m "$more" \
    '{kind: "tab", tenant: $t, user: $u} + $m')" | jq -r .token
}

# sign_in UPN: the dashboard's session in $COOKIES, as a browser gets it.
COOKIES=$TEST_DIR/cookies CSRF=""
sign_in() {
  local next
  rm -f "$COOKIES"
  request GET "$PUBLIC_URL/auth/sign-in" -c "$COOKIES" -b "$COOKIES"
  next=$(header location)
  next=$(sim POST /_sim/sign_in "$(jq -nc --arg url "$next" --arg user "$1" \
    '{url: $url, user: $user}')" | jq -r .location)
  request GET "$next" -c "$COOKIES" -b "$COOKIES"
  api GET session
  expect_status 200
  CSRF=$(jq -r .csrf <<<"$BODY")
}

# api METHOD PATH [BODY] [curl's arguments ...]: the dashboard's JSON.
api() {
  local method=$1 path=$2 body=${3:-}
  shift $(($# < 3 ? $# : 3))
  request "$method" "$PUBLIC_URL/admin/api/$path" -c "$COOKIES" -b "$COOKIES" \
    ${CSRF:+-H "x-csrf-token: $CSRF"} \
    ${body:+-H content-type:application/json --data-binary "$body"} "$@"
}
# api_tells PATH JQ VALUE: for until_true. What Graph did is stored a moment after the PBX has its answer.
api_tells() {
  api GET "$1"
  [ "$(jq -r "$2" <<<"$BODY")" = "$3" ]
}

# --- the simulator --------------------------------------------------------------

sim() { # METHOD PATH [JSON]: prints the answer
  curl -sS --noproxy '*' --max-time 130 --fail-with-body -X "$1" "$SIM_URL$2" \
    ${3:+-H content-type:application/json --data-binary @-} <<<"${3:-}" || fail "simulator: $1 $2 ${3:-}"
}
# sim_wait OID AVAILABILITY [TIMEOUT_MS] [MORE e.g. session=none]
sim_wait() {
  sim GET "/_sim/wait?tenant=$TENANT_ID&user=$1&availability=$2&timeout_ms=${3:-10000}${4:+&$4}" >/dev/null
}
# calls_settled: what the reconciler told is stored a moment after Microsoft has it; until
# then it carries what comes, and an event is answered `deferred`.
no_claims() { [ "$(sql "SELECT count(*) FROM presence.teams_user WHERE claim_until_at IS NOT NULL")" = 0 ]; }
calls_settled() { until_true 5 no_claims; }
# sim_is OID JQ VALUE: the presence at this moment.
sim_is() {
  local p
  p=$(sim GET "/_sim/presence?tenant=$TENANT_ID&user=$1")
  is "$(jq -r "$2" <<<"$p")" "$3" "presence $2 of $1"
}
# sim_calls JQ [QUERY]: of the list of calls, e.g. sim_calls length "op=setPresence&user=$ANNA_OID"
sim_calls() {
  sim GET "/_sim/calls?tenant=$TENANT_ID${2:+&$2}" | jq -r ".calls | $1"
}
fault() { sim POST /_sim/fault "$1" | jq -r .id; }
no_faults() { sim DELETE /_sim/fault >/dev/null; }
