/*
 * The apply room: facts in, see apply.h. One thread; a tenant that somebody
 * else holds is parked, with all its units in order, and stops nobody.
 */
#include "sync/apply.h"

#include <assert.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/queue.h"
#include "sync/parked.h"
#include "sync/statement.h"

#define UNITS_MAX 6144
#define BATCH_MAX 64
#define BATCH_MIN 16  /* smaller ones would only be slower */
#define SLOW_MS 20    /* a longer call halves the batch */
#define LOCKED_MS 3   /* how long a parked tenant is left alone */
#define AWAY_MS 50    /* between attempts while the database is away */

struct apply {
	struct apply_options o;
	struct queue *queue;
	pthread_t thread;
	struct db *db;
	struct parked *parked; /* tenants that somebody else holds */
	int limit;            /* events of the next batch */
	bool told;            /* that the database is away: once */
};

/* One event of the batch, and what came of it. */
struct item {
	struct apply_unit *unit;
	int part;
	const char *outcome, *user_id;
	enum goal goal;
	int64_t goal_no;
};

struct batch {
	struct apply_unit *units[BATCH_MAX];
	int nunits;
	struct item items[BATCH_MAX];
	int nitems;
	bool restart;         /* one pbx.restarted and nothing else */
};

/* --- units ------------------------------------------------------------------ */

static void
unit_fail(struct apply *a, struct apply_unit *u, enum err e,
    const char *detail)
{
	metrics_add(METRIC_EVENT_FAILED, u->events.n - u->done);
	a->o.fail(a->o.arg, u->ticket, e, detail);
	apply_unit_free(u);
}

static bool
unit_is_late(struct apply *a, struct apply_unit *u)
{
	if (clock_mono_ms() < u->give_up_ms)
		return false;
	unit_fail(a, u, ERR_BUSY, "the events could not be stored in time");
	return true;
}

static void
tell(struct apply *a, const struct item *it, enum outcome o)
{
	a->o.tell(a->o.arg, it->unit->ticket, it->part, o, it->goal);
}

/* --- the batch -------------------------------------------------------------- */

/* Adds what fits of u's events. false: u belongs into a later batch. */
static bool
batch_add(struct batch *b, struct apply_unit *u, int limit)
{
	const struct call_event *e = &u->events.list[u->done];
	int part;

	if (b->restart || b->nitems >= limit)
		return false;
	if (e->type == EVENT_RESTARTED) {
		if (b->nunits > 0)
			return false;
		b->restart = true;
	}
	b->units[b->nunits++] = u;
	for (part = u->done; part < u->events.n && b->nitems < limit; part++) {
		if (!b->restart &&
		    u->events.list[part].type == EVENT_RESTARTED)
			break;
		b->items[b->nitems].unit = u;
		b->items[b->nitems++].part = part;
		if (b->restart)
			break;
	}
	return true;
}

/* Parked tenants whose time has come, then what is queued. */
static void
batch_fill(struct apply *a, struct batch *b)
{
	const int64_t now_ms = clock_mono_ms();
	void *items[BATCH_MAX];
	struct apply_unit *u;
	struct parked *p;
	int share, left;
	size_t n, i;

	memset(b, 0, sizeof(*b));
	share = parked_share(&a->parked, a->limit);
	for (p = a->parked; p; p = p->next) {
		left = p->retry_ms <= now_ms ? share : 0;
		while (left-- > 0 && p->first) {
			u = parked_take(p);
			if (unit_is_late(a, u))
				continue;
			if (batch_add(b, u, a->limit))
				continue;
			parked_put_front(p, u);
			break;
		}
	}
	n = queue_take(a->queue, items, BATCH_MAX, b->nunits > 0 ? 0 :
	    a->parked ? LOCKED_MS : -1);
	for (i = 0; i < n; i++) {
		u = items[i];
		if (unit_is_late(a, u))
			continue;
		p = parked_find(a->parked, u->tenant_id);
		if (p && p->first) { /* behind those that wait */
			parked_put(p, u);
			continue;
		}
		if (!batch_add(b, u, a->limit))
			break;
	}
	queue_put_back(a->queue, items + i, n - i);
	if (n == 0 && b->nunits == 0 && queue_closed(a->queue))
		poll(NULL, 0, 1); /* a closed queue does not wait */
}

