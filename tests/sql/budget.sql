-- R13: at most 1,450 requests of a tenant in 30 s, and the gate that Microsoft
-- shuts; afterwards the newest states only, clears first.
\ir lib.psql
SELECT test.tenant('nordwind', 'main');
SELECT test.consent('nordwind', 'ok');
SELECT count(*) FROM (SELECT test.add('nordwind', 'p' || i, 'main', i::text) FROM generate_series(1, 1500) i) x;
SELECT count(*) FROM (SELECT monitoring_set(test.id('nordwind'), user_id, NULL, NULL, true) FROM teams_user) x;
CREATE FUNCTION test.rush(type text) RETURNS text LANGUAGE sql AS $$
SELECT concat(count(*) FILTER (WHERE kind = 'event' AND outcome = 'changed'), ' changed, ',
    count(*) FILTER (WHERE kind = 'publish'), ' told')
FROM apply((SELECT jsonb_agg(test.event(type, i::text)) FROM generate_series(1, 1500) i))
$$;
CREATE FUNCTION test.ok() RETURNS bigint LANGUAGE sql AS $$
SELECT count(*) FROM record((SELECT jsonb_agg(jsonb_build_object('t', tenant_id, 'u', user_id, 'c', claim_no,
    'r', 'ok')) FROM teams_user WHERE claim_until_at IS NOT NULL)) WHERE kind = 'done'
$$;
CREATE FUNCTION test.taken() RETURNS text LANGUAGE sql AS $$
SELECT concat_ws(' ', count(*) FILTER (WHERE goal = 'busy'), 'busy,',
    count(*) FILTER (WHERE goal = 'available'), 'available,', count(*) FILTER (WHERE goal = 'clear'), 'clear')
FROM due_take(2000) WHERE kind = 'publish'
$$;

\echo 1,500 handsets are lifted at once
SELECT test.pass(100);
SELECT test.rush('phone.off_hook');
SELECT test.ok();
SELECT test.taken();
\echo 51 are left; some hang up, one switches off: what is told is the newest
SELECT count(*) FROM teams_user WHERE user_must_tell(teams_user);
SELECT test.pass(5), test.taken();
SELECT substr(min(p.name) FILTER (WHERE NOT certain OR published <> 'busy'), 2) AS waits,
    substr(min(p.name) FILTER (WHERE certain AND published = 'busy'), 2) AS told,
    max(p.name) FILTER (WHERE certain AND published = 'busy') AS off
FROM test.person p JOIN teams_user USING (user_id) \gset
SELECT test.ev('phone.on_hook', :'waits');
SELECT test.ev('phone.on_hook', :'told');
SELECT count(*) FROM monitoring_set(test.id('nordwind'), test.id(:'off'), NULL, NULL, false);
SELECT test.due_in(:'off') LIKE '%before the others';
SELECT test.pass(32);
SELECT goal FROM due_take(1) WHERE kind = 'publish';
SELECT test.taken();
SELECT test.ok();

\echo each request counts: set, clear, probe; in any 30 s
SELECT sum(n) FROM tenant_budget, unnest(slots) n;
SELECT test.pass(100);
SELECT test.jobs(j) FROM consent_probe(test.id('nordwind')) j;
SELECT sum(n) FROM tenant_budget, unnest((budget_roll(tenant_budget, clock_timestamp())).slots) n;
UPDATE tenant_budget SET slots[34] = 1449;
\echo the budget is used up: not even a probe; it is due when there is room
SELECT test.jobs(j) FROM consent_probe(test.id('nordwind')) j;
SELECT probe_at BETWEEN clock_timestamp() + interval '30 s' AND clock_timestamp() + interval '35 s' FROM tenant;
SELECT test.ev('phone.on_hook', '3');
SELECT test.pass(36), test.due();

CREATE FUNCTION test.shut() RETURNS text LANGUAGE sql AS $$
SELECT CASE WHEN s <= 0 THEN 'open' WHEN s < 60 THEN 'shut' WHEN s <= 3600 THEN 'shut for long'
    ELSE 'for ever' END
FROM (SELECT extract(epoch FROM gate_until_at - clock_timestamp()) AS s FROM tenant_budget) x
$$;
\echo the gate: shut for as long as Microsoft says, for everybody
SELECT test.graph('p1', 'ok');
SELECT test.graph('p3', 'throttled', 40);
SELECT test.ev('phone.on_hook', '4');
SELECT test.shut();
SELECT test.pass(25), test.taken();
\echo a shorter word does not open it earlier
UPDATE tenant SET probe_until_at = clock_timestamp();
SELECT * FROM probe_record(test.id('nordwind'), (SELECT probe_no FROM tenant), 'throttled', 1, NULL);
SELECT test.shut(), gate_until_at > clock_timestamp() + interval '5 s' FROM tenant_budget;
SELECT test.pass(5), test.ev('phone.on_hook', '6');
SELECT test.pass(15), test.taken();
SELECT test.graph('p4', 'throttled', 100000);
SELECT test.shut();
SELECT test.pass(3601), test.shut();
SELECT test.graph('p3', 'ok');
\echo without Retry-After a second or so
SELECT test.ev('phone.off_hook', '3');
SELECT test.graph('p3', 'throttled');
SELECT test.shut();
SELECT test.pass(2);
SELECT test.ev('phone.off_hook', '3');
\echo room for one only: the clear goes first, though it is due last
SELECT test.graph('p3', 'ok');
CREATE FUNCTION test.room(n int) RETURNS void LANGUAGE sql AS $$
UPDATE tenant_budget SET newest_s = floor(extract(epoch FROM clock_timestamp())),
    slots = array_fill(0, ARRAY[34]) || (1450 - n)
