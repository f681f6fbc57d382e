-- R2, R3, R4, R5: legs, their states, what ended stays ended, duplicates.
\ir lib.psql
SELECT test.nordwind();

\echo R2: two calls, over two extensions and two PBXs; the last hang-up frees
SELECT test.ev('call.answered', '1001', 'c1');
SELECT test.graph('anna', 'ok');
SELECT test.ev('call.answered', '1011', 'c2');
SELECT test.ev('phone.off_hook', '77', pbx => 'other');
SELECT test.ev('call.ended', '1001', 'c1');
SELECT test.ev('call.ended', '1011', 'c2');
SELECT test.view('anna');
SELECT test.ev('phone.on_hook', '77', pbx => 'other');
SELECT test.graph('anna', 'ok');
SELECT test.view('anna');

\echo R2: an end without leg_id ends the call at this extension only
SELECT test.ev('call.answered', '1001', 'c3', 'a');
SELECT test.ev('call.answered', '1001', 'c3', 'b');
SELECT test.ev('call.answered', '1011', 'c3', 'a');
SELECT test.ev('call.answered', '1002', 'c3', 'a');
SELECT test.ev('call.ended', '1001', 'c3', 'b');
SELECT test.legs('anna');
SELECT test.ev('call.ended', '1001', 'c3');
SELECT test.legs('anna');
SELECT test.legs('bert');
\echo the whole call stays ended at 1001, also for a leg never heard of
SELECT test.ev('call.answered', '1001', 'c3', 'z');
SELECT test.ev('call.ringing', '1001', 'c3');
\echo ... also when the end of one of its legs comes later; not elsewhere
SELECT test.ev('call.ended', '1001', 'c3', '');
SELECT test.ev('call.ended', '1001', 'c3', 'a');
SELECT test.ev('call.answered', '1001', 'c3', 'z');
SELECT test.ev('call.answered', '1011', 'c3', 'b');
SELECT test.legs('anna');
SELECT test.ev('call.ended', '1011', 'c3');
SELECT test.ev('call.ended', '1002', 'c3', 'a');

\echo R2: held and resumed of an unknown leg open it
SELECT test.ev('call.held', '1003', 'h1');
SELECT test.ev('call.resumed', '1003', 'h2');
SELECT test.legs('carla');
SELECT test.ev('call.answered', '1003', 'h1');
SELECT test.ev('call.ringing', '1003', 'h2');
SELECT test.ev('call.held', '1003', 'h2');
SELECT test.legs('carla');
SELECT test.ev('call.resumed', '1003', 'h1');
SELECT test.legs('carla');
SELECT test.ev('call.ended', '1003', 'h1');
SELECT test.ev('call.ended', '1003', 'h2');

\echo R2: handset lines; on-hook without a line ends all of them
SELECT test.ev('phone.off_hook', '1002', line => '1');
SELECT test.ev('phone.off_hook', '1002', line => '2');
SELECT test.ev('phone.off_hook', '1002');
SELECT test.ev('phone.on_hook', '1002', line => '1');
SELECT test.legs('bert');
SELECT test.ev('phone.on_hook', '1002');
SELECT test.view('bert');

\echo R3: ringing is not busy, and ends after 180 s without news
SELECT test.pass(1000);
SELECT test.ev('call.ringing', '1002', 'r1');
SELECT test.due_in('bert');
SELECT test.pass(179), test.due(), test.view('bert');
SELECT test.ev('call.ringing', '1002', 'r1');
SELECT test.pass(179), test.due(), test.view('bert');
SELECT test.pass(2), test.due(), test.view('bert');
\echo ... and leaves no tombstone: it may yet be answered
SELECT test.ev('call.answered', '1002', 'r1');
SELECT test.view('bert');
SELECT test.ev('call.ended', '1002', 'r1');
SELECT test.graph('bert', 'ok');
SELECT test.graph('bert', 'ok');
SELECT test.pass(30), test.due(), test.due_in('bert');
\echo a ringing leg is due also when the last of the batch changed nothing
SELECT test.apply(test.event('call.ringing', '1002', 'r2', key => 'same'),
    test.event('call.ringing', '1002', 'r2', key => 'same'));
SELECT test.due_in('bert');

