/*
 * publisher, publish and record together: from a claim to Graph and back. The
 * database, Entra and the network are the test's.
 */
#include "publisher_peer.h"

/* --- the database ------------------------------------------------------------- */

static int records, locked_times, next_claims;
static atomic_int busy_times; /* read while the database is away */
static int in_line; /* calls of record that stood in line */
static char results[64][16]; /* in the order they came, by claim number */

static enum err
script_record(const char *text, struct fake_rows *ret)
{
	struct json_object *list = json_tokener_parse(text), *o;
	const char *word, *user;
	int i, n = (int)json_object_array_length(list), claim;

	assert_in_range(n, 1, RECORD_BATCH);
	records++;
	for (i = 0; i < n; i++) {
		o = json_object_array_get_idx(list, (size_t)i);
		word = json_object_get_string(json_object_object_get(o, "r"));
		user = json_object_get_string(json_object_object_get(o, "u"));
		claim = json_object_get_int(json_object_object_get(o, "c"));
		if (locked_times > 0) {
			row(ret, "done", i, "locked", "t", user, "", -1,
			    claim);
			continue;
		}
		snprintf(results[claim], sizeof(results[claim]), "%s", word);
		if (strcmp(word, "ok") == 0)
			row(ret, "done", i, "told", "t", user, "", claim,
			    claim);
		else
			row(ret, "done", i, "later", "t", user, "", 0, claim);
		if (next_claims > 0) {
			next_claims--;
			row(ret, "publish", -1, "", "t", user, "available",
			    claim + 1, claim + 1);
		}
	}
	if (locked_times > 0)
		locked_times--;
	json_object_put(list);
	return ERR_OK;
}

static enum err
script(int which, const char *const *args, struct fake_rows *ret)
{
	if (busy_times > 0) {
		busy_times--;
		return ERR_BUSY;
	}
	if (which == ST_PROBE_RECORD) {
		snprintf(results[atoi(args[1])], 16, "%s", args[2]);
		return ERR_OK;
	}
	assert_int_equal(which, ST_RECORD);
	in_line += atoi(args[1]) > 0;
	return script_record(args[0], ret);
}

/* --- the tests ---------------------------------------------------------------- */

static struct publisher *p;
static atomic_int how[64]; /* by part: 1 + enum settled */

static void
hear(void *arg, uint64_t ticket, int part, enum goal goal, enum settled s)
{
	(void)arg;
	(void)ticket;
	assert_int_equal(goal, GOAL_BUSY);
	how[part] = 1 + (int)s;
}

static int
begin_test(void **state)
{
	(void)state;
	log_init("test", LOG_ERROR);
	memset(results, 0, sizeof(results));
	memset(how, 0, sizeof(how));
	graph_status = 200;
	graph_calls = most_at_once = token_calls = drops = renewals = 0;
	records = busy_times = locked_times = next_claims = in_line = 0;
	hanging = lost = false;
	have_token = true;
	p = publisher_start(&(struct publisher_options){
		.settings = &settings, .program = "test", .max_in_flight = 4,
		.settled = hear });
	return 0;
}

static int
end_test(void **state)
{
	(void)state;
	if (p)
		publisher_stop(p, 100);
	p = NULL;
	return 0;
}

static struct job
job(const char *user, int no)
{
	struct job j = { .tenant_id = "t", .claim_no = no, .goal_no = no,
		.goal = GOAL_BUSY, .expires_s = 900,
		.claimed_ms = clock_mono_ms() };

	snprintf(j.user_id, sizeof(j.user_id), "%s", user);
	return j;
}

static void
hand(const struct job *j, int part)
{
	assert_true(publisher_wait(p, j->tenant_id, j->user_id, j->goal_no, 1,
	    part, GOAL_BUSY, true));
	publisher_hand(p, j, 1);
}

static int
heard(int part)
{
	int i;

	for (i = 0; i < 2000 && how[part] == 0; i++)
		poll(NULL, 0, 1);
	return how[part] - 1;
}

static void
recorded(void)
{
	int i;

	for (i = 0; i < 2000 && publisher_in_flight(p) > 0; i++)
		poll(NULL, 0, 1);
	assert_int_equal(publisher_in_flight(p), 0);
}

static void
told_and_recorded(void **state)
{
	const struct job j = job("u", 3);

	(void)state;
	hand(&j, 0);
	assert_int_equal(heard(0), SETTLED_PUBLISHED);
	recorded();
	assert_string_equal(results[3], "ok");
	assert_int_equal(graph_calls, 1);
}

static void
the_next_claim_goes_round_again(void **state)
{
	const struct job j = job("u", 3);

	(void)state;
	next_claims = 1;
	hanging = true;
	hand(&j, 0);
	assert_true(publisher_wait(p, "t", "u", 4, 1, 1, GOAL_BUSY, false));
	hanging = false;
	assert_int_equal(heard(0), SETTLED_PUBLISHED);
	assert_int_equal(heard(1), SETTLED_PUBLISHED);
	recorded();
	assert_string_equal(results[4], "ok");
	assert_int_equal(graph_calls, 2);
}

static void
an_old_claim_is_not_sent(void **state)
{
	struct job j = job("u", 3);

	(void)state;
	j.claimed_ms -= SEND_WITHIN_MS + 1;
	hand(&j, 0);
	assert_int_equal(heard(0), SETTLED_DEFERRED);
	assert_string_equal(results[3], "unsent");
	assert_int_equal(graph_calls, 0);
}

