/*
 * The publish room: one thread, all calls of Graph at once. A call waits here
 * for its tenant's token and for a place among those in flight, but no longer
 * than its claim allows.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/http.h"
#include "base/log.h"
#include "base/metrics.h"
#include "sync/graph.h"
#include "sync/rooms.h"

#define ASK_AGAIN_MS 20 /* somebody else is fetching the token */
#define IDLE_MS 1000
#define FETCHES 8       /* token requests begun in one turn: signing costs time */

/* A tenant whose token is not there yet. */
struct token_wait {
	struct room *room;
	char tenant_id[37];
	struct calls calls;
	bool ours, sent;        /* the request is ours; it was sent */
	int64_t ask_ms;         /* not ours: ask again then */
	struct ctx cx;          /* of the request */
	struct http_request rq;
	struct token_wait *next;
};

/* What a call in flight needs to find its way home. */
struct room {
	struct publisher *p;
	struct calls ready;     /* may be sent */
	struct token_wait *waits;
	int calls, tokens;      /* in flight */
	int fetches;            /* begun in this turn */
};

struct flight {
	struct room *room;
	struct call *call;
	struct http_request rq;
};

/* --- results ---------------------------------------------------------------- */

static void
finish(struct room *r, struct call *c)
{
	bool at_once;

	metrics_add((enum metric)(METRIC_PUBLISH_OK + (int)c->result), 1);
	if (c->graph_ms >= 0)
		metrics_observe_ms(METRIC_GRAPH_MS, c->graph_ms);
	/* The events were stored long before: their answer need not wait for the
	 * result's turn in the database. Whoever still waits, waits for that. */
	at_once = c->result != RESULT_OK || c->job.probe ||
	    waiting_confirm(r->p->waiting, &c->job);
	if (results_put(r->p->results, c, at_once))
		return;
	/* The database is away, and this claim must run out by itself. */
	metrics_add(METRIC_RECORD_DROPPED, 1);
	call_log(c);
	waiting_settle(r->p->waiting, &c->job, false, 0, NULL);
	call_free(r->p, c);
}

static void
finish_unsent(struct room *r, struct call *c, const char *why)
{
	c->result = RESULT_UNSENT;
	snprintf(c->detail, sizeof(c->detail), "%s", why);
	finish(r, c);
}

static bool
is_late(const struct call *c)
{
	return clock_mono_ms() - c->job.claimed_ms > SEND_WITHIN_MS;
}

/* --- Graph ------------------------------------------------------------------ */

static void
on_graph(void *arg, const struct http_response *rs)
{
	struct flight *f = arg;
	struct room *r = f->room;
	struct call *c = f->call;

	r->calls--;
	*(c->prev ? &c->prev->next : &r->p->in_flight) = c->next;
	if (c->next)
		c->next->prev = c->prev;
	c->result = graph_result(&c->job, rs, c->detail);
	c->retry_after_s = rs->retry_after_s;
	c->graph_ms = rs->ms;
	snprintf(c->graph_request_id, sizeof(c->graph_request_id), "%s",
	    rs->request_id);
	if (c->result == RESULT_UNAUTHORIZED || c->result == RESULT_FORBIDDEN)
		entra_token_drop(r->p->o.entra, c->job.tenant_id, c->serial);
	finish(r, c);
}

static void
send_call(struct room *r, struct call *c, const struct graph_token *token)
{
	struct flight *f = arena_alloc(&c->cx.arena, sizeof(*f));

	f->room = r;
	f->call = c;
	c->serial = token->serial;
	graph_request(&c->cx, r->p->o.settings, &c->job, token->text, &f->rq);
	r->calls++;
	c->prev = NULL;
	c->next = r->p->in_flight;
	if (c->next)
		c->next->prev = c;
	r->p->in_flight = c;
	http_loop_send(r->p->loop, &f->rq, on_graph, f);
}

/* --- tokens ----------------------------------------------------------------- */

static struct token_wait *
wait_find(struct room *r, const char *tenant_id)
{
	struct token_wait *w = r->waits;

	while (w && strcmp(w->tenant_id, tenant_id) != 0)
		w = w->next;
	return w;
}

static struct token_wait *
wait_new(struct room *r, const char *tenant_id, const char *id)
{
	struct token_wait *w = heap_alloc(sizeof(*w));

	w->room = r;
	snprintf(w->tenant_id, sizeof(w->tenant_id), "%s", tenant_id);
	calls_init(&w->calls);
	ctx_init(&w->cx, id);
	w->next = r->waits;
	r->waits = w;
	return w;
}

