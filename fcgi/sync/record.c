/*
 * The record room: what Teams was told goes into the database, everything that
 * is queued in one transaction; the person's next call goes back to publish.
 * Two workers, each a thread with a connection, as in the apply room: the first
 * waits for nobody, the second stands in line for tenants that somebody holds.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "sync/in_line.h"
#include "sync/rooms.h"
#include "sync/statement.h"

#define AWAY_MS 100 /* between attempts while the database is */
/* Where nobody waits for a result to be stored: many in one transaction cost the
 * database a fraction of many small ones, so for each ms of work some pass
 * before the next. Longer would be felt by who changes twice at once: the second
 * call comes after the first is stored. */
#define GATHER_MS_PER_MS 3
#define GATHER_MOST_MS 20
/* In such a pause, this often: else what a crowd needed once stays taken. */
#define TRIM_EVERY_MS 1000
/* A tenant is mostly held for some ms, by apply: with the first worker's next
 * results it is free again. Only then one stands in line for it, alone. */
#define FIRST_TRIES 3

struct worker {
	struct publisher *p;
	struct queue *queue;  /* its own: results, or held */
	struct in_line line;  /* the second's */
	int64_t trimmed_ms;
	struct db *db;
	bool told;            /* that the database is away: once */
};

/* The end of a call: its line, whoever waits, its memory. */
static void
end(struct worker *w, struct call *c, bool told, int64_t goal_no,
    const struct job *next)
{
	call_log(c);
	waiting_settle(w->p->waiting, &c->job, told, goal_no, next);
	call_free(w->p, c);
}

static void
sleep_ms(int ms)
{
	poll(NULL, 0, ms);
}

/* true: what is left must be given up. */
static bool
database_failed(struct worker *w, const struct ctx *cx)
{
	metrics_add(METRIC_DATABASE_FAILED, 1);
	if (!w->told)
		log_say(LOG_WARN, "record: %s", cx->detail);
	w->told = true;
	return atomic_load(&w->p->stop_record);
}

static void
database_works(struct worker *w)
{
	if (w->told)
		log_say(LOG_INFO, "record: the database is back");
	w->told = false;
}

/* --- results ---------------------------------------------------------------- */

static const char *
results_json(struct ctx *cx, struct call *const *calls, int n)
{
	struct buf b;
	int i;

	buf_init(&b, &cx->arena, 1 << 20);
	buf_text(&b, "[");
	for (i = 0; i < n; i++) {
		buf_printf(&b, "%s{\"t\":\"%s\",\"u\":\"%s\",\"c\":%lld,"
		    "\"r\":\"%s\"", i ? "," : "", calls[i]->job.tenant_id,
		    calls[i]->job.user_id, (long long)calls[i]->job.claim_no,
		    result_word(calls[i]->result));
		if (calls[i]->retry_after_s >= 0)
			buf_printf(&b, ",\"a\":%d", calls[i]->retry_after_s);
		if (calls[i]->graph_ms >= 0)
			buf_printf(&b, ",\"m\":%d", calls[i]->graph_ms);
		if (calls[i]->detail[0]) {
			buf_text(&b, ",\"d\":");
			buf_json(&b, calls[i]->detail);
		}
		buf_text(&b, "}");
	}
	buf_text(&b, "]");
	return buf_str(&b);
}

/* The next claim of the same person, out of the list: it is given once. */
static struct job *
next_of(const struct job *job, struct job *jobs, int n)
{
	int i;

	for (i = 0; i < n; i++)
		if (!jobs[i].probe && jobs[i].tenant_id[0] &&
		    strcmp(jobs[i].user_id, job->user_id) == 0 &&
		    strcmp(jobs[i].tenant_id, job->tenant_id) == 0)
			return &jobs[i];
	return NULL;
}

static bool
is_second(const struct worker *w)
{
	return w->queue == w->p->held;
}

/* Those of the tenant for which the second worker stood in line come behind the
 * others, so that these are first there once. */
