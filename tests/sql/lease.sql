-- R7, R8, R9: what is told after a call, the lease, never stuck.
\ir lib.psql
\echo nothing is due anywhere: the next look is in a second
SELECT kind, outcome FROM due_take(10);
SELECT test.nordwind();
UPDATE tenant SET probe_at = NULL; -- the consent is another test's matter

\echo R7: nothing is sent for a Busy that was never told
SELECT test.ev('call.ringing', '1001', 'a1');
SELECT test.ev('call.ended', '1001', 'a1');
SELECT test.apply(test.event('call.answered', '1001', 'a2'), test.event('call.ended', '1001', 'a2'));
SELECT test.view('anna');
\echo ... nor for one that certainly had no effect
SELECT test.ev('call.answered', '1001', 'a3');
SELECT test.graph('anna', 'unsent');
SELECT test.ev('call.ended', '1001', 'a3');
SELECT test.view('anna');
\echo ... also when the call ended while it was under way
SELECT test.ev('call.answered', '1001', 'a4');
SELECT test.ev('call.ended', '1001', 'a4');
SELECT test.graph('anna', 'throttled', 1);
SELECT test.pass(2), test.due(), test.view('anna');
\echo ... but for one that may have landed
SELECT test.ev('call.answered', '1001', 'a5');
SELECT test.graph('anna', 'unknown');
SELECT test.ev('call.ended', '1001', 'a5');
SELECT test.graph('anna', 'ok');

\echo R7: Available once, for 5 minutes
SELECT test.ev('call.answered', '1002', 'b1');
SELECT test.graph('bert', 'ok');
SELECT test.ev('call.ended', '1002', 'b1');
SELECT test.graph('bert', 'ok'), test.due_in('bert');
SELECT test.pass(61), test.due(), test.graph('anna', 'ok');
SELECT test.pass(400), test.due(), test.pass(4000), test.due();
\echo R7: after_call clear
SELECT tenant_settings(test.id('nordwind'), 'clear', NULL, NULL, NULL);
SELECT test.ev('call.answered', '1002', 'b2');
SELECT test.graph('bert', 'ok');
SELECT test.ev('call.ended', '1002', 'b2');
SELECT test.graph('bert', 'ok'), test.view('bert');
SELECT tenant_settings(test.id('nordwind'), 'available', NULL, NULL, NULL);

\echo R8: renewed at two thirds of the lease while a leg is open
SELECT test.ev('call.answered', '1003', 'd1');
SELECT test.graph('carla', 'ok');
SELECT test.pass(25), test.due(), test.due_in('carla');
SELECT test.pass(570), test.due();
SELECT test.pass(10), test.due();
SELECT test.graph('carla', 'ok');
SELECT test.pass(595), test.due(), test.pass(10), test.due();
\echo a renewal that fails is tried again
SELECT test.graph('carla', 'failed'), test.view('carla');
SELECT test.pass(40), test.due();
SELECT test.graph('carla', 'unsent'), test.view('carla');
SELECT test.pass(40), test.due();
SELECT test.graph('carla', 'ok'), test.view('carla');
\echo the setting for the lease holds from the next time on
SELECT tenant_settings(test.id('nordwind'), NULL, NULL, 300, NULL);
SELECT test.pass(605), test.due(), test.graph('carla', 'ok');
SELECT test.pass(205), test.due();
\echo ... also when it changes while a call of Graph is under way
SELECT tenant_settings(test.id('nordwind'), NULL, NULL, 14400, NULL);
SELECT test.graph('carla', 'ok');
SELECT tenant_settings(test.id('nordwind'), NULL, NULL, 300, NULL);
SELECT test.pass(205), test.due(), test.graph('carla', 'ok');
\echo R7: the lease ran out before the end of the call: nothing is left to end
SELECT test.pass(305);
SELECT test.ev('call.ended', '1003', 'd1');
SELECT test.view('carla');
\echo ... and the next call is told at once, though Busy was the last word
SELECT test.ev('call.answered', '1003', 'd2');
SELECT test.graph('carla', 'ok');
\echo nobody can be told any more: what shall end it is dropped with the lease
SELECT test.ev('call.ended', '1003', 'd2');
SELECT test.graph('carla', 'failed'), test.view('carla');
SELECT test.pass(290), test.due(), test.graph('carla', 'failed');
SELECT test.pass(20), test.due(), test.view('carla'), test.due_in('carla');
SELECT tenant_settings(test.id('nordwind'), NULL, NULL, 900, NULL);

