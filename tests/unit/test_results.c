/* results: order, bound, rest, a tenant's own ones, closing. */
#include "sync/results.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>
#undef fail /* cmocka's; ours remembers why */

#define LONG_MS 20000 /* a rest that no test sees the end of */

static struct results *r;
static struct call calls[10]; /* by number; 0 is none */

static struct call *
call(int no, const char *tenant_id)
{
	struct call *c = &calls[no];

	memset(c, 0, sizeof(*c));
	snprintf(c->job.tenant_id, sizeof(c->job.tenant_id), "%s", tenant_id);
	return c;
}

static void
put(int no, const char *tenant_id)
{
	assert_true(results_put(r, call(no, tenant_id), false));
}

static void
grown_older(int no, int ms)
{
	calls[no].result_ms -= ms;
}

static void
assert_are(struct call *const *got, int n, const char *expected)
{
	int i;

	assert_int_equal(n, strlen(expected));
	for (i = 0; i < n; i++) {
		assert_int_equal(got[i] - calls, expected[i] - '0');
		assert_null(got[i]->next);
		assert_null(got[i]->prev);
		assert_null(got[i]->in_bucket);
	}
}

/* The list has these, both ways, and each is in its bucket once. */
static void
assert_left(const char *expected)
{
	const int len = (int)strlen(expected);
	const struct call *c, *before = NULL;
	struct call **end;
	int i = 0, in_buckets = 0, same;

	assert_int_equal(r->n, len);
	for (c = r->first; c; c = c->next) {
		assert_true(i < len);
		assert_int_equal(c - calls, expected[i++] - '0');
		assert_ptr_equal(c->prev, before);
		before = c;
	}
	assert_int_equal(i, len);
	assert_ptr_equal(r->last, before);
	for (i = 0; i < BUCKETS; i++)
		for (c = r->buckets[i].first; c; c = c->in_bucket)
			assert_true(++in_buckets <= len);
	assert_int_equal(in_buckets, len);
	for (i = 0; i < BUCKETS; i++) {
		for (end = &r->buckets[i].first; *end; end = &(*end)->in_bucket)
			;
		assert_ptr_equal(r->buckets[i].end, end);
	}
	for (before = r->first; before; before = before->next) {
		same = 0;
		for (c = bucket_of(r, before->job.tenant_id)->first; c;
		    c = c->in_bucket)
			same += c == before;
		assert_int_equal(same, 1);
	}
}

/* For ever, if nothing has rested. */
static void
assert_takes(int max, const char *expected)
{
	struct call *got[10];

	assert_are(got, results_take(r, got, max), expected);
}

static void
assert_takes_of(const char *tenant_id, int max, const char *expected)
{
	struct call *got[10];

	assert_are(got, results_take_of(r, tenant_id, got, max), expected);
}

static void
is_first_in_first_out(void **state)
{
	int round;

	(void)state;
	r = results_new(4, 0);
	for (round = 0; round < 3; round++) {
		put(1, "a");
		put(2, "b");
		put(3, "a");
		assert_left("123");
		assert_takes(2, "12");
		assert_left("3");
		put(4, "b");
		assert_takes(4, "34");
		assert_left("");
	}
	results_free(r);
	results_free(NULL);
}

static void
is_bounded(void **state)
{
	(void)state;
	r = results_new(2, 0);
	put(1, "a");
	put(2, "a");
	assert_false(results_put(r, call(3, "a"), false));
	assert_left("12");
	assert_takes(1, "1");
	put(3, "a");
	assert_false(results_put(r, call(4, "b"), false));
	assert_takes(9, "23");
	results_free(r);
}

static void
what_was_taken_comes_back(void **state)
{
	struct call *two[] = { call(3, "b"), call(4, "a") };

	(void)state;
	r = results_new(2, 0);
	put(1, "a");
	put(2, "b");
	results_put_back(r, two, 2); /* beyond the bound */
	assert_left("1234");
	assert_false(results_put(r, call(5, "a"), false));
	assert_takes(9, "1234");
	results_close(r);
	assert_false(results_put(r, call(5, "a"), false));
	results_put_back(r, two, 2);
	assert_takes(9, "34");
	assert_takes(9, "");
	results_free(r);
}

