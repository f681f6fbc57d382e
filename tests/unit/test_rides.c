/*
 * apply and publisher together: the result of a person's call is stored with
 * that person's next event, so that the next call goes out at once; and no
 * result is lost or stored twice on its way. The database, Entra and the network
 * are the test's.
 */
#include "publisher_peer.h"

#include "base/log.h"
#include "sync/results.c"

#include "sync/batch.c"
#include "sync/apply.c"

#define REST_LONG_MS 20000 /* a rest that no test sees the end of */

/* --- the database ------------------------------------------------------------- */

/* What the functions make of it, in short: a goal for each event, a claim for
 * whoever has none and was not told the newest goal. */
struct someone {
	char tenant[8], user[8];
	int goal_no, told_no, claim_no, claim_goal_no;
	bool claimed;
	int told; /* so many results were stored */
};

static struct someone people[8];
static int npeople;
static atomic_int applies, records, rode; /* calls; results among events */
static atomic_int away_times; /* so often there is no answer */
static char locked[8];        /* this tenant is somebody else's */
static int locked_calls;      /* 0, or for so many calls only */

static struct someone *
someone(const char *tenant, const char *user)
{
	int i;

	for (i = 0; i < npeople; i++)
		if (strcmp(people[i].tenant, tenant) == 0 &&
		    strcmp(people[i].user, user) == 0)
			return &people[i];
	assert_true(npeople < 8);
	snprintf(people[npeople].tenant, 8, "%s", tenant);
	snprintf(people[npeople].user, 8, "%s", user);
	return &people[npeople++];
}

static const char *
text_of(struct json_object *o, const char *key)
{
	return json_object_get_string(json_object_object_get(o, key));
}

static void
script_result(struct fake_rows *ret, int i, struct json_object *o)
{
	struct someone *x = someone(text_of(o, "t"), text_of(o, "u"));
	const int claim_no =
	    json_object_get_int(json_object_object_get(o, "c"));

	if (!x->claimed || x->claim_no != claim_no) {
		row(ret, "done", i, "superseded", x->tenant, x->user, "", -1,
		    claim_no);
		return;
	}
	assert_string_equal(text_of(o, "r"), "ok");
	x->claimed = false;
	x->told++;
	x->told_no = x->claim_goal_no;
	row(ret, "done", i, "told", x->tenant, x->user, "", x->told_no,
	    claim_no);
}

static void
script_item(struct fake_rows *ret, struct json_object *o)
{
	const int i = json_object_get_int(json_object_object_get(o, "i"));
	const bool is_result = text_of(o, "r") != NULL;
	struct someone *x;

	if (strcmp(text_of(o, "t"), locked) == 0) {
		row(ret, is_result ? "done" : "event", i, "locked", locked, "",
		    "", -1, -1);
	} else if (is_result) {
		script_result(ret, i, o);
	} else {
		x = someone(text_of(o, "t"), text_of(o, "e"));
		row(ret, "event", i, "changed", x->tenant, x->user, "busy",
		    ++x->goal_no, -1);
	}
}

static enum err
script(int which, const char *const *args, struct fake_rows *ret)
{
	struct json_object *list, *o;
	struct someone *x;
	int i, n, pass, nresults = 0;

	if (which == ST_APPLY)
		applies++;
	else
		records++;
	assert_true(which == ST_APPLY || which == ST_RECORD);
	if (away_times > 0) {
		away_times--;
		return ERR_BUSY;
	}
	if (*locked && locked_calls > 0 && --locked_calls == 0)
		locked[0] = '\0';
	list = json_tokener_parse(args[0]);
	n = (int)json_object_array_length(list);
	for (pass = 0; pass < 2; pass++) /* results first, wherever they stand */
		for (i = 0; i < n; i++) {
			o = json_object_array_get_idx(list, (size_t)i);
			if ((text_of(o, "r") == NULL) != pass)
				continue;
			nresults += pass == 0;
			script_item(ret, o);
		}
	if (which == ST_APPLY)
		rode += nresults;
	else
		assert_int_equal(nresults, n);
	for (x = people; x < people + npeople; x++) {
		if (x->claimed || x->told_no == x->goal_no ||
		    !strstr(args[0], x->tenant) || !strcmp(x->tenant, locked))
			continue;
		x->claimed = true;
		x->claim_goal_no = x->goal_no;
		row(ret, "publish", -1, "", x->tenant, x->user, "busy",
		    x->goal_no, ++x->claim_no);
	}
	json_object_put(list);
	return ERR_OK;
}