/* Its calls go on; each asks for the token again. */
static void
wait_over(struct room *r, struct token_wait *w)
{
	struct token_wait **link = &r->waits;

	while (*link != w)
		link = &(*link)->next;
	*link = w->next;
	calls_put_front(&r->ready, &w->calls);
	ctx_done(&w->cx);
	heap_free(w);
}

static void
on_token(void *arg, const struct http_response *rs)
{
	struct token_wait *w = arg;
	struct room *r = w->room;

	r->tokens--;
	entra_token_answer(r->p->o.entra, w->tenant_id, rs);
	wait_over(r, w);
}

/* Calls that waited too long here; token requests that can be sent now. */
static void
turn_waits(struct room *r)
{
	const int64_t now_ms = clock_mono_ms();
	struct token_wait *w, *next;
	struct calls keep;
	struct call *c;

	for (w = r->waits; w; w = next) {
		next = w->next;
		calls_init(&keep);
		while ((c = calls_take(&w->calls))) {
			if (is_late(c))
				finish_unsent(r, c, "no token in time");
			else
				calls_put(&keep, c);
		}
		calls_put_front(&w->calls, &keep);
		if (w->ours && !w->sent && r->tokens < TOKENS_AT_ONCE) {
			w->sent = true;
			r->tokens++;
			http_loop_send(r->p->loop, &w->rq, on_token, w);
		} else if (!w->ours && w->ask_ms <= now_ms) {
			wait_over(r, w);
		}
	}
}

/* --- one call --------------------------------------------------------------- */

static void
begin(struct room *r, struct call *c)
{
	struct entra *entra = r->p->o.entra;
	struct token_wait *w = wait_find(r, c->job.tenant_id);
	struct token_problem problem;
	struct graph_token token;
	struct http_request fetch;
	int64_t since_ms = 0;

	if (w) {
		calls_put(&w->calls, c);
		return;
	}
	/* These must see what holds now, not when a token was issued: perhaps by
	 * another program, long before. */
	if (c->job.probe || c->job.again)
		since_ms = c->job.claimed_ms;
	if (c->job.probe && !c->fresh) {
		c->fresh = true;
		entra_token_renew(entra, c->job.tenant_id);
	}
	w = wait_new(r, c->job.tenant_id, c->cx.id);
	switch (entra_token_ask(&w->cx, entra, c->job.tenant_id, since_ms,
	    &token, &fetch, &problem)) {
	case TOKEN_READY:
		send_call(r, c, &token);
		break;
	case TOKEN_PROBLEM:
		c->result = problem.result;
		c->retry_after_s = problem.retry_after_s ?
		    problem.retry_after_s : -1;
		snprintf(c->detail, sizeof(c->detail), "%s", problem.why);
		finish(r, c);
		break;
	case TOKEN_FETCH:
		r->fetches++;
		w->ours = true;
		w->rq = fetch;
		calls_put(&w->calls, c);
		return;
	case TOKEN_UNDER_WAY:
		w->ask_ms = clock_mono_ms() + ASK_AGAIN_MS;
		calls_put(&w->calls, c);
		return;
	}
	wait_over(r, w);
}

static void
begin_ready(struct room *r)
{
	struct call *c;

	r->fetches = 0;
	while ((c = r->ready.first) && r->fetches < FETCHES &&
	    (is_late(c) || r->calls < r->p->o.max_in_flight)) {
		calls_take(&r->ready);
		if (is_late(c))
			finish_unsent(r, c, "claim too old");
		else
			begin(r, c);
	}
}

static void
take_inbox(struct room *r)
{
	struct publisher *p = r->p;
	struct call *c;

	pthread_mutex_lock(&p->lock);
	while ((c = calls_take(&p->inbox)))
		calls_put(&r->ready, c);
	pthread_mutex_unlock(&p->lock);
}

static void
give_up_rest(struct room *r)
{
	struct call *c;

	while (r->waits)
		wait_over(r, r->waits);
	take_inbox(r);
	while ((c = calls_take(&r->ready)))
		finish_unsent(r, c, "stopped");
}

void *
publish_thread(void *publisher)
{
	struct room r = { .p = publisher };

	calls_init(&r.ready);
	while (!atomic_load(&r.p->stop_publish)) {
		take_inbox(&r);
		turn_waits(&r);
		begin_ready(&r);
		turn_waits(&r);
		http_loop_run(r.p->loop, r.fetches == FETCHES ? 0 :
		    r.waits || r.ready.first ? ASK_AGAIN_MS : IDLE_MS);
	}
	give_up_rest(&r);
	return NULL;
}
