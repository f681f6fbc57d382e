/*
 * The apply room: facts in, see apply.h. Two workers, each a thread with a
 * connection. The first takes what is ready, and waits for nobody. A tenant that
 * somebody else holds goes among the held ones: the second works these off, and
 * stands in line for them. It helps the first only where that one has more than
 * fits into a batch, or is at one for long: two small batches cost more than one,
 * and each answer waits for the whole of its batch.
 */
#include "sync/apply.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "sync/batch.h"
#include "sync/in_line.h"
#include "sync/lines.h"
#include "sync/statement.h"

#define UNITS_MAX 6144
#define WORKERS 2
/* Events of a batch, unless more wait than fit into the largest: then the rate is
 * what counts. Else each answer waits for the whole of its batch, and those that
 * were told together come back together. */
#define BATCH_SOME 12
#define AWAY_MS 50    /* between attempts while the database is away */
#define LONG_MS 100   /* the first worker is at a batch for long */

struct worker {
	struct apply *a;
	pthread_t thread;
	pthread_cond_t work;
	struct db *db;
	struct line_list *from;  /* whom it works off: the ready or the held */
	struct line *taken[BATCH_MAX];
	int ntaken;
	int limit;               /* events of its batch */
	bool told;               /* that the database is away: once */
};

struct apply {
	struct apply_options o;
	struct worker workers[WORKERS];

	pthread_mutex_t lock;    /* guards what follows */
	struct lines lines;
	struct in_line in_line;  /* the second worker's */
	int64_t since_ms;        /* the first is at its batch; 0: at none */
	bool watched;            /* the second looks up when that is long */
	bool closed;
};

static bool
unit_is_late(struct apply *a, struct apply_unit *u)
{
	if (clock_mono_ms() < u->give_up_ms)
		return false;
	unit_fail(&a->o, u, ERR_BUSY, "the events could not be stored in time");
	return true;
}

/* --- taking and giving back -------------------------------------------------- */

static bool
is_second(const struct worker *w)
{
	return w != w->a->workers;
}

/* Whom a worker may work off now, or NULL. */
static struct line_list *
choice(const struct worker *w)
{
	struct apply *a = w->a;
	struct line_list *ready = a->lines.ready.n > 0 ? &a->lines.ready : NULL;

	if (!is_second(w) && (ready || !a->closed))
		return ready;
	if (a->lines.held.n > 0)
		return &a->lines.held;
	if (a->closed) /* the other one may have gone */
		return ready;
	if (ready && (ready->n >= BATCH_MAX || (a->since_ms > 0 &&
	    clock_mono_ms() - a->since_ms >= LONG_MS)))
		return ready;
	return NULL;
}

/* Some wait for the first, who is at a batch. */
static bool
is_watchful(const struct worker *w)
{
	return is_second(w) && w->a->since_ms > 0 && w->a->lines.ready.n > 0;
}

/* Wakes who has something to do, or to watch, and does not know it yet. */
static void
wake(struct apply *a)
{
	struct worker *first = a->workers, *second = a->workers + 1;

	if (a->closed || (choice(first) && a->since_ms == 0))
		pthread_cond_signal(&first->work);
	if (a->closed || choice(second) || (is_watchful(second) && !a->watched))
		pthread_cond_signal(&second->work);
}

/* What fits of a line. false: the batch takes no more. */
static bool
fill_from(struct worker *w, struct batch *b, struct line *line, int share)
{
	struct lines *lines = &w->a->lines;
	struct apply_unit *u;

	while (share-- > 0 && (u = line_take(lines, line))) {
		if (unit_is_late(w->a, u) || batch_add(b, u, w->limit))
			continue;
		line_put_front(lines, line, u);
		return false;
	}
	return true;
}

