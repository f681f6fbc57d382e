/*
 * The apply room: facts in, see apply.h. Two desks, each a thread with a
 * connection. The first takes what is queued and waits for nobody: a tenant that
 * somebody else holds is parked, with all its units in order. The second works
 * off the parked ones and stands in line for them; while it does, and until a
 * tenant's line is empty, the tenant is the second desk's alone.
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
#include "sync/parked.h"
#include "sync/statement.h"

#define UNITS_MAX 6144
#define BATCH_MIN 16  /* smaller ones would only be slower */
#define SLOW_MS 20    /* a longer call halves the batch */
#define IN_LINE_MS 450 /* for the first of the parked; then others' turn */
#define LOCKED_MS 3   /* between attempts when all are held */
#define AWAY_MS 50    /* between attempts while the database is away */

struct desk {
	struct apply *a;
	pthread_t thread;
	struct db *db;
	bool second;          /* for the parked */
	bool got_none;        /* in its last round: all were held */
	int64_t line_ms;      /* when it may stand in line although some are free */
	int limit;            /* events of the next batch */
	bool told;            /* that the database is away: once */
};

struct apply {
	struct apply_options o;
	struct queue *queue;
	struct desk first, second;

	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t work;  /* for the second desk */
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
fill_from_queue(struct desk *d, struct batch *b)
{
	struct apply *a = d->a;
	void *items[BATCH_MAX];
	size_t n, i;

	n = queue_take(a->queue, items, BATCH_MAX, -1);
	for (i = 0; i < n; i++)
		if (!unit_is_late(a, items[i]) && !unit_follows(a, items[i]) &&
		    !batch_add(b, items[i], d->limit))
			break;
	queue_put_back(a->queue, items + i, n - i);
}

static void
fill_from_parked(struct desk *d, struct batch *b)
{
	struct apply *a = d->a;
	struct apply_unit *u;
	struct parked *p;
	int share, left;

	pthread_mutex_lock(&a->lock);
	while (!a->parked && !a->first_done)
		pthread_cond_wait(&a->work, &a->lock);
	share = parked_share(&a->parked, d->limit);
	for (p = a->parked; p; p = p->next) {
		for (left = share; left > 0 && p->first; left--) {
			u = parked_take(p);
			if (unit_is_late(a, u))
				continue;
			if (batch_add(b, u, d->limit))
				continue;
			parked_put_front(p, u);
			break;
		}
	}
	pthread_mutex_unlock(&a->lock);
}

/* What was not done goes back to where it came from, in order; a tenant that
 * the first desk found held is parked. */
static void
batch_put_back(struct desk *d, struct batch *b)
{
	struct apply *a = d->a;
	void *items[BATCH_MAX];
	size_t n = 0;
	int i;

	pthread_mutex_lock(&a->lock);
	for (i = b->nunits - 1; i >= 0; i--)
		if (b->units[i] && (d->second || b->held[i]))
			parked_put_front(parked_need(&a->parked,
			    b->units[i]->tenant_id), b->units[i]);
	if (d->second)
		parked_sweep(&a->parked);
	else
		pthread_cond_signal(&a->work);
	pthread_mutex_unlock(&a->lock);
	for (i = 0; i < b->nunits; i++)
		if (b->units[i] && !d->second && !b->held[i])
			items[n++] = b->units[i];
	queue_put_back(a->queue, items, n);
}

/* --- one round -------------------------------------------------------------- */

/* A slow call keeps its first event waiting for its last: then smaller ones
 * answer sooner. With more waiting than fits, the rate is what counts. */
static void
adapt(struct desk *d, int64_t ms)
{
	if (ms > SLOW_MS && !d->second &&
	    queue_length(d->a->queue) < (size_t)d->limit)
		d->limit = BATCH_MIN + (d->limit - BATCH_MIN) / 2;
	else
		d->limit = d->limit < BATCH_MAX / 2 ? d->limit * 2 :
		    BATCH_MAX;
}

/* Who is free goes first, but only half of the time; and nobody stands in line
 * for a request that has been answered by then. */
static int
in_line_ms(const struct desk *d, const struct batch *b, int64_t now_ms)
{
	int64_t ms = IN_LINE_MS;
	int i;

	if (!d->second || (!d->got_none && now_ms < d->line_ms))
		return 0;
	for (i = 0; i < b->nunits; i++)
		if (b->units[i]->give_up_ms - now_ms < ms)
			ms = b->units[i]->give_up_ms - now_ms;
	return ms > 0 ? (int)ms : 0;
}

static enum err
batch_try(struct desk *d, struct batch *b)
{
	const int64_t asked_ms = clock_mono_ms();
	struct rows *rows = NULL;
	struct ctx cx;
	int wait_ms;
	int64_t ms;
	enum err e;

	ctx_init(&cx, b->units[0]->cx.id);
	wait_ms = in_line_ms(d, b, asked_ms);
	e = batch_ask(&cx, d->db, b, wait_ms, &rows);
	if (!e) {
		ms = clock_mono_ms() - asked_ms;
		if (wait_ms > 0)
			d->line_ms = asked_ms + ms + IN_LINE_MS;
		metrics_observe_ms(METRIC_APPLY_MS, ms);
		adapt(d, ms);
		d->got_none = !batch_settle(&cx, &d->a->o, b, rows, asked_ms);
		if (d->got_none && d->second)
			poll(NULL, 0, LOCKED_MS);
		if (d->told)
			log_say(LOG_INFO, "apply: the database is back");
		d->told = false;
	} else {
		metrics_add(METRIC_DATABASE_FAILED, 1);
		if (!d->told)
			log_say(LOG_WARN, "apply: %s", cx.detail);
		d->told = true;
	}
	ctx_done(&cx);
	return e;
}

/* The server works but not with this batch: each unit by itself, so that only
 * the one at fault fails. */
static void
batch_one_by_one(struct desk *d, struct batch *b)
{
	struct apply *a = d->a;
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
		batch_add(&one, b->units[i], d->limit);
		b->units[i] = NULL;
		if (unit_is_late(a, one.units[0]))
			continue;
		if (batch_try(d, &one)) {
			unit_fail(&a->o, one.units[0], ERR_BUSY,
			    "the events could not be stored");
		} else { /* what is left of it */
			b->units[i] = one.units[0];
			b->held[i] = one.held[0];
		}
	}
}

