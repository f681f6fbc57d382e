/*
 * The room where requests wait for what they caused. It knows neither the
 * database nor Microsoft: only tickets, parts and deadlines. Every held
 * request is answered when all its parts are settled, or at its deadline.
 */
#ifndef WEB_ANSWER_H
#define WEB_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "web/request.h"

/* What is known of one part (one event) of a request; meaning is the app's. */
struct answer_part {
	int16_t state; /* 0: nothing known yet */
	int16_t value;
	bool settled; /* nothing more will come */
};

struct answer;

/* finish makes the response from the parts (deadline: not all are settled);
 * then the room sends it. Called on the room's thread. */
struct answer *answer_start(void (*finish)(struct request *rq,
    const struct answer_part *parts, int nparts, bool at_deadline));
/* Answers what it holds at once (as at the deadline when not settled), ends. */
void answer_stop(struct answer *a);

/* From now on the request is the room's, and may be answered and freed at any
 * moment: what others still need of it must have been copied before. Returns
 * its ticket (never 0). */
uint64_t answer_hold(struct answer *a, struct request *rq, int nparts,
    int64_t deadline_ms /* clock_mono_ms scale */);
/* News of one part; unknown tickets (answered long ago) are dropped. A settled
 * part does not change any more. From any thread. */
void answer_tell(
    struct answer *a, uint64_t ticket, int part, struct answer_part news);
/* The whole request failed: answer with this error now. */
void answer_fail(struct answer *a, uint64_t ticket, enum err e,
    const char *detail, int retry_after_s);
int answer_held(struct answer *a);

#endif
