/* The road from a claim to Graph and back, see publisher.h: its two ends. */
#include "sync/publisher.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/http.h"
#include "base/log.h"
#include "base/metrics.h"
#include "sync/rooms.h"
#include "sync/statement.h"

#define RESULTS_MAX 16384
#define LAST_RECORD_MS 1000
/* Where events come, too: who calls twice in a moment has the first result
 * stored with the second event. */
#define REST_MS 10

/* --- calls ------------------------------------------------------------------ */

void
calls_init(struct calls *c)
{
	c->first = NULL;
	c->end = &c->first;
}

void
calls_put(struct calls *c, struct call *one)
{
	one->next = NULL;
	*c->end = one;
	c->end = &one->next;
}

void
calls_put_front(struct calls *c, struct calls *more)
{
	if (!more->first)
		return;
	*more->end = c->first;
	if (!c->first)
		c->end = more->end;
	c->first = more->first;
	calls_init(more);
}

struct call *
calls_take(struct calls *c)
{
	struct call *one = c->first;

	if (!one)
		return NULL;
	c->first = one->next;
	if (!c->first)
		c->end = &c->first;
	one->next = NULL;
	return one;
}

static struct call *
call_new(struct publisher *p, const struct job *job)
{
	struct call *c = heap_alloc(sizeof(*c));

	ctx_init(&c->cx, job->request_id[0] ? job->request_id : NULL);
	c->job = *job;
	c->retry_after_s = c->graph_ms = -1;
	atomic_fetch_add(&p->alive, 1);
	metrics_add(METRIC_PUBLISHING, 1);
	return c;
}

void
call_free(struct publisher *p, struct call *c)
{
	ctx_done(&c->cx);
	heap_free(c);
	metrics_add(METRIC_PUBLISHING, -1);
	if (atomic_fetch_sub(&p->alive, 1) > 1)
		return;
	pthread_mutex_lock(&p->lock);
	pthread_cond_broadcast(&p->idle);
	pthread_mutex_unlock(&p->lock);
}

/* The one line of a publishing: ids only, no names. */
void
call_log(const struct call *c)
{
	struct log_line l;

	log_begin(&l, c->result == RESULT_OK ? LOG_INFO : LOG_WARN);
	log_text(&l, "req", c->cx.id);
	log_text(&l, "tenant", c->job.tenant_id);
	log_text(&l, "teams_user", c->job.user_id);
	log_text(&l, "goal", c->job.probe ? "probe" : goal_word(c->job.goal));
	log_text(&l, "result", result_word(c->result));
	if (c->detail[0])
		log_text(&l, "detail", c->detail);
	if (c->retry_after_s >= 0)
		log_int(&l, "retry_s", c->retry_after_s);
	if (c->graph_ms >= 0)
		log_int(&l, "graph_ms", c->graph_ms);
	log_int(&l, "ms", clock_mono_ms() - c->job.claimed_ms);
	if (c->graph_request_id[0])
		log_text(&l, "graph_req", c->graph_request_id);
	log_end(&l);
}

/* --- start and stop --------------------------------------------------------- */

struct publisher *
publisher_start(const struct publisher_options *o)
{
	struct publisher *p = heap_alloc(sizeof(*p));

	p->o = *o;
	p->waiting = waiting_new(o->settled, o->arg);
	p->loop = http_loop_new(o->max_in_flight + TOKENS_AT_ONCE);
	p->results = results_new(RESULTS_MAX, o->settled ? REST_MS : 0);
	p->held = queue_new(RESULTS_MAX);
	calls_init(&p->inbox);
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->idle, NULL);
	if (pthread_create(&p->publish_thread, NULL, publish_thread, p) != 0 ||
	    pthread_create(&p->record_threads[0], NULL, record_first, p) != 0 ||
	    pthread_create(&p->record_threads[1], NULL, record_second, p) != 0) {
		log_say(LOG_ERROR, "publisher: a thread cannot be started");
		abort();
	}
	return p;
}

/* Under the lock. */
static void
wait_idle(struct publisher *p, int wait_ms)
{
	const int64_t until_ms = clock_mono_ms() + wait_ms;

	while (atomic_load(&p->alive) > 0 &&
	    clock_wait(&p->idle, &p->lock, until_ms))
		;
}

