/*
 * db against a PostgreSQL of its own: values, errors, limits, and a server
 * that restarts, hangs or is away.
 */
#include "base/db.c"

#include <pthread.h>
#include <sys/un.h>

#include "postgres_peer.h"

static struct ctx cx;
static struct db *db;

enum {
	ADD,
	ECHO,
	RAISE,
	FLAKY,
	SLEEP,
	LOCK,
	UNLOCK,
	PID,
	DIE,
	SETTINGS,
	LATER,
	NOT_OURS,
	SHAPE,
	BIG,
	NOTICE,
	COUNT,
	CAST,
	N
};

static const struct statement list[N] = {
	[ADD] = { "add", 2, "SELECT $1::int + $2::int" },
	[ECHO] = { "echo", 3,
	    "SELECT * FROM (VALUES ($1::text, $2::bigint, $3::bool),"
	    " (NULL, NULL, NULL)) v" },
	[RAISE] = { "raise", 2, "SELECT raise($1, $2)" },
	[FLAKY] = { "flaky", 0, "SELECT flaky()" },
	[SLEEP] = { "sleep", 1, "SELECT pg_sleep($1::float8)" },
	[LOCK] = { "lock", 0, "SELECT pg_advisory_lock(1)" },
	[UNLOCK] = { "unlock", 0, "SELECT pg_advisory_unlock_all()" },
	[PID] = { "pid", 0, "SELECT pg_backend_pid()" },
	[DIE] = { "die", 0, "SELECT pg_terminate_backend(pg_backend_pid())" },
	[SETTINGS] = { "settings", 0,
	    "SELECT current_setting('application_name'),"
	    " current_setting('statement_timeout'),"
	    " current_setting('lock_timeout'), current_setting('timezone'),"
	    " current_setting('client_encoding'), timestamptz 'epoch'" },
	[LATER] = { "later", 0, "SELECT later()" },
	[NOT_OURS] = { "not_ours", 0, NULL },
	[SHAPE] = { "shape", 0, "SELECT * FROM shape()" },
	[BIG] = { "big", 1, "SELECT $1::text" },
	[NOTICE] = { "notice", 0, "SELECT notice()" },
	[COUNT] = { "count", 0, "SELECT last_value FROM tries" },
	[CAST] = { "cast", 1, "SELECT $1::text::uuid" },
};

static const char setup[] =
    "CREATE SEQUENCE tries; SELECT setval('tries', 1);"
    "CREATE FUNCTION raise(state text, words text) RETURNS void"
    " LANGUAGE plpgsql AS $$ BEGIN PERFORM nextval('tries');"
    " RAISE EXCEPTION USING errcode = state, message = words,"
    " detail = 'hush'; END $$;"
    "CREATE FUNCTION flaky() RETURNS int LANGUAGE plpgsql AS $$ BEGIN"
    " IF nextval('tries') % 2 = 1 THEN"
    " RAISE EXCEPTION USING errcode = '40001'; END IF; RETURN 7; END $$;"
    "CREATE FUNCTION notice() RETURNS int LANGUAGE plpgsql AS $$ BEGIN"
    " RAISE WARNING 'not for stderr'; RETURN 1; END $$;"
    "CREATE FUNCTION shape() RETURNS TABLE (a int) LANGUAGE sql AS"
    " $$ SELECT 1 $$;";

static int
make_all(void **state)
{
	int status = make_server(state);

	if (status != 0)
		return status;
	ctx_init(&cx, NULL);
	db = db_new(url, "setup", NULL, 0);
	status = db_script(&cx, db, setup);
	db_free(db);
	ctx_done(&cx);
	return status;
}

static int
begin(void **state)
{
	(void)state;
	ctx_init(&cx, NULL);
	db = db_new(url, "test", list, N);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	db_free(db);
	ctx_done(&cx);
	return 0;
}

/* --- asking --------------------------------------------------------------- */

