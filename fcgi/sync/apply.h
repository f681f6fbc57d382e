/*
 * The apply room: facts in. What is queued right now, at most 12 events (64 where
 * many wait), with the results of the same tenants' calls, in ONE transaction:
 * store, decide, claim, commit. Never waits to fill a batch.
 */
#ifndef SYNC_APPLY_H
#define SYNC_APPLY_H

#include "base/settings.h"
#include "sync/publisher.h"
#include "sync/unit.h"

struct apply_options {
	const struct settings *settings;
	struct publisher *publisher;
	const char *program;            /* for the database's application_name */
	/* News of one event; OUTCOME_PENDING means stored, goal known. */
	void (*tell)(void *arg, uint64_t ticket, int part, enum outcome o,
	    enum goal goal);
	/* The rest of the request could not be stored: BUSY, or AUTH when the
	 * PBX is gone. */
	void (*fail)(void *arg, uint64_t ticket, enum err e, const char *detail);
	void *arg;
};

struct apply;
struct apply *apply_start(const struct apply_options *o);
void apply_stop(struct apply *a);       /* finishes what is queued, 5 s at most */

/* false: the queue (6,144 units) is full; the unit stays the giver's. */
bool apply_put(struct apply *a, struct apply_unit *u)
    __attribute__((warn_unused_result));

#endif
