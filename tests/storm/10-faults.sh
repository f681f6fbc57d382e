#!/usr/bin/env bash
# R1-R18: while Microsoft fails in every way, nobody is told an older state after a newer one, and soon all is right.
# limit: 240
# STORM_S, STORM_SEED, STORM_RUNS, STORM_LOG: see main.mjs
. "$(dirname "$0")/../http/lib.sh"
export STORM_LOG=${STORM_LOG:-$TEST_DIR/storm.log}
start
node tests/storm/main.mjs faults || fail "the storm did not end well"