/* --- both rooms --------------------------------------------------------------- */

static struct publisher *p;
static struct apply *a;
static int rest_ms; /* of the results, as the program has it */
static atomic_int said[10]; /* by ticket: 1 + enum outcome */
static atomic_int how[10];  /* 1 + enum settled */

static void
hear(void *arg, uint64_t ticket, int part, enum outcome o, enum goal goal)
{
	(void)arg;
	(void)part;
	(void)goal;
	said[ticket] = 1 + (int)o;
}

static void
hear_failure(void *arg, uint64_t ticket, enum err e, const char *detail)
{
	(void)arg;
	(void)e;
	(void)detail;
	said[ticket] = 100;
}

static void
hear_settled(void *arg, uint64_t ticket, int part, enum goal goal,
    enum settled s)
{
	(void)arg;
	(void)part;
	(void)goal;
	how[ticket] = 1 + (int)s;
}

/* Of the results; who waits for theirs looks again. */
static void
set_rest(int ms)
{
	pthread_mutex_lock(&p->results->lock);
	p->results->rest_ms = ms;
	pthread_cond_signal(&p->results->some);
	pthread_mutex_unlock(&p->results->lock);
}

static int
begin_test(void **state)
{
	(void)state;
	log_init("test", LOG_ERROR);
	memset(people, 0, sizeof(people));
	memset(said, 0, sizeof(said));
	memset(how, 0, sizeof(how));
	npeople = 0;
	applies = records = rode = away_times = graph_calls = 0;
	locked[0] = '\0';
	locked_calls = 0;
	fake_up = true;
	graph_status = 200;
	have_token = true;
	hanging = lost = false;
	p = publisher_start(&(struct publisher_options){
		.settings = &settings, .program = "test", .max_in_flight = 4,
		.settled = hear_settled });
	rest_ms = p->results->rest_ms;
	set_rest(REST_LONG_MS);
	a = apply_start(&(struct apply_options){ .settings = &settings,
		.publisher = p, .program = "test", .tell = hear,
		.fail = hear_failure });
	return 0;
}

/* As the program stops. */
static int
end_test(void **state)
{
	(void)state;
	pthread_mutex_lock(&script_lock);
	if (locked_calls == 0)
		locked[0] = '\0';
	pthread_mutex_unlock(&script_lock);
	away_times = 0;
	if (a) {
		apply_stop(a);
		publisher_stop(p, 0);
	}
	a = NULL;
	return 0;
}

/* Stops, then: each claim has come to its end, once. */
static void
assert_all_told(void)
{
	const struct someone *x;

	end_test(NULL);
	for (x = people; x < people + npeople; x++) {
		assert_false(x->claimed);
		assert_int_equal(x->told_no, x->goal_no);
		assert_int_equal(x->told, x->claim_no);
	}
}

static struct apply_unit *
unit(uint64_t ticket, const char *tenant, const char *extension)
{
	struct apply_unit *u = apply_unit_new(NULL);
	struct call_event *e;

	u->ticket = ticket;
	u->give_up_ms = clock_mono_ms() + 5000;
	snprintf(u->tenant_id, sizeof(u->tenant_id), "%s", tenant);
	snprintf(u->pbx_id, sizeof(u->pbx_id), "p");
	u->events.n = 1;
	u->events.list = e = arena_array(&u->cx.arena, 1, sizeof(*e));
	e->type = EVENT_OFF_HOOK;
	e->extension = extension;
	return u;
}

static void
put(uint64_t ticket, const char *tenant, const char *extension)
{
	assert_true(apply_put(a, unit(ticket, tenant, extension)));
}

static void
assert_stored(int ticket)
{
	int i;

	for (i = 0; i < 3000 && said[ticket] == 0; i++)
		poll(NULL, 0, 1);
	assert_int_equal(said[ticket], 1 + OUTCOME_PENDING);
}

/* What became of an event, or -1 when nothing does. */
static int
settled(int ticket)
{
	int i;

	for (i = 0; i < 3000 && how[ticket] == 0; i++)
		poll(NULL, 0, 1);
	return how[ticket] - 1;
}

static int
nresting(void)
{
	int n;

	pthread_mutex_lock(&p->results->lock);
	n = (int)p->results->n;
	pthread_mutex_unlock(&p->results->lock);
	return n;
}

