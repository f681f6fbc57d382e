#!/usr/bin/env bash
# Files of a size to read in one sitting, each opening with its one job, and
# nothing in them that belongs to somebody's machine.
. "$(dirname "$0")/lib.sh"

# Tables of data (captured payloads, expected output) may be as long as they are.
tree Makefile 'fcgi/*' 'sql/*' 'www/*' 'nginx/*' 'tests/*' '.ci/*' |
  grep -vE '(^|/)package-lock\.json$|\.(png|svg|ico|out)$|^tests/(pbx|fuzz/corpus)/' |
  xargs -r wc -l | awk '$2 != "total" && $1 > 600 { print $2 ": " $1 " lines" }' |
  found "at most 600 lines a file"

tree 'fcgi/*.c' 'fcgi/*.h' | while IFS= read -r f; do
  # A .c may leave it to its header.
  head -n 1 "$f" | grep -q '^/\*' || head -qn 1 "${f%.c}.h" 2>/dev/null | grep -q '^/\*' || echo "$f"
done | found "a C file opens with a comment that says its one job"
tree '*.sh' 'tests/run' 'tests/setup' 'tests/stack/*' '*.sql' 'nginx/*.conf' |
  while IFS= read -r f; do
    case $f in *.c | *.out) continue ;; esac
    head -n 2 "$f" | grep -qE '^(# [A-Z]|-- [A-Z])|^# [a-z]|^/\*' || echo "$f"
  done | found "a script opens with a comment that says its one job"

all() {
  tree . | grep -vE '(^|/)package-lock\.json$|\.(png|ico)$|^tests/lint/files\.sh$'
}
words() { all | xargs -r grep -nIE "$@"; }

words '\b(TODO|FIXME|XXX|HACK)\b' | found "what is not finished is an issue, not a comment"
words -i 'https?://(registry|deb|security|ftp|mirror)\.|npmjs\.(org|com)|debian\.org/debian' |
  found "addresses of package registries"
words '(^|[^A-Za-z0-9_./-])/(work|home|root|Users)/[A-Za-z]' |
  found "paths of one machine"
words -- '-----BEGIN [A-Z ]*PRIVATE KEY-----' | found "a private key"
tree '*package-lock.json' | xargs -r grep -nE '"resolved"' | head -n 5 |
  found "a lock file with addresses (npm config set omit-lockfile-registry-resolved true)"
for f in $(tree '*package.json'); do
  grep -vE '"engines"' "$f" | grep -nE '": "[~^<>*]|": "latest"' | sed "s|^|$f:|"
done | found "a version that is not exact"

# White space that a reader cannot see.
tree Makefile 'fcgi/*' 'sql/*' 'nginx/*' 'tests/*.sh' 'tests/*.mjs' 'www/*' |
  grep -vE '\.(png|ico|out)$|package-lock' | xargs -r grep -nIE '[ 	]+$' |
  found "blanks at a line's end"
