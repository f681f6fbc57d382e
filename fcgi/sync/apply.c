/*
 * The apply room: facts in, see apply.h. Two workers, each a thread with a
 * connection. The first takes what is queued and waits for nobody: a tenant that
 * somebody else holds is parked, with all its units in order. The second works
 * off the parked ones and stands in line for them; while it does, and until a
 * tenant's line is empty, the tenant is the second worker's alone.
 */
#include "sync/apply.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/queue.h"
#include "sync/batch.h"
#include "sync/in_line.h"
#include "sync/parked.h"
#include "sync/statement.h"

#define UNITS_MAX 6144
#define BATCH_MIN 16  /* smaller ones would only be slower */
#define SLOW_MS 20    /* a longer call halves the batch */
#define AWAY_MS 50    /* between attempts while the database is away */

struct worker {
	struct apply *a;
	pthread_t thread;
	struct db *db;
	bool second;          /* for the parked */
	struct in_line line;  /* the second's */
	int limit;            /* events of the next batch */
	bool told;            /* that the database is away: once */
};

struct apply {
	struct apply_options o;
	struct queue *queue;
	struct worker first, second;

	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t work;  /* for the second worker */
	struct parked *parked; /* added to by the first, freed by the second */
	bool first_done;
};

/* --- units ------------------------------------------------------------------ */

static bool
unit_is_late(struct apply *a, struct apply_unit *u)
{
	if (clock_mono_ms() < u->give_up_ms)
		return false;
	unit_fail(&a->o, u, ERR_BUSY, "the events could not be stored in time");
	return true;
}

/* --- filling ----------------------------------------------------------------- */

/* Behind those of its tenant that are parked, if there are any. */
static bool
unit_follows(struct apply *a, struct apply_unit *u)
{
	struct parked *p;

	pthread_mutex_lock(&a->lock);
	p = parked_find(a->parked, u->tenant_id);
	if (p) {
		parked_put(p, u);
		pthread_cond_signal(&a->work);
	}
	pthread_mutex_unlock(&a->lock);
	return p != NULL;
}

static void
fill_from_queue(struct worker *w, struct batch *b)
{
	struct apply *a = w->a;
	void *items[BATCH_MAX];
	size_t n, i;

	n = queue_take(a->queue, items, BATCH_MAX, -1);
	for (i = 0; i < n; i++)
		if (!unit_is_late(a, items[i]) && !unit_follows(a, items[i]) &&
		    !batch_add(b, items[i], w->limit))
			break;
	queue_put_back(a->queue, items + i, n - i);
}

static void
fill_from_parked(struct worker *w, struct batch *b)
{
	struct apply *a = w->a;
	struct apply_unit *u;
	struct parked *p;
	int share, left;

	pthread_mutex_lock(&a->lock);
	while (!a->parked && !a->first_done)
		pthread_cond_wait(&a->work, &a->lock);
	share = parked_share(&a->parked, w->limit);
	for (p = a->parked; p; p = p->next) {
		for (left = share; left > 0 && p->first; left--) {
			u = parked_take(p);
			if (unit_is_late(a, u))
				continue;
			if (batch_add(b, u, w->limit))
				continue;
			parked_put_front(p, u);
			break;
		}
	}
	pthread_mutex_unlock(&a->lock);
}

/* What was not done goes back to where it came from, in order; a tenant that
 * the first worker found held is parked. */
static void
batch_put_back(struct worker *w, struct batch *b)
{
	struct apply *a = w->a;
	void *items[BATCH_MAX];
	size_t n = 0;
	int i;

	pthread_mutex_lock(&a->lock);
	for (i = b->nunits - 1; i >= 0; i--)
		if (b->units[i] && (w->second || b->held[i]))
			parked_put_front(parked_need(&a->parked,
			    b->units[i]->tenant_id), b->units[i]);
	if (w->second)
		parked_sweep(&a->parked);
	else
		pthread_cond_signal(&a->work);
	pthread_mutex_unlock(&a->lock);
	for (i = 0; i < b->nunits; i++)
		if (b->units[i] && !w->second && !b->held[i])
			items[n++] = b->units[i];
	queue_put_back(a->queue, items, n);
}

