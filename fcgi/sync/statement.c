/* Every SQL text of the programs, by name. */
#include "sync/statement.h"

/* What the rooms read: see jobs_from_rows. */
#define JOB_ROWS                                                           \
	"SELECT kind, i, outcome, tenant_id, user_id, goal, goal_no, "     \
	"claim_no, expires_s FROM "
/* The same columns of a function that returns presence.job. */
#define JOBS                                                               \
	"SELECT kind, NULL, NULL, tenant_id, user_id, goal, goal_no, claim_no, expires_s FROM "
#define TEXTS(json)                                                        \
	"CASE WHEN " json "::jsonb IS NOT NULL THEN "                      \
	"ARRAY(SELECT jsonb_array_elements_text(" json "::jsonb)) END"

#define PBX_JSON(url)                                                      \
	"json_build_object('id', p.pbx_id, 'name', p.name, "               \
	"'platform', p.platform, 'auth', p.auth, "                         \
	"'max_call_s', p.max_call_s, 'allow', p.allow, "                   \
	"'webhook_url', " url " || '/webhook/' || p.pbx_id, "              \
	"'created_at', presence.rfc3339(p.created_at), "                   \
	"'last_event_at', presence.rfc3339(p.last_event_at), "             \
	"'extensions', p.extensions, 'problem', p.problem, "               \
	"'secret_expires_at', presence.rfc3339(p.secret_expires_at))"
#define PERSON_JSON                                                        \
	"json_build_object('oid', p.user_id, 'name', p.name, "             \
	"'upn', p.upn, 'extensions', p.extensions, "                       \
	"'monitoring', p.monitoring, "                                     \
	"'published', CASE WHEN p.availability IS NOT NULL THEN "          \
	"json_build_object('availability', p.availability, "               \
	"'activity', p.activity) END, "                                    \
	"'since', presence.rfc3339(p.since), "                             \
	"'until', presence.rfc3339(p.until), "                             \
	"'problem', p.problem, 'reason', p.reason)"
/* A page of `item`s in the order that the function gives; next is the last
 * one's cursor when the page is full. */
#define PAGE(item, cursor, most, function)                                 \
	"SELECT json_build_object('items', "                               \
	"coalesce(json_agg(" item " ORDER BY p.nr), '[]'), 'next', "       \
	"CASE WHEN count(*) >= " most "::int THEN "                        \
	"(array_agg(" cursor " ORDER BY p.nr DESC))[1]::text END) FROM "   \
	"(SELECT f.*, row_number() OVER () AS nr FROM presence."           \
	function " f) p"

