/*
 * PostgreSQL, see db.h. libpq is driven without blocking, so that every wait
 * has a limit of ours by a clock that never steps.
 */
#include "base/db.h"

#include <assert.h>
#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

#define CONNECT_MS 2000
#define PAUSE_MS 100 /* after a failed connect: others need the CPU, too */
#define STATEMENT_MS 2000
#define LOCK_MS 500
#define GRACE_MS 1000 /* the client waits that much longer */
#define LIST_MAX 1024 /* a longer list of hosts is not rotated */

static const char *const list_keys[3] = { "host", "hostaddr", "port" };

/* The server did not answer somebody here. Until it does, one connection at a
 * time tries: a server that hangs would else hold every thread of a program. */
static atomic_bool away, trying;

struct db {
	char *url;
	char *app_name;
	const struct statement *list;
	int n;
	bool *prepared; /* of the connection, one for each statement */
	PGconn *conn;   /* NULL: none */
	bool told;      /* of the connection: a statement is not prepared */
	bool was_prepared; /* all of them, of an earlier connection */
	int64_t pause_until_ms;
	int statement_ms, lock_ms;
	/* A URL may name several hosts, which libpq tries in order. One that
	 * answers nothing at all uses up the time, so the next attempt starts
	 * behind it. */
	char *lists[3]; /* host, hostaddr, port; NULL when not in the URL */
	int nhosts, first_host;
};

struct rows {
	PGresult *result;
};

/* --- the handle ----------------------------------------------------------- */

static void
read_hosts(struct db *db)
{
	PQconninfoOption *all = PQconninfoParse(db->url, NULL), *o;
	int i, n;

	db->nhosts = 1;
	for (o = all; o && o->keyword; o++)
		for (i = 0; i < 3; i++) {
			if (!o->val || strcmp(o->keyword, list_keys[i]) != 0 ||
			    strlen(o->val) > LIST_MAX)
				continue;
			db->lists[i] = heap_strdup(o->val);
			n = text_items(o->val);
			if (n > db->nhosts)
				db->nhosts = n;
		}
	PQconninfoFree(all);
}

struct db *
db_new(const char *url, const char *app_name, const struct statement *list,
    int n)
{
	struct db *db = heap_alloc(sizeof(*db));

	db->url = heap_strdup(url);
	db->app_name = heap_strdup(app_name);
	db->list = list;
	db->n = n;
	db->prepared = heap_alloc((size_t)n + 1);
	db->statement_ms = STATEMENT_MS;
	db->lock_ms = LOCK_MS;
	read_hosts(db);
	return db;
}

static void
disconnect(struct db *db)
{
	if (db->conn)
		PQfinish(db->conn);
	db->conn = NULL;
}

void
db_free(struct db *db)
{
	int i;

	if (!db)
		return;
	disconnect(db);
	heap_free(db->url);
	heap_free(db->app_name);
	heap_free(db->prepared);
	for (i = 0; i < 3; i++)
		heap_free(db->lists[i]);
	heap_free(db);
}

bool
db_is_up(const struct db *db)
{
	return db->conn != NULL;
}

/* --- waiting -------------------------------------------------------------- */

/* false: time is over, or the socket is lost. */
static bool
wait_socket(PGconn *conn, short events, int64_t until_ms)
{
	struct pollfd p = { .fd = PQsocket(conn), .events = events };
	int64_t left;
	int n;

	do {
		left = until_ms - clock_mono_ms();
		if (left <= 0 || p.fd < 0)
			return false;
		n = poll(&p, 1, (int)left);
	} while (n < 0 && errno == EINTR);
	return n > 0;
}

/*
 * Everything that the server has to say to what was just sent; the last
 * result, which for a script is the failed or the final one. NULL: time is
 * over or the connection is lost.
 */
static PGresult *
take_result(PGconn *conn, int64_t until_ms)
{
	PGresult *last = NULL, *r;
	int unsent;

	for (;;) {
		unsent = PQflush(conn);
		if (unsent < 0)
			break;
		if (!unsent && !PQisBusy(conn)) {
			r = PQgetResult(conn);
			if (!r)
				return last;
			PQclear(last);
			last = r;
			if (PQstatus(conn) == CONNECTION_BAD)
				return last;
			continue;
		}
		if (!wait_socket(conn, unsent ? POLLIN | POLLOUT : POLLIN,
			until_ms) || !PQconsumeInput(conn))
			break;
	}
	PQclear(last);
	return NULL;
}

