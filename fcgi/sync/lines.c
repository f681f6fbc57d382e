/* Who waits in the apply room, see lines.h. */
#include "sync/lines.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

static void
list_init(struct line_list *list)
{
	list->first = NULL;
	list->end = &list->first;
	list->n = 0;
}

static void
list_put(struct line_list *list, struct line *line)
{
	line->next = NULL;
	*list->end = line;
	list->end = &line->next;
	list->n++;
}

struct line *
line_list_take(struct line_list *list)
{
	struct line *line = list->first;

	if (!line)
		return NULL;
	list->first = line->next;
	if (!list->first)
		list->end = &list->first;
	list->n--;
	line->next = NULL;
	line->held = false;
	return line;
}

void
line_list_put_front(struct line_list *list, struct line *line)
{
	line->next = list->first;
	if (!list->first)
		list->end = &line->next;
	list->first = line;
	list->n++;
}

/* Before those whose first unit has more time. */
static void
list_put_by_time(struct line_list *list, struct line *line)
{
	struct line **link = &list->first;

	while (*link &&
	    (*link)->first->give_up_ms <= line->first->give_up_ms)
		link = &(*link)->next;
	line->next = *link;
	*link = line;
	if (!line->next)
		list->end = &line->next;
	list->n++;
}

static void
count(struct lines *l, const struct apply_unit *u, int sign)
{
	l->units += sign;
	l->events += sign * (u->events.n - u->done);
}

/* --- all lines -------------------------------------------------------------- */

void
lines_init(struct lines *l)
{
	memset(l, 0, sizeof(*l));
	list_init(&l->ready);
	list_init(&l->held);
}

static struct line **
line_link(struct lines *l, const char *tenant_id)
{
	struct line **link = &l->buckets[text_hash(tenant_id) % LINE_BUCKETS];

	while (*link && strcmp((*link)->tenant_id, tenant_id) != 0)
		link = &(*link)->in_bucket;
	return link;
}

void
lines_put(struct lines *l, struct apply_unit *u)
{
	struct line **link = line_link(l, u->tenant_id), *line = *link;

	if (!line) {
		line = *link = heap_alloc(sizeof(*line));
		snprintf(line->tenant_id, sizeof(line->tenant_id), "%s",
		    u->tenant_id);
		line->end = &line->first;
		list_put(&l->ready, line);
	}
	u->next = NULL;
	*line->end = u;
	line->end = &u->next;
	count(l, u, 1);
}

void
lines_return(struct lines *l, struct line *line)
{
	struct line **link;

	if (line->first && line->held)
		list_put(&l->held, line);
	else if (line->first)
		list_put_by_time(&l->ready, line);
	if (line->first)
		return;
	link = line_link(l, line->tenant_id);
	*link = line->in_bucket;
	heap_free(line);
}

/* --- one line --------------------------------------------------------------- */

struct apply_unit *
line_take(struct lines *l, struct line *line)
{
	struct apply_unit *u = line->first;

	if (!u)
		return NULL;
	line->first = u->next;
	if (!line->first)
		line->end = &line->first;
	u->next = NULL;
	count(l, u, -1);
	return u;
}

void
line_put_front(struct lines *l, struct line *line, struct apply_unit *u)
{
	u->next = line->first;
	if (!line->first)
		line->end = &u->next;
	line->first = u;
	count(l, u, 1);
}