const struct statement statements[ST__MAX] = {
	[ST_SCHEMA_LEVEL] = { "schema_level", 0,
	    "SELECT presence.schema_level()" },

	[ST_APPLY] = { "apply", 2, JOB_ROWS "presence.apply($1::jsonb, $2)" },
	[ST_APPLY_RESTART] = { "apply_restart", 6,
	    JOB_ROWS "presence.apply_restart($1, $2, $3, $4, $5, $6)" },
	[ST_CALL_OVER] = { "call_over", 3,
	    "SELECT presence.call_over($1, $2, $3)" },
	[ST_PBX_DOOR] = { "pbx_door", 1,
	    "SELECT tenant_id, platform, auth, secret, old_secret, "
	    "array_to_json(allow), capture_key FROM presence.pbx_door($1)" },
	[ST_PBX_REFUSED] = { "pbx_refused", 2,
	    "SELECT presence.pbx_refused($1, $2)" },
	[ST_PBX_UNKNOWN] = { "pbx_unknown", 2,
	    "SELECT presence.pbx_unknown($1, $2)" },
	[ST_CAPTURE_ADD] = { "capture_add", 10,
	    "SELECT presence.capture_add($1, $2, $3, $4, $5, " TEXTS("$6")
	    ", $7, $8, $9, $10)" },
	[ST_RECORD] = { "record", 2, JOB_ROWS "presence.record($1::jsonb, $2)" },
	[ST_PROBE_RECORD] = { "probe_record", 5,
	    "SELECT consent, problem "
	    "FROM presence.probe_record($1, $2, $3, $4, $5)" },
	[ST_DUE_TAKE] = { "due_take", 1, JOB_ROWS "presence.due_take($1)" },
	[ST_PBX_API_TAKE] = { "pbx_api_take", 0,
	    "SELECT tenant_id, pbx_id, url, domain, credentials, secret, "
	    "by_path, claim_no, subscribe, array_to_json(asked), asked_us "
	    "FROM presence.pbx_api_take()" },
	[ST_PBX_API_DONE] = { "pbx_api_done", 6,
	    "SELECT presence.pbx_api_done($1, $2, $3, $4, $5, $6)" },
	[ST_PBX_TOLD] = { "pbx_told", 5,
	    JOBS "presence.pbx_told($1, $2, $3, $4::jsonb, $5)" },
	[ST_CLOCK_US] = { "clock_us", 0, "SELECT presence.clock_us()" },
	[ST_CLOCK_JUMPED] = { "clock_jumped", 0,
	    "SELECT presence.clock_jumped()" },
	[ST_RETENTION_SWEEP] = { "retention_sweep", 1,
	    "SELECT presence.retention_sweep($1)" },

	[ST_PERSON_VIEW] = { "person_view", 2,
	    "SELECT json_build_object('monitoring', monitoring, "
	    "'consent', consent, 'extensions', extensions, 'presence', "
	    "json_build_object('availability', availability, "
	    "'activity', activity, 'since', presence.rfc3339(since), "
	    "'until', presence.rfc3339(until), 'reason', reason, "
	    "'problem', problem), 'soft_keys', '[]'::json) "
	    "FROM presence.person_view($1, $2)" },
	[ST_MONITORING_SET] = { "monitoring_set", 5,
	    JOBS "presence.monitoring_set($1, $2, $3, $4, $5)" },
	[ST_PERSON_CLEAR] = { "person_clear", 3,
	    JOBS "presence.person_clear($1, $2, $3)" },

	[ST_OAUTH_BEGIN] = { "oauth_begin", 7,
	    "SELECT presence.oauth_begin($1, $2, $3, $4, $5, $6, $7)" },
	[ST_OAUTH_TAKE] = { "oauth_take", 3,
	    "SELECT nonce, verifier, next, tenant_id "
	    "FROM presence.oauth_take($1, $2, $3)" },
	[ST_SESSION_NEW] = { "session_new", 6,
	    "SELECT presence.session_new($1, $2, $3, $4, "
	    TEXTS("$5") ", $6)" },
	[ST_SESSION_FIND] = { "session_find", 1,
	    "SELECT tenant_id, user_id, name, array_to_json(roles), csrf "
	    "FROM presence.session_find($1)" },
	[ST_SESSION_END] = { "session_end", 1,
	    "SELECT presence.session_end($1)" },
	[ST_CONSENT_BEGIN] = { "consent_begin", 3,
	    JOBS "presence.consent_begin($1, $2, $3)" },
	[ST_CONSENT_PROBE] = { "consent_probe", 1,
	    JOBS "presence.consent_probe($1)" },

	[ST_TENANT_ENSURE] = { "tenant_ensure", 3,
	    "SELECT presence.tenant_ensure($1, $2, $3)" },
	[ST_TENANT_VIEW] = { "tenant_view", 2,
	    "SELECT json_build_object('consent', json_build_object("
	    "'state', consent, 'granted_at', presence.rfc3339(granted_at), "
	    "'granted_by', granted_by_name, "
	    "'checked_at', presence.rfc3339(checked_at), "
	    "'problem', problem), 'action_items', json_build_array("
	    "json_build_object('id', 'consent', 'state', item_consent), "
	    "json_build_object('id', 'pbx', 'state', item_pbx), "
	    "json_build_object('id', 'extensions', 'state', item_extensions), "
	    "json_build_object('id', 'teams_app', 'state', item_teams_app), "
	    "json_build_object('id', 'credential', 'state', CASE "
	    "item_credential WHEN 'done' THEN $2::text ELSE item_credential "
	    "END)), "
	    "'settings', json_build_object('after_call', after_call, "
	    "'ringing_is_busy', ringing_is_busy, 'lease_s', lease_s)) "
	    "FROM presence.tenant_view($1)" },
	[ST_TENANT_CONSENT] = { "tenant_consent", 1,
	    "SELECT consent, problem FROM presence.tenant_view($1)" },
	[ST_TENANT_SETTINGS] = { "tenant_settings", 5,
	    "SELECT presence.tenant_settings($1, $2, $3, $4, $5)" },
	[ST_APP_PACKAGE_TAKEN] = { "app_package_taken", 1,
	    "SELECT presence.app_package_taken($1)" },
	[ST_PBX_NEW] = { "pbx_new", 9,
	    "SELECT presence.pbx_new($1, $2, $3, $4, $5, $6, $7, "
	    TEXTS("$8") ", $9)" },
	[ST_PBX_LIST] = { "pbx_list", 2,
	    "SELECT json_build_object('items', coalesce(json_agg(p.item "
	    "ORDER BY p.nr), '[]'), 'next', NULL) FROM (SELECT "
	    PBX_JSON("$2") " AS item, row_number() OVER () AS nr "
	    "FROM presence.pbx_list($1) p) p" },
	[ST_PBX_GET] = { "pbx_get", 3,
	    "SELECT " PBX_JSON("$3") " FROM presence.pbx_get($1, $2) p" },
	[ST_PBX_FORM] = { "pbx_form", 2,
	    "SELECT platform, auth FROM presence.pbx_get($1, $2)" },
	[ST_PBX_CHANGE] = { "pbx_change", 6,
	    "SELECT presence.pbx_change($1, $2, $3, $4, "
	    TEXTS("$5") ", $6)" },
	[ST_PBX_SECRET] = { "pbx_secret", 4,
	    "SELECT presence.rfc3339(presence.pbx_secret($1, $2, $3, $4))" },
	[ST_PBX_DELETE] = { "pbx_delete", 3,
	    JOBS "presence.pbx_delete($1, $2, $3)" },
	[ST_PBX_API_SET] = { "pbx_api_set", 6,
	    "SELECT presence.pbx_api_set($1, $2, $3, $4, $5, $6)" },
	[ST_PBX_API_GET] = { "pbx_api_get", 2,
	    "SELECT json_build_object('url', p.url, 'domain', p.domain, "
	    "'state', p.state, 'problem', p.problem, "
	    "'checked_at', presence.rfc3339(p.checked_at), "
	    "'until', presence.rfc3339(p.until_at)), p.credentials, p.url, "
	    "p.domain FROM presence.pbx_api_get($1, $2) p" },
	[ST_PBX_API_DELETE] = { "pbx_api_delete", 3,
	    "SELECT presence.pbx_api_delete($1, $2, $3)" },
	[ST_CAPTURE_START] = { "capture_start", 4,
	    "SELECT presence.capture_start($1, $2, $3, $4)" },
	[ST_CAPTURE_DELETE] = { "capture_delete", 3,
	    "SELECT presence.capture_delete($1, $2, $3)" },
	[ST_CAPTURE_VIEW] = { "capture_view", 2,
	    "SELECT json_build_object('recording', (SELECT json_build_object("
	    "'left', s.left_n, 'until', presence.rfc3339(s.until)) "
	    "FROM presence.capture_state($1, $2) s), 'items', "
	    "coalesce(json_agg(json_build_object('no', c.no, "
	    "'at', presence.rfc3339(c.at), 'method', c.method, "
	    "'query', c.query, 'headers', c.headers, 'body', c.body, "
	    "'cut', c.cut, 'status', c.status, 'detail', c.detail) "
	    "ORDER BY c.no), '[]')) "
	    "FROM presence.capture_rows($1, $2, NULL) c" },
	[ST_CAPTURE_ROWS] = { "capture_rows", 3,
	    "SELECT no, presence.rfc3339(at), method, query, "
	    "array_to_json(headers), body, cut, status, detail, platform, auth "
	    "FROM presence.capture_rows($1, $2, $3)" },
	[ST_EXTENSION_LIST] = { "extension_list", 4,
	    PAGE("json_build_object('extension', p.extension, "
	    "'user', p.user_id, 'name', p.name, 'upn', p.upn)",
	    "p.extension", "$4", "extension_list($1, $2, $3, $4)") },
	[ST_EXTENSION_IMPORT] = { "extension_import", 5,
	    "SELECT kind, i, outcome, tenant_id, user_id, goal, goal_no, "
	    "claim_no, expires_s, linked, unlinked "
	    "FROM presence.extension_import($1, $2, $3::jsonb, $4, $5)" },
	[ST_EXTENSION_DELETE] = { "extension_delete", 4,
	    JOBS "presence.extension_delete($1, $2, $3, $4)" },
	[ST_PEOPLE_LIST] = { "people_list", 4,
	    PAGE(PERSON_JSON, "p.cursor", "$4",
	    "people_list($1, $2, $3, $4)") },
	[ST_PERSON_ONE] = { "person_one", 2,
	    "SELECT " PERSON_JSON " FROM presence.person_one($1, $2) p" },
	[ST_ACTIVITY_LIST] = { "activity_list", 3,
	    PAGE("json_build_object('id', p.event_id, "
	    "'at', presence.rfc3339(p.at), 'kind', p.kind, 'type', p.type, "
	    "'outcome', p.outcome, 'extension', p.extension, "
	    "'oid', p.user_id, 'name', p.name, 'pbx_id', p.pbx_id, "
	    "'latency_ms', p.latency_ms, 'detail', p.detail)",
	    "p.event_id", "$3", "activity_list($1, $2, $3)") },
	[ST_HEALTH_VIEW] = { "health_view", 4,
	    "SELECT json_build_object('events', json_build_object("
	    "'count', events, 'errors', errors), 'webhook_ms', "
	    "json_build_object('p50', latency_p50, 'p95', latency_p95, "
	    "'p99', latency_p99), 'graph_ms', json_build_object("
	    "'p50', graph_p50, 'p95', graph_p95, 'p99', graph_p99), "
	    "'credential', json_build_object('kind', $2::text, "
	    "'expires_at', $3::text, 'days_left', $4::int, "
	    "'problem', credential_problem), 'errors', error_list, "
	    "'since', presence.rfc3339(since)) "
	    "FROM presence.health_view($1)" },

	[ST_TENANT_LIST] = { "tenant_list", 0,
	    "SELECT tenant_id, name, consent, consent_problem, "
	    "presence.rfc3339(checked_at), credential_problem, people, pbxs "
	    "FROM presence.tenant_list()" },
	[ST_LINK_ONE] = { "link_one", 6,
	    JOBS "presence.link_one($1, $2, $3, $4, $5, $6)" },
};
