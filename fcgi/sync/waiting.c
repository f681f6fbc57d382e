/* Who waits for whose publishing, see waiting.h. */
#include "sync/waiting.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/text.h"

#define BUCKETS 4096

/* Several publishings that are one to somebody. */
struct waiting_group {
	int left;
	bool all;       /* so far each was told */
	bool blocking;  /* a thread waits; else a part of a request does */
	uint64_t ticket;
	int part;
};

struct waiter {
	int64_t goal_no;
	uint64_t ticket;
	int part;
	enum goal goal;
	struct waiting_group *group; /* or NULL */
	enum settled how;
	struct waiter *next;
};

struct person {
	char tenant_id[37], user_id[37]; /* a probe: user_id is "" */
	int64_t claim_no, goal_no;       /* the claim that is on its way */
	bool held;                       /* the next one is about to be handed */
	struct waiter *waiters;
	struct person *next;             /* in its bucket */
};

struct waiting {
	pthread_mutex_t lock;
	pthread_cond_t group_done;
	settled_fn *settled;
	void *arg;
	struct person *buckets[BUCKETS];
};

struct waiting *
waiting_new(settled_fn *settled, void *arg)
{
	struct waiting *w = heap_alloc(sizeof(*w));

	w->settled = settled;
	w->arg = arg;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->group_done, NULL);
	return w;
}

/* --- people ----------------------------------------------------------------- */

static const char *
user_of(const struct job *job)
{
	return job->probe ? "" : job->user_id;
}

/* A probe is settled by its own number. */
static int64_t
number_of(const struct job *job)
{
	return job->probe ? job->claim_no : job->goal_no;
}

static struct person **
person_link(struct waiting *w, const struct job *job)
{
	const char *user_id = user_of(job);
	unsigned hash = text_hash(job->tenant_id) * 31 + text_hash(user_id);
	struct person **link = &w->buckets[hash % BUCKETS];

	while (*link && (strcmp((*link)->user_id, user_id) != 0 ||
	    strcmp((*link)->tenant_id, job->tenant_id) != 0))
		link = &(*link)->next;
	return link;
}

static struct person *
person_need(struct waiting *w, const struct job *job)
{
	struct person **link = person_link(w, job), *x = *link;

	if (!x) {
		x = *link = heap_alloc(sizeof(*x));
		snprintf(x->tenant_id, sizeof(x->tenant_id), "%s",
		    job->tenant_id);
		snprintf(x->user_id, sizeof(x->user_id), "%s", user_of(job));
	}
	return x;
}

static void
waiter_new(struct person *x, const struct waiter *what)
{
	struct waiter *new = heap_alloc(sizeof(*new));

	*new = *what;
	new->next = x->waiters;
	x->waiters = new;
}

void
waiting_free(struct waiting *w)
{
	struct waiter *next_waiter;
	struct person *next, *x;
	int i;

	if (!w)
		return;
	for (i = 0; i < BUCKETS; i++)
		for (x = w->buckets[i]; x; x = next) {
			next = x->next;
			for (; x->waiters; x->waiters = next_waiter) {
				next_waiter = x->waiters->next;
				heap_free(x->waiters);
			}
			heap_free(x);
		}
	pthread_cond_destroy(&w->group_done);
	pthread_mutex_destroy(&w->lock);
	heap_free(w);
}

/* --- coming in -------------------------------------------------------------- */

bool
waiting_add(struct waiting *w, const struct job *job, uint64_t ticket,
    int part, enum goal goal, bool hold)
{
	const struct waiter what = { .goal_no = job->goal_no,
		.ticket = ticket, .part = part, .goal = goal };
	struct person *x;

	pthread_mutex_lock(&w->lock);
	x = hold ? person_need(w, job) : *person_link(w, job);
	if (x) {
		x->held |= hold;
		waiter_new(x, &what);
	}
	pthread_mutex_unlock(&w->lock);
	return x != NULL;
}

static void
add_group(struct waiting *w, const struct job *jobs, int n,
    struct waiting_group *g)
{
	struct waiter what = { .group = g };
	struct person *x;
	int i;

	g->left = n;
	g->all = true;
	pthread_mutex_lock(&w->lock);
	for (i = 0; i < n; i++) {
		x = person_need(w, &jobs[i]);
		x->held = true;
		what.goal_no = number_of(&jobs[i]);
		waiter_new(x, &what);
	}
	pthread_mutex_unlock(&w->lock);
}

void
waiting_add_all(struct waiting *w, const struct job *jobs, int n,
    uint64_t ticket, int part)
{
	struct waiting_group *g = heap_alloc(sizeof(*g));

	g->ticket = ticket;
	g->part = part;
	add_group(w, jobs, n, g);
}

struct waiting_group *
waiting_begin(struct waiting *w, const struct job *jobs, int n)
{
	struct waiting_group *g = heap_alloc(sizeof(*g));

	g->blocking = true;
	add_group(w, jobs, n, g);
	return g;
}

