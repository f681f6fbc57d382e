/*
 * Who waits for whose publishing: a table of the people that this program is
 * publishing for right now. Own lock; shared by the apply and record threads
 * and by whoever waits.
 */
#ifndef SYNC_WAITING_H
#define SYNC_WAITING_H

#include "sync/job.h"

struct waiting;
struct waiting *waiting_new(settled_fn *settled, void *arg); /* or NULL, NULL */
void waiting_free(struct waiting *w); /* nobody is told */

/* See publisher_wait, publisher_wait_all. */
bool waiting_add(struct waiting *w, const struct job *job, uint64_t ticket,
    int part, enum goal goal, bool hold);
void waiting_add_all(struct waiting *w, const struct job *jobs, int n,
    uint64_t ticket, int part);

/* For whoever blocks: between begin and end the jobs are handed over.
 * true: all were published. */
struct waiting_group;
struct waiting_group *waiting_begin(struct waiting *w, const struct job *jobs,
    int n);
bool waiting_end(struct waiting *w, struct waiting_group *g, int wait_ms);

/* This claim is on its way now. */
void waiting_hand(struct waiting *w, const struct job *job);
/* Graph has confirmed this claim of a person. Tells the parts of requests that
 * wait for its goal or an older one; who blocks wants it to be stored as well.
 * Returns whether somebody still waits for this person. */
bool waiting_confirm(struct waiting *w, const struct job *job);
/*
 * What became of it: told tells whether Teams knows it, goal_no is then the
 * last goal that is settled; next is the person's next claim or NULL. Tells
 * all who need not wait any more.
 */
void waiting_settle(struct waiting *w, const struct job *job, bool told,
    int64_t goal_no, const struct job *next);

#endif
