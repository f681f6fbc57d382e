-- What the dashboard asks: the tenant, sign-in, people, activity, health.
\ir lib.psql
\echo a tenant comes into being, and gets its name
SELECT tenant_ensure(test.id('nordwind'), NULL, 600);
SELECT length(name) FROM tenant_list();
SELECT tenant_ensure(test.id('nordwind'), 'Nordwind Trading', 900);
SELECT tenant_ensure(test.id('nordwind'), '', 900);
SELECT name, consent, people, pbxs FROM tenant_list();
\echo action items: pbx, extensions, teams_app, consent, credential
SELECT item_pbx, item_extensions, item_teams_app, item_consent, item_credential FROM tenant_view(test.id('nordwind'));
SELECT app_package_taken(test.id('nordwind'));
SELECT test.nordwind();
SELECT item_pbx, item_extensions, item_teams_app, item_consent, item_credential FROM tenant_view(test.id('nordwind'));
SELECT test.ev('phone.off_hook', '1001'), test.graph('anna', 'not_found');
SELECT item_extensions FROM tenant_view(test.id('nordwind'));
SELECT consent, granted_by_name, granted_at IS NOT NULL, checked_at IS NOT NULL, after_call, ringing_is_busy, lease_s
FROM tenant_view(test.id('nordwind'));
SELECT tenant_settings(test.id('nordwind'), 'nothing', NULL, NULL, NULL);
SELECT tenant_settings(test.id('nordwind'), NULL, NULL, 299, NULL);
SELECT tenant_settings(test.id('nordwind'), 'clear', true, 14400, NULL);
SELECT after_call, ringing_is_busy, lease_s FROM tenant_view(test.id('nordwind'));

\echo a sign-in: one-time, from the same browser, for 10 minutes
SELECT oauth_begin('0a', 'b1', 'sign_in', 'nonce', 'verifier', '/admin/', NULL);
SELECT oauth_take('0a', 'b2', 'sign_in');
SELECT oauth_take('0a', 'b1', 'consent');
SELECT nonce, verifier, next, tenant_id FROM oauth_take('0a', 'b1', 'sign_in');
SELECT oauth_take('0a', 'b1', 'sign_in');
SELECT oauth_begin('0b', 'b1', 'consent', NULL, NULL, '/', test.id('nordwind'));
SELECT test.pass(601);
SELECT oauth_take('0b', 'b1', 'consent');
SELECT oauth_begin('0c', 'b1', 'consent', NULL, NULL, '/', test.id('nordwind'));
SELECT count(*) FROM oauth_state;
INSERT INTO oauth_state SELECT int4send(i), '\x', 'sign_in', NULL, NULL, NULL, NULL, now()
FROM generate_series(1, 100000) i;
SELECT oauth_begin('0d', 'b1', 'sign_in', NULL, NULL, '/', NULL);
TRUNCATE oauth_state;

\echo a browser session: 1 hour idle, 8 hours at most
SELECT session_new('aa', test.id('nordwind'), test.id('admin'), 'Admin', '{role-1}', 'csrf');
SELECT tenant_id = test.id('nordwind'), name, roles, csrf, consent FROM session_find('aa');
SELECT count(*) FROM session_find('ab');
SELECT test.pass(30);
SELECT count(*) FROM session_find('aa');
SELECT seen_at < clock_timestamp() - interval '25 s' FROM browser_session;
SELECT test.pass(3500);
SELECT count(*) FROM session_find('aa');
SELECT test.pass(3590);
SELECT count(*) FROM session_find('aa');
SELECT test.pass(3601);
SELECT count(*) FROM session_find('aa');
SELECT session_new('ac', test.id('nordwind'), test.id('admin'), 'Admin', '{}', 'csrf');
CREATE FUNCTION test.visits() RETURNS int LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. 100 LOOP
        PERFORM test.pass(3500);
        PERFORM FROM session_find('ac');
        IF NOT FOUND THEN
            RETURN i;
        END IF;
    END LOOP;
END $$;
SELECT test.visits() = ceil(8 * 3600 / 3500.0);
SELECT session_new('ad', test.id('nordwind'), test.id('admin'), 'Admin', '{}', 'csrf');
SELECT session_end('ad');
SELECT count(*) FROM session_find('ad');
SELECT count(*) FROM (SELECT session_new(md5(i::text), test.id('nordwind'), test.id('admin'), 'Admin', '{}', 'csrf')
    FROM generate_series(1, 30) i) x;
SELECT count(*) FROM browser_session;

\echo people by name, page by page, and by what one looks for
SELECT name, upn, jsonb_array_length(extensions), monitoring, availability, activity, problem, reason
FROM people_list(test.id('nordwind'), NULL, NULL, 200);
SELECT name FROM people_list(test.id('nordwind'), NULL, '', 2);
SELECT name FROM people_list(test.id('nordwind'), test.id('bert')::text, NULL, 2);
SELECT name FROM people_list(test.id('nordwind'), test.id('carla')::text, NULL, 2);
SELECT name FROM people_list(test.id('nordwind'), 'no such cursor', NULL, 0);
SELECT name FROM people_list(test.id('nordwind'), NULL, 'ERT@', 200);
SELECT name FROM people_list(test.id('nordwind'), NULL, '1003', 200);
SELECT name FROM people_list(test.id('nordwind'), NULL, '%', 200);
SELECT name FROM people_list(test.id('nordwind'), NULL, '_', 200);
SELECT name, extensions->0->>'extension' FROM person_one(test.id('nordwind'), test.id('bert'));
SELECT test.ev('phone.off_hook', '1002'), test.graph('bert', 'ok');
SELECT availability, activity, since IS NOT NULL, until - since > interval '3 h', problem, reason
FROM person_one(test.id('nordwind'), test.id('bert'));
SELECT extensions, availability, activity, reason FROM person_view(test.id('nordwind'), test.id('bert'));
\echo the log, newest first
SELECT kind, type, outcome, extension, name, detail FROM activity_list(test.id('nordwind'), NULL, 3);
SELECT kind, type FROM activity_list(test.id('nordwind'), (SELECT min(event_id) + 2 FROM event), 200);
\echo health
SELECT test.ev('phone.off_hook', '1003'), test.graph('carla', 'failed', why => 'graph: http 503');
SELECT events, errors, latency_p50 IS NOT NULL, graph_p50, graph_p99, error_list->0->>'code', error_list->0->>'count'
FROM health_view(test.id('nordwind'));
SELECT test.pass(3600);
SELECT events, errors, latency_p50, graph_p99, error_list FROM health_view(test.id('nordwind'));
SELECT admin_log(test.id('nordwind'), test.id('anna'), 'x', 'y', repeat('z', 1000));
SELECT kind, type, outcome, length(detail) FROM activity_list(test.id('nordwind'), NULL, 1);

\echo retention, in small portions
INSERT INTO event (tenant_id, at, kind, type, outcome)
SELECT test.id('nordwind'), now() - interval '91 days', 'event', 'x', 'x' FROM generate_series(1, 1500);
SELECT retention_sweep(90) FROM generate_series(1, 3);
SELECT count(*) FROM oauth_state;
