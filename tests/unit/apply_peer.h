/*
 * The apply room with a database and a publisher that are the test's: what each
 * call is answered is scripted, what the room tells is kept. For test_apply*.c.
 */
#ifndef UNIT_APPLY_PEER_H
#define UNIT_APPLY_PEER_H

#include "rooms_peer.h"

#include "base/log.h"
#include "sync/publisher.h"

static bool
fake_wait(struct publisher *p, const char *tenant_id,
    const char *user_id, int64_t goal_no, uint64_t ticket, int part,
    enum goal goal, bool hold);
static void
fake_wait_all(struct publisher *p, const struct job *jobs, int n,
    uint64_t ticket, int part);
static void
fake_hand(struct publisher *p, const struct job *jobs, int n);
static int
fake_jobs(struct ctx *cx, const struct rows *r, int64_t claimed_ms,
    struct job **ret);
static int
fake_results_of(struct publisher *p, const char *tenant_id,
    struct call **ret, int most);
static void
fake_results_json(struct buf *b, struct call *const *results, int n);
static int
fake_results_stored(struct publisher *p, const struct rows *r,
    struct job *jobs, int njobs, struct call **results, int n);
static void
fake_results_back(struct publisher *p, struct call **results, int n);

#define publisher_wait fake_wait
#define publisher_wait_all fake_wait_all
#define publisher_hand fake_hand
#define jobs_from_rows fake_jobs
#define publisher_results_of fake_results_of
#define publisher_results_json fake_results_json
#define publisher_results_stored fake_results_stored
#define publisher_results_back fake_results_back
#include "sync/batch.c"
#include "sync/apply.c"

#include <stdatomic.h>

/* --- the publisher ------------------------------------------------------------ */

static atomic_int waits, holds, waits_for_all, handed;
static bool publishing; /* somebody is, for whoever has no job */

static bool
fake_wait(struct publisher *p, const char *tenant_id, const char *user_id,
    int64_t goal_no, uint64_t ticket, int part, enum goal goal, bool hold)
{
	(void)p;
	(void)tenant_id;
	(void)user_id;
	(void)goal_no;
	(void)ticket;
	(void)part;
	(void)goal;
	waits++;
	holds += hold;
	return hold || publishing;
}

static void
fake_wait_all(struct publisher *p, const struct job *jobs, int n,
    uint64_t ticket, int part)
{
	(void)p;
	(void)jobs;
	(void)ticket;
	(void)part;
	waits_for_all += n;
}

static void
fake_hand(struct publisher *p, const struct job *jobs, int n)
{
	(void)p;
	(void)jobs;
	handed += n;
}

static int
fake_jobs(struct ctx *cx, const struct rows *r, int64_t claimed_ms,
    struct job **ret)
{
	struct job *jobs = arena_array(&cx->arena, FAKE_ROWS, sizeof(*jobs));
	int i, n = 0;

	(void)claimed_ms;
	for (i = 0; i < rows_count(r); i++) {
		if (strcmp(rows_text(r, i, ROW_KIND), "publish") != 0)
			continue;
		snprintf(jobs[n].tenant_id, 37, "%s",
		    rows_text(r, i, ROW_TENANT_ID));
		snprintf(jobs[n++].user_id, 37, "%s",
		    rows_text(r, i, ROW_USER_ID));
	}
	*ret = jobs;
	return n;
}

/* --- results ------------------------------------------------------------------ */

/* Those of tenant "r"; which is which does not matter. */
static atomic_int results, results_stored, results_back;
static char a_result;

static int
fake_results_of(struct publisher *p, const char *tenant_id,
    struct call **ret, int most)
{
	int n = 0;

	(void)p;
	while (strcmp(tenant_id, "r") == 0 && n < most && results > 0) {
		results--;
		ret[n++] = (struct call *)&a_result;
	}
	return n;
}