static enum err
call(int which, const char *a, const char *b, struct rows **ret)
{
	const char *const args[] = { a, b, NULL };

	fail_forget(&cx);
	return db_call(&cx, db, which, args, ret);
}

static int64_t
ask(int which)
{
	struct rows *rows = NULL;

	assert_int_equal(call(which, NULL, NULL, &rows), ERR_OK);
	return rows_int(rows, 0, 0);
}

static void
assert_adds(void)
{
	struct rows *rows = NULL;

	assert_int_equal(call(ADD, "20", "22", &rows), ERR_OK);
	assert_int_equal(rows_int(rows, 0, 0), 42);
}

/* --- tests ---------------------------------------------------------------- */

static void
values_come_back(void **state)
{
	const char *const args[] = { "gr\xc3\xbc\xc3\x9f",
		"-9223372036854775807", "true" };
	struct rows *rows = NULL;

	(void)state;
	assert_false(db_is_up(db));
	assert_int_equal(db_call(&cx, db, ECHO, args, &rows), ERR_OK);
	assert_true(db_is_up(db));
	assert_int_equal(rows_count(rows), 2);
	assert_int_equal(rows_columns(rows), 3);
	assert_string_equal(rows_text(rows, 0, 0), args[0]);
	assert_true(rows_int(rows, 0, 1) == -INT64_MAX);
	assert_true(rows_bool(rows, 0, 2));
	assert_null(rows_text(rows, 1, 0));
	assert_int_equal(rows_int(rows, 1, 1), 0);
	assert_false(rows_bool(rows, 1, 2));
	assert_int_equal(call(ADD, NULL, "1", &rows), ERR_OK);
	assert_null(rows_text(rows, 0, 0));
	assert_int_equal(call(ADD, "1", "1", NULL), ERR_OK);
	assert_int_equal(ask(NOTICE), 1);
}

static void
session_is_set_up(void **state)
{
	struct rows *r = NULL;

	(void)state;
	assert_int_equal(call(SETTINGS, NULL, NULL, &r), ERR_OK);
	assert_string_equal(rows_text(r, 0, 0), "test");
	assert_string_equal(rows_text(r, 0, 1), "2s");
	assert_string_equal(rows_text(r, 0, 2), "500ms");
	assert_string_equal(rows_text(r, 0, 3), "UTC");
	assert_string_equal(rows_text(r, 0, 4), "UTF8");
	assert_string_equal(rows_text(r, 0, 5), "1970-01-01 00:00:00+00");
	db_timeout_ms(db, 60000, 3000); /* at once */
	assert_int_equal(call(SETTINGS, NULL, NULL, &r), ERR_OK);
	assert_string_equal(rows_text(r, 0, 1), "1min");
	assert_string_equal(rows_text(r, 0, 2), "3s");
	db_timeout_ms(db, 0, 0);
	assert_int_equal(call(SETTINGS, NULL, NULL, &r), ERR_OK);
	assert_string_equal(rows_text(r, 0, 1), "2s");
	assert_string_equal(rows_text(r, 0, 2), "500ms");
}

