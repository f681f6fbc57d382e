/* presencectl's housekeeping: tenants, PBXs, links, switches, consent. */
#include <stdio.h>
#include <string.h>

#include "app/ctl.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"
#include "pbx/platform.h"
#include "sync/entra.h"
#include "sync/publisher.h"
#include "sync/statement.h"

#define PUBLISH_MS 16000 /* one call of Graph and its record */
#define DRAIN_MS 2000
#define PATIENCE_MS 10000 /* an operator can stand in a longer line */

static struct db *
connect_db(const struct ctl *c)
{
	struct db *db = db_new(c->s.database_url, "presencectl", statements,
	    ST__MAX);

	db_timeout_ms(db, PATIENCE_MS, PATIENCE_MS - 1000);
	return db;
}

/* One call whose rows nobody needs. */
static int
tell(struct ctl *c, int which, const char *const *args)
{
	struct db *db = connect_db(c);
	struct rows *rows;
	enum err e = db_call(&c->cx, db, which, args, &rows);

	db_free(db);
	return e ? ctl_die("%s", c->cx.detail) : 0;
}

/* Calls Graph for the jobs, if there are any. False: not settled in time. */
static bool
publish(struct ctl *c, const struct job *jobs, int n)
{
	struct publisher_options o = {
		.settings = &c->s, .program = "presencectl", .max_in_flight = n
	};
	struct publisher *p;
	struct entra *entra;
	bool settled;

	if (n == 0)
		return true;
	if (!c->s.client_id ||
	    (!c->s.client_cert.len && !c->s.client_secret.len)) {
		fail(&c->cx, ERR_INPUT,
		    "without the settings for Microsoft "
		    "the reconciler has to carry it, within half a minute");
		return false;
	}
	if (entra_new(&c->cx, &c->s, &entra))
		return false;
	o.entra = entra;
	p = publisher_start(&o);
	settled = publisher_run(p, jobs, n, PUBLISH_MS);
	publisher_stop(p, DRAIN_MS);
	entra_free(entra);
	return settled;
}

/* A call that brings jobs, and the jobs. */
static int
change(struct ctl *c, int which, const char *const *args)
{
	struct db *db = connect_db(c);
	const int64_t claimed_ms = clock_mono_ms();
	struct rows *rows;
	struct job *jobs;
	enum err e;
	int n;

	e = db_call(&c->cx, db, which, args, &rows);
	db_free(db);
	if (e)
		return ctl_die("%s", c->cx.detail);
	n = jobs_from_rows(&c->cx, rows, claimed_ms, &jobs);
	if (!publish(c, jobs, n))
		fprintf(stderr,
		    "presencectl: stored, but Teams is not told "
		    "yet%s%s\n",
		    c->cx.detail[0] ? ": " : "", c->cx.detail);
	return 0;
}

int
ctl_tenant_add(struct ctl *c)
{
	const char *id = ctl_uuid(c, 0, "TENANT_ID");

	if (!id)
		return CTL_USAGE;
	if (c->s.ntenants && !settings_tenant_allowed(&c->s, id))
		fputs("presencectl: warning: PRESENCE_TENANTS does not let "
		      "this tenant in\n",
		    stderr);
	return tell(c, ST_TENANT_ENSURE,
	    (const char *[]){ id, c->argv[1],
		arena_printf(&c->cx.arena, "%d", c->s.lease_s) });
}

static const char *
or_dash(const char *s)
{
	return s && *s ? s : "-";
}

int
ctl_tenant_list(struct ctl *c)
{
	struct db *db = connect_db(c);
	struct rows *r;
	enum err e = db_call(&c->cx, db, ST_TENANT_LIST, NULL, &r);
	int i;

	db_free(db);
	if (e)
		return ctl_die("%s", c->cx.detail);
	printf("%-36s  %-8s  %-20s  %-24s  %6s  %4s  %s\n", "TENANT_ID",
	    "CONSENT", "PROBLEM", "CHECKED", "PEOPLE", "PBXS", "NAME");
	for (i = 0; i < rows_count(r); i++)
		printf("%s  %-8s  %-20s  %-24s  %6s  %4s  %s\n",
		    rows_text(r, i, 0), rows_text(r, i, 2),
		    rows_text(r, i, 5) ? "credential"
				       : or_dash(rows_text(r, i, 3)),
		    or_dash(rows_text(r, i, 4)), rows_text(r, i, 6),
		    rows_text(r, i, 7), or_dash(rows_text(r, i, 1)));
	return 0;
}

static void
print_address(
    struct ctl *c, const char *id, enum pbx_auth auth, const char *secret)
{
	struct buf b;

