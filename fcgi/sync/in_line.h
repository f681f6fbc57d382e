/*
 * When the second worker of a room may stand in line for a tenant that somebody
 * holds. Who is free goes first, but only half of the time. For apply.c and
 * record.c.
 */
#ifndef SYNC_IN_LINE_H
#define SYNC_IN_LINE_H

#include <stdbool.h>
#include <stdint.h>

#define IN_LINE_MS 450 /* for the batch's first tenant; then others' turn */
#define LOCKED_MS 3    /* between attempts when all are held */

struct in_line {
	bool got_none;       /* in the last round: all were held */
	int64_t may_ms;      /* from then on although some are free */
};

/* For how long, at the monotonic now_ms; 0: not at all. */
static inline int
in_line_ms(const struct in_line *l, int64_t now_ms)
{
	return l->got_none || now_ms >= l->may_ms ? IN_LINE_MS : 0;
}

/* After a round that was answered at now_ms. */
static inline void
in_line_note(struct in_line *l, int stood_ms, bool got_none, int64_t now_ms)
{
	if (stood_ms > 0)
		l->may_ms = now_ms + IN_LINE_MS;
	l->got_none = got_none;
}

#endif