static void
one_token_for_all_who_wait(void **state)
{
	const struct job a = job("u", 1), b = job("v", 2), c = job("w", 3);

	(void)state;
	have_token = false;
	hanging = true;
	hand(&a, 0);
	hand(&b, 1);
	hand(&c, 2);
	poll(NULL, 0, 30);
	hanging = false;
	assert_int_equal(heard(0), SETTLED_PUBLISHED);
	assert_int_equal(heard(1), SETTLED_PUBLISHED);
	assert_int_equal(heard(2), SETTLED_PUBLISHED);
	assert_int_equal(token_calls, 1);
}

static void
no_consent_no_call(void **state)
{
	const struct job j = job("u", 3);

	(void)state;
	lost = true;
	hand(&j, 0);
	assert_int_equal(heard(0), SETTLED_DEFERRED);
	assert_string_equal(results[3], "lost");
	assert_int_equal(graph_calls, 0);
}

static void
a_refused_token_is_dropped(void **state)
{
	const struct job j = job("u", 3);

	(void)state;
	graph_status = 401;
	hand(&j, 0);
	assert_int_equal(heard(0), SETTLED_DEFERRED);
	assert_string_equal(results[3], "unauthorized");
	assert_int_equal(drops, 1);
}

static void
a_probe_wants_a_new_token(void **state)
{
	struct job j = job("u", 3);

	(void)state;
	j.probe = true;
	assert_true(publisher_run(p, &j, 1, 2000));
	assert_string_equal(results[3], "ok");
	assert_int_equal(renewals, 1);
	assert_int_equal(since_seen_ms, j.claimed_ms);
	j.probe = false;
	assert_true(publisher_run(p, &j, 1, 2000));
	assert_int_equal(renewals, 1);
	assert_int_equal(since_seen_ms, 0);
	j.again = true; /* it was denied: an older token says nothing */
	assert_true(publisher_run(p, &j, 1, 2000));
	assert_int_equal(renewals, 1);
	assert_int_equal(since_seen_ms, j.claimed_ms);
}

static void
never_more_at_once_than_allowed(void **state)
{
	struct job jobs[20];
	char user[16];
	int i;

	(void)state;
	for (i = 0; i < 20; i++) {
		snprintf(user, sizeof(user), "u%d", i);
		jobs[i] = job(user, i + 1);
	}
	assert_true(publisher_run(p, jobs, 20, 5000));
	assert_int_equal(graph_calls, 20);
	assert_in_range(most_at_once, 1, 4);
}

static void
the_database_may_be_away(void **state)
{
	const struct job j = job("u", 3);

	(void)state;
	busy_times = 3;
	hand(&j, 0);
	assert_int_equal(heard(0), SETTLED_PUBLISHED); /* Graph said so */
	assert_true(busy_times > 0);
	recorded();
	assert_string_equal(results[3], "ok");
	assert_int_equal(graph_calls, 1);
}

static void
a_locked_tenant_is_asked_again(void **state)
{
	const struct job j = job("u", 3), next = job("u", 4);

	(void)state;
	locked_times = 5;
	hand(&j, 0);
	assert_int_equal(heard(0), SETTLED_PUBLISHED);
	recorded();
	assert_int_equal(records, 6);
	assert_int_equal(in_line, 3); /* the second worker, after three tries */
	hand(&next, 1);
	assert_int_equal(heard(1), SETTLED_PUBLISHED);
	recorded();
	assert_int_equal(in_line, 3);
}

static void
a_result_too_late_is_nobodys(void **state)
{
	struct job j = job("u", 3);

	(void)state;
	j.claimed_ms -= CLAIM_MS;
	hand(&j, 0);
	assert_int_equal(heard(0), SETTLED_DEFERRED);
	assert_int_equal(records, 0);
}

static void
blocking_ends_in_time(void **state)
{
	const struct job j = job("u", 3);

	(void)state;
	hanging = true;
	assert_false(publisher_run(p, &j, 1, 50));
	assert_int_equal(publisher_in_flight(p), 1);
	hanging = false;
}

static void
a_stop_waits_for_what_is_on_its_way(void **state)
{
	const struct job j = job("u", 3);

	(void)state;
	busy_times = 2;
	hand(&j, 0);
	publisher_stop(p, 3000);
	p = NULL;
	assert_int_equal(heard(0), SETTLED_PUBLISHED);
}

static void
a_stop_gives_up_what_hangs(void **state)
{
	struct job jobs[6];
	char user[16];
	int64_t began_ms;
	int i;

	(void)state;
	hanging = true;
	for (i = 0; i < 6; i++) { /* two more than are sent at once */
		snprintf(user, sizeof(user), "u%d", i);
		jobs[i] = job(user, i + 1);
		hand(&jobs[i], i);
	}
	poll(NULL, 0, 50);
	began_ms = clock_mono_ms();
	publisher_stop(p, 100);
	p = NULL;
	assert_in_range(clock_mono_ms() - began_ms, 100, 3000);
	assert_int_equal(graph_calls, 4);
	assert_string_equal(results[5], "unsent");
	assert_string_equal(results[6], "unsent");
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin_test, end_test)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(told_and_recorded),
		T(the_next_claim_goes_round_again),
		T(an_old_claim_is_not_sent),
		T(one_token_for_all_who_wait),
		T(no_consent_no_call),
		T(a_refused_token_is_dropped),
		T(a_probe_wants_a_new_token),
		T(never_more_at_once_than_allowed),
		T(the_database_may_be_away),
		T(a_locked_tenant_is_asked_again),
		T(a_result_too_late_is_nobodys),
		T(blocking_ends_in_time),
		T(a_stop_waits_for_what_is_on_its_way),
		T(a_stop_gives_up_what_hangs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
