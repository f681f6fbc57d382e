/* Holds waiting requests; answers each when settled or due. */
#include "web/answer.h"

#include <pthread.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"

#define BUCKETS 8192 /* a power of two, above what is usually held */

struct ticket {
	uint64_t number;
	struct request *rq;
	int64_t deadline_ms;
	struct ticket *next; /* in its bucket, or of the ready ones */
	size_t place;        /* in the heap */
	int nparts, unsettled;
	enum err err; /* of answer_fail */
	int retry_after_s;
	char *detail;
	struct answer_part parts[];
};

/*
 * News is written into the ticket where it comes in, under one lock; so no
 * message waits anywhere, and what is held bounds the memory. A ticket that
 * is settled, failed or due leaves table and heap first: from then on it is
 * the thread's alone, which makes and sends answers without the lock.
 */
struct answer {
	void (*finish)(struct request *rq, const struct answer_part *parts,
	    int nparts, bool at_deadline);
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t news; /* ready is not empty, or the first deadline
				has changed, or stop */
	bool stopping;
	uint64_t last; /* ticket number given out */
	struct ticket *buckets[BUCKETS];
	struct ticket **heap; /* nearest deadline first */
	size_t held, room;
	struct ticket *ready, **ready_end;
};

static void
heap_put(struct answer *a, size_t place, struct ticket *t)
{
	a->heap[place] = t;
	t->place = place;
}

/* Puts t where it belongs, beginning at a free place. */
static void
heap_settle(struct answer *a, size_t place, struct ticket *t)
{
	while (place > 0) {
		struct ticket *above = a->heap[(place - 1) / 2];

		if (above->deadline_ms <= t->deadline_ms)
			break;
		heap_put(a, place, above);
		place = (place - 1) / 2;
	}
	for (;;) {
		size_t below = 2 * place + 1;

		if (below >= a->held)
			break;
		if (below + 1 < a->held &&
		    a->heap[below + 1]->deadline_ms <
			a->heap[below]->deadline_ms)
			below++;
		if (t->deadline_ms <= a->heap[below]->deadline_ms)
			break;
		heap_put(a, place, a->heap[below]);
		place = below;
	}
	heap_put(a, place, t);
}

static struct ticket **
bucket_of(struct answer *a, uint64_t number)
{
	return &a->buckets[number % BUCKETS]; /* numbers are consecutive */
}

/* NULL: answered long ago. */
static struct ticket *
ticket_find(struct answer *a, uint64_t number)
{
	struct ticket *t = *bucket_of(a, number);

	while (t != NULL && t->number != number)
		t = t->next;
	return t;
}

/* Out of table and heap, to the end of the ready ones. */
static void
ticket_ready(struct answer *a, struct ticket *t)
{
	struct ticket **link = bucket_of(a, t->number);
	struct ticket *last;

	while (*link != t)
		link = &(*link)->next;
	*link = t->next;
	last = a->heap[--a->held];
	if (last != t)
		heap_settle(a, t->place, last);
	t->next = NULL;
	*a->ready_end = t;
	a->ready_end = &t->next;
	pthread_cond_signal(&a->news);
}

static void
ticket_answer(struct answer *a, struct ticket *t)
{
	struct request *rq = t->rq;

	if (t->err != ERR_OK) {
		rq->cx.retry_after_s = t->retry_after_s;
		fail(&rq->cx, t->err, "%s", t->detail);
		response_error(rq);
	} else {
		a->finish(rq, t->parts, t->nparts, t->unsettled > 0);
	}
	request_finish(rq);
	heap_free(t->detail);
	heap_free(t);
}

/* Sleeps until there is news or the first deadline. */
static void
wait_for_news(struct answer *a)
{
	if (a->held == 0)
		pthread_cond_wait(&a->news, &a->lock);
	else
		clock_wait(&a->news, &a->lock, a->heap[0]->deadline_ms);
}

static void *
answer_thread(void *arg)
{
	struct answer *a = arg;
	struct ticket *t;

	pthread_mutex_lock(&a->lock);
	for (;;) {
		while (a->held > 0 &&
		    (a->stopping || a->heap[0]->deadline_ms <= clock_mono_ms()))
			ticket_ready(a, a->heap[0]);
		t = a->ready;
		if (t == NULL) {
			if (a->stopping)
				break;
			wait_for_news(a);
			continue;
		}
		a->ready = t->next;
		if (a->ready == NULL)
			a->ready_end = &a->ready;
		pthread_mutex_unlock(&a->lock);
		ticket_answer(a, t);
		pthread_mutex_lock(&a->lock);
	}
	pthread_mutex_unlock(&a->lock);
	return NULL;
}

struct answer *
answer_start(void (*finish)(struct request *rq, const struct answer_part *parts,
    int nparts, bool at_deadline))
{
	struct answer *a = heap_alloc(sizeof(*a));

	a->finish = finish;
	a->ready_end = &a->ready;
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->news, NULL);
	if (pthread_create(&a->thread, NULL, answer_thread, a) != 0) {
		heap_free(a);
		return NULL;
	}
	return a;
}

void
answer_stop(struct answer *a)
{
	pthread_mutex_lock(&a->lock);
	a->stopping = true;
	pthread_cond_signal(&a->news);
	pthread_mutex_unlock(&a->lock);
	pthread_join(a->thread, NULL);
	pthread_cond_destroy(&a->news);
	pthread_mutex_destroy(&a->lock);
	heap_free(a->heap);
	heap_free(a);
}

uint64_t
answer_hold(
    struct answer *a, struct request *rq, int nparts, int64_t deadline_ms)
{
	struct ticket *t =
	    heap_alloc(sizeof(*t) + (size_t)nparts * sizeof(t->parts[0]));
	struct ticket **bucket;
	uint64_t number;

	t->rq = rq;
	t->deadline_ms = deadline_ms;
	t->nparts = t->unsettled = nparts;
	pthread_mutex_lock(&a->lock);
	number = t->number = ++a->last;
	bucket = bucket_of(a, number);
	t->next = *bucket;
	*bucket = t;
	if (a->held == a->room) {
		a->room = a->room > 0 ? 2 * a->room : 64;
		a->heap = heap_grow(a->heap, a->room * sizeof(struct ticket *));
	}
	a->held++;
	heap_settle(a, a->held - 1, t);
	if (nparts == 0)
		ticket_ready(a, t);
	else if (t->place == 0)
		pthread_cond_signal(&a->news);
	pthread_mutex_unlock(&a->lock);
	return number;
}

void
answer_tell(
    struct answer *a, uint64_t ticket, int part, struct answer_part news)
{
	struct ticket *t;

	pthread_mutex_lock(&a->lock);
	t = ticket_find(a, ticket);
	if (t != NULL && part >= 0 && part < t->nparts &&
	    !t->parts[part].settled) {
		t->parts[part] = news;
		if (news.settled && --t->unsettled == 0)
			ticket_ready(a, t);
	}
	pthread_mutex_unlock(&a->lock);
}

void
answer_fail(struct answer *a, uint64_t ticket, enum err e, const char *detail,
    int retry_after_s)
{
	struct ticket *t;

	pthread_mutex_lock(&a->lock);
	t = ticket_find(a, ticket);
	if (t != NULL) {
		t->err = e;
		t->retry_after_s = retry_after_s;
		t->detail = heap_strdup(detail);
		ticket_ready(a, t);
	}
	pthread_mutex_unlock(&a->lock);
}

int
answer_held(struct answer *a)
{
	int held;

	pthread_mutex_lock(&a->lock);
	held = (int)a->held;
	pthread_mutex_unlock(&a->lock);
	return held;
}