/* What was not done goes back to where it came from, in order. */
static void
batch_put_back(struct apply *a, struct batch *b)
{
	struct apply_unit *u;
	void *items[BATCH_MAX];
	size_t n = 0;
	int i;

	for (i = 0; i < b->nunits; i++) {
		u = b->units[i];
		if (!u)
			continue;
		if (parked_find(a->parked, u->tenant_id))
			continue;
		items[n++] = u;
		b->units[i] = NULL;
	}
	queue_put_back(a->queue, items, n);
	for (i = b->nunits - 1; i >= 0; i--)
		if (b->units[i])
			parked_put_front(parked_need(&a->parked,
			    b->units[i]->tenant_id), b->units[i]);
}

/* --- asking ----------------------------------------------------------------- */

static void
add_text(struct buf *b, const char *name, const char *value)
{
	if (!value)
		return;
	buf_printf(b, ",\"%s\":", name);
	buf_json(b, value);
}

static const char *
batch_json(struct ctx *cx, const struct batch *batch)
{
	const struct apply_unit *u;
	const struct call_event *e;
	struct buf b;
	int i;

	buf_init(&b, &cx->arena, 1 << 20);
	buf_text(&b, "[");
	for (i = 0; i < batch->nitems; i++) {
		u = batch->items[i].unit;
		e = &u->events.list[batch->items[i].part];
		buf_printf(&b, "%s{\"i\":%d,\"t\":\"%s\",\"p\":\"%s\","
		    "\"y\":\"%s\"", i ? "," : "", i, u->tenant_id, u->pbx_id,
		    event_type_name(e->type));
		add_text(&b, "e", e->extension);
		add_text(&b, "c", e->call_id);
		add_text(&b, "l", e->leg_id);
		add_text(&b, "n", e->line);
		add_text(&b, "k", e->key);
		if (e->has_at)
			buf_printf(&b, ",\"a\":%lld", (long long)e->at_us);
		if (u->events.has_attempt)
			buf_printf(&b, ",\"w\":%lld",
			    (long long)u->events.attempt_us);
		buf_text(&b, "}");
	}
	buf_text(&b, "]");
	return buf_str(&b);
}

static enum err
ask(struct ctx *cx, struct apply *a, const struct batch *b,
    struct rows **ret)
{
	const struct apply_unit *u = b->items[0].unit;
	const struct call_event *e;
	char at[24], attempt[24];
	const char *args[5];

	assert(u != NULL);
	e = &u->events.list[b->items[0].part];
	if (!b->restart) {
		args[0] = batch_json(cx, b);
		return db_call(cx, a->db, ST_APPLY, args, ret);
	}
	snprintf(at, sizeof(at), "%lld", (long long)e->at_us);
	snprintf(attempt, sizeof(attempt), "%lld",
	    (long long)u->events.attempt_us);
	args[0] = u->tenant_id;
	args[1] = u->pbx_id;
	args[2] = e->has_at ? at : NULL;
	args[3] = u->events.has_attempt ? attempt : NULL;
	args[4] = e->key;
	return db_call(cx, a->db, ST_APPLY_RESTART, args, ret);
}

/* --- what came of it -------------------------------------------------------- */

static void
read_items(struct batch *b, const struct rows *rows)
{
	struct item *it;
	int i, at;

	for (i = 0; i < rows_count(rows); i++) {
		if (strcmp(rows_text(rows, i, ROW_KIND), "event") != 0)
			continue;
		at = (int)rows_int(rows, i, ROW_I);
		if (at < 0 || at >= b->nitems)
			continue;
		it = &b->items[at];
		it->outcome = rows_text(rows, i, ROW_OUTCOME);
		it->user_id = rows_text(rows, i, ROW_USER_ID);
		it->goal = goal_parse(rows_text(rows, i, ROW_GOAL));
		it->goal_no = rows_int(rows, i, ROW_GOAL_NO);
	}
}

static bool
is(const struct item *it, const char *outcome)
{
	return it->outcome && strcmp(it->outcome, outcome) == 0;
}

/* A later event of the batch has changed this person's goal again. */
static bool
is_superseded(const struct batch *b, int i)
{
	const struct item *it = &b->items[i], *other;
	int j;

	for (j = i + 1; j < b->nitems; j++) {
		other = &b->items[j];
		if (other->user_id && other->goal_no > it->goal_no &&
		    strcmp(other->user_id, it->user_id) == 0 &&
		    strcmp(other->unit->tenant_id, it->unit->tenant_id) == 0)
			return true;
	}
	return false;
}