static void
assert_resting(int n)
{
	int i;

	for (i = 0; i < 3000 && nresting() != n; i++)
		poll(NULL, 0, 1);
	assert_int_equal(nresting(), n);
}

/* Told in Teams, but that is not stored. */
static void
first_call(int ticket, const char *tenant, const char *extension)
{
	const int n = nresting();

	put((uint64_t)ticket, tenant, extension);
	assert_int_equal(settled(ticket), SETTLED_PUBLISHED);
	assert_resting(n + 1);
}

/* The same for two of a tenant: none rides with the other one's event. */
static void
first_calls(int ticket, const char *tenant, const char *one, const char *other)
{
	const int n = nresting(), ncalls = graph_calls;
	int i;

	hanging = true;
	put((uint64_t)ticket, tenant, one);
	put((uint64_t)ticket + 1, tenant, other);
	for (i = 0; i < 3000 && graph_calls < ncalls + 2; i++)
		poll(NULL, 0, 1);
	hanging = false;
	assert_resting(n + 2);
}

/* --- the tests ---------------------------------------------------------------- */

static void
the_next_event_takes_the_result_along(void **state)
{
	int i;

	(void)state;
	assert_in_range(rest_ms, 1, 100);
	first_call(1, "t", "u");
	for (i = 2; i < 6; i++) {
		put((uint64_t)i, "t", "u");
		assert_stored(i);
		assert_int_equal(settled(i), SETTLED_PUBLISHED);
		assert_resting(1); /* its own */
		assert_int_equal(applies, i);
		assert_int_equal(graph_calls, i);
		assert_int_equal(people[0].told, i - 1);
	}
	assert_int_equal(rode, 4);
	assert_int_equal(records, 0);
	assert_all_told(); /* the last one goes by itself */
	assert_int_equal(records, 1);
}

/* Colleagues' results ride as well, and bring their next calls. */
/* An event that came while the first call was under way is stored already: nothing
 * would fetch the result, and its own call waits for it. */
static void
who_still_waits_need_not_wait_for_a_rest(void **state)
{
	(void)state;
	set_rest(REST_LONG_MS);
	hanging = true;
	put(1, "t", "u");
	assert_stored(1);
	put(2, "t", "u");
	assert_stored(2);
	hanging = false;
	assert_int_equal(settled(2), SETTLED_PUBLISHED);
	assert_int_equal(graph_calls, 2);
	assert_int_equal(records, 1);
	assert_resting(1); /* the second's: nobody waits */
	set_rest(0);
	assert_all_told();
}

static void
colleagues_ride_others_do_not(void **state)
{
	(void)state;
	first_calls(1, "t", "u", "v");
	first_call(3, "o", "u");
	pthread_mutex_lock(&script_lock);
	someone("t", "v")->goal_no++; /* another program's doing */
	pthread_mutex_unlock(&script_lock);
	put(4, "t", "w");
	assert_int_equal(settled(4), SETTLED_PUBLISHED);
	assert_resting(3); /* o's, v's second and w's */
	assert_int_equal(graph_calls, 5);
	assert_int_equal(rode, 2);
	assert_int_equal(records, 0);
	assert_int_equal(someone("o", "u")->told, 0);
	set_rest(0);
	assert_all_told();
}

static void
results_of_all_its_tenants(void **state)
{
	(void)state;
	first_call(1, "t", "u");
	first_call(2, "o", "u");
	pthread_mutex_lock(&a->lock); /* one batch of both */
	lines_put(&a->lines, unit(3, "t", "u"));
	lines_put(&a->lines, unit(4, "o", "u"));
	wake(a);
	pthread_mutex_unlock(&a->lock);
	assert_int_equal(settled(3), SETTLED_PUBLISHED);
	assert_int_equal(settled(4), SETTLED_PUBLISHED);
	assert_int_equal(applies, 3);
	assert_int_equal(rode, 2);
	set_rest(0);
	assert_all_told();
}

/* The event is stored without it, then it goes by itself. */
static void
a_batch_that_fails_gives_it_back(void **state)
{
	(void)state;
	first_call(1, "t", "u");
	away_times = 1;
	put(2, "t", "u");
	assert_stored(2);
	assert_int_equal(applies, 3);
	assert_int_equal(rode, 0);
	assert_int_equal(nresting(), 1);
	assert_int_equal(people[0].told, 0);
	set_rest(0);
	assert_int_equal(settled(2), SETTLED_PUBLISHED);
	assert_int_equal(graph_calls, 2);
	assert_all_told();
}

