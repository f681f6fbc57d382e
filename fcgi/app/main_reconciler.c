/*
 * presence-reconciler: what time brings. Renews leases, finishes what could
 * not be published, ends stale calls, asks whether consent still holds, looks
 * after the PBXs that can be asked, and deletes what is too old.
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "app/inside.h"
#include "app/start.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "sync/publisher.h"
#include "sync/statement.h"
#include "app/tend.h"
#include "web/server.h"

#define GRAPH_MAX 512
#define TAKE_MAX 64
#define IDLE_MS 1000
#define BUSY_MS 20          /* the tenant is held, or the publisher is full */
#define AWAY_MS 500         /* the database is */
#define JUMP_US (INT64_C(30) * 1000000)
#define JUMP_MS 60000 /* and how long dealing with one may take */
#define EVENT_DAYS "30"     /* the log is kept */
#define SWEEP_EVERY_MS 60000
#define SWEEP_PAUSE_MS 50
#define SWEEP_ROUNDS 200
#define DRAIN_MS 3000

static const struct program program = {
	.name = "reconciler", .command = "presence-reconciler",
	.about = "Does what time brings: leases, repetitions, stale calls, "
	    "consent, the PBXs' APIs, retention.",
	.version = PRESENCE_VERSION,
	.need = NEED_DATABASE | NEED_MICROSOFT | NEED_SEAL | NEED_PUBLIC,
};

static const struct route routes[] = { INSIDE_ROUTES };

struct reconciler {
	struct db *db;
	struct publisher *publisher;
	bool away;                  /* the database is: told once */
	int64_t offset_us;          /* database's clock - ours; 0: not known */
	int64_t sweep_ms;           /* when to sweep next */
	int rounds;                 /* of this sweep */
};

/* --- the database ------------------------------------------------------------- */

static enum err
call(struct ctx *cx, struct reconciler *r, int which, const char *const *args,
    struct rows **ret)
{
	enum err e = db_call(cx, r->db, which, args, ret);

	if (!e && r->away)
		log_say(LOG_INFO, "the database is back");
	if (e)
		metrics_add(METRIC_DATABASE_FAILED, 1);
	if (e && !r->away)
		log_say(LOG_WARN, "%s", cx->detail);
	r->away = e != ERR_OK;
	return e;
}

/* R16: PostgreSQL's clock against the one that never steps. */
static void
watch_clock(struct reconciler *r, int64_t clock_us)
{
	const int64_t offset_us = clock_us - clock_mono_us();
	const int64_t jump_us = offset_us - r->offset_us;
	struct rows *rows;
	struct ctx cx;
	enum err e;

	if (r->offset_us && (jump_us > JUMP_US || jump_us < -JUMP_US)) {
		log_say(LOG_WARN, "the database's clock jumped by %lld s: "
		    "all claims are void", (long long)(jump_us / 1000000));
		ctx_init(&cx, NULL);
		db_timeout_ms(r->db, JUMP_MS, JUMP_MS); /* everybody's rows */
		e = call(&cx, r, ST_CLOCK_JUMPED, NULL, &rows);
		db_timeout_ms(r->db, 0, 0);
		ctx_done(&cx);
		if (e)
			return; /* seen again at the next look */
	}
	r->offset_us = offset_us;
}

/* --- what is due ---------------------------------------------------------------- */