static struct job *
job_of(const struct item *it, struct job *jobs, int n)
{
	int i;

	for (i = 0; i < n; i++)
		if (strcmp(jobs[i].user_id, it->user_id) == 0 &&
		    strcmp(jobs[i].tenant_id, it->unit->tenant_id) == 0)
			return &jobs[i];
	return NULL;
}

/* A request's id names one call of Graph only. */
static void
lend_id(struct job *job, const struct apply_unit *u, const struct job *jobs,
    int n)
{
	int i;

	for (i = 0; i < n; i++)
		if (strcmp(jobs[i].request_id, u->cx.id) == 0)
			return;
	memcpy(job->request_id, u->cx.id, sizeof(job->request_id));
}

static void
settle_changed(struct apply *a, const struct batch *b, int i,
    struct job *jobs, int njobs)
{
	const struct item *it = &b->items[i];
	struct job *job;

	if (is_superseded(b, i)) {
		tell(a, it, OUTCOME_SUPERSEDED);
		return;
	}
	if (is(it, "told")) { /* Teams shows it already */
		tell(a, it, OUTCOME_PUBLISHED);
		return;
	}
	job = job_of(it, jobs, njobs);
	if (job && !job->request_id[0])
		lend_id(job, it->unit, jobs, njobs);
	/* First that it is stored: the news of its end may come at once. */
	tell(a, it, OUTCOME_PENDING);
	if (!publisher_wait(a->o.publisher, it->unit->tenant_id, it->user_id,
	    it->goal_no, it->unit->ticket, it->part, it->goal, job != NULL))
		tell(a, it, OUTCOME_DEFERRED);
}

static void
settle(struct apply *a, struct batch *b, struct job *jobs, int njobs)
{
	struct item *it;
	enum outcome o;
	int i;

	for (i = 0; i < njobs; i++)
		jobs[i].request_id[0] = '\0';
	for (i = 0; i < b->nitems; i++) {
		it = &b->items[i];
		if (outcome_is_final(it->outcome, &o))
			tell(a, it, o);
		else if (is(it, "changed") || is(it, "told"))
			settle_changed(a, b, i, jobs, njobs);
	}
	publisher_hand(a->o.publisher, jobs, njobs);
}

/* The row's goal_no is the number of people who must be told. */
static void
settle_restart(struct apply *a, struct batch *b, const struct rows *rows,
    struct job *jobs, int njobs)
{
	struct item *it = &b->items[0];
	enum outcome o;

	it->outcome = rows_text(rows, 0, ROW_OUTCOME);
	it->goal = GOAL_NONE;
	if (outcome_is_final(it->outcome, &o)) {
		tell(a, it, o);
	} else if (is(it, "changed")) {
		tell(a, it, OUTCOME_PENDING);
		if (njobs > 0 && rows_int(rows, 0, ROW_GOAL_NO) == njobs)
			publisher_wait_all(a->o.publisher, jobs, njobs,
			    it->unit->ticket, it->part);
		else
			tell(a, it, OUTCOME_DEFERRED);
	}
	publisher_hand(a->o.publisher, jobs, njobs);
}

/* Each unit's part of the batch: done, failed, or to be parked. Returns
 * whether anything was done. */
static bool
count_done(struct apply *a, struct batch *b)
{
	struct apply_unit *u;
	bool any = false;
	int i, k = 0;

	for (i = 0; i < b->nunits; i++) {
		u = b->units[i];
		for (; k < b->nitems && b->items[k].unit == u; k++) {
			if (!b->units[i])
				continue; /* it has failed already */
			if (is(&b->items[k], "locked")) {
				parked_need(&a->parked, u->tenant_id)->retry_ms =
				    clock_mono_ms() + LOCKED_MS;
				continue;
			}
			any = true;
			if (is(&b->items[k], "no_pbx"))
				unit_fail(a, u, ERR_AUTH,
				    "this address is not known");
			else if (!b->items[k].outcome ||
			    is(&b->items[k], "error"))
				unit_fail(a, u, ERR_INTERNAL,
				    "the event could not be stored");
			else {
				u->done++;
				continue;
			}
			b->units[i] = NULL;
		}
		if (b->units[i] && u->done == u->events.n) {
			apply_unit_free(u);
			b->units[i] = NULL;
		}
	}
	return any;
}