/* --- one round -------------------------------------------------------------- */

/* A slow call keeps its first event waiting for its last: then smaller ones
 * answer sooner. With more waiting than fits, the rate is what counts. */
static void
adapt(struct worker *w, int64_t ms)
{
	if (ms > SLOW_MS && !w->second &&
	    queue_length(w->a->queue) < (size_t)w->limit)
		w->limit = BATCH_MIN + (w->limit - BATCH_MIN) / 2;
	else
		w->limit = w->limit < BATCH_MAX / 2 ? w->limit * 2 :
		    BATCH_MAX;
}

/* Nobody stands in line for a request that has been answered by then. */
static int
wait_ms(const struct worker *w, const struct batch *b, int64_t now_ms)
{
	int64_t ms = w->second ? in_line_ms(&w->line, now_ms) : 0;
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
		adapt(w, answered_ms - asked_ms);
		none = !batch_settle(&cx, &w->a->o, b, rows, asked_ms);
		in_line_note(&w->line, stood_ms, none, answered_ms);
		if (none && w->second)
			poll(NULL, 0, LOCKED_MS);
		if (w->told)
			log_say(LOG_INFO, "apply: the database is back");
		w->told = false;
	} else {
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
	w->limit = BATCH_MIN; /* when it is back: soon */
	poll(NULL, 0, AWAY_MS);
}

static void
worker_round(struct worker *w)
{
	struct batch b;

	memset(&b, 0, sizeof(b));
	if (w->second)
		fill_from_parked(w, &b);
	else
		fill_from_queue(w, &b);
	if (b.nunits > 0)
		batch_work_off(w, &b);
	batch_put_back(w, &b);
}

static void *
first_thread(void *arg)
{
	struct worker *w = arg;
	struct apply *a = w->a;

	while (!queue_closed(a->queue) || queue_length(a->queue) > 0)
		worker_round(w);
	pthread_mutex_lock(&a->lock);
	a->first_done = true;
	pthread_cond_signal(&a->work);
	pthread_mutex_unlock(&a->lock);
	return NULL;
}

static bool
second_is_done(struct apply *a)
{
	bool done;

	pthread_mutex_lock(&a->lock);
	done = a->first_done && !a->parked;
	pthread_mutex_unlock(&a->lock);
	return done;
}

static void *
second_thread(void *arg)
{
	struct worker *w = arg;

	while (!second_is_done(w->a))
		worker_round(w);
	return NULL;
}

static void
worker_open(struct worker *w, struct apply *a, void *(*thread)(void *))
{
	w->a = a;
	w->second = thread == second_thread;
	w->limit = BATCH_MAX;
	w->db = db_new(a->o.settings->database_url, a->o.program, statements,
	    ST__MAX);
	if (pthread_create(&w->thread, NULL, thread, w) != 0) {
		log_say(LOG_ERROR, "apply: a thread cannot be started");
		abort();
	}
}

static void
worker_close(struct worker *w)
{
	pthread_join(w->thread, NULL);
	db_free(w->db);
}

struct apply *
apply_start(const struct apply_options *o)
{
	struct apply *a = heap_alloc(sizeof(*a));

	a->o = *o;
	a->queue = queue_new(UNITS_MAX);
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->work, NULL);
	worker_open(&a->first, a, first_thread);
	worker_open(&a->second, a, second_thread);
	return a;
}

/* Every unit is late within the answer's limit, so this ends. */
void
apply_stop(struct apply *a)
{
	queue_close(a->queue);
	worker_close(&a->first);
	worker_close(&a->second);
	queue_free(a->queue);
	pthread_mutex_destroy(&a->lock);
	pthread_cond_destroy(&a->work);
	heap_free(a);
}

bool
apply_put(struct apply *a, struct apply_unit *u)
{
	return queue_put(a->queue, u);
}