void
publisher_stop(struct publisher *p, int drain_ms)
{
	struct call *c;

	pthread_mutex_lock(&p->lock);
	p->closed = true;
	wait_idle(p, drain_ms);
	pthread_mutex_unlock(&p->lock);

	/* What was not sent is told so, that others need not wait for the end
	 * of its claim; what is in flight is left to that end. */
	atomic_store(&p->stop_publish, true);
	http_loop_wake(p->loop);
	pthread_join(p->publish_thread, NULL);
	pthread_mutex_lock(&p->lock);
	wait_idle(p, atomic_load(&p->alive) > 0 ? LAST_RECORD_MS : 0);
	pthread_mutex_unlock(&p->lock);
	atomic_store(&p->stop_record, true);
	results_close(p->results);
	pthread_join(p->record_threads[0], NULL);
	queue_close(p->held);
	pthread_join(p->record_threads[1], NULL);

	http_loop_free(p->loop);
	while ((c = calls_take(&p->inbox)))
		call_free(p, c);
	while ((c = p->in_flight)) {
		p->in_flight = c->next;
		call_free(p, c);
	}
	results_free(p->results);
	queue_free(p->held);
	waiting_free(p->waiting);
	pthread_cond_destroy(&p->idle);
	pthread_mutex_destroy(&p->lock);
	heap_free(p);
}

int
publisher_in_flight(const struct publisher *p)
{
	return atomic_load(&p->alive);
}

/* --- jobs come in ----------------------------------------------------------- */

static void
give(struct publisher *p, const struct job *job, bool from_outside)
{
	struct call *c;

	waiting_hand(p->waiting, job);
	c = call_new(p, job);
	pthread_mutex_lock(&p->lock);
	if (p->closed && from_outside) {
		pthread_mutex_unlock(&p->lock);
		waiting_settle(p->waiting, job, false, 0, NULL);
		call_free(p, c);
		return;
	}
	calls_put(&p->inbox, c);
	pthread_mutex_unlock(&p->lock);
}

void
publisher_give(struct publisher *p, const struct job *job)
{
	give(p, job, false);
	http_loop_wake(p->loop);
}

void
publisher_hand(struct publisher *p, const struct job *jobs, int n)
{
	int i;

	for (i = 0; i < n; i++)
		give(p, &jobs[i], true);
	if (n > 0)
		http_loop_wake(p->loop);
}

bool
publisher_wait(struct publisher *p, const char *tenant_id,
    const char *user_id, int64_t goal_no, uint64_t ticket, int part,
    enum goal goal, bool hold)
{
	struct job job = { .goal_no = goal_no };

	snprintf(job.tenant_id, sizeof(job.tenant_id), "%s", tenant_id);
	snprintf(job.user_id, sizeof(job.user_id), "%s", user_id);
	return waiting_add(p->waiting, &job, ticket, part, goal, hold);
}

void
publisher_wait_all(struct publisher *p, const struct job *jobs, int n,
    uint64_t ticket, int part)
{
	waiting_add_all(p->waiting, jobs, n, ticket, part);
}

bool
publisher_run(struct publisher *p, const struct job *jobs, int n, int wait_ms)
{
	struct waiting_group *g = waiting_begin(p->waiting, jobs, n);

	publisher_hand(p, jobs, n);
	return waiting_end(p->waiting, g, wait_ms);
}

/* --- rows ------------------------------------------------------------------- */

static void
copy(char ret[37], const char *text)
{
	snprintf(ret, 37, "%s", text ? text : "");
}

int
jobs_from_rows(struct ctx *cx, const struct rows *r, int64_t claimed_ms,
    struct job **ret)
{
	const int rows = rows_count(r);
	struct job *jobs = arena_array(&cx->arena, (size_t)rows + 1,
	    sizeof(*jobs));
	const char *kind;
	int i, n = 0;

	for (i = 0; i < rows; i++) {
		kind = rows_text(r, i, ROW_KIND);
		if (!kind || (strcmp(kind, "publish") != 0 &&
		    strcmp(kind, "again") != 0 && strcmp(kind, "probe") != 0))
			continue;
		copy(jobs[n].tenant_id, rows_text(r, i, ROW_TENANT_ID));
		copy(jobs[n].user_id, rows_text(r, i, ROW_USER_ID));
		jobs[n].claim_no = rows_int(r, i, ROW_CLAIM_NO);
		jobs[n].goal = goal_parse(rows_text(r, i, ROW_GOAL));
		jobs[n].goal_no = rows_int(r, i, ROW_GOAL_NO);
		jobs[n].expires_s = (int)rows_int(r, i, ROW_EXPIRES_S);
		jobs[n].probe = strcmp(kind, "probe") == 0;
		jobs[n].again = strcmp(kind, "again") == 0;
		jobs[n].claimed_ms = claimed_ms;
		if (n == 0)
			memcpy(jobs[n].request_id, cx->id,
			    sizeof(jobs[n].request_id));
		n++;
	}
	*ret = jobs;
	return n;
}
