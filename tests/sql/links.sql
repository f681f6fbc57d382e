-- R18: links change; PBXs come, change and go; what a tenant may have.
\ir lib.psql
SELECT test.nordwind();
CREATE FUNCTION test.list(pbx text DEFAULT 'main') RETURNS text LANGUAGE sql AS $$
SELECT string_agg(extension || ' ' || name, ', ') FROM extension_list(test.id('nordwind'), test.id(pbx), NULL, 100)
$$;

\echo re-linked: the old person is freed, the new one starts with none
SELECT test.ev('call.answered', '1002', 'c1');
SELECT test.graph('bert', 'ok');
SELECT test.jobs(j) FROM link_one(test.id('nordwind'), test.id('main'), '1002', test.id('carla'), NULL, NULL) j;
SELECT test.graph('bert', 'ok'), test.view('bert'), test.list();
SELECT test.ev('call.held', '1002', 'c1');
SELECT test.view('carla');
SELECT test.ev('call.answered', '1002', 'c2');
SELECT test.graph('carla', 'ok');
\echo the same link again changes nothing
SELECT test.jobs(j) FROM link_one(test.id('nordwind'), test.id('main'), '1002', test.id('carla'), 'Carla New', NULL) j;
SELECT test.view('carla'), test.list();
\echo un-linked: another leg keeps the person busy
SELECT test.ev('phone.off_hook', '1003');
SELECT test.add('nordwind', 'carla', 'other', '1002');
SELECT test.ev('phone.off_hook', '1002', pbx => 'other');
SELECT test.jobs(j) FROM extension_delete(test.id('nordwind'), test.id('main'), '1002', NULL) j;
SELECT test.legs('carla');
SELECT test.ev('phone.on_hook', '1002', pbx => 'other');
SELECT test.jobs(j) FROM extension_delete(test.id('nordwind'), test.id('main'), '1003', NULL) j;
SELECT test.graph('carla', 'ok'), test.view('carla');
SELECT test.ev('phone.off_hook', '1003');
SELECT extension_delete(test.id('nordwind'), test.id('main'), '1003', NULL);
SELECT link_one(test.id('nordwind'), test.id('main'), repeat('9', 129), test.id('carla'), NULL, NULL);
SELECT link_one(test.id('nordwind'), test.id('nowhere'), '1', test.id('carla'), NULL, NULL);

\echo a list makes the extensions of a PBX equal to it
SELECT test.ev('phone.off_hook', '1001');
SELECT test.graph('anna', 'ok');
SELECT test.ev('phone.off_hook', '1011');
SELECT test.list();
CREATE FUNCTION test.import(dry boolean, VARIADIC pairs text[]) RETURNS SETOF text LANGUAGE sql AS $$
SELECT CASE kind WHEN 'done' THEN format('linked %s, unlinked %s, twice %s', linked, unlinked, duplicates)
    ELSE test.job(kind, user_id, goal, expires_s) END
FROM extension_import(test.id('nordwind'), test.id('main'), (SELECT jsonb_agg(jsonb_build_object(
    'e', split_part(x, '=', 1), 'u', test.id(split_part(x, '=', 2)), 'n', initcap(split_part(x, '=', 2)))
    ORDER BY nr) FROM unnest(pairs) WITH ORDINALITY AS p(x, nr)), dry, NULL)
$$;
\echo ... a dry run only counts
SELECT test.import(true, '1011=anna', '1001=bert', '2000=dora', '1001=anna');
SELECT test.list(), count(*) FROM teams_user;
SELECT test.import(false, '1011=anna', '1001=bert', '2000=dora', '1001=anna');
SELECT test.list(), count(*) FROM teams_user;
SELECT test.legs('anna');
SELECT test.import(false, '2000=dora');
SELECT test.graph('anna', 'ok'), test.view('anna'), test.list();
SELECT test.import(false, '2000=dora');
SELECT monitoring FROM teams_user WHERE user_id = test.id('dora');
SELECT extension_import(test.id('nordwind'), test.id('main'), '[]', false, NULL);
SELECT test.list();
\echo another PBX is not touched
SELECT test.list('other');

\echo a deleted PBX frees everybody; its extensions are unknown
SELECT test.import(false, '1001=anna', '1002=bert', '1003=carla');
SELECT test.ev('phone.off_hook', '1001');
SELECT test.ev('call.ringing', '1002', 'c5');
SELECT test.ev('phone.off_hook', '1003');
SELECT test.graph('anna', 'ok');
SELECT test.graph('carla', 'ok');
SELECT test.ev('phone.off_hook', '77', pbx => 'other');
SELECT test.jobs(j) FROM pbx_delete(test.id('nordwind'), test.id('main'), NULL) j;
SELECT test.legs(name) FROM test.person;
SELECT test.graph('carla', 'ok'), test.view('carla');
SELECT test.ev('phone.off_hook', '1001');
SELECT count(*) FROM pbx_door(test.id('main'));
SELECT pbx_delete(test.id('nordwind'), test.id('main'), NULL);
\echo more than 64 people: the others are due now
SELECT test.tenant('nordwind', 'big');
SELECT count(*) FROM (SELECT test.add('nordwind', 'p' || i, 'big', i::text) FROM generate_series(1, 70) i) x;
SELECT count(*) FROM teams_user u CROSS JOIN LATERAL
    (SELECT monitoring_set(u.tenant_id, u.user_id, NULL, NULL, true) OFFSET 0) x WHERE u.upn LIKE 'p%';
