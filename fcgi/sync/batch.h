/*
 * One batch of events: what the database is asked, and what its answer means
 * for each of them. For apply.c.
 */
#ifndef SYNC_BATCH_H
#define SYNC_BATCH_H

#include "base/db.h"
#include "sync/apply.h"

#define BATCH_MAX 64

/* One event of the batch, and what came of it. */
struct item {
	struct apply_unit *unit;
	int part;
	const char *outcome, *user_id;
	enum goal goal;
	int64_t goal_no;
};

struct batch {
	struct apply_unit *units[BATCH_MAX]; /* NULL: done, or failed */
	bool held[BATCH_MAX];                /* somebody else has its tenant */
	int nunits;
	struct item items[BATCH_MAX];
	int nitems;
	struct call *results[BATCH_MAX];     /* of the same tenants: stored first */
	int nresults;
	bool restart;                        /* one pbx.restarted and nothing else */
	bool full;                           /* its last unit goes on in the next */
};

/* Adds what fits of u's events. false: u belongs into a later batch. */
bool batch_add(struct batch *b, struct apply_unit *u, int limit);
/* wait_ms: how long the database stands in line for the first unit's tenant. */
enum err batch_ask(struct ctx *cx, struct db *db, const struct batch *b,
    int wait_ms, struct rows **ret);
/* Tells what came of each event, hands out the claims and frees what is done
 * or has failed. false: nothing was, all are held. */
bool batch_settle(struct ctx *cx, const struct apply_options *to,
    struct batch *b, const struct rows *rows, int64_t asked_ms);

/* What is left of u has failed; frees it. */
void unit_fail(const struct apply_options *to, struct apply_unit *u, enum err e,
    const char *detail);

#endif
