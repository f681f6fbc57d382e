#!/usr/bin/env bash
# What .clang-format and a person agree on: tabs, the width, a function's
# name at column 0.
. "$(dirname "$0")/lib.sh"

mapfile -t files < <(tree 'fcgi/*.c' 'fcgi/*.h' 'tests/*.c')
[ ${#files[@]} -gt 0 ] || exit 0
for f in "${files[@]}"; do
  expand "$f" | awk -v f="$f" 'length($0) > 100 { print f ":" NR ": " length($0) " columns" }'
done | found "at most 100 columns (80 where clang-format wraps)"
grep -nE '^ {8}' "${files[@]}" | found "indentation by tabs"
grep -nE '^(static |extern )?(inline )?(const )?(struct |enum |unsigned )?[a-z_0-9]+ \**[a-z_0-9]+\([^;]*$' \
  $(printf '%s\n' "${files[@]}" | grep '\.c$') |
  grep -vE '^[^:]*:[0-9]+:[^(]*(return|else|typedef|define)' |
  grep -vE ';$' | found "a function's name stands at column 0, its type above it"