static void
states_become_errors(void **state)
{
	static const struct {
		const char *state;
		enum err want;
		bool speaks;
		int tries;
	} cases[] = {
		{ "PS400", ERR_INPUT, true, 1 },
		{ "PS403", ERR_FORBIDDEN, true, 1 },
		{ "PS404", ERR_NOT_FOUND, true, 1 },
		{ "PS409", ERR_CONFLICT, true, 1 },
		{ "PS429", ERR_LIMIT, true, 1 },
		{ "PS500", ERR_INTERNAL, true, 1 },
		{ "23505", ERR_CONFLICT, false, 1 },
		{ "23514", ERR_CONFLICT, false, 1 },
		{ "40001", ERR_BUSY, false, 2 },
		{ "40P01", ERR_BUSY, false, 2 },
		{ "53300", ERR_BUSY, false, 1 },
		{ "55P03", ERR_BUSY, false, 1 },
		{ "57014", ERR_BUSY, false, 1 },
		{ "08006", ERR_BUSY, false, 1 },
		{ "25006", ERR_BUSY, false, 1 },
		{ "22P02", ERR_INTERNAL, false, 1 },
		{ "42501", ERR_INTERNAL, false, 1 },
		{ "0A000", ERR_INTERNAL, false, 1 },
		{ "P0001", ERR_INTERNAL, false, 1 },
	};
	char want[64];
	int64_t before;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		before = ask(COUNT);
		assert_int_equal(
		    call(RAISE, cases[i].state, "words", NULL), cases[i].want);
		snprintf(want, sizeof(want), "database: raise: SQLSTATE %s",
		    cases[i].state);
		assert_string_equal(
		    cx.detail, cases[i].speaks ? "words" : want);
		assert_int_equal(ask(COUNT) - before, cases[i].tries);
	}
	assert_adds();
}

static void
details_hold_no_values(void **state)
{
	(void)state;
	assert_int_equal(call(CAST, "hush", NULL, NULL), ERR_INTERNAL);
	assert_string_equal(cx.detail, "database: cast: SQLSTATE 22P02");
}

static void
no_longer_primary_means_reconnect(void **state)
{
	int64_t pid = ask(PID);

	(void)state;
	assert_int_equal(call(RAISE, "25006", "x", NULL), ERR_BUSY);
	assert_false(db_is_up(db));
	assert_int_not_equal(ask(PID), pid);
}

static void
serialisation_is_repeated(void **state)
{
	(void)state;
	if (ask(COUNT) % 2 == 1)
		call(RAISE, "P0001", "", NULL);
	assert_int_equal(ask(FLAKY), 7);
}

static void
statement_and_lock_have_limits(void **state)
{
	struct db *other = db_new(url, "other", list, N), *mine = db;
	int64_t t, pid;

	(void)state;
	db_timeout_ms(db, 300, 150);
	pid = ask(PID);
	t = clock_mono_ms();
	assert_int_equal(call(SLEEP, "20", NULL, NULL), ERR_BUSY);
	assert_in_range(clock_mono_ms() - t, 250, 5000);
	db = other;
	ask(LOCK);
	db = mine;
	t = clock_mono_ms();
	assert_int_equal(call(LOCK, NULL, NULL, NULL), ERR_BUSY);
	assert_string_equal(cx.detail, "database: lock: SQLSTATE 55P03");
	assert_in_range(clock_mono_ms() - t, 100, 5000);
	assert_int_equal(ask(PID), pid); /* the connection was kept */
	db_free(other);
}

static void
a_hanging_server_does_not_hold_us(void **state)
{
	int64_t pid = ask(PID), t;

	(void)state;
	db_timeout_ms(db, 200, 0);
	kill((pid_t)pid, SIGSTOP);
	t = clock_mono_ms();
	assert_int_equal(call(ADD, "1", "1", NULL), ERR_BUSY);
	assert_in_range(clock_mono_ms() - t, 1100, 6000);
	assert_false(db_is_up(db));
	assert_adds();
	kill((pid_t)pid, SIGCONT);
}

static void
a_restart_while_idle_is_not_seen(void **state)
{
	(void)state;
	assert_adds();
	stop_server(SIGINT);
	start_server();
	assert_adds();
	stop_server(SIGQUIT); /* as after a crash */
	start_server();
	assert_adds();
}

static void
a_lost_connection_is_busy_once(void **state)
{
	(void)state;
	assert_adds();
	assert_int_equal(call(DIE, NULL, NULL, NULL), ERR_BUSY);
	assert_false(db_is_up(db));
	assert_adds();
}

