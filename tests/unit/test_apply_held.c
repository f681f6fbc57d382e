/* apply: a tenant that somebody holds, and one whose call takes long, stop nobody
 * else, and nothing of theirs overtakes anything. */
#include "apply_peer.h"

static bool
stood_in_line(int times)
{
	bool yes;

	pthread_mutex_lock(&script_lock);
	yes = in_line >= times;
	pthread_mutex_unlock(&script_lock);
	return yes;
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

/* While one worker waits for the database the other one goes on, with other
 * tenants. */
static void
the_other_worker_goes_on(void **state)
{
	char tenant[16];
	int i, n;

	(void)state;
	strcpy(slow_tenant, "slow");
	put(unit(1, "slow", "a", 1));
	wait_stuck();
	put(unit(2, "slow", "b", 1)); /* in its line */
	for (i = 3; i < 10; i++) {
		snprintf(tenant, sizeof(tenant), "t%d", i);
		put(unit((uint64_t)i, tenant, "c", 1));
		assert_int_equal(outcome(i, 0), OUTCOME_UNCHANGED);
	}
	pthread_mutex_lock(&script_lock);
	n = calls;
	assert_int_equal(said[1][0], 0);
	pthread_mutex_unlock(&script_lock);
	be_quick();
	assert_int_equal(n, 7);
	assert_int_equal(outcome(2, 0), OUTCOME_UNCHANGED);
	assert_int_equal(outcome(1, 0), OUTCOME_UNCHANGED);
	assert_non_null(strstr(order, "a0 b0 "));
}

static void *
stop(void *unused)
{
	(void)unused;
	apply_stop(a);
	return NULL;
}

/* Begins while a batch is out and nothing else waits: the other worker goes. */
static pthread_t
stop_meanwhile(void)
{
	pthread_t thread;
	bool closed = false;
	int i;

	assert_int_equal(pthread_create(&thread, NULL, stop, NULL), 0);
	for (i = 0; i < 3000 && !closed; i++) {
		poll(NULL, 0, 1);
		pthread_mutex_lock(&a->lock);
		closed = a->closed;
		pthread_mutex_unlock(&a->lock);
	}
	assert_true(closed);
	poll(NULL, 0, 20);
	return thread;
}

static void
a_stop_when_the_last_batch_comes_back_held(void **state)
{
	pthread_t thread;
	int i, tries = 0;

	strcpy(slow_tenant, "slow");
	put(unit(1, "slow", "a", 1));
	wait_stuck();
	thread = stop_meanwhile();
	pthread_mutex_lock(&script_lock);
	strcpy(locked_tenant, "slow");
	pthread_mutex_unlock(&script_lock);
	be_quick();
	for (i = 0; i < 3000 && tries == 0; i++) {
		poll(NULL, 0, 1);
		pthread_mutex_lock(&script_lock);
		tries = first_tries;
		pthread_mutex_unlock(&script_lock);
	}
	assert_true(tries > 0);
	pthread_mutex_lock(&script_lock);
	locked_tenant[0] = '\0';
	pthread_mutex_unlock(&script_lock);
	assert_int_equal(outcome(1, 0), OUTCOME_UNCHANGED);
	pthread_join(thread, NULL);
	begin_test(state);
}

/* The second worker has the last unit, of more events than fit. */
static void
a_stop_when_a_part_comes_back(void **state)
{
	pthread_t thread;
	int i;

	strcpy(locked_tenant, "held");
	put(unit(1, "held", "a", BATCH_SOME + 1));
	for (i = 0; i < 3000 && !stood_in_line(1); i++)
		poll(NULL, 0, 1);
	pthread_mutex_lock(&script_lock);
	strcpy(slow_tenant, "held");
	pthread_mutex_unlock(&script_lock);
	wait_stuck();
	thread = stop_meanwhile();
	pthread_mutex_lock(&script_lock);
	locked_tenant[0] = '\0';
	pthread_mutex_unlock(&script_lock);
	be_quick();
	assert_int_equal(outcome(1, BATCH_SOME), OUTCOME_UNCHANGED);
	pthread_join(thread, NULL);
	begin_test(state);
}

/* Who works off the ready stands in line for nobody; who works off the held does,
 * and what comes for a tenant that is held goes there. */
static void
only_for_the_held_one_stands_in_line(void **state)
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

static void
results_of_a_held_tenant_come_back(void **state)
{
	int i;

	(void)state;
	results = 2;
	strcpy(locked_tenant, "r");
	put(unit(1, "r", "a", 1));
	for (i = 0; i < 3000 && !stood_in_line(3); i++)
		poll(NULL, 0, 1);
	pthread_mutex_lock(&script_lock);
	assert_int_equal(results_stored, 0);
	locked_tenant[0] = '\0';
	pthread_mutex_unlock(&script_lock);
	assert_int_equal(outcome(1, 0), OUTCOME_UNCHANGED);
	assert_true(results_back >= 6);
	assert_int_equal(results_stored, 2);
	assert_int_equal(results, 0);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_locked_tenant_stops_nobody),
		T(the_other_worker_goes_on),
		T(a_stop_when_the_last_batch_comes_back_held),
		T(a_stop_when_a_part_comes_back),
		T(only_for_the_held_one_stands_in_line),
		T(a_crowd_is_not_held_by_another_ones_line),
		T(results_of_a_held_tenant_come_back),
		T(given_up_when_nobody_waits_any_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
