#!/usr/bin/env bash
# R14 R15: what each answer of Microsoft means: for the person, for the tenant, for the credential; and that it heals.
# limit: 150
. "$(dirname "$0")/lib.sh"
start

consent() { sql "SELECT consent || ' ' || coalesce(consent_problem, '-') FROM presence.tenant WHERE tenant_id = '$TENANT_ID'"; }
consent_is() { [ "$(consent)" = "$1" ]; }
problem() { sql "SELECT coalesce(problem, '-') FROM presence.teams_user WHERE user_id = '$1'"; }
tokens() { sim GET /_sim/counts | jq .token; }

post call.answered 1001 first    # the program's own first token
expect '.results[0].outcome' published
post call.ended 1001 first

# 401: a new token, once more at once; the PBX does not notice.
n=$(tokens)
fault '{"match":{"op":"setPresence"},"times":1,"status":401,"code":"InvalidAuthenticationToken"}' >/dev/null
post call.answered 1001 a1
expect '.results[0].outcome' published
is "$(tokens)" $((n + 1)) "token requests"
# 401 again and again: backoff, never "lost".
id=$(fault '{"match":{"op":"setPresence"},"status":401,"code":"InvalidAuthenticationToken"}')
post call.answered 1002 a2
expect '.results[0].outcome' deferred
consent_is "granted -" || fail "consent: $(consent)"
sim DELETE "/_sim/fault/$id" >/dev/null
sim_wait "$BERT_OID" Busy 15000

# 403 for one person while the tenant may read: that person's problem.
id=$(fault "{\"match\":{\"op\":\"setPresence\",\"user\":\"$CARLA_OID\"},\"status\":403,\"code\":\"Forbidden\"}")
post call.answered 1003 a3
expect '.results[0].outcome' deferred
until_true 10 eval '[ "$(sim_calls length op=getPresencesByUserId)" -ge 1 ]'
consent_is "granted -" || fail "consent: $(consent)"
is "$(problem "$CARLA_OID")" forbidden "problem"
tab GET me "$CARLA_OID"
expect .presence.problem forbidden
sim DELETE "/_sim/fault/$id" >/dev/null
post call.ended 1003 a3     # others go on, and so does this one with the next change
post call.answered 1003 a4
expect '.results[0].outcome' published
is "$(problem "$CARLA_OID")" - "problem"

# 404: the person's problem. 400: ours; neither is tried again.
for kind in "404 user_not_found" "400 rejected"; do
  post call.ended 1003 a4
  id=$(fault "{\"match\":{\"op\":\"setPresence\",\"user\":\"$CARLA_OID\"},\"status\":${kind% *},\"code\":\"Request\"}")
  post call.answered 1003 "a5-${kind% *}"
  expect '.results[0].outcome' deferred
  is "$(problem "$CARLA_OID")" "${kind#* }" "problem"
  n=$(sim_calls length "op=setPresence&user=$CARLA_OID")
  until_true 10 eval '[ "$(sql "SELECT count(*) FROM presence.due WHERE at < clock_timestamp()")" = 0 ]'
  is "$(sim_calls length "op=setPresence&user=$CARLA_OID")" "$n" "calls after ${kind% *}"
  sim DELETE "/_sim/fault/$id" >/dev/null
  post call.ended 1003 "a5-${kind% *}"
  post call.answered 1003 a4-"${kind% *}"
  expect '.results[0].outcome' published
  post call.ended 1003 a4-"${kind% *}"
done

# 500, 503, a broken connection: tried again until it is done.
for kind in '"status":500' '"status":503' '"action":"reset","effect":"none"' '"action":"reset","effect":"after"'; do
  fault "{\"match\":{\"op\":\"setPresence\",\"user\":\"$CARLA_OID\"},\"times\":2,$kind}" >/dev/null
  post call.answered 1003 "b$kind"
  expect_status 200
  sim_wait "$CARLA_OID" Busy 15000
  until_true 15 eval '[ "$(sql "SELECT certain FROM presence.teams_user WHERE user_id = '"'$CARLA_OID'"'")" = t ]'
  post call.ended 1003 "b$kind"
  until_true 15 eval '[ "$(sql "SELECT certain AND published = '"'available'"' FROM presence.teams_user WHERE user_id = '"'$CARLA_OID'"'")" = t ]'
done

# A status chosen by hand wins; that is no error and is not tried again.
sim POST /_sim/preferred "{\"tenant\":\"$TENANT_ID\",\"user\":\"$CARLA_OID\",\"availability\":\"DoNotDisturb\"}" >/dev/null
post call.answered 1003 c1
expect '.results[0].outcome' published
sim_is "$CARLA_OID" .availability DoNotDisturb
sim POST /_sim/preferred "{\"tenant\":\"$TENANT_ID\",\"user\":\"$CARLA_OID\",\"availability\":null}" >/dev/null
sim_is "$CARLA_OID" .availability Busy
post call.ended 1003 c1

# The token endpoint: lost with its reason, found again by itself.
for kind in "700016 not_consented" "7000229 not_consented" "7000112 disabled_by_admin" \
  "53003 blocked_by_policy" "90002 tenant_not_found" "65001 not_consented"; do
  id=$(fault "{\"match\":{\"op\":\"token\"},\"error_code\":${kind% *}}")
  ctl consent-check "$TENANT_ID" >/dev/null || true
  consent_is "lost ${kind#* }" || fail "after ${kind% *} consent is: $(consent)"
  sim DELETE "/_sim/fault/$id" >/dev/null
  until_true 20 consent_is "granted -"
done

# The credential is the operator's, never the tenant's consent.
for code in 7000215 7000222 700027; do
  id=$(fault "{\"match\":{\"op\":\"token\"},\"error_code\":$code}")
  ctl consent-check "$TENANT_ID" >/dev/null || true
  consent_is "granted -" || fail "after $code consent is: $(consent)"
  is "$(sql "SELECT credential_problem FROM presence.tenant WHERE tenant_id = '$TENANT_ID'")" $code "credential problem"
  sim DELETE "/_sim/fault/$id" >/dev/null
done
ctl consent-check "$TENANT_ID" >/dev/null
is "$(sql "SELECT coalesce(credential_problem, '-') FROM presence.tenant WHERE tenant_id = '$TENANT_ID'")" - "credential problem"
