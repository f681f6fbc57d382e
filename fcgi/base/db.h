/*
 * PostgreSQL: the only file that speaks libpq. Each connection belongs to one
 * thread; statements are prepared and called by number.
 */
#ifndef BASE_DB_H
#define BASE_DB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/ctx.h"

struct statement {
	const char *name;
	int nargs;
	const char *text;
};

struct db;
struct rows; /* of one answer; lives as long as the cx it was asked with */

/*
 * Makes a handle, does not connect. The list of statements is borrowed for
 * life; entries with text NULL are skipped (not this program's).
 * url is a libpq connection string or URI; statement_timeout 2 s, lock_timeout
 * 0.5 s, application_name = app_name, UTF-8, time zone UTC and ISO dates are
 * set by us. Several hosts: libpq tries them in order; one that says nothing
 * uses up the 2 s of connecting, and the next attempt starts behind it.
 */
struct db *db_new(const char *url, const char *app_name,
    const struct statement *list, int n);
void db_free(struct db *db);
/* For imports, migrations and operators: 0 = the default. Takes
 * effect at once when connected. */
void db_timeout_ms(struct db *db, int statement_ms, int lock_ms);

/*
 * Calls statement `which`. args are texts, NULL is NULL. Connects when there
 * is no connection (waiting at most 2 s, and after a failure not trying again
 * for 100 ms). The client's own limit is the statement's plus 1 s: a hanging
 * server cannot hold the caller. While it answers nobody of this program, one
 * caller at a time tries to connect, and all others are told at once.
 *   errors  BUSY      no connection, connection lost, class 08 53 57 55P03 40
 *                     (serialisation is repeated once inside), limit passed
 *           INPUT, FORBIDDEN, NOT_FOUND, CONFLICT, LIMIT
 *                     raised by our functions as SQLSTATE PS400, PS403, PS404,
 *                     PS409, PS429: detail is the message; class 23: CONFLICT
 *           INTERNAL  anything else; a statement that the database cannot
 *                     prepare (not migrated): tried anew at each call
 * Arguments are never logged.
 */
enum err db_call(struct ctx *cx, struct db *db, int which,
    const char *const *args, struct rows **ret_rows)
    __attribute__((warn_unused_result));

/* A whole script in one transaction (migrations only); for an error the detail
 * has the server's message. */
enum err db_script(struct ctx *cx, struct db *db, const char *text)
    __attribute__((warn_unused_result));

/* True when the last call found a server. */
bool db_is_up(const struct db *db);

int rows_count(const struct rows *r);
int rows_columns(const struct rows *r);
const char *rows_text(const struct rows *r, int row, int col); /* NULL = NULL */
int64_t rows_int(const struct rows *r, int row, int col);      /* NULL = 0 */
bool rows_bool(const struct rows *r, int row, int col);        /* NULL = false */

#endif
