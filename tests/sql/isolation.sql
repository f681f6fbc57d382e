-- What one event, one tenant, one program can do to the others: nothing.
\ir lib.psql
SELECT test.nordwind();
SELECT test.tenant('sudhang', 'south');
SELECT test.add('sudhang', 'emil', 'south', '1001');
SELECT count(*) FROM monitoring_set(test.id('sudhang'), test.id('emil'), NULL, NULL, true);
SELECT test.consent('sudhang', 'ok');

\echo a batch: the event that fails leaves the others alone
SELECT test.apply(test.event('call.answered', '1001', 'c1'),
    test.event('phone.off_hook', '1001', key => 'bad') || '{"a": -9000000000000000000}',
    test.event('call.answered', '1002', 'c2'),
    test.event('call.answered', '1001', 'c1', pbx => 'south', tenant => 'sudhang'),
    test.event('call.held', '1003', 'c3') || '{"a": -9000000000000000000}',
    test.event('call.answered', '1001', 'c4') || jsonb_build_object('p', test.id('south')),
    test.event('call.answered', '1001', 'c5') || jsonb_build_object('t', test.id('nowhere')));
SELECT test.legs('anna');
SELECT test.legs('carla');
SELECT count(*) FROM event_key WHERE key = 'bad';

\echo every function with the ids of another tenant
SELECT monitoring FROM person_view(test.id('sudhang'), test.id('anna'));
SELECT count(*) FROM person_one(test.id('sudhang'), test.id('anna'));
SELECT person_clear(test.id('sudhang'), test.id('anna'), 'cleared');
SELECT name FROM people_list(test.id('sudhang'), NULL, NULL, 200);
SELECT name FROM people_list(test.id('sudhang'), test.id('anna')::text, 'ann', 200);
SELECT pbx_get(test.id('sudhang'), test.id('main'));
SELECT name FROM pbx_list(test.id('sudhang'));
SELECT pbx_change(test.id('sudhang'), test.id('main'), 'stolen', 600, '{}', NULL);
SELECT pbx_secret(test.id('sudhang'), test.id('main'), 'stolen', NULL);
SELECT pbx_delete(test.id('sudhang'), test.id('main'), NULL);
SELECT extension_list(test.id('sudhang'), test.id('main'), NULL, 10);
SELECT link_one(test.id('sudhang'), test.id('main'), '1001', test.id('emil'), NULL, NULL);
SELECT extension_delete(test.id('sudhang'), test.id('main'), '1001', NULL);
SELECT extension_import(test.id('sudhang'), test.id('main'), '[{"e": "1", "u": "00000000-0000-4000-8000-000000000001"}]', false, NULL);
SELECT outcome FROM apply_restart(test.id('sudhang'), test.id('main'), NULL, NULL, NULL);
SELECT DISTINCT outcome FROM record(jsonb_build_array(jsonb_build_object('t', test.id('sudhang'),
    'u', test.id('anna'), 'c', 1, 'r', 'ok')));
SELECT count(*) > 0 FROM activity_list(test.id('sudhang'), NULL, 200);
SELECT count(*) FROM activity_list(test.id('sudhang'), NULL, 200) WHERE name NOT IN ('Emil') OR pbx_id = test.id('main');
SELECT events FROM health_view(test.id('sudhang'));
SELECT events FROM health_view(test.id('nordwind'));
SELECT count(*) FROM tenant_view(test.id('nowhere'));
SELECT tenant_settings(test.id('nowhere'), 'clear', NULL, NULL, NULL);
SELECT test.legs('anna');

\echo a tenant whose budget row somebody holds: its events are given back
\echo at once, and do not stop the others
\set held `psql -X -q -h :HOST -p :PORT -U :USER -d :DBNAME -c "BEGIN; SELECT pg_advisory_xact_lock(presence.tenant_key(md5('sudhang')::uuid)); SELECT pg_sleep(2)" >/dev/null 2>&1 & sleep 0.7`
SELECT test.apply(test.event('call.ended', '1001', 'c1', pbx => 'south', tenant => 'sudhang'),
    test.event('call.ended', '1002', 'c2'));
SELECT DISTINCT outcome FROM record(jsonb_build_array(jsonb_build_object('t', test.id('sudhang'),
    'u', test.id('emil'), 'c', 1, 'r', 'ok')));
SELECT outcome FROM apply_restart(test.id('sudhang'), test.id('south'), NULL, NULL, NULL);