/* A slow call keeps its first event waiting for its last: then smaller ones
 * answer sooner. With more waiting than fits, the rate is what counts. */
static void
adapt(struct apply *a, int64_t ms)
{
	if (ms > SLOW_MS && queue_length(a->queue) < (size_t)a->limit)
		a->limit = BATCH_MIN + (a->limit - BATCH_MIN) / 2;
	else
		a->limit = a->limit < BATCH_MAX / 2 ? a->limit * 2 :
		    BATCH_MAX;
}

/* --- one round -------------------------------------------------------------- */

static enum err
batch_try(struct apply *a, struct batch *b)
{
	const int64_t asked_ms = clock_mono_ms();
	struct rows *rows = NULL;
	struct job *jobs;
	struct ctx cx;
	int64_t ms;
	enum err e;
	int n;

	ctx_init(&cx, b->units[0]->cx.id);
	e = ask(&cx, a, b, &rows);
	if (!e) {
		ms = clock_mono_ms() - asked_ms;
		metrics_observe_ms(METRIC_APPLY_MS, ms);
		adapt(a, ms);
		n = jobs_from_rows(&cx, rows, asked_ms, &jobs);
		if (b->restart) {
			settle_restart(a, b, rows, jobs, n);
		} else {
			read_items(b, rows);
			settle(a, b, jobs, n);
		}
		count_done(a, b);
		if (a->told)
			log_say(LOG_INFO, "apply: the database is back");
		a->told = false;
	} else {
		metrics_add(METRIC_DATABASE_FAILED, 1);
		if (!a->told)
			log_say(LOG_WARN, "apply: %s", cx.detail);
		a->told = true;
	}
	ctx_done(&cx);
	return e;
}

/* The server works but not with this batch: each unit by itself, so that only
 * the one at fault fails. */
static void
batch_one_by_one(struct apply *a, struct batch *b)
{
	struct batch one;
	int i;

	for (i = 0; i < b->nunits; i++) {
		memset(&one, 0, sizeof(one));
		batch_add(&one, b->units[i], a->limit);
		b->units[i] = NULL;
		if (unit_is_late(a, one.units[0]))
			continue;
		if (batch_try(a, &one))
			unit_fail(a, one.units[0], ERR_BUSY,
			    "the events could not be stored");
		else
			b->units[i] = one.units[0]; /* what is left of it */
	}
	batch_put_back(a, b);
}

static void
round_of(struct apply *a)
{
	struct batch b;
	bool stored;
	int i;

	batch_fill(a, &b);
	if (b.nunits > 0) {
		stored = !batch_try(a, &b);
		if (!stored) /* once more: a new connection may do */
			stored = !batch_try(a, &b);
		if (stored) {
			batch_put_back(a, &b);
		} else if (db_is_up(a->db)) {
			batch_one_by_one(a, &b);
		} else { /* nothing is stored: again, while somebody waits */
			for (i = 0; i < b.nunits; i++)
				if (unit_is_late(a, b.units[i]))
					b.units[i] = NULL;
			batch_put_back(a, &b);
			a->limit = BATCH_MIN; /* when it is back: soon */
			poll(NULL, 0, AWAY_MS);
		}
	}
	parked_sweep(&a->parked);
}

static void *
apply_thread(void *arg)
{
	struct apply *a = arg;

	while (!queue_closed(a->queue) || queue_length(a->queue) > 0 ||
	    a->parked)
		round_of(a);
	return NULL;
}

struct apply *
apply_start(const struct apply_options *o)
{
	struct apply *a = heap_alloc(sizeof(*a));

	a->o = *o;
	a->limit = BATCH_MAX;
	a->queue = queue_new(UNITS_MAX);
	a->db = db_new(o->settings->database_url, o->program, statements,
	    ST__MAX);
	if (pthread_create(&a->thread, NULL, apply_thread, a) != 0) {
		log_say(LOG_ERROR, "apply: a thread cannot be started");
		abort();
	}
	return a;
}

/* Every unit is late within the answer's limit, so this ends. */
void
apply_stop(struct apply *a)
{
	queue_close(a->queue);
	pthread_join(a->thread, NULL);
	db_free(a->db);
	queue_free(a->queue);
	heap_free(a);
}

bool
apply_put(struct apply *a, struct apply_unit *u)
{
	return queue_put(a->queue, u);
}
