/* The queue at a room's door: a ring under one lock. */
#include "base/queue.h"

#include <assert.h>
#include <pthread.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t filled;  /* on CLOCK_MONOTONIC */
	void **ring;
	size_t first, len;      /* ring[(first + i) % room], i < len */
	size_t room;            /* >= max; more after queue_put_last */
	size_t max;
	bool closed;
};

struct queue *
queue_new(size_t max)
{
	struct queue *q = heap_alloc(sizeof(*q));

	assert(max > 0 && max < SIZE_MAX / sizeof(void *));
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->filled, NULL);
	q->ring = heap_alloc(max * sizeof(void *));
	q->room = q->max = max;
	return q;
}

void
queue_free(struct queue *q)
{
	if (!q)
		return;
	assert(q->len == 0);
	pthread_cond_destroy(&q->filled);
	pthread_mutex_destroy(&q->lock);
	heap_free(q->ring);
	heap_free(q);
}

bool
queue_put(struct queue *q, void *item)
{
	bool ok;

	pthread_mutex_lock(&q->lock);
	ok = !q->closed && q->len < q->max;
	if (ok) {
		q->ring[(q->first + q->len) % q->room] = item;
		q->len++;
		pthread_cond_signal(&q->filled);
	}
	pthread_mutex_unlock(&q->lock);
	return ok;
}

static void
grow(struct queue *q, size_t room)
{
	void **ring = heap_alloc(room * sizeof(void *));
	size_t i;

	for (i = 0; i < q->len; i++)
		ring[i] = q->ring[(q->first + i) % q->room];
	heap_free(q->ring);
	q->ring = ring;
	q->room = room;
	q->first = 0;
}

void
queue_put_last(struct queue *q, void **items, size_t n)
{
	size_t i;

	if (!n)
		return;
	pthread_mutex_lock(&q->lock);
	if (n > q->room - q->len)
		grow(q, q->len + n);
	for (i = 0; i < n; i++)
		q->ring[(q->first + q->len + i) % q->room] = items[i];
	q->len += n;
	pthread_cond_broadcast(&q->filled);
	pthread_mutex_unlock(&q->lock);
}

size_t
queue_take(struct queue *q, void **ret_items, size_t max, int wait_ms)
{
	const int64_t until_ms = clock_mono_ms() + wait_ms;
	bool in_time = wait_ms != 0;
	size_t n, i;

	pthread_mutex_lock(&q->lock);
	while (!q->len && !q->closed && in_time) {
		if (wait_ms < 0)
			pthread_cond_wait(&q->filled, &q->lock);
		else
			in_time = clock_wait(&q->filled, &q->lock, until_ms);
	}
	n = q->len < max ? q->len : max;
	for (i = 0; i < n; i++)
		ret_items[i] = q->ring[(q->first + i) % q->room];
	q->first = (q->first + n) % q->room;
	q->len -= n;
	/* A signal may have woken us for more than we take. */
	if (n && q->len)
		pthread_cond_signal(&q->filled);
	pthread_mutex_unlock(&q->lock);
	return n;
}

void
queue_close(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->closed = true;
	pthread_cond_broadcast(&q->filled);
	pthread_mutex_unlock(&q->lock);
}