\echo R9: a leg without news ends as stale, and is cleared
SELECT test.ev('call.answered', '77', 's1', pbx => 'other');
SELECT test.graph('anna', 'ok');
SELECT test.pass(590), test.due();
SELECT test.ev('call.held', '77', 's1', pbx => 'other');
SELECT test.pass(20), test.due(), test.graph('anna', 'ok');
SELECT test.pass(570), test.due(), test.pass(15), test.due();
SELECT test.graph('anna', 'ok'), test.view('anna');
SELECT test.ev('call.resumed', '77', 's1', pbx => 'other');
SELECT test.view('anna');
\echo a handset, too; the other leg keeps the person busy
SELECT test.ev('phone.off_hook', '1001');
SELECT test.graph('anna', 'ok');
SELECT test.ev('phone.off_hook', '77', pbx => 'other');
SELECT test.pass(500), test.due(), test.ev('phone.off_hook', '77', pbx => 'other');
SELECT test.pass(500), test.due(), test.graph('anna', 'ok');
SELECT test.legs('anna');
SELECT test.pass(605), test.due(), test.legs('anna');
SELECT test.graph('anna', 'ok');
\echo ... and an assertion; being said again keeps each alive
SELECT test.ev('extension.busy', '77', pbx => 'other');
SELECT test.pass(500), test.due(), test.ev('extension.busy', '77', pbx => 'other');
SELECT test.pass(500), test.due(), test.graph('anna', 'ok');
SELECT test.legs('anna');
SELECT test.pass(105), test.due(), test.legs('anna');
SELECT test.graph('anna', 'ok');
\echo a shorter max_call_s holds for open calls
SELECT pbx_change(test.id('nordwind'), test.id('main'), NULL, 600, NULL, NULL);
SELECT test.due(), test.graph('anna', 'ok'), test.view('anna');
\echo ... also for one that is not as old yet
SELECT pbx_change(test.id('nordwind'), test.id('main'), NULL, 14400, NULL, NULL);
UPDATE tenant SET lease_s = 3600;
SELECT test.ev('call.answered', '1002', 'm1'), test.graph('bert', 'ok');
SELECT pbx_change(test.id('nordwind'), test.id('main'), NULL, 600, NULL, NULL);
SELECT test.pass(300), test.due(), test.pass(301), test.due();
SELECT test.graph('bert', 'ok'), test.view('bert');
UPDATE tenant SET lease_s = 900;

\echo R9: clear now ends every leg; what is ended stays so
SELECT test.ev('call.answered', '1002', 'e1');
SELECT test.graph('bert', 'ok');
SELECT test.ev('phone.off_hook', '1002');
SELECT test.jobs(j) FROM person_clear(test.id('nordwind'), test.id('bert'), 'cleared') j;
SELECT test.graph('bert', 'ok'), test.view('bert');
SELECT test.ev('call.held', '1002', 'e1');
\echo nothing of ours shows: nothing is sent
SELECT test.jobs(j) FROM person_clear(test.id('nordwind'), test.id('bert'), 'cleared') j;
SELECT test.view('bert');
\echo an Available of ours shows: it is cleared
SELECT test.ev('call.answered', '1002', 'e2');
SELECT test.graph('bert', 'ok');
SELECT test.ev('call.ended', '1002', 'e2');
SELECT test.graph('bert', 'ok');
SELECT test.jobs(j) FROM person_clear(test.id('nordwind'), test.id('bert'), 'cleared_by_admin') j;
SELECT test.graph('bert', 'ok');
SELECT test.jobs(j) FROM person_clear(test.id('nordwind'), test.id('nobody'), 'cleared') j;

\echo nobody renewed and the lease ran out: nothing to clear, and the next Busy is told
SELECT test.ev('call.answered', '1002', 'e3');
SELECT test.graph('bert', 'ok');
SELECT test.pass(905);
SELECT test.jobs(j) FROM person_clear(test.id('nordwind'), test.id('bert'), 'cleared') j;
SELECT test.view('bert');
SELECT test.ev('call.answered', '1002', 'e4');
SELECT test.graph('bert', 'ok');

\echo R8: nobody renewed in time: the next event of the person tells it, also one that changes nothing
SELECT pbx_change(test.id('nordwind'), test.id('main'), NULL, 14400, NULL, NULL);
SELECT test.pass(595), test.ev('call.held', '1002', 'e4');
SELECT test.pass(10), test.ev('call.held', '1002', 'e4'), test.graph('bert', 'ok'), test.due();
SELECT test.pass(905), test.ev('call.held', '1002', 'e4', key => 'k1'), test.ev('call.resumed', '1002', 'e4');
SELECT test.graph('bert', 'ok'), test.due_in('bert');
\echo ... a duplicate, and the last of several in a batch; once
SELECT test.pass(905), test.ev('call.held', '1002', 'e4', key => 'k1'), test.graph('bert', 'ok');
SELECT test.pass(905), array_to_string(ARRAY(SELECT test.apply(test.event('call.held', '1002', 'e4'),
    test.event('call.held', '1002', 'e4'))), ', ');
SELECT test.graph('bert', 'ok');
\echo ... not when the event ends it, nor while a pause or no consent forbids
SELECT test.ev('phone.off_hook', '1003'), test.graph('carla', 'ok');
SELECT test.pass(905), test.ev('phone.on_hook', '1003');
SELECT test.ev('call.held', '1002', 'e4'), test.graph('bert', 'failed'), test.ev('call.held', '1002', 'e4');
SELECT test.pass(40), test.ev('call.held', '1002', 'e4'), test.graph('bert', 'ok');
SELECT test.pass(905), test.consent('nordwind', 'lost', 'disabled_by_admin'), test.ev('call.held', '1002', 'e4');

\echo the log
SELECT DISTINCT kind, type, outcome, detail FROM event ORDER BY 1, 2, 3, 4;