/* No crowd of one tenant stops another: each has its share. */
static void
fill(struct worker *w, struct batch *b)
{
	struct line *line;
	bool fits = true;
	int before, share;

	w->limit = w->a->lines.events < BATCH_MAX ? BATCH_SOME : BATCH_MAX;
	share = w->from->n < w->limit ? w->limit / w->from->n : 1;
	w->ntaken = 0;
	while (fits && w->ntaken < BATCH_MAX &&
	    (line = line_list_take(w->from))) {
		before = b->nunits;
		fits = fill_from(w, b, line, share);
		if (fits || b->nunits > before)
			w->taken[w->ntaken++] = line;
		else
			line_list_put_front(w->from, line);
	}
}

/* Results of the same tenants: who calls twice in a moment need not wait until
 * the first call is stored, nor one transaction for another. */
static void
add_results(struct worker *w, struct batch *b)
{
	int i;

	for (i = 0; i < w->ntaken && !b->restart; i++)
		b->nresults += publisher_results_of(w->a->o.publisher,
		    w->taken[i]->tenant_id, b->results + b->nresults,
		    BATCH_MAX - b->nresults);
}

/* What was not done goes back to the front of its line. */
static void
give_back(struct worker *w, struct batch *b)
{
	struct apply *a = w->a;
	int i, j;

	for (i = b->nunits - 1; i >= 0; i--) {
		if (!b->units[i])
			continue;
		for (j = 0; strcmp(w->taken[j]->tenant_id,
		    b->units[i]->tenant_id) != 0; j++)
			;
		line_put_front(&a->lines, w->taken[j], b->units[i]);
		w->taken[j]->held |= b->held[i];
	}
	for (i = 0; i < w->ntaken; i++)
		lines_return(&a->lines, w->taken[i]);
}

/* --- one round -------------------------------------------------------------- */

static bool
works_off_held(const struct worker *w)
{
	return w->from == &w->a->lines.held;
}

/* Nobody stands in line for a request that has been answered by then. */
static int
wait_ms(const struct worker *w, const struct batch *b, int64_t now_ms)
{
	int64_t ms = works_off_held(w) ? in_line_ms(&w->a->in_line, now_ms) : 0;
	int i;

	for (i = 0; i < b->nunits; i++)
		if (b->units[i]->give_up_ms - now_ms < ms)
			ms = b->units[i]->give_up_ms - now_ms;
	return ms > 0 ? (int)ms : 0;
}

static enum err
batch_try(struct worker *w, struct batch *b)
{
	const int64_t asked_ms = clock_mono_ms();
	const int stood_ms = wait_ms(w, b, asked_ms);
	struct rows *rows = NULL;
	int64_t answered_ms;
	struct ctx cx;
	bool none;
	enum err e;

	ctx_init(&cx, b->units[0]->cx.id);
	e = batch_ask(&cx, w->db, b, stood_ms, &rows);
	if (!e) {
		answered_ms = clock_mono_ms();
		metrics_observe_ms(METRIC_APPLY_MS, answered_ms - asked_ms);
		none = !batch_settle(&cx, &w->a->o, b, rows, asked_ms);
		if (works_off_held(w)) {
			in_line_note(&w->a->in_line, stood_ms, none, answered_ms);
			if (none)
				poll(NULL, 0, LOCKED_MS);
		}
		if (w->told)
			log_say(LOG_INFO, "apply: the database is back");
		w->told = false;
	} else {
		publisher_results_back(w->a->o.publisher, b->results, b->nresults);
		b->nresults = 0;
		metrics_add(METRIC_DATABASE_FAILED, 1);
		if (!w->told)
			log_say(LOG_WARN, "apply: %s", cx.detail);
		w->told = true;
	}
	ctx_done(&cx);
	return e;
}

/* The server works but not with this batch: each unit by itself, so that only
 * the one at fault fails. */
static void
batch_one_by_one(struct worker *w, struct batch *b)
{
	struct apply *a = w->a;
	struct batch one;
	int i, j;

	for (i = 0; i < b->nunits; i++) {
		for (j = 0; j < i && !(b->units[j] && strcmp(
		    b->units[j]->tenant_id, b->units[i]->tenant_id) == 0); j++)
			;
		if (j < i) { /* behind what is left of its tenant */
			b->held[i] = b->held[j];
			continue;
		}
		memset(&one, 0, sizeof(one));
		batch_add(&one, b->units[i], w->limit);
		b->units[i] = NULL;
		if (unit_is_late(a, one.units[0]))
			continue;
		if (batch_try(w, &one)) {
			unit_fail(&a->o, one.units[0], ERR_BUSY,
			    "the events could not be stored");
		} else { /* what is left of it */
			b->units[i] = one.units[0];
			b->held[i] = one.held[0];
		}
	}
}