static void
put_held(struct worker *w, struct call **held, int n, const char *stood_for)
{
	struct queue *to;
	void *c;
	int last, i;

	for (last = 0; last < 2; last++)
		for (i = 0; i < n; i++)
			if (last == (strcmp(held[i]->job.tenant_id, stood_for) == 0)) {
				to = ++held[i]->held < FIRST_TRIES ? w->queue : w->p->held;
				c = held[i];
				queue_put_last(to, &c, 1);
			}
}

/* Rows -> calls; those that are held are put. Returns their number. */
static int
take_rows(struct worker *w, struct ctx *cx, const struct rows *rows,
    int64_t asked_ms, struct call **calls, int n)
{
	struct call *held[RECORD_BATCH];
	char first[37];
	struct job *jobs, *next;
	const char *outcome;
	int i, at, nheld = 0, njobs;

	snprintf(first, sizeof(first), "%s", calls[0]->job.tenant_id);
	njobs = jobs_from_rows(cx, rows, asked_ms, &jobs);
	for (i = 0; i < rows_count(rows); i++) {
		if (strcmp(rows_text(rows, i, ROW_KIND), "done") != 0)
			continue;
		at = (int)rows_int(rows, i, ROW_I);
		outcome = rows_text(rows, i, ROW_OUTCOME);
		if (at < 0 || at >= n || !calls[at] || !outcome)
			continue;
		if (strcmp(outcome, "locked") == 0) {
			held[nheld++] = calls[at];
			calls[at] = NULL;
			continue;
		}
		next = strcmp(outcome, "superseded") == 0 ? NULL :
		    next_of(&calls[at]->job, jobs, njobs);
		end(w, calls[at], strcmp(outcome, "told") == 0,
		    rows_int(rows, i, ROW_GOAL_NO), next);
		calls[at] = NULL;
	}
	for (i = 0; i < njobs; i++) {
		jobs[i].request_id[0] = '\0';
		publisher_give(w->p, &jobs[i]);
	}
	put_held(w, held, nheld, first);
	return nheld;
}

/* Returns how many the database did not take: left in calls, to be given again. */
static int
record(struct worker *w, struct call **calls, int n)
{
	const int64_t asked_ms = clock_mono_ms();
	const char *args[2];
	char wait[16];
	struct rows *rows = NULL;
	int64_t answered_ms;
	struct ctx cx;
	int i, stood_ms, left = 0;
	bool none;
	enum err e;

	ctx_init(&cx, NULL);
	stood_ms = is_second(w) ? in_line_ms(&w->line, asked_ms) : 0;
	snprintf(wait, sizeof(wait), "%d", stood_ms);
	args[0] = results_json(&cx, calls, n);
	args[1] = wait;
	e = db_call(&cx, w->db, ST_RECORD, args, &rows);
	if (e) {
		if (database_failed(w, &cx)) {
			for (i = 0; i < n; i++)
				end(w, calls[i], false, 0, NULL);
		} else if (e != ERR_BUSY && n > 1) {
			/* The server works, but not with all of these. */
			for (i = 0; i < n; i++)
				if (record(w, &calls[i], 1) > 0)
					calls[left++] = calls[i];
		} else {
			sleep_ms(AWAY_MS);
			left = n;
		}
	} else {
		database_works(w);
		answered_ms = clock_mono_ms();
		metrics_observe_ms(METRIC_RECORD_MS, answered_ms - asked_ms);
		none = take_rows(w, &cx, rows, asked_ms, calls, n) == n;
		in_line_note(&w->line, stood_ms, none, answered_ms);
		if (none)
			sleep_ms(LOCKED_MS);
	}
	ctx_done(&cx);
	return left;
}

/* --- probes ----------------------------------------------------------------- */