	buf_init(&b, &c->cx.arena, 4096);
	buf_printf(
	    &b, "id=%s\nwebhook_url=%s/webhook/%s", id, c->s.public_url, id);
	if (auth == AUTH_PATH) {
		buf_text(&b, "/");
		buf_urlencode(&b, secret);
	}
	printf("%s\nsecret=%s\n", buf_str(&b), secret);
}

int
ctl_pbx_add(struct ctl *c)
{
	const char *platform_name = "generic", *auth_name = NULL, *tenant_id;
	const struct platform *platform;
	struct seal_keys *keys;
	char id[37], max_call_s[16];
	enum pbx_auth auth;
	char *secret, *aad;
	int code;

	if (!ctl_options(c,
		(struct ctl_option[]){ { "--platform", &platform_name },
		    { "--auth", &auth_name } },
		2) ||
	    !(tenant_id = ctl_uuid(c, 0, "TENANT_ID")))
		return CTL_USAGE;
	platform = platform_find(platform_name);
	if (!platform)
		return ctl_die("there is no platform %s", platform_name);
	auth = platform->auth;
	if (auth_name &&
	    (!pbx_auth_parse(auth_name, &auth) ||
		!(auth == AUTH_PATH ? platform->auth_path
				    : platform->auth_signature)))
		return ctl_die(
		    "%s cannot prove itself by %s", platform->name, auth_name);
	if (seal_keys_parse(&c->cx, &c->s.seal_key, &keys))
		return ctl_die("PRESENCE_SEAL_KEY_FILE: %s", c->cx.detail);
	text_uuid_random(id);
	secret = auth == AUTH_PATH ? path_secret_new(&c->cx)
				   : platform->secret_new(&c->cx);
	aad = arena_printf(&c->cx.arena, "pbx-secret/%s/%s", tenant_id, id);
	snprintf(max_call_s, sizeof(max_call_s), "%d", c->s.max_call_s);
	code = tell(c, ST_PBX_NEW,
	    (const char *[]){ tenant_id, id, c->argv[1], platform->name,
		pbx_auth_name(auth),
		seal(&c->cx, keys, aad, secret, strlen(secret)), max_call_s,
		NULL, NULL });
	seal_keys_free(keys);
	if (code == 0)
		print_address(c, id, auth, secret);
	return code;
}

int
ctl_link(struct ctl *c)
{
	const char *tenant_id, *pbx_id, *user_id, *name = NULL, *upn = NULL;

	if (!ctl_options(c,
		(struct ctl_option[]){ { "--name", &name }, { "--upn", &upn } },
		2) ||
	    !(tenant_id = ctl_uuid(c, 0, "TENANT_ID")) ||
	    !(pbx_id = ctl_uuid(c, 1, "PBX_ID")) ||
	    !(user_id = ctl_uuid(c, 3, "OBJECT_ID")))
		return CTL_USAGE;
	return change(c, ST_LINK_ONE,
	    (const char *[]){
		tenant_id, pbx_id, c->argv[2], user_id, name, upn });
}

int
ctl_monitoring(struct ctl *c)
{
	const char *tenant_id = ctl_uuid(c, 0, "TENANT_ID");
	const char *user_id = tenant_id ? ctl_uuid(c, 1, "OBJECT_ID") : NULL;

	if (!user_id ||
	    (strcmp(c->argv[2], "on") != 0 && strcmp(c->argv[2], "off") != 0))
		return CTL_USAGE;
	return change(c, ST_MONITORING_SET,
	    (const char *[]){ tenant_id, user_id, NULL, NULL, c->argv[2] });
}

int
ctl_consent_check(struct ctl *c)
{
	const char *tenant_id = ctl_uuid(c, 0, "TENANT_ID");
	const char *consent, *problem;
	struct db *db;
	struct rows *rows;
	enum err e;
	int code;

	if (!tenant_id)
		return CTL_USAGE;
	code = change(c, ST_CONSENT_PROBE, (const char *[]){ tenant_id });
	if (code)
		return code;
	db = connect_db(c);
	e = db_call(&c->cx, db, ST_TENANT_CONSENT,
	    (const char *[]){ tenant_id }, &rows);
	db_free(db);
	if (e || rows_count(rows) != 1)
		return ctl_die("%s", e ? c->cx.detail : "no such tenant");
	consent = rows_text(rows, 0, 0);
	problem = rows_text(rows, 0, 1);
	printf("consent: %s%s%s\n", consent, problem ? ", " : "",
	    problem ? problem : "");
	if (strcmp(consent, "granted") == 0)
		return 0;
	return ctl_die("an administrator of the tenant has to press Grant "
		       "Consent on the dashboard");
}
