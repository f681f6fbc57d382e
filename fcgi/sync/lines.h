/*
 * Who waits in the apply room: each tenant is a line of units in the order in
 * which they came, and in one worker's hands at a time. For apply.c, under its
 * lock.
 */
#ifndef SYNC_LINES_H
#define SYNC_LINES_H

#include <stdbool.h>

#include "sync/unit.h"

struct line {
	char tenant_id[37];
	bool held;              /* as its worker found out */
	struct apply_unit *first, **end;
	struct line *next;      /* in its list */
	struct line *in_bucket;
};

struct line_list {
	struct line *first, **end;
	int n;
};

#define LINE_BUCKETS 1024

struct lines {
	struct line_list ready;
	struct line_list held;  /* the tenant was somebody else's */
	int units, events;      /* in all lines */
	struct line *buckets[LINE_BUCKETS];
};

void lines_init(struct lines *l);
/* At the end of its tenant's line; a new one is ready. */
void lines_put(struct lines *l, struct apply_unit *u);

/* Out of its list; NULL: the list is empty. */
struct line *line_list_take(struct line_list *list);
/* Back to the front of it: nothing was done. */
void line_list_put_front(struct line_list *list, struct line *line);
/* Its worker has done with it: gone when nobody is in it; to the end of the held
 * ones; or among the ready ones by the time that its first unit has, so that a
 * long line comes often enough. */
void lines_return(struct lines *l, struct line *line);

struct apply_unit *line_take(struct lines *l, struct line *line); /* or NULL */
void line_put_front(struct lines *l, struct line *line, struct apply_unit *u);

#endif