SELECT count(*) FROM (SELECT test.ev('phone.off_hook', i::text, pbx => 'big') FROM generate_series(1, 70) i) x;
SELECT count(*) FROM (SELECT test.graph('p' || i, 'ok') FROM generate_series(1, 70) i) x;
SELECT count(*) FROM apply_restart(test.id('nordwind'), test.id('big'), NULL, NULL, NULL) WHERE kind = 'publish';
SELECT count(*) FROM due_take(100) WHERE goal = 'available';
SELECT count(*) FROM (SELECT test.graph('p' || i, 'ok') FROM generate_series(1, 70) i) x;
SELECT count(*) FROM (SELECT test.ev('phone.off_hook', i::text, pbx => 'big') FROM generate_series(1, 70) i) x;
SELECT count(*) FROM (SELECT test.graph('p' || i, 'ok') FROM generate_series(1, 70) i) x;
SELECT count(*) FROM pbx_delete(test.id('nordwind'), test.id('big'), NULL);
SELECT count(*) FROM due_take(100) WHERE goal = 'clear';

\echo a PBX: made, changed, its secret renewed
SELECT pbx_new(test.id('nordwind'), test.id('x'), '', 'generic', 'signature', 's', 14400, '{}', NULL);
SELECT pbx_new(test.id('nordwind'), test.id('x'), 'x', 'generic', 'signature', 's', 599, '{}', NULL);
SELECT pbx_new(test.id('nowhere'), test.id('x'), 'x', 'generic', 'signature', 's', 14400, '{}', NULL);
SELECT pbx_new(test.id('nordwind'), test.id('x'), 'x', 'poly', 'path', 'first', 14400, '{10.0.0.0/8}', NULL) <= clock_timestamp();
SELECT name, platform, auth, max_call_s, allow, last_event_at, problem, secret_expires_at, extensions
FROM pbx_get(test.id('nordwind'), test.id('x'));
SELECT pbx_change(test.id('nordwind'), test.id('x'), 'y', NULL, '{}', NULL);
SELECT date_trunc('hour', pbx_secret(test.id('nordwind'), test.id('x'), 'second', NULL) - clock_timestamp() + interval '1 min');
SELECT name, max_call_s, allow, secret_expires_at IS NOT NULL FROM pbx_get(test.id('nordwind'), test.id('x'));
SELECT secret, old_secret FROM pbx_door(test.id('x'));
SELECT test.pass(86401);
SELECT secret, old_secret FROM pbx_door(test.id('x'));
\echo its problem: the newest refusal, else an extension that nobody has
SELECT test.ev('phone.off_hook', '4711', pbx => 'x');
SELECT pbx_unknown(test.id('x'), '4711');
SELECT problem FROM pbx_get(test.id('nordwind'), test.id('x'));
SELECT test.pass(10), pbx_refused(test.id('x'), 'signature');
SELECT problem FROM pbx_get(test.id('nordwind'), test.id('x'));
SELECT item_pbx FROM tenant_view(test.id('nordwind'));
SELECT test.add('nordwind', 'anna', 'x', '4711'), test.pass(10);
SELECT test.ev('phone.off_hook', '4711', pbx => 'x');
SELECT problem FROM pbx_get(test.id('nordwind'), test.id('x'));
SELECT item_pbx FROM tenant_view(test.id('nordwind'));

\echo at most 50 PBXs, and 200,000 extensions
SELECT count(*) FROM (SELECT pbx_new(test.id('nordwind'), gen_random_uuid(), 'n', 'generic', 'path', 's', 600, '{}',
    NULL) FROM generate_series((SELECT count(*) FROM pbx), 49)) x;
SELECT pbx_new(test.id('nordwind'), gen_random_uuid(), 'n', 'generic', 'path', 's', 600, '{}', NULL);
SET session_replication_role = replica; -- the rows alone matter here
INSERT INTO extension SELECT test.id('nordwind'), test.id('other'), 'z' || i, test.id('anna')
FROM generate_series((SELECT count(*) FROM extension) + 1, 200000) i;
RESET session_replication_role;
SELECT link_one(test.id('nordwind'), test.id('x'), 'one more', test.id('anna'), NULL, NULL);
SELECT kind FROM extension_import(test.id('nordwind'), test.id('x'),
    jsonb_build_array(jsonb_build_object('e', 'a', 'u', test.id('anna')),
        jsonb_build_object('e', 'b', 'u', test.id('anna'))), false, NULL);