static void
a_young_one_is_left(void **state)
{
	(void)state;
	r = results_new(9, LONG_MS);
	put(1, "a");
	put(2, "b");
	put(3, "b");
	put(4, "a");
	grown_older(1, LONG_MS * GATHER);
	grown_older(2, LONG_MS);
	grown_older(3, LONG_MS / 2);
	assert_takes(9, "12");
	assert_left("34");
	assert_takes_of("b", 9, "3"); /* however young */
	assert_takes_of("a", 9, "4");
	/* Who comes back rests once more. */
	put(5, "a");
	grown_older(5, LONG_MS * GATHER);
	assert_takes(9, "5");
	results_put_back(r, (struct call *[]){ &calls[5] }, 1);
	put(6, "a");
	grown_older(6, LONG_MS * GATHER);
	assert_true(calls[5].result_ms > calls[6].result_ms);
	assert_takes_of("a", 9, "56");
	results_free(r);
}

static void
the_oldest_waits_for_others(void **state)
{
	int64_t start = clock_mono_ms(), took;

	(void)state;
	r = results_new(9, 20);
	put(1, "a");
	assert_takes(9, "1");
	took = clock_mono_ms() - start;
	assert_true(took >= 20 * GATHER && took < 10000);
	results_free(r);
	r = results_new(9, 100);
	start = clock_mono_ms();
	put(1, "a");
	grown_older(1, 100 * (GATHER - 1)); /* that it has rested is not enough */
	assert_takes(9, "1");
	took = clock_mono_ms() - start;
	assert_true(took >= 100 && took < 10000);
	results_free(r);
}

static void
without_rest_at_once(void **state)
{
	const int64_t start = clock_mono_ms();
	int i;

	(void)state;
	r = results_new(9, 0);
	for (i = 0; i < 100; i++) {
		put(1, "a");
		assert_takes(9, "1");
	}
	assert_true(clock_mono_ms() - start < 5000);
	results_free(r);
}

/* --- a tenant's own --------------------------------------------------------- */

static void
five_of_two(void)
{
	put(1, "a");
	put(2, "b");
	put(3, "a");
	put(4, "b");
	put(5, "a");
}

static void
one_at_once(void **state)
{
	(void)state;
	r = results_new(9, LONG_MS);
	put(1, "a");
	put(2, "b");
	assert_true(results_put(r, call(3, "a"), true));
	assert_takes(9, "3"); /* before the others, which rest */
	assert_left("12");
	assert_true(results_put(r, call(4, "c"), true));
	assert_takes_of("c", 9, "4");
	assert_takes_of("b", 9, "2");
	assert_takes_of("a", 9, "1");
	assert_true(results_put(r, call(5, "a"), true)); /* the only one */
	assert_left("5");
	assert_takes(9, "5");
	results_free(r);
}

static void
only_that_tenants(void **state)
{
	(void)state;
	r = results_new(9, 0);
	five_of_two();
	assert_takes_of("c", 9, "");
	assert_left("12345");
	assert_takes_of("b", 9, "24");
	assert_left("135"); /* out of the middle */
	assert_takes_of("b", 9, "");
	put(2, "b");
	assert_takes_of("a", 9, "135"); /* the first, too */
	assert_left("2");
	put(6, "b");
	put(7, "c");
	assert_takes_of("c", 9, "7"); /* the last */
	assert_left("26");
	put(8, "a");
	assert_takes(9, "268");
	assert_left("");
	results_free(r);
}

static void
never_more_than_asked_for(void **state)
{
	(void)state;
	r = results_new(9, 0);
	five_of_two();
	assert_takes_of("a", 0, "");
	assert_takes_of("a", 2, "13");
	assert_left("245");
	assert_takes_of("a", 2, "5");
	assert_takes(9, "24");
	results_free(r);
}

static void
no_probes(void **state)
{
	(void)state;
	r = results_new(9, 0);
	five_of_two();
	calls[3].job.probe = true;
	assert_takes_of("a", 9, "15");
	assert_left("234");
	assert_takes(9, "234");
	results_free(r);
}