/* true: recorded, or nobody wants to know any more. */
static bool
record_probe(struct worker *w, struct call *c)
{
	char no[24], after[16];
	const char *args[] = { c->job.tenant_id, no, result_word(c->result),
		c->retry_after_s >= 0 ? after : NULL,
		c->detail[0] ? c->detail : NULL };
	struct ctx cx;
	bool done = true;
	enum err e;

	snprintf(no, sizeof(no), "%lld", (long long)c->job.claim_no);
	snprintf(after, sizeof(after), "%d", c->retry_after_s);
	ctx_init(&cx, NULL);
	e = db_call(&cx, w->db, ST_PROBE_RECORD, args, NULL);
	if (e == ERR_BUSY && !database_failed(w, &cx)) {
		sleep_ms(db_is_up(w->db) ? LOCKED_MS : AWAY_MS);
		done = false;
	} else {
		if (e && e != ERR_NOT_FOUND)
			log_say(LOG_WARN, "record: %s", cx.detail);
		/* Any answer of Microsoft is one, also a refusal. */
		end(w, c, !e && (c->result == RESULT_OK ||
		    c->result == RESULT_FORBIDDEN || c->result == RESULT_LOST),
		    c->job.claim_no, NULL);
	}
	ctx_done(&cx);
	return done;
}

/* --- the room --------------------------------------------------------------- */

/* A claim that ran out is somebody else's by now. */
static int
drop_old(struct worker *w, struct call **calls, int n)
{
	const int64_t now_ms = clock_mono_ms();
	int i, left = 0;

	for (i = 0; i < n; i++) {
		if (now_ms - calls[i]->job.claimed_ms < CLAIM_MS) {
			calls[left++] = calls[i];
			continue;
		}
		metrics_add(METRIC_RECORD_DROPPED, 1);
		end(w, calls[i], false, 0, NULL);
	}
	return left;
}

/* Probes stand in line, too: the second worker's. */
static void
take(struct worker *w, void **items, int n)
{
	struct call *probes[RECORD_BATCH], *calls[RECORD_BATCH];
	int i, nprobes = 0, ncalls = 0, left;

	for (i = 0; i < n; i++) {
		struct call *c = items[i];

		if (!c->job.probe)
			calls[ncalls++] = c;
		else if (is_second(w))
			probes[nprobes++] = c;
		else
			queue_put_last(w->p->held, &items[i], 1);
	}
	ncalls = drop_old(w, calls, ncalls);
	nprobes = drop_old(w, probes, nprobes);
	left = ncalls > 0 ? record(w, calls, ncalls) : 0;
	for (i = 0; i < left; i++)
		items[i] = calls[i];
	for (i = 0; i < nprobes; i++)
		if (!record_probe(w, probes[i]))
			items[left++] = probes[i];
	queue_put_last(w->queue, items, (size_t)left);
}

/* Until the next transaction is worth it. */
static void
gather(struct worker *w, int64_t since_ms)
{
	const int64_t now_ms = clock_mono_ms();
	int64_t ms = (now_ms - since_ms) * GATHER_MS_PER_MS;

	if (!w->p->o.settled || is_second(w))
		return;
	if (now_ms - w->trimmed_ms >= TRIM_EVERY_MS) {
		heap_trim();
		w->trimmed_ms = now_ms;
	}
	if (ms > GATHER_MOST_MS)
		ms = GATHER_MOST_MS;
	if (ms > 0)
		queue_gather(w->queue, RECORD_BATCH, (int)ms);
}

static void *
work(struct publisher *p, struct queue *q)
{
	struct worker w = { .p = p, .queue = q };
	void *items[RECORD_BATCH];
	int64_t since_ms;
	size_t n;

	w.db = db_new(p->o.settings->database_url, p->o.program, statements,
	    ST__MAX);
	while ((n = queue_take(q, items, RECORD_BATCH, -1)) > 0) {
		since_ms = clock_mono_ms();
		take(&w, items, (int)n);
		gather(&w, since_ms);
	}
	db_free(w.db);
	return NULL;
}

void *
record_first(void *publisher)
{
	struct publisher *p = publisher;

	return work(p, p->results);
}

void *
record_second(void *publisher)
{
	struct publisher *p = publisher;

	return work(p, p->held);
}
