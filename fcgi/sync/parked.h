/*
 * Tenants that somebody else holds right now, each with its units in the order
 * in which they came. For apply.c, under its lock.
 */
#ifndef SYNC_PARKED_H
#define SYNC_PARKED_H

#include "sync/unit.h"

struct parked {
	char tenant_id[37];
	struct apply_unit *first, **end;
	struct parked *next;
};

struct parked *parked_find(struct parked *list, const char *tenant_id);
struct parked *parked_need(struct parked **list, const char *tenant_id);
void parked_put(struct parked *p, struct apply_unit *u);
void parked_put_front(struct parked *p, struct apply_unit *u);
struct apply_unit *parked_take(struct parked *p); /* there is one */
/* How many of each go into a batch of `limit`, so that none waits for another
 * one's crowd; and the first goes to the end. */
int parked_share(struct parked **list, int limit);
/* Frees those who have no units any more. */
void parked_sweep(struct parked **list);

#endif