static void
fake_results_json(struct buf *b, struct call *const *list, int n)
{
	int i;

	for (i = 0; i < n; i++) {
		assert_ptr_equal(list[i], &a_result);
		buf_text(b, i ? ",{\"r\":\"ok\"}" : "{\"r\":\"ok\"}");
	}
}

static int
fake_results_stored(struct publisher *p, const struct rows *r,
    struct job *jobs, int njobs, struct call **list, int n)
{
	int i, done = 0;

	(void)p;
	(void)jobs;
	(void)njobs;
	(void)list;
	for (i = 0; i < rows_count(r); i++)
		done += strcmp(rows_text(r, i, ROW_KIND), "done") == 0;
	assert_true(done <= n);
	results_stored += done;
	return n - done;
}

static void
fake_results_back(struct publisher *p, struct call **list, int n)
{
	(void)p;
	(void)list;
	results += n;
	results_back += n;
}

/* --- the database ------------------------------------------------------------- */

static int calls, restarts, largest, busy_times;
static char locked_tenant[37]; /* held by somebody else */
static int in_line, free_in_line; /* calls that stood in line */
static int first_tries;        /* for that tenant without standing in line */
static int tries_left;         /* other tenants are held as often as this */
static bool got_some;          /* the last call with that tenant did, ... */
static int in_vain;            /* ... and the next stood in line at once */
static char slow_tenant[37];   /* its calls take until it is another one */
static pthread_cond_t no_more_slow = PTHREAD_COND_INITIALIZER;
static bool stuck;             /* one of them does */
static char order[400];        /* extensions in the order they came */
static const char *word;       /* the outcome of every event */
static bool with_job;
static int told_people, restart_jobs;

static void
script_event(struct fake_rows *ret, struct json_object *o, bool stands)
{
	const int i = json_object_get_int(json_object_object_get(o, "i"));
	const char *tenant = json_object_get_string(
	    json_object_object_get(o, "t"));
	const char *ext = json_object_get_string(
	    json_object_object_get(o, "e"));

	if (json_object_object_get(o, "r")) {
		if (strcmp(locked_tenant, "r") != 0)
			row(ret, "done", -1, "told", "r", "", "", -1, -1);
		return;
	}
	if (strcmp(tenant, locked_tenant) != 0 && tries_left > 0) {
		tries_left--;
		row(ret, "event", i, "locked", tenant, "", "", -1, -1);
		return;
	}
	if (strcmp(tenant, locked_tenant) == 0) {
		first_tries += !stands;
		row(ret, "event", i, "locked", tenant, "", "", -1, -1);
		return;
	}
	snprintf(order + strlen(order), sizeof(order) - strlen(order), "%s ",
	    ext);
	row(ret, "event", i, word, tenant, ext, "busy", i + 1, -1);
	if (with_job)
		row(ret, "publish", -1, "", tenant, ext, "busy", i + 1, 1);
}

static enum err
script(int which, const char *const *args, struct fake_rows *ret)
{
	struct json_object *list;
	int i, n;

	if (busy_times > 0) {
		busy_times--;
		return ERR_BUSY;
	}
	while (*slow_tenant && strstr(args[0], slow_tenant)) {
		stuck = true;
		pthread_cond_wait(&no_more_slow, &script_lock);
	}
	calls++;
	if (which == ST_APPLY_RESTART) {
		restarts++;
		snprintf(order + strlen(order), sizeof(order) - strlen(order),
		    "R ");
		row(ret, "event", -1, word, args[0], "", "", told_people, -1);
		for (i = 0; i < restart_jobs; i++)
			row(ret, "publish", -1, "", args[0], "u", "clear", 1, 1);
		return ERR_OK;
	}
	list = json_tokener_parse(args[0]);
	n = (int)json_object_array_length(list);
	if (*locked_tenant && strstr(args[0], locked_tenant)) {
		in_vain += got_some && atoi(args[1]) > 0;
		got_some = strstr(args[0], "\"other\"") && tries_left == 0;
	}
	if (atoi(args[1]) > 0) {
		in_line++;
		free_in_line += strstr(args[0], "\"free\"") != NULL;
	}
	if (n > largest)
		largest = n;
	for (i = 0; i < n; i++)
		script_event(ret, json_object_array_get_idx(list, (size_t)i),
		    atoi(args[1]) > 0);
	json_object_put(list);
	return ERR_OK;
}