/* ... or with the event after that. */
static void
it_rides_with_the_event_after_that(void **state)
{
	(void)state;
	first_call(1, "t", "u");
	away_times = 1;
	put(2, "t", "u");
	assert_stored(2);
	put(3, "t", "u");
	assert_int_equal(settled(3), SETTLED_PUBLISHED);
	assert_int_equal(settled(2), SETTLED_SUPERSEDED);
	assert_int_equal(rode, 1);
	assert_int_equal(records, 0);
	assert_int_equal(graph_calls, 2);
	set_rest(0);
	assert_all_told();
}

/* Which is what the second worker is for, by then. */
static void
a_database_that_is_away_loses_nothing(void **state)
{
	int i;

	(void)state;
	first_calls(1, "t", "u", "v");
	fake_up = false;
	away_times = 1000;
	put(3, "t", "u");
	for (i = 0; i < 3000 && applies < 12; i++)
		poll(NULL, 0, 1);
	assert_true(applies >= 12);
	away_times = 0;
	assert_int_equal(settled(3), SETTLED_PUBLISHED);
	fake_up = true;
	for (i = 0; i < 3000 && publisher_in_flight(p) > 1; i++)
		poll(NULL, 0, 1);
	assert_int_equal(publisher_in_flight(p), 1); /* u's second */
	assert_int_equal(graph_calls, 3);
	set_rest(0);
	assert_all_told();
}

static void
a_tenant_that_is_held_keeps_it(void **state)
{
	int i;

	(void)state;
	first_call(1, "t", "u");
	first_call(2, "o", "u");
	pthread_mutex_lock(&script_lock);
	strcpy(locked, "t");
	pthread_mutex_unlock(&script_lock);
	put(3, "t", "u");
	put(4, "o", "u");
	assert_int_equal(settled(4), SETTLED_PUBLISHED);
	for (i = 0; i < 3000 && applies < 12; i++)
		poll(NULL, 0, 1);
	assert_true(applies >= 12);
	assert_int_equal(said[3], 0);
	pthread_mutex_lock(&script_lock);
	locked[0] = '\0';
	pthread_mutex_unlock(&script_lock);
	assert_int_equal(settled(3), SETTLED_PUBLISHED);
	assert_int_equal(graph_calls, 4);
	set_rest(0);
	assert_all_told();
}

/* From the first worker to the second one, which is the last to go. */
static void
a_stop_stores_what_is_held(void **state)
{
	(void)state;
	first_call(1, "t", "u");
	pthread_mutex_lock(&script_lock);
	strcpy(locked, "t");
	locked_calls = FIRST_TRIES + 5;
	pthread_mutex_unlock(&script_lock);
	assert_all_told();
	assert_int_equal(records, FIRST_TRIES + 5);
}

/* The database has seen so many events, and everybody was told the last. */
static bool
is_all_told(int events)
{
	const struct someone *x;
	bool all = true;

	pthread_mutex_lock(&script_lock);
	for (x = people; x < people + npeople; x++) {
		events -= x->goal_no;
		all &= x->told_no == x->goal_no;
	}
	pthread_mutex_unlock(&script_lock);
	return all && events == 0;
}

/* Both rooms store at once, while the database comes and goes. */
static void
nothing_is_lost_or_stored_twice(void **state)
{
	const char *const tenants[] = { "t", "o" };
	const char *const users[] = { "u", "v" };
	int i;

	(void)state;
	set_rest(1);
	for (i = 0; i < 300; i++) {
		if (i % 50 == 0)
			away_times = 2;
		put((uint64_t)(i % 4), tenants[i & 1], users[i >> 1 & 1]);
		if (i % 3 == 0)
			poll(NULL, 0, 1);
	}
	for (i = 0; i < 5000 && !is_all_told(300); i++)
		poll(NULL, 0, 1);
	assert_true(is_all_told(300));
	assert_true(records > 0);
	assert_all_told();
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin_test, end_test)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_next_event_takes_the_result_along),
		T(who_still_waits_need_not_wait_for_a_rest),
		T(colleagues_ride_others_do_not),
		T(results_of_all_its_tenants),
		T(a_batch_that_fails_gives_it_back),
		T(it_rides_with_the_event_after_that),
		T(a_database_that_is_away_loses_nothing),
		T(a_tenant_that_is_held_keeps_it),
		T(a_stop_stores_what_is_held),
		T(nothing_is_lost_or_stored_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
