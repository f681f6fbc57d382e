/*
 * apply: what is put into one transaction, what each answer of the database
 * means for each event, and what happens when there is none.
 */
#include "apply_peer.h"

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

/* Each answer waits for the whole of its batch. */
static void
small_batches_while_few_wait(void **state)
{
	char tenant[16];
	int i;

	(void)state;
	strcpy(slow_tenant, "slow");
	put(unit(1, "slow", "a", 1));
	wait_stuck();
	for (i = 2; i < 20; i++) {
		snprintf(tenant, sizeof(tenant), "t%d", i);
		put(unit((uint64_t)i, tenant, "b", 1));
	}
	be_quick();
	for (i = 1; i < 20; i++)
		assert_int_equal(outcome(i, 0), OUTCOME_UNCHANGED);
	assert_in_range(largest, 2, BATCH_SOME);
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
	assert_in_range(calls, 500 / BATCH_MAX, 500 / BATCH_SOME + 1);
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

/* Results of the same tenant, before its events; with a restart none. */
static void
results_are_stored_along(void **state)
{
	(void)state;
	results = 3;
	put(unit(1, "t", "a", 2));
	assert_int_equal(outcome(1, 1), OUTCOME_UNCHANGED);
	put(unit(2, "r", "!", 1));
	assert_int_equal(outcome(2, 0), OUTCOME_UNCHANGED);
	assert_int_equal(results, 3);
	put(unit(3, "r", "b", 2));
	assert_int_equal(outcome(3, 0), OUTCOME_UNCHANGED);
	assert_int_equal(outcome(3, 1), OUTCOME_UNCHANGED);
	assert_string_equal(order, "a0 a1 R b0 b1 ");
	assert_int_equal(results, 0);
	assert_int_equal(results_stored, 3);
	assert_int_equal(results_back, 0);
	assert_int_equal(calls, 3);
}

static void
no_more_results_than_a_batch_holds(void **state)
{
	(void)state;
	results = BATCH_MAX + 5;
	put(unit(1, "r", "a", 1));
	assert_int_equal(outcome(1, 0), OUTCOME_UNCHANGED);
	assert_int_equal(results, 5);
	assert_int_equal(results_stored, BATCH_MAX);
	assert_int_equal(largest, BATCH_MAX + 1);
}

/* Perhaps they are at fault: the second attempt is without them. */
static void
results_come_back_from_a_batch_that_fails(void **state)
{
	(void)state;
	results = 2;
	busy_times = 1;
	put(unit(1, "r", "a", 1));
	assert_int_equal(outcome(1, 0), OUTCOME_UNCHANGED);
	assert_int_equal(results_back, 2);
	assert_int_equal(results, 2);
	assert_int_equal(largest, 1);
	busy_times = 3; /* twice, then alone */
	put(unit(2, "r", "b", 1));
	assert_int_equal(failure(2), ERR_BUSY);
	assert_int_equal(results_back, 4);
	assert_int_equal(results, 2);
	assert_int_equal(results_stored, 0);
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
int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(words_are_told),
		T(changed_waits_for_its_job),
		T(changed_without_a_job),
		T(superseded_at_once),
		T(small_batches_while_few_wait),
		T(a_large_unit_goes_in_pieces),
		T(a_restart_is_a_transaction_of_its_own),
		T(a_restart_waits_for_all),
		T(nothing_overtakes_a_restart),
		T(a_short_absence_is_not_noticed),
		T(a_long_absence_is_busy),
		T(one_by_one_when_it_fails_twice),
		T(results_are_stored_along),
		T(no_more_results_than_a_batch_holds),
		T(results_come_back_from_a_batch_that_fails),
		T(faults_fail_the_request),
		T(a_stop_finishes_what_is_queued),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
