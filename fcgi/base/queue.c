/* The queue at a room's door: a ring under one lock. */
#include "base/queue.h"

#include <assert.h>
#include <pthread.h>
#include <stdint.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t filled;  /* on CLOCK_MONOTONIC */
	void **ring;
	size_t first, len;      /* ring[(first + i) % room], i < len */
	size_t room;            /* >= max; more after a full queue_put_back */
	size_t max;
	size_t wanted;          /* so many wake the taker */
	int notify_fd;          /* -1: none */
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
	q->wanted = 1;
	q->notify_fd = -1;
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

static void
notify(int fd)
{
	const uint64_t one = 1;

	/* Fails only when the counter is full: then it is readable anyway. */
	if (fd >= 0 && write(fd, &one, sizeof(one)) < 0)
		return;
}

bool
queue_put(struct queue *q, void *item)
{
	bool ok;
	int fd;

	pthread_mutex_lock(&q->lock);
	ok = !q->closed && q->len < q->max;
	if (ok) {
		q->ring[(q->first + q->len) % q->room] = item;
		q->len++;
		if (q->len >= q->wanted)
			pthread_cond_signal(&q->filled);
	}
	fd = ok ? q->notify_fd : -1;
	pthread_mutex_unlock(&q->lock);
	notify(fd);
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

static void
put_again(struct queue *q, void **items, size_t n, bool last)
{
	size_t at, i;

	if (!n)
		return;
	pthread_mutex_lock(&q->lock);
	if (n > q->room - q->len)
		grow(q, q->len + n);
	if (!last)
		q->first = (q->first + q->room - n) % q->room;
	at = last ? q->first + q->len : q->first;
	for (i = 0; i < n; i++)
		q->ring[(at + i) % q->room] = items[i];
	q->len += n;
	pthread_cond_broadcast(&q->filled);
	pthread_mutex_unlock(&q->lock);
}

void
queue_put_back(struct queue *q, void **items, size_t n)
{
	put_again(q, items, n, false);
}

void
queue_put_last(struct queue *q, void **items, size_t n)
{
	put_again(q, items, n, true);
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
queue_gather(struct queue *q, size_t n, int wait_ms)
{
	const int64_t until_ms = clock_mono_ms() + wait_ms;

	pthread_mutex_lock(&q->lock);
	q->wanted = n;
	while (q->len < n && !q->closed &&
	    clock_wait(&q->filled, &q->lock, until_ms))
		;
	q->wanted = 1;
	pthread_mutex_unlock(&q->lock);
}

size_t
queue_length(struct queue *q)
{
	size_t len;

	pthread_mutex_lock(&q->lock);
	len = q->len;
	pthread_mutex_unlock(&q->lock);
	return len;
}

void
queue_close(struct queue *q)
{
	int fd;

	pthread_mutex_lock(&q->lock);
	q->closed = true;
	fd = q->notify_fd;
	pthread_cond_broadcast(&q->filled);
	pthread_mutex_unlock(&q->lock);
	notify(fd);
}

bool
queue_closed(struct queue *q)
{
	bool closed;

	pthread_mutex_lock(&q->lock);
	closed = q->closed;
	pthread_mutex_unlock(&q->lock);
	return closed;
}

void
queue_notify_fd(struct queue *q, int fd)
{
	pthread_mutex_lock(&q->lock);
	q->notify_fd = fd;
	pthread_mutex_unlock(&q->lock);
}
