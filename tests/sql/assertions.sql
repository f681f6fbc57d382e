-- R6: assertions of a whole state; the newest wins. R9: the PBX restarted.
\ir lib.psql
SELECT test.nordwind();

\echo extension.busy replaces the legs of that extension, extension.idle ends them
SELECT test.ev('call.answered', '1001', 'c1');
SELECT test.graph('anna', 'ok');
SELECT test.ev('phone.off_hook', '1001');
SELECT test.ev('call.answered', '1011', 'c9');
SELECT test.ev('phone.off_hook', '77', pbx => 'other');
SELECT test.pass(10);
SELECT test.ev('extension.busy', '1001');
SELECT test.legs('anna');
SELECT test.pass(10);
SELECT test.ev('extension.idle', '1001');
SELECT test.legs('anna');
\echo the replaced call left a tombstone
SELECT test.ev('call.answered', '1001', 'c1');
SELECT test.ev('call.ended', '1011', 'c9');
SELECT test.ev('phone.on_hook', '77', pbx => 'other');
SELECT test.graph('anna', 'ok');

\echo a late retry does not undo what is newer (held back by its sender)
SELECT test.pass(60);
SELECT test.ev('extension.busy', '1002');
SELECT test.graph('bert', 'ok');
SELECT test.ev('extension.idle', '1002', event_s => -30, attempt_s => 0);
SELECT test.view('bert');
SELECT test.pass(5);
SELECT test.ev('extension.idle', '1002', event_s => -1, attempt_s => 0);
SELECT test.graph('bert', 'ok');
SELECT test.ev('extension.busy', '1002', event_s => -40, attempt_s => 0);
SELECT test.ev('phone.off_hook', '1002', event_s => -40, attempt_s => 0);
SELECT test.view('bert');
\echo a wrong clock does no harm: only how long it was held back counts
SELECT test.pass(5);
SELECT test.ev('extension.busy', '1002', event_s => -7200, attempt_s => -7200);
SELECT test.graph('bert', 'ok');
SELECT test.pass(5);
SELECT test.ev('extension.idle', '1002', event_s => 7200, attempt_s => 7200);
SELECT test.graph('bert', 'ok');
\echo an attempt before its event counts as not held back
SELECT test.pass(5);
SELECT test.ev('extension.busy', '1002', event_s => 100, attempt_s => 0);
SELECT test.graph('bert', 'ok');
SELECT test.pass(10);
SELECT test.ev('extension.idle', '1002', event_s => -5, attempt_s => 0);
SELECT test.graph('bert', 'ok');

\echo less than 2 s apart: the larger time by the clock of the PBX wins
SELECT test.pass(60);
SELECT test.ev('phone.off_hook', '1003', event_s => 0, attempt_s => 0);
SELECT test.graph('carla', 'ok');
SELECT test.ev('phone.on_hook', '1003', event_s => -1, attempt_s => 0);
SELECT test.view('carla');
SELECT test.ev('phone.on_hook', '1003', event_s => 1, attempt_s => 0);
SELECT test.graph('carla', 'ok');
SELECT test.ev('phone.off_hook', '1003', event_s => 0.5, attempt_s => 0.5);
SELECT test.view('carla');
\echo ... also 1.5 s apart
SELECT test.pass(60);
SELECT test.ev('phone.off_hook', '1003', event_s => -100, attempt_s => -100);
SELECT test.graph('carla', 'ok');
SELECT test.ev('phone.on_hook', '1003', event_s => -1.5, attempt_s => 0);
SELECT test.graph('carla', 'ok');
\echo ... and without times the later arrival, in an array the higher index
SELECT test.ev('phone.off_hook', '1003');
SELECT test.graph('carla', 'ok');
SELECT test.apply(test.event('phone.on_hook', '1003'), test.event('phone.off_hook', '1003'));
SELECT test.apply(test.event('phone.off_hook', '1003'), test.event('phone.on_hook', '1003'));
SELECT test.graph('carla', 'ok');
\echo equal times: the later arrival
SELECT test.apply(test.event('phone.off_hook', '1003') || '{"a": 1000000, "w": 1000000}',
    test.event('phone.on_hook', '1003') || '{"a": 1000000, "w": 1000000}');
