/* One batch, see batch.h. */
#include "sync/batch.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/metrics.h"
#include "sync/statement.h"

bool
batch_add(struct batch *b, struct apply_unit *u, int limit)
{
	const struct call_event *e = &u->events.list[u->done];
	int part;

	if (b->restart || b->full || b->nitems >= limit)
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
	b->full = part < u->events.n; /* nothing may overtake it */
	return true;
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
	if (batch->nresults > 0)
		buf_text(&b, ",");
	publisher_results_json(&b, batch->results, batch->nresults);
	buf_text(&b, "]");
	return buf_str(&b);
}

enum err
batch_ask(struct ctx *cx, struct db *db, const struct batch *b, int wait_ms,
    struct rows **ret)
{
	const struct apply_unit *u = b->items[0].unit;
	const struct call_event *e;
	char at[24], attempt[24], wait[16];
	const char *args[6];

	assert(u != NULL);
	e = &u->events.list[b->items[0].part];
	snprintf(wait, sizeof(wait), "%d", wait_ms);
	if (!b->restart) {
		args[0] = batch_json(cx, b);
		args[1] = wait;
		return db_call(cx, db, ST_APPLY, args, ret);
	}
	snprintf(at, sizeof(at), "%lld", (long long)e->at_us);
	snprintf(attempt, sizeof(attempt), "%lld",
	    (long long)u->events.attempt_us);
	args[0] = u->tenant_id;
	args[1] = u->pbx_id;
	args[2] = e->has_at ? at : NULL;
	args[3] = u->events.has_attempt ? attempt : NULL;
	args[4] = e->key;
	args[5] = wait;
	return db_call(cx, db, ST_APPLY_RESTART, args, ret);
}

/* --- what came of it -------------------------------------------------------- */

void
unit_fail(const struct apply_options *to, struct apply_unit *u, enum err e,
    const char *detail)
{
	metrics_add(METRIC_EVENT_FAILED, u->events.n - u->done);
	to->fail(to->arg, u->ticket, e, detail);
	apply_unit_free(u);
}

static void
tell(const struct apply_options *to, const struct item *it, enum outcome o)
{
	to->tell(to->arg, it->unit->ticket, it->part, o, it->goal);
}

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
		if (!jobs[i].probe &&
		    strcmp(jobs[i].user_id, it->user_id) == 0 &&
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
settle_changed(const struct apply_options *to, const struct batch *b, int i,
    struct job *jobs, int njobs)
{
	const struct item *it = &b->items[i];
	struct job *job;

	if (is_superseded(b, i)) {
		tell(to, it, OUTCOME_SUPERSEDED);
		return;
	}
	if (is(it, "told")) { /* Teams shows it already */
		tell(to, it, OUTCOME_PUBLISHED);
		return;
	}
	job = job_of(it, jobs, njobs);
	if (job && !job->request_id[0])
		lend_id(job, it->unit, jobs, njobs);
	/* First that it is stored: the news of its end may come at once. */
	tell(to, it, OUTCOME_PENDING);
	if (!publisher_wait(to->publisher, it->unit->tenant_id, it->user_id,
	    it->goal_no, it->unit->ticket, it->part, it->goal, job != NULL))
		tell(to, it, OUTCOME_DEFERRED);
}

static void
settle(const struct apply_options *to, struct batch *b,
    struct job *jobs, int njobs)
{
	struct item *it;
	enum outcome o;
	int i;

	for (i = 0; i < njobs; i++)
		jobs[i].request_id[0] = '\0';
	for (i = 0; i < b->nitems; i++) {
		it = &b->items[i];
		if (outcome_is_final(it->outcome, &o))
			tell(to, it, o);
		else if (is(it, "changed") || is(it, "told"))
			settle_changed(to, b, i, jobs, njobs);
	}
	publisher_hand(to->publisher, jobs, njobs);
}

/* The row's goal_no is the number of people who must be told. */
static void
settle_restart(const struct apply_options *to, struct batch *b,
    const struct rows *rows, struct job *jobs, int njobs)
{
	struct item *it = &b->items[0];
	enum outcome o;

	it->outcome = rows_text(rows, 0, ROW_OUTCOME);
	it->goal = GOAL_NONE;
	if (outcome_is_final(it->outcome, &o)) {
		tell(to, it, o);
	} else if (is(it, "changed")) {
		tell(to, it, OUTCOME_PENDING);
		if (njobs > 0 && rows_int(rows, 0, ROW_GOAL_NO) == njobs)
			publisher_wait_all(to->publisher, jobs, njobs,
			    it->unit->ticket, it->part);
		else
			tell(to, it, OUTCOME_DEFERRED);
	}
	publisher_hand(to->publisher, jobs, njobs);
}

/* Each unit's part of the batch: done, failed, or held. false: all are held. */
static bool
count_done(const struct apply_options *to, struct batch *b)
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
				b->held[i] = true;
				continue;
			}
			any = true;
			if (is(&b->items[k], "no_pbx"))
				unit_fail(to, u, ERR_AUTH,
				    "this address is not known");
			else if (!b->items[k].outcome ||
			    is(&b->items[k], "error"))
				unit_fail(to, u, ERR_INTERNAL,
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

bool
batch_settle(struct ctx *cx, const struct apply_options *to, struct batch *b,
    const struct rows *rows, int64_t asked_ms)
{
	struct job *jobs;
	const int n = jobs_from_rows(cx, rows, asked_ms, &jobs);
	int nheld;

	if (b->restart) {
		settle_restart(to, b, rows, jobs, n);
	} else {
		nheld = publisher_results_stored(
		    to->publisher, rows, jobs, n, b->results, b->nresults);
		publisher_results_back(to->publisher, b->results, nheld);
		b->nresults = 0;
		read_items(b, rows);
		settle(to, b, jobs, n);
	}
	return count_done(to, b);
}
