/* presencectl doctor: the database, its roles, and each tenant in it. */
#include "app/doctor_parts.h"

#include <string.h>

#include "base/clock.h"
#include "sync/statement.h"

#define TOKENS_MS 60000 /* for all tenants together */

enum { WHO, ROLES };
static const struct statement own_statements[] = {
	/* who asks, who owns, and is one of them a superuser */
	[WHO] = { "who", 0,
	    "SELECT current_user, o.rolname, o.rolsuper, "
	    "(SELECT rolsuper FROM pg_roles WHERE rolname = current_user) "
	    "FROM pg_namespace n JOIN pg_roles o ON o.oid = n.nspowner "
	    "WHERE n.nspname = 'presence'" },
	/* each program's role: is there, may do its work, may touch tables */
	[ROLES] = { "roles", 0,
	    "SELECT e.role, r.oid IS NOT NULL, "
	    "coalesce((SELECT bool_and(has_function_privilege(r.oid, p.oid, "
	    "'EXECUTE')) FROM pg_proc p JOIN pg_namespace n "
	    "ON n.oid = p.pronamespace AND n.nspname = 'presence' "
	    "WHERE p.proname IN (e.does, 'record', 'schema_level')), false), "
	    "coalesce((SELECT bool_or(has_table_privilege(r.oid, c.oid, "
	    "'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')) "
	    "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
	    "AND n.nspname = 'presence' WHERE c.relkind IN ('r', 'p')), false) "
	    "FROM (VALUES ('presence_webhook', 'apply'), "
	    "('presence_tab', 'person_view'), "
	    "('presence_admin', 'tenant_view'), "
	    "('presence_reconciler', 'due_take'), "
	    "('presence_ctl', 'tenant_list')) e (role, does) "
	    "LEFT JOIN pg_roles r ON r.rolname = e.role ORDER BY e.role" },
};

static const char run_migrate[] = "run presencectl migrate as presence_owner";

/* --- the database --------------------------------------------------------- */

static bool
look_at_level(struct doctor *d)
{
	struct ctl *c = d->c;
	struct db *db =
	    db_new(c->s.database_url, "presencectl", statements, ST__MAX);
	struct rows *rows;
	int64_t level = 0, off_s = 0;
	enum err e;

	e = db_call(&c->cx, db, ST_SCHEMA_LEVEL, NULL, &rows);
	if (!e) {
		level = rows_int(rows, 0, 0);
		e = db_call(&c->cx, db, ST_CLOCK_US, NULL, &rows);
	}
	if (!e)
		off_s = rows_int(rows, 0, 0) / 1000000 - clock_real_s();
	if (e)
		doctor_say(d, FOUND_FAIL,
		    db_is_up(db) ? run_migrate
				 : "see that PostgreSQL runs, and that "
				   "PRESENCE_DATABASE_URL "
				   "names its address, database and role",
		    "%s", c->cx.detail);
	else if (level != SCHEMA_LEVEL)
		doctor_say(d, FOUND_FAIL,
		    level < SCHEMA_LEVEL
			? run_migrate
			: "use the programs of the version that migrated it",
		    "database: the schema has level %lld, this version needs "
		    "%d",
		    (long long)level, SCHEMA_LEVEL);
	else
		doctor_say(d, FOUND_OK, NULL,
		    "database: answers, the schema has level %lld",
		    (long long)level);
	if (!e && (off_s > 60 || off_s < -60))
		doctor_say(d, FOUND_WARN, "keep both machines on time by NTP",
		    "database: its clock is %lld s off from ours",
		    (long long)off_s);
	db_free(db);
	fail_forget(&c->cx);
	return !e && level == SCHEMA_LEVEL;
}

static void
look_at_role(struct doctor *d, const struct rows *r, int i)
{
	const char *role = rows_text(r, i, 0);

	if (!rows_bool(r, i, 1) || !rows_bool(r, i, 2))
		doctor_say(d, FOUND_FAIL, run_migrate, "roles: %s %s", role,
		    rows_bool(r, i, 1) ? "may not execute its functions"
				       : "is not there");
	else if (rows_bool(r, i, 3))
		doctor_say(d, FOUND_FAIL,
		    "take its rights on tables away, and "
		    "make sure that it is no superuser and no member of "
		    "presence_owner",
		    "roles: %s may touch tables", role);
}