\echo R3: ringing_is_busy
SELECT tenant_settings(test.id('nordwind'), NULL, true, NULL, NULL);
SELECT test.view('bert'), test.due();
SELECT test.graph('bert', 'ok');
SELECT test.ev('call.answered', '1002', 'r2');
SELECT test.ev('call.ended', '1002', 'r2');
SELECT test.graph('bert', 'ok');
SELECT test.ev('call.ringing', '1002', 'r3');
SELECT test.graph('bert', 'ok');
\echo silence: cleared, whatever after_call says
SELECT test.pass(181), test.due();
SELECT test.graph('bert', 'ok'), test.view('bert');
SELECT test.ev('call.ringing', '1002', 'r4');
SELECT test.graph('bert', 'ok');
\echo the setting goes back: a ringing call is not busy from now on
SELECT tenant_settings(test.id('nordwind'), NULL, false, NULL, NULL);
SELECT test.due(), test.view('bert');
SELECT test.graph('bert', 'ok'), test.view('bert');

\echo R4: ended wins, in whatever order they come
SELECT test.ev('call.ended', '1003', 'x1');
SELECT test.ev('call.answered', '1003', 'x1');
SELECT test.ev('call.ringing', '1003', 'x1');
SELECT test.ev('call.ended', '1003', 'x2', 'a');
SELECT test.ev('call.answered', '1003', 'x2', 'a');
SELECT test.ev('call.answered', '1003', 'x2', 'b');
SELECT test.legs('carla');
SELECT test.ev('call.ended', '1003', 'x2');
\echo ... for 72 h, as the key of an event does
SELECT test.ev('call.ringing', '1003', 'x3', key => 'k0');
SELECT test.pass(72 * 3600 - 10), retention_sweep(90) > 0, test.due();
SELECT test.ev('call.answered', '1003', 'x1');
SELECT test.ev('call.ended', '1003', 'x3', key => 'k0');
SELECT test.pass(20), retention_sweep(90) > 0;
SELECT test.ev('call.ended', '1003', 'x3', key => 'k0');
SELECT test.ev('call.answered', '1003', 'x1');
SELECT test.ev('call.ended', '1003', 'x1');

\echo an end that names the call alone: where it is open, and it opens no more
SELECT test.ev('call.answered', '1003', 'w1', 'a');
SELECT test.ev('call.answered', '1001', 'w1');
SELECT test.ev('call.answered', '1002', 'w2');
SELECT call_over(test.id('nordwind'), test.id('main'), 'w1') ORDER BY 1;
SELECT call_over(test.id('nordwind'), test.id('other'), 'w2');
SELECT call_over(test.id('nordwind'), test.id('nobody'), 'w2');
SELECT test.ev('call.ended', '1001', 'w1');
SELECT test.ev('call.ended', '1003', 'w1');
SELECT test.ev('call.answered', '1003', 'w1', 'z');
SELECT test.legs('carla');
SELECT test.ev('call.ended', '1002', 'w2');

\echo a reference that a phone uses again: its end counts for 10 s
SELECT test.ev('call.answered', '1003', 'phone:aa:1', 'a');
SELECT test.ev('call.ended', '1003', 'phone:aa:1', 'a');
SELECT test.pass(8), test.ev('call.answered', '1003', 'phone:aa:1', 'a');
SELECT test.pass(4), test.ev('call.answered', '1003', 'phone:aa:1', 'a');
SELECT test.legs('carla');
SELECT test.ev('extension.idle', '1003');
SELECT test.pass(12), test.ev('call.answered', '1003', 'phone:aa:1', 'a');
SELECT test.ev('call.ended', '1003', 'phone:aa:1');
SELECT test.pass(30), test.due() IS NOT NULL;

\echo R5: the same event twice changes nothing
SELECT test.ev('phone.off_hook', '1002', key => 'k1');
SELECT test.ev('phone.on_hook', '1002', key => 'k2');
SELECT test.ev('phone.off_hook', '1002', key => 'k1');
SELECT test.view('bert');
SELECT test.ev('phone.off_hook', '77', key => 'k1', pbx => 'other');
\echo the key of an event that failed is not kept
SELECT test.apply(test.event('phone.off_hook', '1003', key => 'k3') || '{"a": -9000000000000000000}');
SELECT test.ev('phone.off_hook', '1003', key => 'k3');
\echo unknown extensions and switched-off people leave no trace
SELECT test.ev('phone.off_hook', '4711', key => 'k4');
SELECT monitoring_set(test.id('nordwind'), test.id('bert'), NULL, NULL, false) IS NOT NULL;
SELECT test.ev('phone.off_hook', '1002', key => 'k5');
SELECT count(*) FROM event_key WHERE key IN ('k4', 'k5');
