-- R16: PostgreSQL's clock is the only one, and it may step.
\ir lib.psql
SELECT test.nordwind();

\echo a small step back during a call of Graph makes no claim void
SELECT test.ev('call.answered', '1001', 'c1');
SELECT test.pass(-20);
SELECT test.ev('call.ended', '1001', 'c1'), test.due();
SELECT test.graph('anna', 'ok');
SELECT test.graph('anna', 'ok');
\echo what lies further ahead than it can have been set is void
SELECT test.ev('call.answered', '1001', 'c2');
SELECT test.pass(-3600);
SELECT test.ev('call.ended', '1001', 'c2');
SELECT test.graph('anna', 'ok');
\echo ... the gate, too
SELECT test.ev('call.answered', '1002', 'c3');
SELECT test.graph('bert', 'throttled', 3600);
SELECT test.pass(-7200);
SELECT test.ev('call.ringing', '1002', 'c3');
SELECT test.graph('bert', 'ok');
SELECT test.ev('call.ended', '1002', 'c3');
SELECT test.graph('bert', 'ok');

CREATE FUNCTION test.step(s int) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM test.pass(s);
    PERFORM clock_jumped();
    RETURN format('the clock stepped by %s s', s);
END $$;
\echo a larger step is noticed: what is held is due, each Busy is told again
SELECT test.pass(1000), test.due();
SELECT test.ev('phone.off_hook', '1003'), test.graph('carla', 'ok');
SELECT test.pass(300);
SELECT test.step(-3600);
SELECT test.due();
SELECT test.graph('carla', 'ok'), test.due_in('carla');
\echo its lease goes on from here
SELECT test.pass(605), test.due(), test.graph('carla', 'ok');
SELECT test.pass(20), test.due();
SELECT test.step(100), test.due(), test.graph('carla', 'ok'), test.view('carla');
\echo a leg whose news came "later" than now ends in time nevertheless
SELECT test.step(-7200), test.due(), test.graph('carla', 'ok');
SELECT test.pass(14390), test.due(), test.graph('carla', 'ok'), test.view('carla');
SELECT test.pass(20), test.due(), test.graph('carla', 'ok'), test.view('carla');
\echo assertions survive it: the newer one wins
SELECT test.ev('phone.off_hook', '1003'), test.graph('carla', 'ok');
SELECT test.step(-600), test.due(), test.graph('carla', 'ok');
SELECT test.ev('phone.on_hook', '1003'), test.graph('carla', 'ok');
\echo ... also after a step that is too small to be noticed
SELECT test.pass(60);
SELECT test.ev('phone.off_hook', '1003'), test.graph('carla', 'ok');
SELECT test.pass(-20);
SELECT test.ev('phone.on_hook', '1003'), test.graph('carla', 'ok');
\echo last_event_at is not stuck in the future
SELECT last_event_at <= clock_timestamp() FROM pbx WHERE name = 'main';
\echo claims are void after a step, their calls may still land: told twice
SELECT test.ev('phone.off_hook', '1003');
SELECT test.step(100), test.due();
SELECT test.graph('carla', 'ok', back => 1);
SELECT test.graph('carla', 'ok');
SELECT test.pass(61), test.due(), test.graph('carla', 'ok');
\echo ... also one that would look taken just now; so are the pause and the gate
SELECT test.ev('phone.on_hook', '1003');
SELECT test.pass(10), test.step(-31), test.due(), test.graph('carla', 'ok');
SELECT test.ev('phone.off_hook', '1003'), test.graph('carla', 'failed');
SELECT test.step(-100), test.due(), test.graph('carla', 'ok');
SELECT test.ev('phone.on_hook', '1003'), test.graph('carla', 'throttled', 40);
SELECT test.step(-100), test.due(), test.graph('carla', 'ok');
\echo what was asserted before a step back counts as said at the step
SELECT test.ev('phone.off_hook', '1003'), test.graph('carla', 'ok');
SELECT test.step(-600), test.pass(60);
SELECT test.ev('phone.on_hook', '1003', event_s => -5, attempt_s => 0);
SELECT abs(clock_us() / 1e6 - extract(epoch FROM clock_timestamp())) < 5;
