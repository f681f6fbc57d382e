/* One call of Graph to make for one person (or tenant): a claim that we own. */
#ifndef SYNC_JOB_H
#define SYNC_JOB_H

#include <stdbool.h>
#include <stdint.h>

enum goal { GOAL_NONE, GOAL_BUSY, GOAL_AVAILABLE, GOAL_CLEAR };

enum goal goal_parse(const char *word);        /* NULL and unknown: GOAL_NONE */
const char *goal_word(enum goal g);            /* "busy" */
const char *goal_availability(enum goal g);    /* "Busy"; NULL for none, clear */
const char *goal_activity(enum goal g);        /* "InACall" */

struct job {
	bool probe;             /* ask whether the tenant lets us; else publish */
	bool again;             /* it was denied: with a newer token than the claim */
	char tenant_id[37];
	char user_id[37];
	int64_t claim_no;
	enum goal goal;
	int64_t goal_no;
	int expires_s;
	int64_t claimed_ms;     /* clock_mono_ms() before the claim was asked for:
	                           sent within 4 s of it or not at all */
	char request_id[33];    /* of what caused it, for log and Graph; "": none */
};

/* What came of it; the words are presence.record's. */
#define RESULT_TABLE(X)                                                    \
	X(OK, "ok") X(THROTTLED, "throttled") X(UNAUTHORIZED, "unauthorized") \
	X(FORBIDDEN, "forbidden") X(NOT_FOUND, "not_found")                \
	X(REJECTED, "rejected")                                            \
	X(FAILED, "failed")          /* answered 5xx: the effect is unknown */ \
	X(UNKNOWN, "unknown")        /* no answer: it may still land */    \
	X(UNSENT, "unsent")          /* certainly not sent */              \
	X(LOST, "lost")              /* detail: why consent is gone */     \
	X(CREDENTIAL, "credential")  /* detail: the token endpoint's code */

enum result {
#define X(name, word) RESULT_##name,
	RESULT_TABLE(X)
#undef X
	RESULT__MAX
};
const char *result_word(enum result r);

/* How a part of a request ends that waits for a job. */
enum settled { SETTLED_PUBLISHED, SETTLED_SUPERSEDED, SETTLED_DEFERRED };
typedef void settled_fn(void *arg, uint64_t ticket, int part, enum goal goal,
    enum settled how);

#endif
