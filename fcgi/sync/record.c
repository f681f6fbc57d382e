/*
 * The record room: what Teams was told goes into the database, everything that
 * is queued in one transaction; the person's next call goes back to publish.
 * Two desks, each a thread with a connection, as in the apply room: the first
 * waits for nobody, the second stands in line for tenants that somebody holds.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "sync/rooms.h"
#include "sync/statement.h"

#define IN_LINE_MS 450    /* for the first one's tenant; then others' turn */
#define LOCKED_MS 3       /* between attempts when all are held */
#define AWAY_MS 100       /* the database is */

struct room {
	struct publisher *p;
	struct queue *queue;  /* its own: results, or held */
	bool got_none;        /* in its last round: all were held */
	int64_t line_ms;      /* when it may stand in line although some are free */
	struct db *db;
	bool told;            /* that the database is away: once */
};

/* The end of a call: its line, whoever waits, its memory. */
static void
end(struct room *r, struct call *c, bool told, int64_t goal_no,
    const struct job *next)
{
	call_log(c);
	waiting_settle(r->p->waiting, &c->job, told, goal_no, next);
	call_free(r->p, c);
}

static void
sleep_ms(int ms)
{
	poll(NULL, 0, ms);
}

/* true: what is left must be given up. */
static bool
database_failed(struct room *r, const struct ctx *cx)
{
	metrics_add(METRIC_DATABASE_FAILED, 1);
	if (!r->told)
		log_say(LOG_WARN, "record: %s", cx->detail);
	r->told = true;
	return atomic_load(&r->p->stop_record);
}

static void
database_works(struct room *r)
{
	if (r->told)
		log_say(LOG_INFO, "record: the database is back");
	r->told = false;
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
is_second(const struct room *r)
{
	return r->queue == r->p->held;
}

/* To the second desk's end: those of the tenant for which it stood in line behind
 * the others, so that these come first there once. */
static void
put_held(struct room *r, struct call **held, int n, const char *stood_for)
{
	void *c;
	int last, i;

	for (last = 0; last < 2; last++)
		for (i = 0; i < n; i++)
			if (last == (strcmp(held[i]->job.tenant_id, stood_for) == 0)) {
				c = held[i];
				queue_put_last(r->p->held, &c, 1);
			}
}

/* Rows -> calls; those that are held are put. Returns their number. */
static int
take_rows(struct room *r, struct ctx *cx, const struct rows *rows,
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
		end(r, calls[at], strcmp(outcome, "told") == 0,
		    rows_int(rows, i, ROW_GOAL_NO), next);
		calls[at] = NULL;
	}
	for (i = 0; i < njobs; i++) {
		jobs[i].request_id[0] = '\0';
		publisher_give(r->p, &jobs[i]);
	}
	put_held(r, held, nheld, first);
	return nheld;
}

/* Returns how many the database did not take: left in calls, to be given again. */
static int
record(struct room *r, struct call **calls, int n)
{
	const int64_t asked_ms = clock_mono_ms();
	const char *args[2];
	char wait[16];
	struct rows *rows = NULL;
	struct ctx cx;
	int i, left = 0;
	bool stands;
	enum err e;

	ctx_init(&cx, NULL);
	stands = is_second(r) && (r->got_none || asked_ms >= r->line_ms);
	snprintf(wait, sizeof(wait), "%d", stands ? IN_LINE_MS : 0);
	args[0] = results_json(&cx, calls, n);
	args[1] = wait;
	e = db_call(&cx, r->db, ST_RECORD, args, &rows);
	if (e) {
		if (database_failed(r, &cx)) {
			for (i = 0; i < n; i++)
				end(r, calls[i], false, 0, NULL);
		} else if (e != ERR_BUSY && n > 1) {
			/* The server works, but not with all of these. */
			for (i = 0; i < n; i++)
				if (record(r, &calls[i], 1) > 0)
					calls[left++] = calls[i];
		} else {
			sleep_ms(AWAY_MS);
			left = n;
		}
	} else {
		database_works(r);
		metrics_observe_ms(METRIC_RECORD_MS,
		    clock_mono_ms() - asked_ms);
		if (stands)
			r->line_ms = clock_mono_ms() + IN_LINE_MS;
		r->got_none = take_rows(r, &cx, rows, asked_ms, calls, n) == n;
		if (r->got_none && is_second(r))
			sleep_ms(LOCKED_MS);
	}
	ctx_done(&cx);
	return left;
}

/* --- probes ----------------------------------------------------------------- */

/* true: recorded, or nobody wants to know any more. */
static bool
record_probe(struct room *r, struct call *c)
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
	e = db_call(&cx, r->db, ST_PROBE_RECORD, args, NULL);
	if (e == ERR_BUSY && !database_failed(r, &cx)) {
		sleep_ms(db_is_up(r->db) ? LOCKED_MS : AWAY_MS);
		done = false;
	} else {
		if (e && e != ERR_NOT_FOUND)
			log_say(LOG_WARN, "record: %s", cx.detail);
		/* Any answer of Microsoft is one, also a refusal. */
		end(r, c, !e && (c->result == RESULT_OK ||
		    c->result == RESULT_FORBIDDEN || c->result == RESULT_LOST),
		    c->job.claim_no, NULL);
	}
	ctx_done(&cx);
	return done;
}

/* --- the room --------------------------------------------------------------- */

/* A claim that ran out is somebody else's by now. */
static int
drop_old(struct room *r, struct call **calls, int n)
{
	const int64_t now_ms = clock_mono_ms();
	int i, left = 0;

	for (i = 0; i < n; i++) {
		if (now_ms - calls[i]->job.claimed_ms < CLAIM_MS) {
			calls[left++] = calls[i];
			continue;
		}
		metrics_add(METRIC_RECORD_DROPPED, 1);
		end(r, calls[i], false, 0, NULL);
	}
	return left;
}

/* Probes stand in line, too: the second desk's. */
static void
take(struct room *r, void **items, int n)
{
	struct call *probes[RECORD_BATCH], *calls[RECORD_BATCH];
	int i, nprobes = 0, ncalls = 0, left;

	for (i = 0; i < n; i++) {
		struct call *c = items[i];

		if (!c->job.probe)
			calls[ncalls++] = c;
		else if (is_second(r))
			probes[nprobes++] = c;
		else
			queue_put_last(r->p->held, &items[i], 1);
	}
	ncalls = drop_old(r, calls, ncalls);
	nprobes = drop_old(r, probes, nprobes);
	left = ncalls > 0 ? record(r, calls, ncalls) : 0;
	for (i = 0; i < left; i++)
		items[i] = calls[i];
	for (i = 0; i < nprobes; i++)
		if (!record_probe(r, probes[i]))
			items[left++] = probes[i];
	queue_put_last(r->queue, items, (size_t)left);
}

static void *
desk(struct publisher *p, struct queue *q)
{
	struct room r = { .p = p, .queue = q };
	void *items[RECORD_BATCH];
	size_t n;

	r.db = db_new(p->o.settings->database_url, p->o.program, statements,
	    ST__MAX);
	while ((n = queue_take(q, items, RECORD_BATCH, -1)) > 0)
		take(&r, items, (int)n);
	db_free(r.db);
	return NULL;
}

void *
record_first(void *publisher)
{
	struct publisher *p = publisher;

	return desk(p, p->results);
}

void *
record_second(void *publisher)
{
	struct publisher *p = publisher;

	return desk(p, p->held);
}
