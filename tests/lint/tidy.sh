#!/usr/bin/env bash
# clang-tidy with .clang-tidy's checks; slow, so tests/run has it only with TIDY=1 (make lint).
# limit: 900
. "$(dirname "$0")/lib.sh"

command -v clang-tidy >/dev/null || { bad=77; echo "clang-tidy is not installed"; exit; }
tree 'fcgi/*.c' | xargs -r -P 2 -n 1 sh -c 'clang-tidy --quiet "$@" -- -std=c11 \
  -D_GNU_SOURCE -Ifcgi -DPRESENCE_VERSION=\"\" $(pkg-config --cflags libcurl json-c libpq openssl cjose) 2>/dev/null' _ |
  grep -E '(warning|error):' | found "clang-tidy"
