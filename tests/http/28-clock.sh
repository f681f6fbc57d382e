#!/usr/bin/env bash
# R16: the wall clock steps an hour back or forth in mid-call, and everything goes on.
# limit: 120
. "$(dirname "$0")/lib.sh"
start STACK_FAKETIME=1

# Not before the simulator's consent and certificate, which are of today.
clock +20000

turn=0
for step in -3600 +7200 -3600; do
  turn=$((turn + 1))
  post call.answered 1001 "before$turn"
  expect '.results[0].outcome' published
  n=$(sim_calls length "user=$ANNA_OID&op=setPresence")
  clock "$step"
  # Teams did not step with us: Busy is told once more.
  until_true 10 eval '[ "$(sim_calls length "user=$ANNA_OID&op=setPresence")" -gt '"$n"' ]'
  # The leg of before is ended by news of after, and a new one opens.
  post call.ended 1001 "before$turn"
  expect '.results[0].availability' Available
  sim_wait "$ANNA_OID" Available 10000
  post call.answered 1002 "after$turn"
  sim_wait "$BERT_OID" Busy 10000
  post call.ended 1002 "after$turn"
  sim_wait "$BERT_OID" Available 10000
done

# Assertions of before an hour's step back do not block those of after it.
post extension.busy 1003
expect '.results[0].outcome' published
clock -3600
post extension.idle 1003
expect '.results[0].outcome' published
post extension.busy 1003
expect '.results[0].outcome' published

# A claim of before a step back is not obeyed for an hour: it is void.
sql "UPDATE presence.teams_user SET claim_until_at = now() + interval '1 hour', certain = false WHERE user_id = '$CARLA_OID'"
post extension.idle 1003
sim_wait "$CARLA_OID" Available 10000

# Nor a gate: at most the hour that Retry-After may be.
clock +10
sql "UPDATE presence.tenant_budget SET gate_until_at = now() + interval '3 hours'"
post extension.busy 1003
expect '.results[0].outcome' published