SELECT test.view('carla');

\echo an assertion ends only legs whose last news is older
SELECT test.pass(60);
SELECT test.ev('call.answered', '1002', 'n1');
SELECT test.graph('bert', 'ok');
SELECT test.pass(20);
SELECT test.ev('call.answered', '1002', 'n2');
SELECT test.ev('extension.idle', '1002', event_s => -10, attempt_s => 0);
SELECT test.legs('bert');
SELECT test.pass(20);
SELECT test.ev('call.held', '1002', 'n2');
SELECT test.ev('extension.idle', '1002', event_s => -10, attempt_s => 0);
SELECT test.legs('bert');
SELECT test.pass(20);
SELECT test.ev('extension.idle', '1002');
SELECT test.graph('bert', 'ok');

\echo the same number at another PBX is another telephone
SELECT test.add('nordwind', 'anna', 'other', '1001');
SELECT test.pass(60);
SELECT test.ev('phone.off_hook', '1001', pbx => 'other');
SELECT test.graph('anna', 'ok');
SELECT test.pass(20);
SELECT test.ev('extension.idle', '1001');
SELECT test.legs('anna');
SELECT test.ev('phone.on_hook', '1001', event_s => -10, attempt_s => 0, pbx => 'other');
SELECT test.graph('anna', 'ok');

\echo handset: an old on-hook of all lines leaves the line that was lifted later
SELECT test.pass(60);
SELECT test.ev('phone.off_hook', '1002', line => '1');
SELECT test.graph('bert', 'ok');
SELECT test.pass(20);
SELECT test.ev('phone.off_hook', '1002', line => '2');
SELECT test.ev('phone.on_hook', '1002', event_s => -10, attempt_s => 0);
SELECT test.legs('bert');
\echo ... and a late off-hook of a line does not undo it
SELECT test.ev('phone.off_hook', '1002', line => '1', event_s => -15, attempt_s => 0);
SELECT test.legs('bert');
\echo ... but a newer one does
SELECT test.ev('phone.off_hook', '1002', line => '1');
SELECT test.legs('bert');
\echo phone.* does not end calls; extension.* ends handsets, too
SELECT test.ev('call.answered', '1002', 'n3');
SELECT test.pass(5);
SELECT test.ev('phone.on_hook', '1002');
SELECT test.legs('bert');
SELECT test.ev('phone.off_hook', '1002');
SELECT test.pass(5);
SELECT test.ev('extension.idle', '1002');
SELECT test.graph('bert', 'ok');
SELECT test.view('bert');
\echo after it an older off-hook is too late
SELECT test.ev('phone.off_hook', '1002', event_s => -3, attempt_s => 0);
SELECT test.view('bert');

\echo pbx.restarted ends every older leg of that PBX
SELECT test.pass(60);
SELECT test.ev('call.answered', '1001', 'p1');
SELECT test.graph('anna', 'ok');
SELECT test.ev('phone.off_hook', '77', pbx => 'other');
SELECT test.ev('phone.off_hook', '1002');
SELECT test.graph('bert', 'ok');
SELECT test.ev('call.ringing', '1003', 'p2');
SELECT test.pass(20);
SELECT test.ev('call.answered', '1001', 'p3');
SELECT test.restart(event_s => -10, attempt_s => 0, key => 'boot');
SELECT test.restart(event_s => -10, attempt_s => 0, key => 'boot');
SELECT test.graph('bert', 'ok');
SELECT test.legs('anna');
SELECT test.legs('bert');
SELECT test.legs('carla');
\echo what it ended stays ended; an older off-hook is too late
SELECT test.ev('call.answered', '1001', 'p1');
SELECT test.ev('call.answered', '1003', 'p2');
SELECT test.ev('phone.off_hook', '1002', event_s => -15, attempt_s => 0);
SELECT test.ev('extension.busy', '1002', event_s => -15, attempt_s => 0);
SELECT test.pass(5);
SELECT test.restart();
SELECT test.legs('anna');
SELECT test.restart('other');
SELECT test.graph('anna', 'ok');
SELECT test.view('anna');
SELECT test.restart('nowhere');
