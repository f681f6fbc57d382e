/*
 * The record room: what Teams was told goes into the database, everything that has
 * rested in one transaction; the person's next call goes back to publish. What
 * apply stores with a tenant's events ends here, too.
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
/* This often: else what a crowd needed once stays taken. */
#define TRIM_EVERY_MS 1000
/* A tenant is mostly held for some ms, by apply: with the first worker's next
 * results it is free again. Only then one stands in line for it, alone. */
#define FIRST_TRIES 3

struct worker {
	struct publisher *p;
	bool second;          /* takes from held; else from results */
	struct in_line line;  /* the second's */
	struct db *db;
	bool told;            /* that the database is away: once */
};

/* The end of a call: its line, whoever waits, its memory. */
static void
end(struct publisher *p, struct call *c, bool told, int64_t goal_no,
    const struct job *next)
{
	call_log(c);
	waiting_settle(p->waiting, &c->job, told, goal_no, next);
	call_free(p, c);
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

void
publisher_results_json(struct buf *b, struct call *const *calls, int n)
{
	const struct call *c;
	int i;

	for (i = 0; i < n; i++) {
		c = calls[i];
		buf_printf(b, "%s{\"i\":%d,\"t\":\"%s\",\"u\":\"%s\","
		    "\"c\":%lld,\"r\":\"%s\"", i ? "," : "", i, c->job.tenant_id,
		    c->job.user_id, (long long)c->job.claim_no,
		    result_word(c->result));
		if (c->retry_after_s >= 0)
			buf_printf(b, ",\"a\":%d", c->retry_after_s);
		if (c->graph_ms >= 0)
			buf_printf(b, ",\"m\":%d", c->graph_ms);
		if (c->detail[0]) {
			buf_text(b, ",\"d\":");
			buf_json(b, c->detail);
		}
		buf_text(b, "}");
	}
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

int
publisher_results_of(struct publisher *p, const char *tenant_id,
    struct call **ret, int most)
{
	return results_take_of(p->results, tenant_id, ret, most);
}

int
publisher_results_stored(struct publisher *p, const struct rows *rows,
    struct job *jobs, int njobs, struct call **calls, int n)
{
	struct job *next;
	const char *outcome;
	int i, at, nheld = 0;

	for (i = 0; i < rows_count(rows); i++) {
		if (strcmp(rows_text(rows, i, ROW_KIND), "done") != 0)
			continue;
		at = (int)rows_int(rows, i, ROW_I);
		outcome = rows_text(rows, i, ROW_OUTCOME);
		if (at < 0 || at >= n || !calls[at] || !outcome ||
		    strcmp(outcome, "locked") == 0)
			continue;
		next = strcmp(outcome, "superseded") == 0 ? NULL :
		    next_of(&calls[at]->job, jobs, njobs);
		end(p, calls[at], strcmp(outcome, "told") == 0,
		    rows_int(rows, i, ROW_GOAL_NO), next);
		calls[at] = NULL;
	}
	for (i = 0; i < n; i++)
		if (calls[i])
			calls[nheld++] = calls[i];
	return nheld;
}

void
publisher_results_back(struct publisher *p, struct call **calls, int n)
{
	results_put_back(p->results, calls, n);
}

static void
put_held(struct publisher *p, struct call *one)
{
	void *c = one;

	if (++one->held < FIRST_TRIES)
		results_put_back(p->results, &one, 1);
	else
		queue_put_last(p->held, &c, 1);
}

/* Those of the tenant for which the second worker stood in line come behind the
 * others, so that these are first there once. */
static void
put_all_held(struct worker *w, struct call **calls, int n, const char *stood_for)
{
	int last, i;

	for (last = 0; last < 2; last++)
		for (i = 0; i < n; i++)
			if (last == (strcmp(calls[i]->job.tenant_id, stood_for) == 0))
				put_held(w->p, calls[i]);
}

/* Returns how many the database did not take: left in calls, to be given again. */
static int
record(struct worker *w, struct call **calls, int n)
{
	const int64_t asked_ms = clock_mono_ms();
	const char *args[2];
	char wait[16], first[37];
	struct rows *rows = NULL;
	struct job *jobs;
	int64_t answered_ms;
	struct ctx cx;
	struct buf b;
	int i, stood_ms, njobs, nheld, left = 0;
	enum err e;

	ctx_init(&cx, NULL);
	stood_ms = w->second ? in_line_ms(&w->line, asked_ms) : 0;
	snprintf(wait, sizeof(wait), "%d", stood_ms);
	snprintf(first, sizeof(first), "%s", calls[0]->job.tenant_id);
	buf_init(&b, &cx.arena, 1 << 20);
	buf_text(&b, "[");
	publisher_results_json(&b, calls, n);
	buf_text(&b, "]");
	args[0] = buf_str(&b);
	args[1] = wait;
	e = db_call(&cx, w->db, ST_RECORD, args, &rows);
	if (e) {
		if (database_failed(w, &cx)) {
			for (i = 0; i < n; i++)
				end(w->p, calls[i], false, 0, NULL);
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
		njobs = jobs_from_rows(&cx, rows, asked_ms, &jobs);
		nheld = publisher_results_stored(
		    w->p, rows, jobs, njobs, calls, n);
		for (i = 0; i < njobs; i++) {
			jobs[i].request_id[0] = '\0';
			publisher_give(w->p, &jobs[i]);
		}
		put_all_held(w, calls, nheld, first);
		in_line_note(&w->line, stood_ms, nheld == n, answered_ms);
		if (nheld == n)
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
		end(w->p, c, !e && (c->result == RESULT_OK ||
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
		end(w->p, calls[i], false, 0, NULL);
	}
	return left;
}

/* Probes stand in line, too: the second worker's. */
static void
take(struct worker *w, struct call **items, int n)
{
	struct call *probes[RECORD_BATCH], *calls[RECORD_BATCH];
	int i, nprobes = 0, ncalls = 0, left;

	for (i = 0; i < n; i++) {
		void *c = items[i];

		if (!items[i]->job.probe)
			calls[ncalls++] = items[i];
		else if (w->second)
			probes[nprobes++] = items[i];
		else
			queue_put_last(w->p->held, &c, 1);
	}
	ncalls = drop_old(w, calls, ncalls);
	nprobes = drop_old(w, probes, nprobes);
	left = ncalls > 0 ? record(w, calls, ncalls) : 0;
	for (i = 0; i < nprobes; i++)
		if (!record_probe(w, probes[i]))
			calls[left++] = probes[i];
	for (i = 0; i < left; i++) {
		void *c = calls[i];

		if (w->second)
			queue_put_last(w->p->held, &c, 1);
		else
			results_put_back(w->p->results, &calls[i], 1);
	}
}

void *
record_first(void *publisher)
{
	struct worker w = { .p = publisher };
	struct call *calls[RECORD_BATCH];
	int64_t trimmed_ms = 0, now_ms;
	int n;

	w.db = db_new(w.p->o.settings->database_url, w.p->o.program, statements,
	    ST__MAX);
	while ((n = results_take(w.p->results, calls, RECORD_BATCH)) > 0) {
		take(&w, calls, n);
		now_ms = clock_mono_ms();
		if (!w.p->o.settled || now_ms - trimmed_ms < TRIM_EVERY_MS)
			continue;
		heap_trim();
		trimmed_ms = now_ms;
	}
	db_free(w.db);
	return NULL;
}

void *
record_second(void *publisher)
{
	struct worker w = { .p = publisher, .second = true };
	struct call *calls[RECORD_BATCH];
	void *items[RECORD_BATCH];
	size_t n, i;

	w.db = db_new(w.p->o.settings->database_url, w.p->o.program, statements,
	    ST__MAX);
	while ((n = queue_take(w.p->held, items, RECORD_BATCH, -1)) > 0) {
		for (i = 0; i < n; i++)
			calls[i] = items[i];
		take(&w, calls, (int)n);
	}
	db_free(w.db);
	return NULL;
}
