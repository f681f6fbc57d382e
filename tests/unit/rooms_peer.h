/*
 * Far ends for the tests of the rooms: a database that answers from the test's
 * script. Each test includes it whole, before the rooms' own files, whose
 * calls it takes over by name.
 */
#ifndef UNIT_ROOMS_PEER_H
#define UNIT_ROOMS_PEER_H

#include <json-c/json.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#undef fail /* cmocka's; ours remembers why */

#include "base/clock.h"
#include "base/db.h"
#include "base/http.h"
#include "sync/statement.h"

#define FAKE_ROWS 160

struct fake_rows {
	int n;
	char text[FAKE_ROWS][9][48]; /* "" is NULL */
};

/* The test's: what the database says to this call. */
static enum err script(int which, const char *const *args,
    struct fake_rows *ret);

static pthread_mutex_t script_lock = PTHREAD_MUTEX_INITIALIZER;
static bool fake_up = true;

static inline struct db *
fake_db_new(const char *url, const char *program,
    const struct statement *list, int n)
{
	(void)url;
	(void)program;
	(void)list;
	(void)n;
	return NULL;
}

static inline void
fake_db_free(struct db *db)
{
	assert_null(db);
}

static inline bool
fake_db_is_up(const struct db *db)
{
	(void)db;
	return fake_up;
}

static inline enum err
fake_db_call(struct ctx *cx, struct db *db, int which,
    const char *const *args, struct rows **ret_rows)
{
	struct fake_rows *rows = arena_alloc(&cx->arena, sizeof(*rows));
	enum err e;

	(void)db;
	pthread_mutex_lock(&script_lock);
	e = script(which, args, rows);
	pthread_mutex_unlock(&script_lock);
	if (e)
		return fail(cx, e, "the script says so");
	if (ret_rows)
		*ret_rows = (struct rows *)rows;
	return ERR_OK;
}

static inline int
fake_rows_count(const struct rows *r)
{
	return ((const struct fake_rows *)r)->n;
}

static inline const char *
fake_rows_text(const struct rows *r, int row, int col)
{
	const char *s = ((const struct fake_rows *)r)->text[row][col];

	return *s ? s : NULL;
}

static inline int64_t
fake_rows_int(const struct rows *r, int row, int col)
{
	const char *s = fake_rows_text(r, row, col);

	return s ? strtoll(s, NULL, 10) : 0;
}

/* Adds a row; a number below 0 is NULL. */
static inline void
row(struct fake_rows *r, const char *kind, int i, const char *outcome,
    const char *tenant, const char *user, const char *goal, int goal_no,
    int claim_no)
{
	char (*t)[48] = r->text[r->n++];

	snprintf(t[ROW_KIND], 48, "%s", kind);
	if (i >= 0)
		snprintf(t[ROW_I], 48, "%d", i);
	snprintf(t[ROW_OUTCOME], 48, "%s", outcome);
	snprintf(t[ROW_TENANT_ID], 48, "%.47s", tenant);
	snprintf(t[ROW_USER_ID], 48, "%.47s", user);
	snprintf(t[ROW_GOAL], 48, "%s", goal);
	if (goal_no >= 0)
		snprintf(t[ROW_GOAL_NO], 48, "%d", goal_no);
	if (claim_no >= 0)
		snprintf(t[ROW_CLAIM_NO], 48, "%d", claim_no);
	snprintf(t[ROW_EXPIRES_S], 48, "900");
}

#define db_new fake_db_new
#define db_free fake_db_free
#define db_is_up fake_db_is_up
#define db_call fake_db_call
#define rows_count fake_rows_count
#define rows_text fake_rows_text
#define rows_int fake_rows_int

#endif
