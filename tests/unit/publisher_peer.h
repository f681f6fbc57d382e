/*
 * The publish and record rooms with a network and an Entra that are the test's:
 * Graph answers as it is told to.
 */
#ifndef UNIT_PUBLISHER_PEER_H
#define UNIT_PUBLISHER_PEER_H

#include "rooms_peer.h"

#include "sync/entra.h"

static void
fake_loop_send(struct http_loop *l, const struct http_request *rq,
    void (*done)(void *arg, const struct http_response *rs), void *arg);
static void
fake_loop_run(struct http_loop *l, int wait_ms);
static struct http_loop *
fake_loop_new(int max);
static void
fake_loop_free(struct http_loop *l);
static void
fake_loop_wake(struct http_loop *l);
static enum token_state
fake_token_ask(struct ctx *cx, struct entra *e,
    const char *tenant_id, int64_t since_ms, struct graph_token *ret,
    struct http_request *ret_fetch, struct token_problem *ret_problem);
static void
fake_token_answer(struct entra *e, const char *tenant_id,
    const struct http_response *rs);
static void
fake_token_drop(struct entra *e, const char *tenant_id,
    uint64_t serial);
static void
fake_token_renew(struct entra *e, const char *tenant_id);

#define http_loop_new fake_loop_new
#define http_loop_free fake_loop_free
#define http_loop_send fake_loop_send
#define http_loop_run fake_loop_run
#define http_loop_wake fake_loop_wake
#define entra_token_ask fake_token_ask
#define entra_token_answer fake_token_answer
#define entra_token_drop fake_token_drop
#define entra_token_renew fake_token_renew

#include "sync/publisher.c"

/* Two files of this program have a struct room of their own. */
#define room publish_room
#include "sync/publish.c"
#undef room
#define room record_room
#define end record_end
#define take record_take
#define worker record_worker
#include "sync/record.c"
#undef room
#undef end
#undef take
#undef worker
#undef AWAY_MS

#include <poll.h>
#include <stdatomic.h>

/* --- the network -------------------------------------------------------------- */

static struct {
	const struct http_request *rq;
	void (*done)(void *arg, const struct http_response *rs);
	void *arg;
} sent[64];
static int nsent;
static atomic_int graph_status, graph_calls, most_at_once, token_calls;
static atomic_int drops, renewals;
static _Atomic int64_t since_seen_ms;
static atomic_bool hanging, have_token, lost;

static struct http_loop *
fake_loop_new(int max)
{
	(void)max;
	nsent = 0;
	return NULL;
}

static void
fake_loop_free(struct http_loop *l)
{
	(void)l;
}

static void
fake_loop_wake(struct http_loop *l)
{
	(void)l;
}

static void
fake_loop_send(struct http_loop *l, const struct http_request *rq,
    void (*done)(void *arg, const struct http_response *rs), void *arg)
{
	(void)l;
	sent[nsent].rq = rq;
	sent[nsent].done = done;
	sent[nsent++].arg = arg;
	if (strstr(rq->url, "token"))
		token_calls++;
	else
		graph_calls++;
	if (nsent > most_at_once)
		most_at_once = nsent;
}

static void
fake_loop_run(struct http_loop *l, int wait_ms)
{
	struct http_response rs = { .body = "", .retry_after_s = -1, .ms = 7 };
	int n = nsent;

	(void)l;
	(void)wait_ms;
	poll(NULL, 0, 2);
	if (hanging)
		return;
	rs.status = graph_status;
	while (n > 0) {
		n--;
		nsent--;
		sent[n].done(sent[n].arg, &rs);
		memmove(&sent[n], &sent[n + 1],
		    (size_t)(nsent - n) * sizeof(sent[0]));
	}
}

/* --- Entra -------------------------------------------------------------------- */

static enum token_state
fake_token_ask(struct ctx *cx, struct entra *e, const char *tenant_id,
    int64_t since_ms, struct graph_token *ret,
    struct http_request *ret_fetch, struct token_problem *ret_problem)
{
	(void)e;
	(void)tenant_id;
	since_seen_ms = since_ms;
	if (lost) {
		memset(ret_problem, 0, sizeof(*ret_problem));
		ret_problem->result = RESULT_LOST;
		strcpy(ret_problem->why, "not_consented");
		return TOKEN_PROBLEM;
	}
	if (!have_token) {
		memset(ret_fetch, 0, sizeof(*ret_fetch));
		ret_fetch->url = "https://login/token";
		return TOKEN_FETCH;
	}
	ret->text = arena_strdup(&cx->arena, "T");
	ret->serial = 5;
	return TOKEN_READY;
}

static void
fake_token_answer(struct entra *e, const char *tenant_id,
    const struct http_response *rs)
{
	(void)e;
	(void)tenant_id;
	(void)rs;
	have_token = true;
}

static void
fake_token_drop(struct entra *e, const char *tenant_id, uint64_t serial)
{
	(void)e;
	(void)tenant_id;
	assert_int_equal(serial, 5);
	drops++;
}

static void
fake_token_renew(struct entra *e, const char *tenant_id)
{
	(void)e;
	(void)tenant_id;
	renewals++;
}

static const struct settings settings = {
	.client_id = "c", .graph_url = "https://graph", .database_url = "x",
};

#endif