static void
batch_work_off(struct worker *w, struct batch *b)
{
	bool stored = !batch_try(w, b);
	int i;

	if (!stored) /* once more: a new connection may do */
		stored = !batch_try(w, b);
	if (stored)
		return;
	if (db_is_up(w->db)) {
		batch_one_by_one(w, b);
		return;
	}
	/* Nothing is stored: again, while somebody waits. */
	for (i = 0; i < b->nunits; i++)
		if (unit_is_late(w->a, b->units[i]))
			b->units[i] = NULL;
	poll(NULL, 0, AWAY_MS);
}

/* false: nothing will come any more. */
static bool
wait_for_work(struct worker *w)
{
	struct apply *a = w->a;

	while (!(w->from = choice(w)) && !(a->closed && a->lines.units == 0)) {
		if (!is_watchful(w)) {
			pthread_cond_wait(&w->work, &a->lock);
			continue;
		}
		a->watched = true;
		clock_wait(&w->work, &a->lock, a->since_ms + LONG_MS);
		a->watched = false;
	}
	return w->from != NULL;
}

static void *
worker_thread(void *arg)
{
	struct worker *w = arg;
	struct apply *a = w->a;
	struct batch b;

	pthread_mutex_lock(&a->lock);
	while (wait_for_work(w)) {
		memset(&b, 0, sizeof(b));
		fill(w, &b);
		if (!is_second(w))
			a->since_ms = clock_mono_ms();
		wake(a); /* who watches what is left */
		pthread_mutex_unlock(&a->lock);
		if (b.nunits > 0) {
			add_results(w, &b);
			batch_work_off(w, &b);
		}
		pthread_mutex_lock(&a->lock);
		if (!is_second(w))
			a->since_ms = 0;
		give_back(w, &b);
		wake(a);
	}
	pthread_mutex_unlock(&a->lock);
	return NULL;
}

struct apply *
apply_start(const struct apply_options *o)
{
	struct apply *a = heap_alloc(sizeof(*a));
	struct worker *w;

	a->o = *o;
	lines_init(&a->lines);
	pthread_mutex_init(&a->lock, NULL);
	for (w = a->workers; w < a->workers + WORKERS; w++) {
		w->a = a;
		pthread_cond_init(&w->work, NULL);
	}
	for (w = a->workers; w < a->workers + WORKERS; w++) {
		w->db = db_new(o->settings->database_url, o->program,
		    statements, ST__MAX);
		if (pthread_create(&w->thread, NULL, worker_thread, w) != 0) {
			log_say(LOG_ERROR, "apply: a thread cannot be started");
			abort();
		}
	}
	return a;
}

/* Every unit is late within the answer's limit, so this ends. */
void
apply_stop(struct apply *a)
{
	struct worker *w;

	pthread_mutex_lock(&a->lock);
	a->closed = true;
	wake(a);
	pthread_mutex_unlock(&a->lock);
	for (w = a->workers; w < a->workers + WORKERS; w++) {
		pthread_join(w->thread, NULL);
		db_free(w->db);
	}
	for (w = a->workers; w < a->workers + WORKERS; w++)
		pthread_cond_destroy(&w->work);
	pthread_mutex_destroy(&a->lock);
	heap_free(a);
}

bool
apply_put(struct apply *a, struct apply_unit *u)
{
	bool room;

	pthread_mutex_lock(&a->lock);
	room = !a->closed && a->lines.units < UNITS_MAX;
	if (room)
		lines_put(&a->lines, u);
	wake(a);
	pthread_mutex_unlock(&a->lock);
	return room;
}
