-- Who may execute what. A role a program; none has a right on a table.
-- Re-runnable; needs CREATEROLE only while a role is missing.

DO $$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY '{presence_owner,presence_webhook,presence_tab,presence_admin,
        presence_reconciler,presence_ctl}'::text[]
    LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
            EXECUTE format('CREATE ROLE %I LOGIN', role);
        END IF;
    END LOOP;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE EXCEPTION 'role % is missing and may not be created by %: run as a superuser: CREATE ROLE % LOGIN',
        role, current_user, role;
END $$;

-- PostgreSQL gives EXECUTE on each new function to everybody.
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
REVOKE ALL ON SCHEMA presence FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA presence FROM PUBLIC,
    presence_webhook, presence_tab, presence_admin, presence_reconciler, presence_ctl;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA presence FROM PUBLIC,
    presence_webhook, presence_tab, presence_admin, presence_reconciler, presence_ctl;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA presence FROM PUBLIC,
    presence_webhook, presence_tab, presence_admin, presence_reconciler, presence_ctl;

GRANT USAGE ON SCHEMA presence TO
    presence_webhook, presence_tab, presence_admin, presence_reconciler, presence_ctl;
GRANT EXECUTE ON FUNCTION presence.schema_level(), presence.clock_us(),
    presence.rfc3339(timestamptz) TO
    presence_webhook, presence_tab, presence_admin, presence_reconciler, presence_ctl;
-- Whoever publishes tells what came of it.
GRANT EXECUTE ON FUNCTION presence.record(jsonb, int),
    presence.probe_record(uuid, bigint, text, int, text) TO
    presence_webhook, presence_tab, presence_admin, presence_reconciler, presence_ctl;

GRANT EXECUTE ON FUNCTION
    presence.apply(jsonb, int),
    presence.apply_restart(uuid, uuid, bigint, bigint, text, int),
    presence.call_over(uuid, uuid, text),
    presence.pbx_door(uuid),
    presence.pbx_refused(uuid, text),
    presence.pbx_unknown(uuid, text),
    presence.capture_add(uuid, uuid, text, text, text, text[], text, boolean, int, text)
TO presence_webhook;

GRANT EXECUTE ON FUNCTION
    presence.person_view(uuid, uuid),
    presence.monitoring_set(uuid, uuid, text, text, boolean),
    presence.person_clear(uuid, uuid, text)
TO presence_tab;

GRANT EXECUTE ON FUNCTION
    presence.tenant_ensure(uuid, text, int),
    presence.tenant_view(uuid),
    presence.tenant_settings(uuid, text, boolean, int, uuid),
    presence.consent_begin(uuid, uuid, text),
    presence.consent_probe(uuid),
    presence.app_package_taken(uuid),
    presence.oauth_begin(text, text, text, text, text, text, uuid),
    presence.oauth_take(text, text, text),
    presence.session_new(text, uuid, uuid, text, text[], text),
    presence.session_find(text),
    presence.session_end(text),
    presence.pbx_new(uuid, uuid, text, text, text, text, int, text[], uuid),
    presence.pbx_list(uuid),
    presence.pbx_get(uuid, uuid),
    presence.pbx_change(uuid, uuid, text, int, text[], uuid),
    presence.pbx_secret(uuid, uuid, text, uuid),
    presence.pbx_delete(uuid, uuid, uuid),
    presence.pbx_api_set(uuid, uuid, text, text, text, uuid),
    presence.pbx_api_get(uuid, uuid),
    presence.pbx_api_delete(uuid, uuid, uuid),
    presence.capture_start(uuid, uuid, text, uuid),
    presence.capture_delete(uuid, uuid, uuid),
    presence.capture_state(uuid, uuid),
    presence.capture_rows(uuid, uuid, int),
    presence.extension_list(uuid, uuid, text, int),
    presence.extension_import(uuid, uuid, jsonb, boolean, uuid),
    presence.extension_delete(uuid, uuid, text, uuid),
    presence.person_clear(uuid, uuid, text),
    presence.people_list(uuid, text, text, int),
    presence.person_one(uuid, uuid),
    presence.activity_list(uuid, bigint, int),
    presence.health_view(uuid),
    presence.admin_log(uuid, uuid, text, text, text)
TO presence_admin;

GRANT EXECUTE ON FUNCTION
    presence.due_take(int),
    presence.pbx_api_take(),
    presence.pbx_api_done(uuid, uuid, bigint, text, text, int),
    presence.pbx_told(uuid, uuid, text, jsonb, bigint),
    presence.clock_jumped(),
    presence.retention_sweep(int)
TO presence_reconciler;

GRANT EXECUTE ON FUNCTION
    presence.tenant_ensure(uuid, text, int),
    presence.tenant_list(),
    presence.tenant_view(uuid),
    presence.consent_begin(uuid, uuid, text),
    presence.consent_probe(uuid),
    presence.pbx_new(uuid, uuid, text, text, text, text, int, text[], uuid),
    presence.pbx_list(uuid),
    presence.link_one(uuid, uuid, text, uuid, text, text),
    presence.monitoring_set(uuid, uuid, text, text, boolean),
    presence.due_take(int)
TO presence_ctl;
