/*
 * apply: what is put into one transaction, what each answer of the database
 * means for each event, and what happens when there is none. The database and
 * the publisher are the test's.
 */
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

#define publisher_wait fake_wait
#define publisher_wait_all fake_wait_all
#define publisher_hand fake_hand
#define jobs_from_rows fake_jobs
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

/* --- the database ------------------------------------------------------------- */

static int calls, restarts, largest, busy_times;
static char locked_tenant[37]; /* held by somebody else */
static int in_line, free_in_line; /* calls that stood in line */
static int first_tries;        /* for that tenant without standing in line */
static int tries_left;         /* other tenants are held as often as this */
static bool got_some;          /* the last call with that tenant did, ... */
static int in_vain;            /* ... and the next stood in line at once */
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
	publishing = with_job = false;
	calls = restarts = largest = busy_times = 0;
	in_line = free_in_line = first_tries = tries_left = in_vain = 0;
	got_some = false;
	told_people = restart_jobs = 0;
	fake_up = true;
	word = "unchanged";
	locked_tenant[0] = order[0] = '\0';
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

static bool
stood_in_line(int times)
{
	bool yes;

	pthread_mutex_lock(&script_lock);
	yes = in_line >= times;
	pthread_mutex_unlock(&script_lock);
	return yes;
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

static void
words_are_told(void **state)
{
	static const enum outcome want[] = { OUTCOME_UNKNOWN_EXTENSION,
		OUTCOME_MONITORING_OFF, OUTCOME_DUPLICATE, OUTCOME_NO_CONSENT,
		OUTCOME_UNCHANGED };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		pthread_mutex_lock(&script_lock);
		word = outcome_word(want[i]);
		pthread_mutex_unlock(&script_lock);
		put(unit(i + 1, "t", "a", 1));
		assert_int_equal(outcome((int)i + 1, 0), want[i]);
	}
	pthread_mutex_lock(&script_lock);
	word = "told";
	pthread_mutex_unlock(&script_lock);
	put(unit(9, "t", "a", 1));
	assert_int_equal(outcome(9, 0), OUTCOME_PUBLISHED);
}

static void
changed_waits_for_its_job(void **state)
{
	(void)state;
	word = "changed";
	with_job = true;
	put(unit(1, "t", "a", 1));
	assert_int_equal(outcome(1, 0), OUTCOME_PENDING);
	while (handed == 0)
		poll(NULL, 0, 1);
	assert_int_equal(holds, 1);
	assert_int_equal(handed, 1);
}

static void
changed_without_a_job(void **state)
{
	(void)state;
	word = "changed";
	put(unit(1, "t", "a", 1));
	while (outcome(1, 0) == OUTCOME_PENDING)
		poll(NULL, 0, 1);
	assert_int_equal(outcome(1, 0), OUTCOME_DEFERRED);
	publishing = true;
	put(unit(2, "t", "a", 1));
	assert_int_equal(outcome(2, 0), OUTCOME_PENDING);
	assert_int_equal(holds, 0);
}

/* The same person twice in one batch: only the newest counts. */
static void
superseded_at_once(void **state)
{
	struct apply_unit *u = unit(1, "t", "a", 2);

	(void)state;
	word = "changed";
	publishing = true;
	u->events.list[1].extension = u->events.list[0].extension;
	put(u);
	assert_int_equal(outcome(1, 0), OUTCOME_SUPERSEDED);
	assert_int_equal(outcome(1, 1), OUTCOME_PENDING);
	while (waits == 0)
		poll(NULL, 0, 1);
	assert_int_equal(waits, 1);
}

static void
a_large_unit_goes_in_pieces(void **state)
{
	int i;

	(void)state;
	put(unit(1, "t", "a", 500));
	for (i = 0; i < 500; i++)
		assert_int_equal(outcome(1, i), OUTCOME_UNCHANGED);
	assert_int_equal(largest, BATCH_MAX);
	assert_in_range(calls, 500 / BATCH_MAX, 500 / BATCH_MIN + 1);
}

