/* What goes through the apply room, and the words of what comes out. */
#ifndef SYNC_UNIT_H
#define SYNC_UNIT_H

#include "base/ctx.h"
#include "pbx/event.h"

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
/* An outcome that the database alone decides: up to UNCHANGED. */
bool outcome_is_final(const char *word, enum outcome *ret);

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

struct apply_unit *apply_unit_new(const char *request_id);
void apply_unit_free(struct apply_unit *u);

#endif
