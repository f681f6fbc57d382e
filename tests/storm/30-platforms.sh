#!/usr/bin/env bash
# R1-R18: the same with PBXs of every platform, each in its own words.
# limit: 240
# STORM_S, STORM_SEED, STORM_RUNS, STORM_LOG: see main.mjs; STORM_PLATFORM=NAME: PBXs of that one only
. "$(dirname "$0")/../http/lib.sh"
export STORM_LOG=${STORM_LOG:-$TEST_DIR/storm.log}
start
node tests/storm/main.mjs platforms || fail "the storm did not end well"
