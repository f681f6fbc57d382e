/* Tenants that somebody else holds, see parked.h. */
#include "sync/parked.h"

#include <stdio.h>
#include <string.h>

struct parked *
parked_find(struct parked *list, const char *tenant_id)
{
	struct parked *p = list;

	while (p && strcmp(p->tenant_id, tenant_id) != 0)
		p = p->next;
	return p;
}

struct parked *
parked_need(struct parked **list, const char *tenant_id)
{
	struct parked *p = parked_find(*list, tenant_id);

	if (p)
		return p;
	p = heap_alloc(sizeof(*p));
	snprintf(p->tenant_id, sizeof(p->tenant_id), "%s", tenant_id);
	p->end = &p->first;
	while (*list) /* behind those who have waited longer */
		list = &(*list)->next;
	*list = p;
	return p;
}

void
parked_put(struct parked *p, struct apply_unit *u)
{
	u->next = NULL;
	*p->end = u;
	p->end = &u->next;
}

void
parked_put_front(struct parked *p, struct apply_unit *u)
{
	u->next = p->first;
	if (!p->first)
		p->end = &u->next;
	p->first = u;
}

struct apply_unit *
parked_take(struct parked *p)
{
	struct apply_unit *u = p->first;

	p->first = u->next;
	if (!p->first)
		p->end = &p->first;
	u->next = NULL;
	return u;
}

int
parked_share(struct parked **list, int limit)
{
	struct parked *first = *list, **end = list;
	int n = 0;

	if (!first)
		return limit;
	*list = first->next;
	first->next = NULL;
	for (; *end; end = &(*end)->next)
		n++;
	*end = first;
	return n + 1 < limit ? limit / (n + 1) : 1;
}

void
parked_sweep(struct parked **list)
{
	struct parked **link = list, *p;

	while ((p = *link)) {
		if (p->first) {
			link = &p->next;
			continue;
		}
		*link = p->next;
		heap_free(p);
	}
}
