/*
 * The apply room: facts in. Everything that is queued right now, at most 64
 * events, in ONE transaction: store, decide, claim, commit. Never waits to
 * fill a batch.
 */
#ifndef SYNC_APPLY_H
#define SYNC_APPLY_H

#include "base/ctx.h"
#include "base/settings.h"
#include "pbx/event.h"
#include "sync/publisher.h"

/* The words of the contract, in its order. */
#define OUTCOME_TABLE(X)                                                   \
	X(UNKNOWN_EXTENSION, "unknown_extension")                          \
	X(MONITORING_OFF, "monitoring_off") X(DUPLICATE, "duplicate")      \
	X(NO_CONSENT, "no_consent") X(UNCHANGED, "unchanged")              \
	X(SUPERSEDED, "superseded") X(PUBLISHED, "published")              \
	X(DEFERRED, "deferred")

enum outcome {
	OUTCOME_PENDING,        /* stored; the publishing is under way */
#define X(name, word) OUTCOME_##name,
	OUTCOME_TABLE(X)
#undef X
	OUTCOME__MAX
};
const char *outcome_word(enum outcome o);

/* One request's events on their way. Owns its ctx (and itself in its arena). */
struct apply_unit {
	struct ctx cx;
	uint64_t ticket;
	char tenant_id[37], pbx_id[37];
	struct pbx_events events;       /* copied into cx's arena */
	int done;                       /* events that are stored */
	int64_t give_up_ms;             /* not begun after it: nobody waits any more */
	struct apply_unit *next;        /* the room's own */
};

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

struct apply_unit *apply_unit_new(const char *request_id);
/* false: the queue (6,144 units) is full; the unit stays the giver's. */
bool apply_put(struct apply *a, struct apply_unit *u)
    __attribute__((warn_unused_result));
void apply_unit_free(struct apply_unit *u);

#endif