static void
a_server_that_is_away_is_busy(void **state)
{
	int64_t t;

	(void)state;
	assert_adds();
	stop_server(SIGINT);
	t = clock_mono_ms();
	assert_int_equal(call(ADD, "1", "1", NULL), ERR_BUSY);
	assert_non_null(strstr(cx.detail, "No such file"));
	assert_null(strchr(cx.detail, '\n'));
	assert_false(db_is_up(db));
	assert_int_equal(call(ADD, "1", "1", NULL), ERR_BUSY);
	if (clock_mono_ms() - t < PAUSE_MS)
		assert_string_equal(cx.detail, "database: no connection");
	start_server();
	usleep(PAUSE_MS * 1000);
	assert_adds();
	assert_true(db_is_up(db));
}

/* Takes connections and never says a word. */
static int
listen_silently(const char *where)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%.60s/.s.PGSQL.5432", where);
	unlink(a.sun_path);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 8), 0);
	return fd;
}

static void
use_url(const char *words)
{
	db_free(db);
	db = db_new(
	    arena_printf(&cx.arena, "user=postgres dbname=postgres %s", words),
	    "test", list, N);
}

static void
several_hosts(void **state)
{
	char silent[] = "/tmp/test_db_silent.XXXXXX", path[80];
	int64_t t = clock_mono_ms();
	int fd;

	(void)state;
	/* refused: libpq goes on to the next by itself */
	use_url(arena_printf(&cx.arena,
	    "host=/nonexistent,%s port=5432,5432"
	    " target_session_attrs=read-write",
	    folder));
	assert_adds();
	assert_true(clock_mono_ms() - t < 1900);

	assert_non_null(mkdtemp(silent));
	fd = listen_silently(silent);
	use_url(arena_printf(&cx.arena, "host=%s", silent));
	t = clock_mono_ms();
	assert_int_equal(call(ADD, "1", "1", NULL), ERR_BUSY);
	assert_in_range(clock_mono_ms() - t, 1900, 5000);

	/* silent: the time is over, but the next attempt takes the next */
	use_url(
	    arena_printf(&cx.arena, "host=%s,/nonexistent,%s", silent, folder));
	assert_int_equal(call(ADD, "1", "1", NULL), ERR_BUSY);
	usleep(PAUSE_MS * 1000);
	t = clock_mono_ms();
	assert_adds();
	assert_true(clock_mono_ms() - t < 1900);
	close(fd);
	snprintf(path, sizeof(path), "%s/.s.PGSQL.5432", silent);
	unlink(path);
	rmdir(silent);
}

/* Tries until it is told to stop; each try takes a silent server's 2 s. */
static atomic_bool enough;
static void *
keep_trying(void *where)
{
	struct db *mine = db_new(where, "test", list, N);
	const char *args[2] = { "1", "1" };
	struct ctx own;

	while (!atomic_load(&enough)) {
		ctx_init(&own, NULL);
		assert_int_equal(db_call(&own, mine, ADD, args, NULL), ERR_BUSY);
		ctx_done(&own);
	}
	db_free(mine);
	return NULL;
}

static void
one_at_a_time_tries_a_silent_server(void **state)
{
	char silent[] = "/tmp/test_db_silent.XXXXXX", path[80], where[120];
	pthread_t other;
	int64_t t;
	int fd;

	(void)state;
	assert_non_null(mkdtemp(silent));
	fd = listen_silently(silent);
	snprintf(where, sizeof(where), "user=postgres dbname=postgres host=%s",
	    silent);
	use_url(arena_printf(&cx.arena, "host=%s", silent));
	assert_int_equal(call(ADD, "1", "1", NULL), ERR_BUSY); /* it is away */
	atomic_store(&enough, false);
	assert_int_equal(pthread_create(&other, NULL, keep_trying, where), 0);
	while (!atomic_load(&trying))
		usleep(1000);
	usleep(PAUSE_MS * 1000);
	t = clock_mono_ms();
	assert_int_equal(call(ADD, "1", "1", NULL), ERR_BUSY);
	assert_true(clock_mono_ms() - t < 1000);
	atomic_store(&enough, true);
	pthread_join(other, NULL);
	/* And whoever finds a server that answers ends it for all. */
	use_url(arena_printf(&cx.arena, "host=%s", folder));
	assert_adds();
	assert_false(atomic_load(&away));
	assert_false(atomic_load(&trying));
	close(fd);
	snprintf(path, sizeof(path), "%s/.s.PGSQL.5432", silent);
	unlink(path);
	rmdir(silent);
}

