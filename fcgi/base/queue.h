/*
 * The queue at a room's door: bounded, first in first out, one lock.
 * What is handed over belongs to the taker; the giver no longer touches it.
 */
#ifndef BASE_QUEUE_H
#define BASE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

struct queue;

struct queue *queue_new(size_t max);
void queue_free(struct queue *q);       /* must be empty; NULL is fine */
/* false: full, or closed (the item stays the giver's). */
bool queue_put(struct queue *q, void *item) __attribute__((warn_unused_result));
/* To the end, in the order given, even when full or closed: for work that was
 * taken and could not be done yet. */
void queue_put_last(struct queue *q, void **items, size_t n);
/* Waits up to wait_ms (-1 for ever) for the first, then takes what is there,
 * at most max. 0: time over, or closed and empty. */
size_t queue_take(struct queue *q, void **ret_items, size_t max, int wait_ms);
/* No more puts; takers get what is left, then 0 at once. */
void queue_close(struct queue *q);

#endif