static void
a_restart_is_a_transaction_of_its_own(void **state)
{
	struct apply_unit *u = unit(1, "t", "a", 4);

	(void)state;
	u->events.list[2].type = EVENT_RESTARTED;
	put(u);
	assert_int_equal(outcome(1, 3), OUTCOME_UNCHANGED);
	assert_int_equal(outcome(1, 2), OUTCOME_UNCHANGED);
	assert_int_equal(restarts, 1);
	assert_int_equal(calls, 3);
	assert_string_equal(order, "a0 a1 R a3 ");
}

static void
a_restart_waits_for_all(void **state)
{
	(void)state;
	word = "changed";
	told_people = restart_jobs = 3;
	put(unit(1, "t", "!", 1));
	assert_int_equal(outcome(1, 0), OUTCOME_PENDING);
	while (handed == 0)
		poll(NULL, 0, 1);
	assert_int_equal(waits_for_all, 3);
	told_people = 4; /* one cannot be told now */
	put(unit(2, "t", "!", 1));
	while (outcome(2, 0) == OUTCOME_PENDING)
		poll(NULL, 0, 1);
	assert_int_equal(outcome(2, 0), OUTCOME_DEFERRED);
	assert_int_equal(waits_for_all, 3);
}

static void
a_locked_tenant_stops_nobody(void **state)
{
	uint64_t i;

	(void)state;
	strcpy(locked_tenant, "held");
	for (i = 1; i <= 4; i++)
		put(unit(i, "held", i == 1 ? "a" : i == 2 ? "b" : i == 3 ?
		    "c" : "d", 50)); /* more than a batch holds */
	put(unit(5, "free", "x", 1));
	assert_int_equal(outcome(5, 0), OUTCOME_UNCHANGED);
	assert_int_equal(said[1][0], 0);
	pthread_mutex_lock(&script_lock);
	assert_int_equal(free_in_line, 0);
	locked_tenant[0] = order[0] = '\0';
	pthread_mutex_unlock(&script_lock);
	assert_int_equal(outcome(4, 49), OUTCOME_UNCHANGED);
	/* and its events come in their order */
	pthread_mutex_lock(&script_lock);
	assert_memory_equal(order, "a0 a1 a2 ", 9);
	pthread_mutex_unlock(&script_lock);
}

/* The queue's worker stands in line for nobody; the other one does, and what comes
 * for a tenant that is parked goes there. */
static void
only_the_second_stands_in_line(void **state)
{
	int i;

	(void)state;
	put(unit(1, "free", "a", 1));
	assert_int_equal(outcome(1, 0), OUTCOME_UNCHANGED);
	assert_int_equal(in_line, 0);
	pthread_mutex_lock(&script_lock);
	strcpy(locked_tenant, "held");
	pthread_mutex_unlock(&script_lock);
	put(unit(2, "held", "b", 1));
	for (i = 0; i < 3000 && !stood_in_line(5); i++)
		poll(NULL, 0, 1);
	put(unit(3, "held", "c", 1));
	put(unit(4, "free", "d", 1));
	assert_int_equal(outcome(4, 0), OUTCOME_UNCHANGED);
	pthread_mutex_lock(&script_lock);
	assert_true(in_line >= 5);
	assert_int_equal(free_in_line, 0);
	assert_int_equal(first_tries, 1);
	locked_tenant[0] = '\0';
	pthread_mutex_unlock(&script_lock);
	assert_int_equal(outcome(3, 0), OUTCOME_UNCHANGED);
	assert_string_equal(order, "a0 d0 b0 c0 ");
}

/* A tenant that is free again and has a crowd waits for no other's line. */
static void
a_crowd_is_not_held_by_another_ones_line(void **state)
{
	int i;

	(void)state;
	strcpy(locked_tenant, "held");
	put(unit(1, "held", "a", 1));
	for (i = 0; i < 3000 && !stood_in_line(2); i++)
		poll(NULL, 0, 1);
	pthread_mutex_lock(&script_lock);
	tries_left = 1;
	pthread_mutex_unlock(&script_lock);
	for (i = 2; i < 12; i++)
		put(unit((uint64_t)i, "other", "b", 60));
	assert_int_equal(outcome(11, 59), OUTCOME_UNCHANGED);
	pthread_mutex_lock(&script_lock);
	assert_int_equal(tries_left, 0);
	assert_int_equal(in_vain, 0);
	locked_tenant[0] = '\0';
	pthread_mutex_unlock(&script_lock);
	assert_int_equal(outcome(1, 0), OUTCOME_UNCHANGED);
}

