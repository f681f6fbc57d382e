/*
 * Results of Graph calls on their way into the database: first in first out,
 * bounded, one lock. Who stores news of a tenant takes its results along; what
 * has rested for a while goes by itself. For publisher.c, publish.c and record.c.
 */
#ifndef SYNC_RESULTS_H
#define SYNC_RESULTS_H

#include <stdbool.h>
#include <stddef.h>

struct call;
struct results;

/* rest_ms: results_take leaves out what is younger; 0: nothing is. */
struct results *results_new(size_t max, int rest_ms);
void results_free(struct results *r);   /* must be empty; NULL is fine */
/* at_once: it does not rest. false: full, or closed (the call stays the giver's). */
bool results_put(struct results *r, struct call *c, bool at_once)
    __attribute__((warn_unused_result));
/* To the end, also when full or closed: taken, but not stored. */
void results_put_back(struct results *r, struct call **calls, int n);
/* For the only taker. Waits until some have rested long enough (the oldest GATHER times as long as
 * it must, so that they are many) or r is closed. 0: closed and empty. */
int results_take(struct results *r, struct call **ret, int max);
/* A tenant's, however young; no probes. Does not wait. */
int results_take_of(struct results *r, const char *tenant_id, struct call **ret,
    int max);
/* No more puts; results_take gives what is left, then 0 at once. */
void results_close(struct results *r);

#endif
