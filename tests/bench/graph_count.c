/* People and tenants as the fake Graph sees them, and what goes against the
 * rules. */
#include "graph.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS (1 << 18) /* of people; a power of two, at most half full */
#define TENANT_SLOTS (1 << 14)
#define LINE 160 /* at most, of the list of people */
#define WINDOW_S 30
#define WINDOW_MOST 1500 /* what Graph takes of a tenant in a window */

static const char *const states[] = { "none", "Busy", "Available", "cleared",
	"other" };

struct person {
	char tenant[37], user[37];
	int state, in_flight;
	uint64_t calls, changes;
};

struct tenant {
	char id[37];
	int64_t second;          /* of the newest slot */
	int slots[WINDOW_S + 1]; /* requests, by second */
};

static struct person people[SLOTS];
static struct tenant tenants[TENANT_SLOTS];
static int npeople, ntenants;
static struct {
	uint64_t calls, changes, concurrent, over_budget, tokens, refused;
	int most_in_window;
} count;

int graph_connections, graph_connections_most;
uint64_t graph_given_up, graph_resets, graph_accepted;

static uint64_t
hash(const char *a, const char *b)
{
	uint64_t h = 14695981039346656037u;

	for (; *a; a++)
		h = (h ^ (unsigned char)*a) * 1099511628211u;
	for (; *b; b++)
		h = (h ^ (unsigned char)*b) * 1099511628211u;
	return h ^ h >> 29;
}

static struct person *
person_find(const char *tenant, const char *user)
{
	uint64_t i = hash(tenant, user) % SLOTS;

	for (; people[i].user[0]; i = (i + 1) % SLOTS)
		if (strcmp(people[i].user, user) == 0 &&
		    strcmp(people[i].tenant, tenant) == 0)
			return &people[i];
	if (npeople >= SLOTS / 2)
		return NULL;
	npeople++;
	memcpy(people[i].tenant, tenant, 37);
	memcpy(people[i].user, user, 37);
	return &people[i];
}

/* R13 by the second: the last 30 whole seconds and this one. */
static void
tenant_count(const char *id, int64_t now_us)
{
	const int64_t second = now_us / 1000000;
	uint64_t i = hash(id, "") % TENANT_SLOTS;
	struct tenant *t;
	int n = 0, s;

	while (tenants[i].id[0] && strcmp(tenants[i].id, id) != 0)
		i = (i + 1) % TENANT_SLOTS;
	t = &tenants[i];
	if (!t->id[0]) {
		if (ntenants >= TENANT_SLOTS / 2)
			return;
		ntenants++;
		memcpy(t->id, id, 37);
	}
	if (second - t->second > WINDOW_S)
		memset(t->slots, 0, sizeof(t->slots));
	else
		while (t->second < second)
			t->slots[++t->second % (WINDOW_S + 1)] = 0;
	t->second = second;
	t->slots[second % (WINDOW_S + 1)]++;
	/* The oldest slot is of a second that is partly out of the window. */
	for (s = 0; s < WINDOW_S; s++)
		n += t->slots[(second - s + 10 * (WINDOW_S + 1)) %
		    (WINDOW_S + 1)];
	if (n > count.most_in_window)
		count.most_in_window = n;
	if (n > WINDOW_MOST)
		count.over_budget++;
}

static int
state_of(const struct call *c)
{
	const char *p;
	int i;

	p = memmem(c->body, c->len, "\"availability\"", 14);
	if (!p)
		return 4;
	for (p += 14; *p == ' ' || *p == ':' || *p == '"'; p++)
		;
	for (i = 1; i < 3; i++)
		if (strncmp(p, states[i], strlen(states[i])) == 0)
			return i;
	return 4;
}

static bool
answer(struct call *c, int status, const char *text)
{
	c->status = status;
	c->text = text;
	return false;
}

