#!/usr/bin/env bash
# One whole flow under valgrind: a call, the tab's switch, the dashboard, and
# an orderly stop. tests/run reads the programs' logs for what valgrind says.
# limit: 300
. "$(dirname "$0")/lib.sh"
case $BUILD in *san-*) echo "valgrind and sanitizers do not go together"; exit 77 ;; esac
start STACK_VALGRIND=1

post phone.off_hook 1001
expect_status 200
sim_wait "$ANNA_OID" Busy 60000
post call.answered 1001 c1 a
post phone.on_hook 1001
post call.ended 1001 c1 a
sim_wait "$ANNA_OID" Available 60000

post call.answered 1002 c2
sim_wait "$BERT_OID" Busy 60000
tab PUT monitoring "$BERT_OID" '{"on":false}'
expect_status 200
sim_wait "$BERT_OID" Available 60000 session=none
tab POST clear "$ANNA_OID"
expect_status 200

sign_in admin@nordwind.example
for path in tenant pbxs people activity health "pbxs/$PBX_ID/extensions" app-package; do
  api GET "$path" "" -o /dev/null
  expect_status 200
done
api PUT "pbxs/$PBX_ID/extensions" "" -H 'content-type: text/csv' \
  --data-binary $'extension,user\n1001,anna@nordwind.example\n1004,david@nordwind.example\n1005,nobody@nordwind.example\n'
expect_status 200
expect .linked 2

# Refused things run through other code.
post_body '{"type":"phone.off_hook"' && expect_status 400
post_body "$(event phone.off_hook 1001)" msg_1 1 && expect_status 401
request GET "$PUBLIC_URL/tab/api/me" -H 'authorization: Bearer a.b.c'
expect_status 401

# Leaks are told when a program ends by itself: SIGTERM, not the stack's limit.
gone() { ! kill -0 "$1"; }
for name in webhook tab admin reconciler; do
  was=$(cat "$PIDS/$name.pid")
  service "$name" restart
  until_true 60 gone "$was"
done
stop
