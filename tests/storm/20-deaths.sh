#!/usr/bin/env bash
# R1-R18: the same while programs, PostgreSQL and nginx are killed at any moment, with one or two instances of each program.
# limit: 240
# STORM_S, STORM_SEED, STORM_RUNS, STORM_LOG: see main.mjs; STORM_INSTANCES=1 or 2: only so many
. "$(dirname "$0")/../http/lib.sh"
export STORM_LOG=${STORM_LOG:-$TEST_DIR/storm.log}
seed=${STORM_SEED:-$RANDOM} runs=${STORM_RUNS:-1}

# storm INSTANCES SEED RUNS
storm() {
  start STACK_INSTANCES="$1"
  STORM_INSTANCES=$1 STORM_SEED=$2 STORM_RUNS=$3 node tests/storm/main.mjs deaths || fail "the storm did not end well"
  stop
}

if [ "${STORM_INSTANCES:-}" ]; then
  storm "$STORM_INSTANCES" "$seed" "$runs"
elif [ "$runs" = 1 ]; then
  storm $((1 + seed % 2)) "$seed" 1
else # half of them with each
  storm 1 "$seed" $((runs / 2))
  stack=$stack-2
  storm 2 $((seed + runs / 2)) $((runs - runs / 2))
fi