/* --- what an answer means ------------------------------------------------- */

/* NULL, which stands for no answer, is not. */
static bool
is_done(const PGresult *r)
{
	ExecStatusType status = PQresultStatus(r);

	return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ||
	    status == PGRES_EMPTY_QUERY;
}

static const char *
state_of(const PGresult *r)
{
	const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);

	return state ? state : "08006"; /* libpq's own: connection lost */
}

static const char *
words_of(const PGresult *r)
{
	const char *words = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);

	return words ? words : "?";
}

static bool
has_class(const char *state, const char *class)
{
	return strncmp(state, class, 2) == 0;
}

static enum err
kind_of(const char *state)
{
	static const struct {
		const char *state;
		enum err e;
	} ours[] = {
		{ "PS400", ERR_INPUT }, { "PS403", ERR_FORBIDDEN },
		{ "PS404", ERR_NOT_FOUND }, { "PS409", ERR_CONFLICT },
		{ "PS429", ERR_LIMIT },
		{ "55P03", ERR_BUSY }, /* lock_timeout */
		{ "25006", ERR_BUSY }, /* read-only: a primary no longer */
	};
	size_t i;

	for (i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		if (strcmp(state, ours[i].state) == 0)
			return ours[i].e;
	if (has_class(state, "08") || has_class(state, "53") ||
	    has_class(state, "57") || has_class(state, "40"))
		return ERR_BUSY;
	return has_class(state, "23") ? ERR_CONFLICT : ERR_INTERNAL;
}

/* --- connecting ----------------------------------------------------------- */

static void
no_notice(void *arg, const PGresult *result)
{
	(void)arg;
	(void)result;
}

static PGconn *
connection_new(struct db *db)
{
	char lists[3][LIST_MAX + 1], patience[16];
	/* What stands before the URL is a default, what behind it decides. */
	const char *const keys[] = { "tcp_user_timeout", "dbname",
		"application_name", "client_encoding", list_keys[0],
		list_keys[1], list_keys[2], NULL };
	const char *values[] = { patience, db->url, db->app_name, "UTF8", NULL,
		NULL, NULL, NULL };
	int i;

	for (i = 0; i < 3; i++)
		values[4 + i] = text_rotate(db->lists[i], db->first_host,
		    lists[i], sizeof(lists[i]));
	/* A host that is gone without a trace leaves time for the next. */
	snprintf(patience, sizeof(patience), "%d",
	    CONNECT_MS * 9 / 10 / db->nhosts);
	return PQconnectStartParams(keys, values, 1);
}

/* false: no connection within the limit. */
static bool
shake_hands(struct db *db)
{
	int64_t until_ms = clock_mono_ms() + CONNECT_MS;
	PostgresPollingStatusType state = PGRES_POLLING_WRITING;

	while (state != PGRES_POLLING_OK) {
		if (!wait_socket(db->conn,
			state == PGRES_POLLING_READING ? POLLIN : POLLOUT,
			until_ms)) {
			db->first_host = (db->first_host + 1) % db->nhosts;
			return false;
		}
		state = PQconnectPoll(db->conn);
		if (state == PGRES_POLLING_FAILED)
			return false;
	}
	return true;
}

/* Texts must not depend on the server's settings; JIT would cost more than it saves. */
static bool
set_session(struct db *db)
{
	char text[256];
	PGresult *r;
	bool ok;

	snprintf(text, sizeof(text), "SET statement_timeout = %d; "
	    "SET lock_timeout = %d; SET jit = off; SET timezone = 'UTC'; "
	    "SET datestyle = 'ISO, YMD'; SET intervalstyle = 'postgres'",
	    db->statement_ms, db->lock_ms);
	if (!PQsendQuery(db->conn, text))
		return false;
	r = take_result(db->conn, clock_mono_ms() + CONNECT_MS);
	ok = is_done(r);
	if (ok)
		atomic_store(&away, false);
	PQclear(r);
	return ok;
}

/*
 * false: the server cannot now, or is lost. Else db->prepared[which] tells.
 * The first fault of a connection is told: an empty database refuses all.
 */
static bool
prepare(struct db *db, int which)
{
	const struct statement *s = &db->list[which];
	PGresult *r;
	bool can;

	if (!PQsendPrepare(db->conn, s->name, s->text, s->nargs, NULL))
		return false;
	r = take_result(db->conn, clock_mono_ms() + CONNECT_MS);
	db->prepared[which] = is_done(r);
	can = db->prepared[which] || kind_of(state_of(r)) != ERR_BUSY;
	if (can && !db->prepared[which] && !db->told) {
		db->told = true;
		log_say(LOG_ERROR,
		    "database: statement %s cannot be prepared: "
		    "%s; run presencectl migrate",
		    s->name, words_of(r));
	}
	PQclear(r);
	return can;
}

/* Once, which tells a fault in a text at the start. Later connections prepare
 * what is called: after an outage all come back at once. */
static bool
prepare_all(struct db *db)
{
	int i;

	db->told = false;
	memset(db->prepared, 0, (size_t)db->n * sizeof(*db->prepared));
	if (db->was_prepared)
		return true;
	for (i = 0; i < db->n; i++)
		if (db->list[i].text && !prepare(db, i))
			return false;
	db->was_prepared = true;
	return true;
}

/* libpq's words name hosts and roles, but no passwords. */
static enum err
not_connected(struct ctx *cx, struct db *db, const char *words)
{
	if (!words[0])
		words = "no answer while connecting";
	fail(cx, ERR_BUSY, "database: %.*s", (int)strcspn(words, "\n"), words);
	disconnect(db);
	atomic_store(&away, true);
	db->pause_until_ms = clock_mono_ms() + PAUSE_MS;
	return ERR_BUSY;
}

/* Here they might quote values. */
static enum err
lost(struct ctx *cx, struct db *db)
{
	disconnect(db);
	atomic_store(&away, true);
	return fail(
	    cx, ERR_BUSY, "database: connection lost or no answer in time");
}

static enum err
connect_now(struct ctx *cx, struct db *db)
{
	db->conn = connection_new(db);
	if (!db->conn || PQstatus(db->conn) == CONNECTION_BAD)
		return not_connected(cx, db, PQerrorMessage(db->conn));
	PQsetNoticeReceiver(db->conn, no_notice, NULL);
	if (!shake_hands(db))
		return not_connected(cx, db, PQerrorMessage(db->conn));
	PQsetnonblocking(db->conn, 1);
	if (!set_session(db) || !prepare_all(db))
		return not_connected(cx, db, "lost while connecting");
	return ERR_OK;
}

static enum err
connect_in_turn(struct ctx *cx, struct db *db)
{
	bool alone = atomic_load(&away);
	enum err e;

	if (clock_mono_ms() < db->pause_until_ms ||
	    (alone && atomic_exchange(&trying, true)))
		return fail(cx, ERR_BUSY, "database: no connection");
	e = connect_now(cx, db);
	if (alone)
		atomic_store(&trying, false);
	return e;
}

/*
 * A server that was restarted while we had nothing to ask has closed the
 * socket: seen before sending, a new connection does no harm.
 */
static bool
is_stale(PGconn *conn)
{
	struct pollfd p = { .fd = PQsocket(conn), .events = POLLIN };

	while (PQstatus(conn) == CONNECTION_OK && poll(&p, 1, 0) > 0) {
		if (!PQconsumeInput(conn))
			return true;
		PQisBusy(conn); /* takes in notices and parameter changes */
	}
	return PQstatus(conn) != CONNECTION_OK;
}

static enum err
need_connection(struct ctx *cx, struct db *db)
{
	if (db->conn && is_stale(db->conn))
		disconnect(db);
	return db->conn ? ERR_OK : connect_in_turn(cx, db);
}

void
db_timeout_ms(struct db *db, int statement_ms, int lock_ms)
{
	db->statement_ms = statement_ms ? statement_ms : STATEMENT_MS;
	db->lock_ms = lock_ms ? lock_ms : LOCK_MS;
	if (db->conn && !set_session(db))
		disconnect(db); /* the next call makes one with these limits */
}

/* --- asking --------------------------------------------------------------- */

/*
 * A migration changed what a function returns, so the plan of the prepared
 * statement is no longer good; or somebody dropped it. Nothing was done.
 */
static bool
is_outdated(const PGresult *r, const char *state)
{
	const char *where = PQresultErrorField(r, PG_DIAG_SOURCE_FUNCTION);

	return strcmp(state, "26000") == 0 ||
	    (strcmp(state, "0A000") == 0 && where &&
		strcmp(where, "RevalidateCachedQuery") == 0);
}

static void
clear_result(void *result)
{
	PQclear(result);
}

/* The server's own limit and a little more: it may hang. */
static int64_t
limit_of(const struct db *db)
{
	return clock_mono_ms() + db->statement_ms + GRACE_MS;
}

/* The message only where it is ours: others may quote values. */
static enum err
fail_result(struct ctx *cx, const PGresult *r, const char *name)
{
	const char *state = state_of(r);
	enum err e = kind_of(state);

	if (has_class(state, "PS"))
		return fail(cx, e, "%s", words_of(r));
	return fail(cx, e, "database: %s: SQLSTATE %s", name, state);
}

/* A connection that knows the statement. */
static enum err
be_ready(struct ctx *cx, struct db *db, int which)
{
	enum err e = need_connection(cx, db);

	if (e || db->prepared[which])
		return e;
	if (!prepare(db, which))
		return lost(cx, db);
	if (db->prepared[which])
		return ERR_OK;
	return fail(cx, ERR_INTERNAL,
	    "database: statement %s cannot be prepared; run presencectl "
	    "migrate",
	    db->list[which].name);
}

enum err
db_call(struct ctx *cx, struct db *db, int which, const char *const *args,
    struct rows **ret_rows)
{
	const struct statement *s = &db->list[which];
	const char *state;
	bool outdated, repeated = false;
	PGresult *r;
	enum err e;

	assert(which >= 0 && which < db->n && s->text);
	for (;;) {
		e = be_ready(cx, db, which);
		if (e)
			return e;
		r = NULL;
		if (PQsendQueryPrepared(
			db->conn, s->name, s->nargs, args, NULL, NULL, 0))
			r = take_result(db->conn, limit_of(db));
		if (!r)
			return lost(cx, db);
		arena_defer(&cx->arena, clear_result, r);
		if (is_done(r))
			break;
		state = state_of(r);
		outdated = is_outdated(r, state);
		if (PQstatus(db->conn) != CONNECTION_OK || outdated ||
		    strcmp(state, "25006") == 0)
			disconnect(db);
		if (repeated || !(outdated || has_class(state, "40")))
			return fail_result(cx, r, s->name);
		repeated = true;
	}
	if (ret_rows) {
		*ret_rows = arena_alloc(&cx->arena, sizeof(**ret_rows));
		(*ret_rows)->result = r;
	}
	return ERR_OK;
}

/* A message of several statements is one transaction by itself. Its text is
 * ours and holds no values, so here the server may speak. */
enum err
db_script(struct ctx *cx, struct db *db, const char *text)
{
	enum err e = need_connection(cx, db);
	PGresult *r = NULL;

	if (e)
		return e;
	if (PQsendQuery(db->conn, text))
		r = take_result(db->conn, limit_of(db));
	if (!r)
		return lost(cx, db);
	arena_defer(&cx->arena, clear_result, r);
	if (PQstatus(db->conn) != CONNECTION_OK)
		disconnect(db);
	if (is_done(r))
		return ERR_OK;
	return fail(cx, kind_of(state_of(r)), "database: %s (SQLSTATE %s)",
	    words_of(r), state_of(r));
}

/* --- answers -------------------------------------------------------------- */

int
rows_count(const struct rows *r)
{
	return PQntuples(r->result);
}

int
rows_columns(const struct rows *r)
{
	return PQnfields(r->result);
}

const char *
rows_text(const struct rows *r, int row, int col)
{
	if (PQgetisnull(r->result, row, col))
		return NULL;
	return PQgetvalue(r->result, row, col);
}

int64_t
rows_int(const struct rows *r, int row, int col)
{
	const char *s = rows_text(r, row, col);
	int64_t value = 0;

	if (s)
		text_int64(s, INT64_MIN, INT64_MAX, &value);
	return value;
}

bool
rows_bool(const struct rows *r, int row, int col)
{
	const char *s = rows_text(r, row, col);

	return s && s[0] == 't';
}