void
waiting_hand(struct waiting *w, const struct job *job)
{
	struct person *x;

	pthread_mutex_lock(&w->lock);
	x = person_need(w, job);
	x->held = false;
	x->claim_no = job->claim_no;
	x->goal_no = number_of(job);
	pthread_mutex_unlock(&w->lock);
}

/* --- going out -------------------------------------------------------------- */

static bool
blocks(const struct waiter *one)
{
	return one->group && one->group->blocking;
}

/* Moves who is settled from x into a list. told_no: goals up to it are
 * settled; rest: so are all others, as deferred. stored: those who block, too. */
static struct waiter *
take_settled(struct person *x, bool mine, int64_t told_no, bool rest,
    bool stored)
{
	struct waiter *list = NULL, **link = &x->waiters, *one;

	while ((one = *link)) {
		if (one->goal_no <= told_no && (stored || !blocks(one)))
			one->how = one->goal_no == told_no ||
			    (mine && one->goal_no == x->goal_no) ?
			    SETTLED_PUBLISHED : SETTLED_SUPERSEDED;
		else if (rest)
			one->how = SETTLED_DEFERRED;
		else {
			link = &one->next;
			continue;
		}
		*link = one->next;
		one->next = list;
		list = one;
	}
	return list;
}

/* Under the lock; a group of a request comes back in the waiter when its last
 * one is settled, else the waiter is done with. */
static bool
group_is_done(struct waiting *w, struct waiter *one)
{
	struct waiting_group *g = one->group;

	if (!g)
		return true;
	g->all &= one->how != SETTLED_DEFERRED;
	if (--g->left > 0)
		return false;
	if (g->blocking) {
		pthread_cond_broadcast(&w->group_done);
		return false;
	}
	one->ticket = g->ticket;
	one->part = g->part;
	one->goal = GOAL_NONE;
	one->how = g->all ? SETTLED_PUBLISHED : SETTLED_DEFERRED;
	heap_free(g);
	return true;
}

/* Those that nobody must be told of go at once. */
static struct waiter *
only_to_tell(struct waiting *w, struct waiter *list)
{
	struct waiter **link = &list, *one;

	while ((one = *link)) {
		if (group_is_done(w, one) && w->settled) {
			link = &one->next;
			continue;
		}
		*link = one->next;
		heap_free(one);
	}
	return list;
}

static void
tell(struct waiting *w, struct waiter *list)
{
	struct waiter *one;

	while ((one = list)) {
		list = one->next;
		w->settled(w->arg, one->ticket, one->part, one->goal, one->how);
		heap_free(one);
	}
}

bool
waiting_confirm(struct waiting *w, const struct job *job)
{
	struct waiter *list = NULL;
	struct person *x;
	bool more;

	pthread_mutex_lock(&w->lock);
	x = *person_link(w, job);
	if (x && x->claim_no == job->claim_no)
		list = only_to_tell(w,
		    take_settled(x, true, x->goal_no, false, false));
	more = x && x->waiters;
	pthread_mutex_unlock(&w->lock);
	tell(w, list);
	return more;
}

void
waiting_settle(struct waiting *w, const struct job *job, bool told,
    int64_t goal_no, const struct job *next)
{
	struct waiter *list = NULL;
	struct person **link, *x;
	bool mine, over;

	pthread_mutex_lock(&w->lock);
	link = person_link(w, job);
	x = *link;
	if (x) {
		mine = x->claim_no == job->claim_no;
		over = mine && !next && !x->held;
		list = only_to_tell(w, take_settled(x, mine,
		    told ? goal_no : INT64_MIN, over, true));
		if (next) {
			x->claim_no = next->claim_no;
			x->goal_no = number_of(next);
		}
		if (over) {
			*link = x->next;
			heap_free(x);
		}
	}
	pthread_mutex_unlock(&w->lock);
	tell(w, list);
}

/* Takes a group's waiters out, wherever they are. */
static void
group_leave(struct waiting *w, const struct waiting_group *g)
{
	struct waiter **link, *one;
	struct person *x;
	int i;

	for (i = 0; i < BUCKETS; i++)
		for (x = w->buckets[i]; x; x = x->next)
			for (link = &x->waiters; (one = *link);) {
				if (one->group != g) {
					link = &one->next;
					continue;
				}
				*link = one->next;
				heap_free(one);
			}
}

bool
waiting_end(struct waiting *w, struct waiting_group *g, int wait_ms)
{
	const int64_t until_ms = clock_mono_ms() + wait_ms;
	bool all;

	pthread_mutex_lock(&w->lock);
	while (g->left > 0 && clock_wait(&w->group_done, &w->lock, until_ms))
		;
	all = g->left == 0 && g->all;
	if (g->left > 0)
		group_leave(w, g);
	pthread_mutex_unlock(&w->lock);
	heap_free(g);
	return all;
}
