/* Results on their way into the database: a list, and chains by tenant. */
#include "sync/results.h"

#include <assert.h>
#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "sync/rooms.h"

#define GATHER 3
#define BUCKETS 1024

struct results {
	pthread_mutex_t lock;
	pthread_cond_t some;    /* it was empty, or is closed */
	struct call *first, *last;
	struct bucket {
		struct call *first, **end;
	} buckets[BUCKETS];
	size_t n, max;
	int rest_ms;
	bool closed;
};

struct results *
results_new(size_t max, int rest_ms)
{
	struct results *r = heap_alloc(sizeof(*r));
	int i;

	for (i = 0; i < BUCKETS; i++)
		r->buckets[i].end = &r->buckets[i].first;
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->some, NULL);
	r->max = max;
	r->rest_ms = rest_ms;
	return r;
}

void
results_free(struct results *r)
{
	if (!r)
		return;
	assert(r->n == 0);
	pthread_cond_destroy(&r->some);
	pthread_mutex_destroy(&r->lock);
	heap_free(r);
}

static struct bucket *
bucket_of(struct results *r, const char *tenant_id)
{
	return &r->buckets[text_hash(tenant_id) % BUCKETS];
}

static void
put_in_bucket(struct results *r, struct call *c)
{
	struct bucket *b = bucket_of(r, c->job.tenant_id);

	c->in_bucket = NULL;
	*b->end = c;
	b->end = &c->in_bucket;
	r->n++;
}

/* Under the lock, as the next two. */
static void
put_last(struct results *r, struct call *c)
{
	c->result_ms = clock_mono_ms();
	c->next = NULL;
	c->prev = r->last;
	*(r->last ? &r->last->next : &r->first) = c;
	r->last = c;
	put_in_bucket(r, c);
	if (r->n == 1)
		pthread_cond_signal(&r->some);
}

static void
put_first(struct results *r, struct call *c)
{
	c->result_ms = clock_mono_ms() - (int64_t)r->rest_ms * GATHER;
	c->prev = NULL;
	c->next = r->first;
	*(r->first ? &r->first->prev : &r->last) = c;
	r->first = c;
	put_in_bucket(r, c);
	pthread_cond_signal(&r->some);
}

static struct call *
take_out(struct results *r, struct call *c)
{
	struct bucket *b = bucket_of(r, c->job.tenant_id);
	struct call **link = &b->first;

	while (*link != c) /* the oldest is the first */
		link = &(*link)->in_bucket;
	*link = c->in_bucket;
	if (!*link)
		b->end = link;
	*(c->prev ? &c->prev->next : &r->first) = c->next;
	*(c->next ? &c->next->prev : &r->last) = c->prev;
	c->next = c->prev = c->in_bucket = NULL;
	r->n--;
	return c;
}

bool
results_put(struct results *r, struct call *c, bool at_once)
{
	bool ok;

	pthread_mutex_lock(&r->lock);
	ok = !r->closed && r->n < r->max;
	if (ok)
		(at_once ? put_first : put_last)(r, c);
	pthread_mutex_unlock(&r->lock);
	return ok;
}

void
results_put_back(struct results *r, struct call **calls, int n)
{
	int i;

	pthread_mutex_lock(&r->lock);
	for (i = 0; i < n; i++)
		put_last(r, calls[i]);
	pthread_mutex_unlock(&r->lock);
}

/* For how long the first one must still rest; -1: until there is one. */
static int64_t
rests_until(const struct results *r)
{
	return r->first ? r->first->result_ms + (int64_t)r->rest_ms * GATHER : -1;
}

int
results_take(struct results *r, struct call **ret, int max)
{
	int64_t now_ms, until_ms;
	int n = 0;

	pthread_mutex_lock(&r->lock);
	while (!r->closed) {
		until_ms = rests_until(r);
		if (until_ms < 0)
			pthread_cond_wait(&r->some, &r->lock);
		else if (clock_mono_ms() >= until_ms)
			break;
		else
			clock_wait(&r->some, &r->lock, until_ms);
	}
	now_ms = clock_mono_ms();
	while (n < max && r->first &&
	    (r->closed || now_ms - r->first->result_ms >= r->rest_ms))
		ret[n++] = take_out(r, r->first);
	pthread_mutex_unlock(&r->lock);
	return n;
}

int
results_take_of(struct results *r, const char *tenant_id, struct call **ret,
    int max)
{
	struct call *c, *next;
	int n = 0;

	pthread_mutex_lock(&r->lock);
	for (c = bucket_of(r, tenant_id)->first; c && n < max; c = next) {
		next = c->in_bucket;
		if (!c->job.probe && strcmp(c->job.tenant_id, tenant_id) == 0)
			ret[n++] = take_out(r, c);
	}
	pthread_mutex_unlock(&r->lock);
	return n;
}

void
results_close(struct results *r)
{
	pthread_mutex_lock(&r->lock);
	r->closed = true;
	pthread_cond_broadcast(&r->some);
	pthread_mutex_unlock(&r->lock);
}