static void
batch_work_off(struct desk *d, struct batch *b)
{
	bool stored = !batch_try(d, b);
	int i;

	if (!stored) /* once more: a new connection may do */
		stored = !batch_try(d, b);
	if (stored)
		return;
	if (db_is_up(d->db)) {
		batch_one_by_one(d, b);
		return;
	}
	/* Nothing is stored: again, while somebody waits. */
	for (i = 0; i < b->nunits; i++)
		if (unit_is_late(d->a, b->units[i]))
			b->units[i] = NULL;
	d->limit = BATCH_MIN; /* when it is back: soon */
	poll(NULL, 0, AWAY_MS);
}

static void
desk_round(struct desk *d)
{
	struct batch b;

	memset(&b, 0, sizeof(b));
	if (d->second)
		fill_from_parked(d, &b);
	else
		fill_from_queue(d, &b);
	if (b.nunits > 0)
		batch_work_off(d, &b);
	batch_put_back(d, &b);
}

static void *
first_thread(void *arg)
{
	struct desk *d = arg;
	struct apply *a = d->a;

	while (!queue_closed(a->queue) || queue_length(a->queue) > 0)
		desk_round(d);
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
	struct desk *d = arg;

	while (!second_is_done(d->a))
		desk_round(d);
	return NULL;
}

static void
desk_open(struct desk *d, struct apply *a, void *(*thread)(void *))
{
	d->a = a;
	d->second = thread == second_thread;
	d->limit = BATCH_MAX;
	d->db = db_new(a->o.settings->database_url, a->o.program, statements,
	    ST__MAX);
	if (pthread_create(&d->thread, NULL, thread, d) != 0) {
		log_say(LOG_ERROR, "apply: a thread cannot be started");
		abort();
	}
}

static void
desk_close(struct desk *d)
{
	pthread_join(d->thread, NULL);
	db_free(d->db);
}

struct apply *
apply_start(const struct apply_options *o)
{
	struct apply *a = heap_alloc(sizeof(*a));

	a->o = *o;
	a->queue = queue_new(UNITS_MAX);
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->work, NULL);
	desk_open(&a->first, a, first_thread);
	desk_open(&a->second, a, second_thread);
	return a;
}

/* Every unit is late within the answer's limit, so this ends. */
void
apply_stop(struct apply *a)
{
	queue_close(a->queue);
	desk_close(&a->first);
	desk_close(&a->second);
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
