/*
 * presencectl migrate: tables that are not there yet, then all functions and
 * roles anew. Each file is one transaction; running it again does no harm.
 */
#include <stdio.h>
#include <string.h>

#include "app/ctl.h"
#include "base/buf.h"
#include "sync/statement.h"

/* Whoever migrates the same database at the same time waits. The number is
 * ours alone: "pres" in ASCII. */
static const char begin[] =
    "SELECT pg_advisory_lock(1886545267);\n"
    "SET search_path = presence, pg_temp;\n"
    "DO $$ BEGIN\n"
    "IF to_regnamespace('presence') IS NULL THEN\n"
    "CREATE SCHEMA presence;\n"
    "END IF; END $$;\n"
    "CREATE TABLE IF NOT EXISTS presence.migration (\n"
    "name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now());\n";

#define STATEMENT_MS (10 * 60 * 1000)
#define LOCK_MS (60 * 1000)

enum { APPLIED, SUPERUSER };
static const struct statement own_statements[] = {
	[APPLIED] = { "applied", 0,
	    "SELECT name FROM presence.migration ORDER BY name" },
	[SUPERUSER] = { "superuser", 0,
	    "SELECT rolsuper FROM pg_roles WHERE rolname = current_user" },
};

static bool
is_table_file(const struct sql_file *f)
{
	return f->name[0] >= '0' && f->name[0] <= '9';
}

static bool
is_in(const struct rows *applied, const char *name)
{
	int i;

	for (i = 0; i < rows_count(applied); i++)
		if (strcmp(rows_text(applied, i, 0), name) == 0)
			return true;
	return false;
}

/* NULL: this build knows all that the database has. */
static const char *
unknown_migration(const struct rows *applied)
{
	const struct sql_file *f;
	int i;

	for (i = 0; i < rows_count(applied); i++) {
		for (f = sql_files; f->name; f++)
			if (strcmp(f->name, rows_text(applied, i, 0)) == 0)
				break;
		if (!f->name)
			return rows_text(applied, i, 0);
	}
	return NULL;
}

/* One file, one transaction, with its name when it is done only once. */
static enum err
apply_file(struct ctl *c, struct db *db, const struct sql_file *f)
{
	struct buf b;

	buf_init(&b, &c->cx.arena, (size_t)4 << 20);
	buf_printf(&b, "BEGIN;\n%s\n", f->text);
	if (is_table_file(f))
		buf_printf(&b,
		    "INSERT INTO presence.migration (name) "
		    "VALUES ('%s');\n",
		    f->name);
	buf_text(&b, "COMMIT;\n");
	if (b.overflow)
		return fail(&c->cx, ERR_INTERNAL, "the file is too long");
	return db_script(&c->cx, db, buf_str(&b));
}

static int
migrate(struct ctl *c, struct db *scripts, struct db *questions)
{
	const struct sql_file *f;
	const char *unknown;
	struct rows *applied, *rows;
	int functions = 0;

	if (db_script(&c->cx, scripts, begin) ||
	    db_call(&c->cx, questions, APPLIED, NULL, &applied) ||
	    db_call(&c->cx, questions, SUPERUSER, NULL, &rows))
		return ctl_die("%s", c->cx.detail);
	unknown = unknown_migration(applied);
	if (unknown)
		return ctl_die(
		    "the database has the migration %s, which this "
		    "presencectl does not know: it belongs to a newer version. "
		    "Use the presencectl of that version",
		    unknown);
	if (rows_count(rows) == 1 && rows_bool(rows, 0, 0))
		fputs(
		    "presencectl: warning: this role is a superuser, and "
		    "the functions act with its rights; presence_owner should "
		    "own the schema\n",
		    stderr);
	for (f = sql_files; f->name; f++) {
		if (is_table_file(f) && is_in(applied, f->name))
			continue;
		if (apply_file(c, scripts, f))
			return ctl_die("%s: %s", f->name, c->cx.detail);
		if (is_table_file(f))
			printf("applied %s\n", f->name);
		else
			functions++;
	}
	printf("renewed %d files of functions and roles\n"
	       "the schema has level %d\n",
	    functions, SCHEMA_LEVEL);
	return 0;
}

int
ctl_migrate(struct ctl *c)
{
	struct db *scripts, *questions;
	int code;

	/* The first holds the lock; the second can only ask once there is
	 * something to ask. */
	scripts = db_new(c->s.database_url, "presencectl", NULL, 0);
	questions = db_new(c->s.database_url, "presencectl", own_statements,
	    sizeof(own_statements) / sizeof(own_statements[0]));
	db_timeout_ms(scripts, STATEMENT_MS, LOCK_MS);
	code = migrate(c, scripts, questions);
	db_free(scripts);
	db_free(questions);
	return code;
}
