/* The webhook's handlers, and the three rooms that they hand over to. */
#ifndef APP_WEBHOOK_H
#define APP_WEBHOOK_H

#include "app/door.h"
#include "sync/apply.h"
#include "web/answer.h"

struct webhook {                /* shared by all threads, set before them */
	const struct settings *settings;
	struct door *door;
	struct answer *answer;
	struct apply *apply;
};

struct webhook_thread {         /* rq->thread */
	struct webhook *shared;
	struct db *db;
};

enum err webhook_signed(struct request *rq);    /* /webhook/:pbx */
enum err webhook_path(struct request *rq);      /* /webhook/:pbx/:secret */

/* The rooms' news, for apply_options, publisher_options and answer_start;
 * arg is the struct webhook. */
void webhook_tell(void *arg, uint64_t ticket, int part, enum outcome o,
    enum goal goal);
void webhook_fail(void *arg, uint64_t ticket, enum err e, const char *detail);
void webhook_settled(void *arg, uint64_t ticket, int part, enum goal goal,
    enum settled how);
void webhook_finish(struct request *rq, const struct answer_part *parts,
    int nparts, bool at_deadline);

#endif