/* --- the tests ---------------------------------------------------------------- */

static const struct settings settings = { .database_url = "x" };
static struct apply *a;
static atomic_int said[20][600]; /* by ticket and part: 1 + outcome */
static atomic_int failed[20];    /* by ticket: enum err */

static void
hear(void *arg, uint64_t ticket, int part, enum outcome o, enum goal goal)
{
	(void)arg;
	(void)goal;
	said[ticket][part] = 1 + (int)o;
}

static void
hear_failure(void *arg, uint64_t ticket, enum err e, const char *detail)
{
	(void)arg;
	assert_non_null(detail);
	failed[ticket] = (int)e;
}

static int
begin_test(void **state)
{
	(void)state;
	log_init("test", LOG_ERROR);
	memset(said, 0, sizeof(said));
	memset(failed, 0, sizeof(failed));
	waits = holds = waits_for_all = handed = 0;
	results = results_stored = results_back = 0;
	publishing = with_job = false;
	calls = restarts = largest = busy_times = 0;
	in_line = free_in_line = first_tries = tries_left = in_vain = 0;
	got_some = false;
	told_people = restart_jobs = 0;
	fake_up = true;
	word = "unchanged";
	locked_tenant[0] = slow_tenant[0] = order[0] = '\0';
	stuck = false;
	a = apply_start(&(struct apply_options){ .settings = &settings,
		.program = "test", .tell = hear, .fail = hear_failure });
	return 0;
}

static int
end_test(void **state)
{
	(void)state;
	apply_stop(a);
	return 0;
}

/* A unit of n events for extensions "<name>0" ...; '!' is a restart. */
static struct apply_unit *
unit(uint64_t ticket, const char *tenant, const char *name, int n)
{
	struct apply_unit *u = apply_unit_new(NULL);
	struct call_event *e;
	int i;

	u->ticket = ticket;
	u->give_up_ms = clock_mono_ms() + 2000;
	snprintf(u->tenant_id, sizeof(u->tenant_id), "%s", tenant);
	snprintf(u->pbx_id, sizeof(u->pbx_id), "p");
	u->events.n = n;
	u->events.list = arena_array(&u->cx.arena, (size_t)n, sizeof(*e));
	for (i = 0; i < n; i++) {
		e = &u->events.list[i];
		e->type = name[0] == '!' ? EVENT_RESTARTED : EVENT_OFF_HOOK;
		if (name[0] != '!')
			e->extension = arena_printf(&u->cx.arena, "%s%d", name,
			    i);
	}
	return u;
}

static void
put(struct apply_unit *u)
{
	assert_true(apply_put(a, u));
}

/* The outcome, or -1 when nothing is said within 3 s. */
static int
outcome(int ticket, int part)
{
	int i;

	for (i = 0; i < 3000 && said[ticket][part] == 0; i++)
		poll(NULL, 0, 1);
	return said[ticket][part] - 1;
}

static int
failure(int ticket)
{
	int i;

	for (i = 0; i < 3000 && failed[ticket] == 0; i++)
		poll(NULL, 0, 1);
	return failed[ticket];
}

/* Until a call with the slow tenant is under way. */
static void
wait_stuck(void)
{
	bool yes = false;
	int i;

	for (i = 0; i < 3000 && !yes; i++) {
		poll(NULL, 0, 1);
		pthread_mutex_lock(&script_lock);
		yes = stuck;
		pthread_mutex_unlock(&script_lock);
	}
	assert_true(yes);
}

static void
be_quick(void)
{
	pthread_mutex_lock(&script_lock);
	slow_tenant[0] = '\0';
	pthread_cond_broadcast(&no_more_slow);
	pthread_mutex_unlock(&script_lock);
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin_test, end_test)

#endif
