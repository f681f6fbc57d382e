#!/usr/bin/env bash
# A full disk for PostgreSQL: 503 with Retry-After, nothing that was taken is lost, and with space again all goes on without anybody's hand.
# limit: 180
# PostgreSQL's data lie on a small file system of memory, which only this test and
# its stack see: a mount namespace of root's, or of a user of its own.
if [ -z "${DISK:-}" ]; then
  export DISK=${TEST_DIR:=$(mktemp -d /tmp/presence-http.XXXXXX)}/disk TEST_DIR
  mkdir -p "$DISK"
  mount='mount -t tmpfs -o size=170m,mode=755 none "$DISK"'
  if [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
    exec unshare -m --propagation private bash -c "$mount"' && exec bash "$0"' "$0"
  elif [ "$(id -u)" != 0 ] && unshare -Urm true 2>/dev/null; then
    export MAP="--map-user=$(id -u) --map-group=$(id -g)"
    exec unshare -Urm --propagation private bash -c "$mount"' && exec unshare -U $MAP bash "$0"' "$0"
  fi
  echo "no file system can be mounted here (unshare -m is not allowed)"
  exit 77
fi
. "$(dirname "$0")/lib.sh"
. tests/http/steady.sh
is "$(stat -f -c %T "$DISK")" tmpfs "the small disk"
[ "$(id -u)" != 0 ] || chown postgres "$DISK"
start STACK_PGDATA="$DISK/pg"
steady_people 40 8
fault '{"match":{"op":"setPresence"},"delay_ms":50}' >/dev/null
sign_in admin@nordwind.example
# Each change of the dashboard is a row of the log.
changes=$(jq -nc --arg public "$PUBLIC_URL" --arg csrf "$CSRF" \
  --arg cookie "$(awk 'NF == 7 { printf "%s%s=%s", (n++ ? "; " : ""), $6, $7 }' "$COOKIES")" '[{name: "admin", method: "PATCH",
    urls: ["\($public)/admin/api/tenant"], headers: {cookie: $cookie, "x-csrf-token": $csrf}, body: "{\"settings\":{\"lease_s\":900}}", times: 2}]')

fill() { dd if=/dev/zero of="$DISK/filler" bs=64k 2>/dev/null || true; }
free_kb() { df -Pk "$DISK" | awk 'NR == 2 { print $4 }'; }
panicked() { grep -q 'PANIC:.*No space left' "$LOGS/postgres.log"; }
says_full() { grep -q 'ERROR:  could not extend file.*No space left' "$LOGS/postgres.log"; }
# A log of transactions that is at its end needs a new file.
needs_wal() { ! sql "SELECT pg_switch_wal()"; }

steady_begin 20 "$changes"
sleep 1 # under load, not before it
full_ms=$(now_ms)
fill
until_true 30 says_full # tables cannot grow: an error each
sleep 2
until_true 30 needs_wal # nor can the log: PostgreSQL's own end
until_true 10 panicked
sleep 4
[ "$(free_kb)" -lt 1024 ] || fail "the disk is not full"
free_ms=$(now_ms)
rm "$DISK/filler"
sleep 8
steady_end
steady_only 200 503
jq -c --argjson full "$full_ms" --argjson free "$free_ms" '.answers | {full_ms: ($free - $full),
  ok: map(select(.status == 200)) | length, busy: map(select(.status == 503)) | length, slowest_ms: map(.ms) | max,
  first_200_ms: (map(select(.status == 200 and .begun > $free - 3000 and .at > $free).at) | min - $free),
  last_503_ms: (map(select(.status == 503).at) | max - $free)}' "$TOLD" | tee "$TEST_DIR/summary"
BODY=$(<"$TEST_DIR/summary")
[ "$(jq .busy <<<"$BODY")" -gt 40 ] || fail "that was no full disk: $BODY"
[ "$(told 'map(select(.name == "admin" and .status == 503)) | length')" -gt 5 ] || fail "the dashboard noticed nothing"
# A server that cannot start is tried again every 2 s, and then recovers.
[ "$(jq .last_503_ms <<<"$BODY")" -lt 6000 ] || fail "it did not go on by itself within seconds: $BODY"
[ "$(jq .first_200_ms <<<"$BODY")" -lt 6000 ] || fail "it did not go on by itself within seconds: $BODY"
steady_is_right