/* A unit that is stopped by its restart is overtaken by nobody. */
static void
nothing_overtakes_a_restart(void **state)
{
	struct apply_unit *u = unit(1, "t", "a", 3);

	(void)state;
	u->events.list[1].type = EVENT_RESTARTED;
	pthread_mutex_lock(&script_lock); /* until both are queued */
	put(unit(3, "t", "w", 1));
	put(u);
	put(unit(2, "t", "b", 1));
	pthread_mutex_unlock(&script_lock);
	assert_int_equal(outcome(2, 0), OUTCOME_UNCHANGED);
	assert_string_equal(order, "w0 a0 R a2 b0 ");
}

static void
given_up_when_nobody_waits_any_more(void **state)
{
	struct apply_unit *u = unit(1, "held", "a", 1);

	(void)state;
	strcpy(locked_tenant, "held");
	u->give_up_ms = clock_mono_ms() + 50;
	put(u);
	assert_int_equal(failure(1), ERR_BUSY);
}

static void
a_short_absence_is_not_noticed(void **state)
{
	(void)state;
	busy_times = 5;
	fake_up = false;
	put(unit(1, "t", "a", 1));
	assert_int_equal(outcome(1, 0), OUTCOME_UNCHANGED);
	assert_int_equal(failed[1], 0);
}

static void
a_long_absence_is_busy(void **state)
{
	struct apply_unit *u = unit(1, "t", "a", 1);

	(void)state;
	busy_times = 1000;
	fake_up = false;
	u->give_up_ms = clock_mono_ms() + 100;
	put(u);
	assert_int_equal(failure(1), ERR_BUSY);
	busy_times = 0;
}

/* A batch that cannot be stored: only what is at fault fails. */
static void
one_by_one_when_it_fails_twice(void **state)
{
	(void)state;
	pthread_mutex_lock(&script_lock);
	busy_times = 3; /* the batch twice, then its first unit */
	put(unit(1, "t", "a", 1));
	put(unit(2, "t", "b", 1));
	pthread_mutex_unlock(&script_lock);
	assert_true(failure(1) == ERR_BUSY || outcome(1, 0) >= 0);
	assert_int_equal(outcome(2, 0), OUTCOME_UNCHANGED);
}

static void
faults_fail_the_request(void **state)
{
	(void)state;
	word = "error";
	put(unit(1, "t", "a", 2));
	assert_int_equal(failure(1), ERR_INTERNAL);
	word = "no_pbx";
	put(unit(2, "t", "a", 1));
	assert_int_equal(failure(2), ERR_AUTH);
}

static void
a_stop_finishes_what_is_queued(void **state)
{
	(void)state;
	put(unit(1, "t", "a", 200));
	apply_stop(a);
	assert_int_equal(said[1][199], 1 + OUTCOME_UNCHANGED);
	begin_test(NULL); /* for the end */
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin_test, end_test)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(words_are_told),
		T(changed_waits_for_its_job),
		T(changed_without_a_job),
		T(superseded_at_once),
		T(a_large_unit_goes_in_pieces),
		T(a_restart_is_a_transaction_of_its_own),
		T(a_restart_waits_for_all),
		T(a_locked_tenant_stops_nobody),
		T(only_the_second_stands_in_line),
		T(a_crowd_is_not_held_by_another_ones_line),
		T(nothing_overtakes_a_restart),
		T(given_up_when_nobody_waits_any_more),
		T(a_short_absence_is_not_noticed),
		T(a_long_absence_is_busy),
		T(one_by_one_when_it_fails_twice),
		T(faults_fail_the_request),
		T(a_stop_finishes_what_is_queued),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