static void
a_bad_url_is_busy_with_words(void **state)
{
	(void)state;
	use_url("nonsense=1");
	assert_int_equal(call(ADD, "1", "1", NULL), ERR_BUSY);
	assert_non_null(strstr(cx.detail, "nonsense"));
}

static void
what_is_missing_names_the_remedy(void **state)
{
	int64_t pid;

	(void)state;
	assert_int_equal(call(LATER, NULL, NULL, NULL), ERR_INTERNAL);
	assert_string_equal(cx.detail,
	    "database: statement later cannot be "
	    "prepared; run presencectl migrate");
	assert_adds();
	pid = ask(PID);
	assert_int_equal(db_script(&cx, db,
			     "CREATE FUNCTION later() RETURNS int LANGUAGE sql "
			     "AS 'SELECT 5'"),
	    ERR_OK);
	assert_int_equal(ask(LATER), 5);
	assert_int_equal(ask(PID), pid);
}

static void
a_changed_function_is_taken_up(void **state)
{
	(void)state;
	assert_int_equal(ask(SHAPE), 1);
	assert_int_equal(
	    db_script(&cx, db,
		"DROP FUNCTION shape();"
		"CREATE FUNCTION shape() RETURNS TABLE (a text, b text)"
		" LANGUAGE sql AS $$ SELECT '3', '4' $$"),
	    ERR_OK);
	assert_int_equal(ask(SHAPE), 3);
	assert_int_equal(db_script(&cx, db, "DEALLOCATE ALL"), ERR_OK);
	assert_adds();
}

static void
a_script_is_one_transaction(void **state)
{
	(void)state;
	assert_int_equal(db_script(&cx, db, ""), ERR_OK);
	assert_int_equal(db_script(&cx, db,
			     "CREATE TABLE t (a int);\n"
			     "INSERT INTO t VALUES (1);\nSELECT nonsense;\n"),
	    ERR_INTERNAL);
	assert_string_equal(cx.detail,
	    "database: column \"nonsense\" does not"
	    " exist (SQLSTATE 42703)");
	fail_forget(&cx);
	assert_int_equal(
	    db_script(&cx, db,
		"CREATE TABLE t (a int);\n"
		"INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)"),
	    ERR_OK);
	assert_adds();
}

static void
large_texts_go_through(void **state)
{
	size_t len = 8u << 20;
	char *big = arena_alloc(&cx.arena, len + 1);
	struct rows *rows = NULL;

	(void)state;
	memset(big, 'x', len);
	assert_int_equal(call(BIG, big, NULL, &rows), ERR_OK);
	assert_int_equal(strlen(rows_text(rows, 0, 0)), len);
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(values_come_back),
		T(session_is_set_up),
		T(states_become_errors),
		T(details_hold_no_values),
		T(no_longer_primary_means_reconnect),
		T(serialisation_is_repeated),
		T(statement_and_lock_have_limits),
		T(a_hanging_server_does_not_hold_us),
		T(a_restart_while_idle_is_not_seen),
		T(a_lost_connection_is_busy_once),
		T(a_server_that_is_away_is_busy),
		T(several_hosts),
		T(one_at_a_time_tries_a_silent_server),
		T(a_bad_url_is_busy_with_words),
		T(what_is_missing_names_the_remedy),
		T(a_changed_function_is_taken_up),
		T(a_script_is_one_transaction),
		T(large_texts_go_through),
	};

	return cmocka_run_group_tests(tests, make_all, drop_server);
}