$$;
SELECT test.room(0);
SELECT count(*) FROM monitoring_set(test.id('nordwind'), test.id('p3'), NULL, NULL, false);
UPDATE due SET at = clock_timestamp() - interval '1 min';
UPDATE due SET at = clock_timestamp() WHERE user_id = test.id('p3');
SELECT test.room(1);
SELECT test.due();
\echo a probe that is throttled shuts the gate, too
UPDATE tenant_budget SET slots = array_fill(0, ARRAY[35]), gate_until_at = NULL;
SELECT test.jobs(j) FROM consent_probe(test.id('nordwind')) j;
SELECT * FROM probe_record(test.id('nordwind'), (SELECT probe_no FROM tenant), 'throttled', 30, NULL);
SELECT test.shut();
\echo a request counts for 34 s; a step back of the clock forgets none
UPDATE tenant_budget SET newest_s = 1000, slots = array_fill(0, ARRAY[34]) || 7;
SELECT s, (SELECT sum(n) FROM unnest((budget_roll(b, to_timestamp(1000 + s))).slots) n)
FROM tenant_budget b, unnest(ARRAY[0, 1, 20, 34, 35, 1000, -1, -1000]) WITH ORDINALITY AS x(s, nr) ORDER BY nr;

\echo who waits has a turn: as many as the budget has room for, at most 300 a second
CREATE FUNCTION test.give(INOUT b tenant_budget, n int, clear boolean DEFAULT false, wait_s int DEFAULT 0)
LANGUAGE plpgsql AS $$
DECLARE
    turn record;
BEGIN
    FOR i IN 1 .. n LOOP
        turn := budget_turn(b, to_timestamp(wait_s), clear);
        b := turn.b;
    END LOOP;
END $$;
CREATE FUNCTION test.turns(b tenant_budget) RETURNS text LANGUAGE sql AS $$
SELECT string_agg(concat(nr, ' s: ', n), ', ' ORDER BY nr) FROM unnest(b.turns) WITH ORDINALITY x(n, nr) WHERE n > 0
$$;
UPDATE tenant_budget SET newest_s = 1000, turns = NULL, slots = ARRAY[0, 450, 30, 0] || array_fill(0, ARRAY[30]) || 970;
SELECT test.turns(test.give(b, 480)) FROM tenant_budget b;
SELECT test.turns(test.give(b, 3000)) FROM tenant_budget b;
SELECT test.turns(test.give(test.give(b, 700), 500, true)) FROM tenant_budget b;
\echo not before the gate opens; as time goes on the turns come nearer
SELECT test.turns(test.give(b, 700, false, 1020)) FROM tenant_budget b;
SELECT test.turns(budget_roll(test.give(b, 480), to_timestamp(1002.5))) FROM tenant_budget b;
SELECT (budget_roll(test.give(b, 480), to_timestamp(1003))).turns IS NULL FROM tenant_budget b;
\echo more than that can be seen ahead are to ask again later
SELECT at BETWEEN to_timestamp(1140) AND to_timestamp(1170) FROM tenant_budget b, budget_turn(test.give(b, 7000), NULL, false);
\echo a clear goes at the moment when the gate opens, before those who have a turn in that second
SELECT at = to_timestamp(1020.5) FROM tenant_budget b, budget_turn(test.give(b, 400, false, 1021), to_timestamp(1020.5), true);
SELECT at = to_timestamp(1022) FROM tenant_budget b, budget_turn(test.give(b, 600, true, 1021), to_timestamp(1020.5), true);

\echo they keep it whatever happens meanwhile, and nobody passes them but a clear
UPDATE teams_user SET goal = 'none', published = 'none', certain = true, claim_until_at = NULL,
    retry_at = NULL, resend_at = NULL, busy_until_at = NULL, told_until_at = NULL;
UPDATE tenant_budget SET gate_until_at = NULL, turns = NULL, slots = array_fill(0, ARRAY[35]);
TRUNCATE due, call_leg, assertion;
SELECT test.ev('phone.off_hook', '20');
SELECT test.graph('p20', 'ok');
UPDATE tenant_budget SET gate_until_at = clock_timestamp() + interval '60 s';
SELECT test.ev('phone.off_hook', i::text) FROM generate_series(1301, 1303) i;
SELECT sum(n) FROM tenant_budget, unnest(turns) n;
SELECT test.ev('phone.off_hook', '1301', NULL, NULL, 'b');
SELECT test.ev('phone.off_hook', '1302', NULL, NULL, 'b');
SELECT sum(n) FROM tenant_budget, unnest(turns) n;
UPDATE tenant_budget SET gate_until_at = NULL;
SELECT test.ev('phone.off_hook', '1304');
SELECT test.ev('phone.on_hook', '1301');
SELECT count(*) FROM due WHERE turn;
SELECT test.jobs(j) FROM monitoring_set(test.id('nordwind'), test.id('p20'), NULL, NULL, false) j;
SELECT test.due() ~ 'p130[123]';
\echo at their turn they go
SELECT test.pass(62), test.due();
SELECT count(*) FROM due WHERE turn;
SELECT test.ev('phone.off_hook', '1305');