/* Takes what is due and hands it over; returns how long to wait (ms). */
static int
take_due(struct reconciler *r)
{
	const int64_t asked_ms = clock_mono_ms();
	int room = GRAPH_MAX - publisher_in_flight(r->publisher);
	int n, last, looked, wait_ms = BUSY_MS;
	char most[16];
	const char *args[] = { most };
	struct rows *rows;
	struct job *jobs;
	struct ctx cx;

	if (room < 1)
		return BUSY_MS;
	if (room > TAKE_MAX)
		room = TAKE_MAX;
	snprintf(most, sizeof(most), "%d", room);
	ctx_init(&cx, NULL);
	if (call(&cx, r, ST_DUE_TAKE, args, &rows)) {
		ctx_done(&cx);
		return AWAY_MS;
	}
	n = jobs_from_rows(&cx, rows, asked_ms, &jobs);
	publisher_hand(r->publisher, jobs, n);
	last = rows_count(rows) - 1;
	if (last >= 0 && strcmp(rows_text(rows, last, ROW_KIND), "next") == 0) {
		looked = (int)rows_int(rows, last, ROW_I);
		metrics_add(METRIC_DUE_TAKEN, looked);
		wait_ms = (int)(strtod(rows_text(rows, last, ROW_OUTCOME),
		    NULL) * 1000) + 1;
		if (looked >= room)
			wait_ms = 0;
		else if (wait_ms < BUSY_MS)
			wait_ms = BUSY_MS;
		watch_clock(r, rows_int(rows, last, ROW_GOAL_NO));
	}
	ctx_done(&cx);
	return wait_ms > IDLE_MS ? IDLE_MS : wait_ms;
}

/* --- retention ------------------------------------------------------------------ */

static void
sweep(struct reconciler *r)
{
	const char *args[] = { EVENT_DAYS };
	struct rows *rows;
	struct ctx cx;
	int64_t n = 0;

	ctx_init(&cx, NULL);
	if (!call(&cx, r, ST_RETENTION_SWEEP, args, &rows))
		n = rows_int(rows, 0, 0);
	ctx_done(&cx);
	metrics_add(METRIC_SWEPT, n);
	if (n > 0 && ++r->rounds < SWEEP_ROUNDS) {
		r->sweep_ms = clock_mono_ms() + SWEEP_PAUSE_MS;
		return;
	}
	r->rounds = 0;
	r->sweep_ms = clock_mono_ms() + SWEEP_EVERY_MS;
}

/* --- the loop ------------------------------------------------------------------- */

/* true: SIGTERM or SIGINT has come. */
static bool
stop_within(int ms)
{
	const struct timespec wait = {
		.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L,
	};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	return sigtimedwait(&set, NULL, &wait) > 0;
}

static void
run(struct reconciler *r)
{
	int64_t left_ms;
	int wait_ms;

	do {
		wait_ms = take_due(r);
		if (!r->away && clock_mono_ms() >= r->sweep_ms)
			sweep(r);
		left_ms = r->sweep_ms - clock_mono_ms();
		if (!r->away && left_ms < wait_ms)
			wait_ms = left_ms > 0 ? (int)left_ms : 0;
	} while (!stop_within(wait_ms));
}

static void *
thread_new(void *arg)
{
	const struct settings *settings = arg;

	return db_new(settings->database_url, program.command, statements,
	    ST__MAX);
}

static void
thread_free(void *thread)
{
	db_free(thread);
}

static struct db *
thread_db(const struct request *rq)
{
	return rq->thread;
}

/* Only when the manager gave a socket: it is for health checks alone. */
static struct server *
serve(struct settings *settings)
{
	int listening = 0;
	socklen_t len = sizeof(listening);

	if (getsockopt(0, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) != 0 ||
	    !listening)
		return NULL;
	inside_init(thread_db);
	return server_start(&(struct server_options){
		.routes = routes,
		.nroutes = sizeof(routes) / sizeof(routes[0]),
		.threads = 1, .max_in_flight = 64,
		.thread_new = thread_new, .thread_free = thread_free,
		.arg = settings });
}

int
main(int argc, char **argv)
{
	struct reconciler r = { 0 };
	struct server *server;
	struct started s;
	struct tend *tend;

	start(&program, argc, argv, &s);
	r.publisher = publisher_start(&(struct publisher_options){
		.settings = &s.settings, .entra = s.entra, .program = s.name,
		.max_in_flight = GRAPH_MAX });
	tend = tend_start(&(struct tend_options){ .settings = &s.settings,
		.keys = s.seal_keys, .publisher = r.publisher,
		.program = s.name });
	r.db = db_new(s.settings.database_url, s.name, statements, ST__MAX);
	server = serve(&s.settings);
	run(&r);
	if (server)
		server_stop(server);
	tend_stop(tend);
	publisher_stop(r.publisher, DRAIN_MS);
	db_free(r.db);
	start_done(&s);
	return 0;
}