/* /v1.0/users/USER/presence/setPresence */
static bool
presence_begin(struct call *c, int64_t now_us)
{
	char user[37], what[16];

	if (!c->tenant[0]) {
		count.refused++;
		return answer(c, 401,
		    "{\"error\":{\"code\":\"InvalidAuthenticationToken\"}}");
	}
	if (sscanf(c->path, "/v1.0/users/%36[0-9a-fA-F-]/presence/%15[a-zA-Z]",
		user, what) != 2 ||
	    strlen(user) != 36) {
		count.refused++;
		return answer(c, 404, "{\"error\":{\"code\":\"NotFound\"}}");
	}
	c->state = strcmp(what, "clearPresence") == 0 ? 3 : state_of(c);
	c->person = person_find(c->tenant, user);
	if (!c->person || c->state == 4) {
		count.refused++;
		return answer(c, 400, "{\"error\":{\"code\":\"BadRequest\"}}");
	}
	tenant_count(c->tenant, now_us);
	if (c->person->in_flight++ > 0)
		count.concurrent++;
	c->status = 200;
	c->text = "";
	return true;
}

void
call_end(struct call *c)
{
	struct person *p = c->person;

	if (!p)
		return;
	p->in_flight--;
	p->calls++;
	count.calls++;
	if (p->state != c->state) {
		p->state = c->state;
		p->changes++;
		count.changes++;
	}
}

static bool
counts_answer(struct call *c)
{
	snprintf(c->own, sizeof(c->own),
	    "{\"calls\":%" PRIu64 ",\"changes\":%" PRIu64
	    ",\"concurrent\":%" PRIu64 ",\"over_budget\":%" PRIu64
	    ",\"most_in_window\":%d"
	    ",\"tokens\":%" PRIu64 ",\"refused\":%" PRIu64
	    ",\"given_up\":%" PRIu64 ",\"resets\":%" PRIu64
	    ",\"accepted\":%" PRIu64
	    ",\"people\":%d,\"tenants\":%d,\"connections\":%d,\"connections_"
	    "most\":%d}\n",
	    count.calls, count.changes, count.concurrent, count.over_budget,
	    count.most_in_window, count.tokens, count.refused, graph_given_up,
	    graph_resets, graph_accepted, npeople, ntenants, graph_connections,
	    graph_connections_most);
	return answer(c, 200, c->own);
}

bool
call_begin(struct call *c, int64_t now_us)
{
	char tenant[37];

	if (c->is_post && strncmp(c->path, "/v1.0/users/", 12) == 0)
		return presence_begin(c, now_us);
	if (c->is_post &&
	    strcmp(c->path, "/v1.0/communications/getPresencesByUserId") == 0) {
		answer(c, 200, "{\"value\":[]}");
		return true;
	}
	if (c->is_post &&
	    sscanf(c->path, "/%36[0-9a-fA-F-]/oauth2/v2.0/token", tenant) ==
		1 &&
	    strlen(tenant) == 36) {
		count.tokens++;
		snprintf(c->own, sizeof(c->own),
		    "{\"token_type\":\"Bearer\",\"expires_in\":3599,"
		    "\"access_token\":\"bench.%s\"}",
		    tenant);
		return answer(c, 200, c->own);
	}
	if (strcmp(c->path, "/counts") == 0)
		return counts_answer(c);
	if (c->is_post && strcmp(c->path, "/reset") == 0) {
		memset(&count, 0, sizeof(count));
		graph_given_up = graph_resets = graph_accepted = 0;
		graph_connections_most = graph_connections;
		return counts_answer(c);
	}
	return answer(c, 404, "{\"error\":{\"code\":\"NotFound\"}}");
}

char *
people_list(size_t *ret_len)
{
	char *list = malloc((size_t)npeople * LINE + 1);
	size_t len = 0;
	int i;

	if (!list)
		return NULL;
	for (i = 0; i < SLOTS; i++)
		if (people[i].user[0])
			len += (size_t)snprintf(list + len, LINE,
			    "%s %s %s %" PRIu64 " %" PRIu64 "\n",
			    people[i].tenant, people[i].user,
			    states[people[i].state], people[i].calls,
			    people[i].changes);
	*ret_len = len;
	return list;
}
