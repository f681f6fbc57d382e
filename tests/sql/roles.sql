-- A program may execute its functions and touch no table.
\ir lib.psql
SELECT test.nordwind();

\echo no role of a program has a right on a table, column or sequence
SELECT count(*) FROM pg_class c, pg_roles r WHERE c.relnamespace = 'presence'::regnamespace
    AND c.relkind IN ('r', 'S') AND r.rolname ~ '^presence_(webhook|tab|admin|reconciler|ctl)$'
    AND CASE c.relkind WHEN 'S' THEN has_sequence_privilege(r.oid, c.oid, 'USAGE, SELECT, UPDATE')
        ELSE has_any_column_privilege(r.oid, c.oid, 'SELECT, INSERT, UPDATE, REFERENCES')
        OR has_table_privilege(r.oid, c.oid, 'DELETE, TRUNCATE, TRIGGER') END;
\echo nothing is left to everybody
SELECT count(*) FROM pg_proc p WHERE p.pronamespace = 'presence'::regnamespace
    AND has_function_privilege('public', p.oid, 'EXECUTE');
SELECT has_schema_privilege('public', 'presence', 'USAGE, CREATE');
SELECT r.rolname FROM pg_roles r WHERE r.rolname ~ '^presence_(webhook|tab|admin|reconciler|ctl)$'
    AND (has_schema_privilege(r.oid, 'presence', 'CREATE') OR r.rolsuper OR r.rolcreaterole OR r.rolcreatedb);
\echo what each may execute
SELECT r.rolname || ': ' || string_agg(p.proname, ' ' ORDER BY p.proname)
FROM pg_proc p, pg_roles r WHERE p.pronamespace = 'presence'::regnamespace
    AND r.rolname ~ '^presence_(webhook|tab|admin|reconciler|ctl)$'
    AND has_function_privilege(r.oid, p.oid, 'EXECUTE') GROUP BY r.rolname ORDER BY r.rolname;
\echo those act with the rights of the owner and a fixed search_path
SELECT p.proname FROM pg_proc p WHERE p.pronamespace = 'presence'::regnamespace
    AND EXISTS (SELECT FROM pg_roles r WHERE r.rolname ~ '^presence_(webhook|tab|admin|reconciler|ctl)$'
        AND has_function_privilege(r.oid, p.oid, 'EXECUTE'))
    AND NOT (p.prosecdef AND p.proconfig @> '{"search_path=presence, pg_temp"}')
ORDER BY 1;

\echo tried out
SET ROLE presence_webhook;
SELECT count(*) FROM presence.pbx_door(md5('main')::uuid);
SELECT kind, outcome FROM presence.apply(jsonb_build_array(jsonb_build_object('i', 0, 't', md5('nordwind')::uuid,
    'p', md5('main')::uuid, 'y', 'call.ringing', 'e', '1001', 'c', 'c1')));
SELECT * FROM presence.pbx;
SELECT presence.tenant_list();
SELECT presence.pbx_list(md5('nordwind')::uuid);
SELECT presence.steps_store(NULL);
CREATE TABLE presence.mine (i int);
\echo a table of the same name in front does not fool the functions
CREATE TEMP TABLE pbx (pbx_id uuid, tenant_id uuid, secret text);
SELECT count(*) FROM presence.pbx_door(md5('main')::uuid);
RESET ROLE;
SET ROLE presence_tab;
SELECT monitoring FROM presence.person_view(md5('nordwind')::uuid, md5('anna')::uuid);
SELECT presence.apply('[]');
SELECT presence.people_list(md5('nordwind')::uuid, NULL, NULL, 1);
SELECT * FROM presence.teams_user;
RESET ROLE;
SET ROLE presence_admin;
SELECT count(*) FROM presence.people_list(md5('nordwind')::uuid, NULL, NULL, 100);
SELECT presence.apply('[]');
SELECT presence.monitoring_set(md5('nordwind')::uuid, md5('anna')::uuid, NULL, NULL, false);
RESET ROLE;
SET ROLE presence_reconciler;
SELECT kind FROM presence.due_take(1);
SELECT presence.session_find('00');
RESET ROLE;
SET ROLE presence_ctl;
SELECT name FROM presence.tenant_list();
SELECT presence.pbx_door(md5('main')::uuid);