static void
tenants_of_one_bucket(void **state)
{
	char other[16];
	int i;

	(void)state;
	r = results_new(9, 0);
	for (i = 0, other[0] = '\0'; bucket_of(r, other) != bucket_of(r, "a");
	    i++)
		snprintf(other, sizeof(other), "t%d", i);
	put(1, "a");
	put(2, other);
	put(3, "a");
	put(4, other);
	assert_takes_of(other, 1, "2"); /* from the middle of the chain */
	assert_left("134");
	assert_takes_of("a", 1, "1"); /* its first */
	assert_takes_of(other, 1, "4"); /* its last */
	assert_left("3");
	assert_takes_of(other, 1, "");
	put(2, other);
	assert_takes_of("a", 9, "3");
	assert_takes_of(other, 9, "2");
	assert_left("");
	results_free(r);
}

/* --- threads ---------------------------------------------------------------- */

static struct call *taken[10];
static int ntaken;

static void *
take(void *arg)
{
	(void)arg;
	ntaken = results_take(r, taken, 9);
	return NULL;
}

/* The taker stands there, mostly. */
static pthread_t
taker(void)
{
	const struct timespec a_while = { .tv_nsec = 30000000 };
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, take, NULL), 0);
	nanosleep(&a_while, NULL);
	return thread;
}

static void
wakes_for_the_first(void **state)
{
	pthread_t thread;

	(void)state;
	r = results_new(9, 0);
	thread = taker();
	put(1, "a");
	pthread_join(thread, NULL);
	assert_are(taken, ntaken, "1");
	thread = taker();
	results_put_back(r, taken, 1);
	pthread_join(thread, NULL);
	assert_are(taken, ntaken, "1");
	results_free(r);
}

/* The one for whose rest it waits is gone by then. */
static void
waits_for_the_next_ones_rest(void **state)
{
	pthread_t thread;
	int64_t start;

	(void)state;
	r = results_new(9, 100);
	put(1, "a");
	thread = taker();
	assert_takes_of("a", 9, "1");
	start = clock_mono_ms();
	put(2, "b");
	pthread_join(thread, NULL);
	assert_true(clock_mono_ms() - start >= 100 * GATHER);
	assert_are(taken, ntaken, "2");
	put(3, "b");
	thread = taker();
	assert_takes_of("b", 9, "3"); /* and then there is none */
	results_close(r);
	pthread_join(thread, NULL);
	assert_are(taken, ntaken, "");
	results_free(r);
}

static void
a_close_gives_the_young_ones(void **state)
{
	const int64_t start = clock_mono_ms();
	pthread_t thread;

	(void)state;
	r = results_new(9, LONG_MS);
	put(1, "a");
	put(2, "b");
	thread = taker();
	results_close(r);
	pthread_join(thread, NULL);
	assert_are(taken, ntaken, "12");
	assert_takes(9, "");
	assert_false(results_put(r, call(3, "a"), false));
	results_free(r);
	r = results_new(9, LONG_MS);
	thread = taker(); /* and there is none */
	results_close(r);
	pthread_join(thread, NULL);
	assert_are(taken, ntaken, "");
	assert_true(clock_mono_ms() - start < LONG_MS / 2);
	results_free(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_first_in_first_out),
		cmocka_unit_test(is_bounded),
		cmocka_unit_test(what_was_taken_comes_back),
		cmocka_unit_test(a_young_one_is_left),
		cmocka_unit_test(the_oldest_waits_for_others),
		cmocka_unit_test(without_rest_at_once),
		cmocka_unit_test(one_at_once),
		cmocka_unit_test(only_that_tenants),
		cmocka_unit_test(never_more_than_asked_for),
		cmocka_unit_test(no_probes),
		cmocka_unit_test(tenants_of_one_bucket),
		cmocka_unit_test(wakes_for_the_first),
		cmocka_unit_test(waits_for_the_next_ones_rest),
		cmocka_unit_test(a_close_gives_the_young_ones),
	};

	return cmocka_run_group_tests_name("results", tests, NULL, NULL);
}
