/*
 * What the publish and record rooms share: the calls that walk from one to the
 * other. For publisher.c, publish.c and record.c only.
 */
#ifndef SYNC_ROOMS_H
#define SYNC_ROOMS_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/queue.h"
#include "sync/publisher.h"
#include "sync/results.h"
#include "sync/waiting.h"

#define SEND_WITHIN_MS 4000 /* of the claim, see design R10 */
#define CLAIM_MS 20000      /* then the claim is somebody else's */
#define RECORD_BATCH 64

/* One call of Graph, and what came of it. Whoever holds it owns it. */
struct call {
	struct ctx cx;
	struct job job;
	bool fresh;             /* a probe: it has asked for a new token */
	uint64_t serial;        /* of the token it was sent with */
	enum result result;
	char detail[128];
	int retry_after_s;      /* -1: none */
	int graph_ms;           /* -1: Graph was not asked */
	char graph_request_id[64];
	int held;            /* so often somebody held its tenant */
	int64_t result_ms;   /* clock_mono_ms() when it came among the results */
	struct call *next, *prev, *in_bucket;
};

struct calls { /* first in, first out */
	struct call *first, **end;
};
void calls_init(struct calls *c);
void calls_put(struct calls *c, struct call *one);
void calls_put_front(struct calls *c, struct calls *more); /* empties more */
struct call *calls_take(struct calls *c); /* NULL: empty */

struct publisher {
	struct publisher_options o;
	struct waiting *waiting;
	pthread_t publish_thread, record_threads[2];
	struct http_loop *loop;      /* the publish thread's, but its wake */
	struct call *in_flight;      /* the publish thread's */
	struct results *results;     /* publish -> record, or apply */
	struct queue *held;          /* record's first worker -> its second */
	atomic_int alive;            /* calls there are */
	atomic_bool stop_publish, stop_record;

	pthread_mutex_t lock;        /* guards the inbox */
	pthread_cond_t idle;         /* alive has become 0 */
	struct calls inbox;          /* -> publish */
	bool closed;                 /* takes no more from outside */
};

void *publish_thread(void *publisher);
void *record_first(void *publisher);
void *record_second(void *publisher);
/* Inside: for the next claim of a person, also while stopping. */
void publisher_give(struct publisher *p, const struct job *job);
/* The call's end; whoever waits for it was told before. */
void call_free(struct publisher *p, struct call *c);
void call_log(const struct call *c);

/* publish.c needs these many easy handles beyond max_in_flight */
#define TOKENS_AT_ONCE 64

#endif