static void
look_at_roles(struct doctor *d)
{
	struct ctl *c = d->c;
	struct db *db = db_new(c->s.database_url, "presencectl", own_statements,
	    sizeof(own_statements) / sizeof(*own_statements));
	struct rows *who, *roles;
	const int before = d->nfail;
	int i;

	if (db_call(&c->cx, db, WHO, NULL, &who) ||
	    db_call(&c->cx, db, ROLES, NULL, &roles)) {
		doctor_say(d, FOUND_FAIL, NULL, "roles: %s", c->cx.detail);
		fail_forget(&c->cx);
		db_free(db);
		return;
	}
	for (i = 0; i < rows_count(roles); i++)
		look_at_role(d, roles, i);
	if (rows_count(who) == 1 && rows_bool(who, 0, 2))
		doctor_say(d, FOUND_WARN,
		    "make presence_owner the owner of "
		    "schema, tables and functions: REASSIGN OWNED cannot do it "
		    "for a superuser, a fresh database by presence_owner can",
		    "roles: the schema's owner %s is a superuser, and the "
		    "functions act with its rights",
		    rows_text(who, 0, 1));
	if (rows_count(who) == 1 && rows_bool(who, 0, 3))
		doctor_say(d, FOUND_WARN,
		    "name presence_ctl in "
		    "PRESENCE_DATABASE_URL",
		    "roles: we are %s here, a "
		    "superuser",
		    rows_text(who, 0, 0));
	if (d->nfail == before)
		doctor_say(d, FOUND_OK, NULL,
		    "roles: five, each may execute "
		    "its functions and touch no table");
	db_free(db);
}

bool
doctor_database(struct doctor *d)
{
	if (!d->c->s.database_url || !look_at_level(d))
		return false;
	look_at_roles(d);
	return true;
}

/* --- tenants -------------------------------------------------------------- */

static const char *
consent_remedy(const char *problem)
{
	static const struct {
		const char *problem, *remedy;
	} table[] = {
		{ "disabled_by_admin",
		    "an administrator of the tenant enables "
		    "the enterprise application in Entra again" },
		{ "blocked_by_policy",
		    "an administrator of the tenant takes "
		    "the application out of the policy (Conditional Access) "
		    "that blocks it" },
		{ "tenant_not_found",
		    "nothing, if the customer gave up this "
		    "directory; else look at its id" },
	};
	size_t i;

	for (i = 0; problem && i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(table[i].problem, problem) == 0)
			return table[i].remedy;
	return "an administrator of the tenant presses Grant Consent on the "
	       "dashboard";
}

/* One customer's matter is no fault of the installation: a warning. */
static void
look_at_consent(struct doctor *d, const struct rows *r, int i)
{
	const char *id = rows_text(r, i, 0), *consent = rows_text(r, i, 2);
	const char *problem = rows_text(r, i, 3);
	const char *checked = rows_text(r, i, 4);
	const char *credential = rows_text(r, i, 5);

	if (credential)
		doctor_say(d, FOUND_FAIL,
		    "renew the certificate or secret of "
		    "the app registration, and replace its file here",
		    "tenant %s: Microsoft refuses our credential (AADSTS%s)",
		    id, credential);
	if (strcmp(consent, "granted") == 0)
		doctor_say(d, FOUND_OK, NULL,
		    "tenant %s: consent granted, "
		    "checked %s",
		    id, checked ? checked : "never");
	else
		doctor_say(d, FOUND_WARN, consent_remedy(problem),
		    "tenant %s: consent %s%s%s, checked %s", id, consent,
		    problem ? ", " : "", problem ? problem : "",
		    checked ? checked : "never");
}

static void
look_at_token(struct doctor *d, const char *tenant_id)
{
	struct graph_token token;
	struct ctx cx;
	enum err e;

	ctx_init(&cx, NULL);
	e = entra_token(&cx, d->entra, tenant_id, &token);
	if (!e)
		doctor_say(d, FOUND_OK, NULL,
		    "tenant %s: Microsoft gives us a "
		    "token",
		    tenant_id);
	else if (e == ERR_FORBIDDEN)
		doctor_say(d, FOUND_WARN, consent_remedy(NULL),
		    "tenant %s: no token: %s", tenant_id, cx.detail);
	else
		doctor_say(d, FOUND_FAIL,
		    "look at the credential, the client "
		    "id, and whether the login address can be reached",
		    "tenant %s: no token: %s", tenant_id, cx.detail);
	ctx_done(&cx);
}

void
doctor_tenants(struct doctor *d)
{
	const int64_t until_ms = clock_mono_ms() + TOKENS_MS;
	struct ctl *c = d->c;
	struct db *db =
	    db_new(c->s.database_url, "presencectl", statements, ST__MAX);
	struct rows *r;
	enum err e = db_call(&c->cx, db, ST_TENANT_LIST, NULL, &r);
	int i;

	db_free(db);
	if (e) {
		doctor_say(d, FOUND_FAIL,
		    "name presence_ctl in "
		    "PRESENCE_DATABASE_URL",
		    "tenants: %s", c->cx.detail);
		fail_forget(&c->cx);
		return;
	}
	if (rows_count(r) == 0)
		doctor_say(d, FOUND_WARN,
		    "an administrator signs in to the "
		    "dashboard, which makes the tenant known",
		    "tenants: there is none yet");
	for (i = 0; i < rows_count(r); i++) {
		look_at_consent(d, r, i);
		if (!d->entra || strcmp(rows_text(r, i, 2), "none") == 0)
			continue;
		if (clock_mono_ms() < until_ms)
			look_at_token(d, rows_text(r, i, 0));
	}
	if (d->entra && clock_mono_ms() >= until_ms)
		doctor_say(d, FOUND_WARN, NULL,
		    "tenants: there was no time to "
		    "ask Microsoft about all of them");
}
