/* queue: order, bound, waiting, closing; and many threads at once. */
#include "base/queue.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* Items are numbers in disguise; 0 is no item. */
static void *
item(uintptr_t n)
{
	return (void *)n;
}

static void
put(struct queue *q, uintptr_t n)
{
	assert_true(queue_put(q, item(n)));
}

static void
assert_takes(struct queue *q, size_t max, const char *expected)
{
	void *got[32];
	size_t n = queue_take(q, got, max, 0), i;

	assert_int_equal(n, strlen(expected));
	for (i = 0; i < n; i++)
		assert_int_equal((uintptr_t)got[i], expected[i] - '0');
}

static void
is_first_in_first_out(void **state)
{
	struct queue *q = queue_new(4);
	int round;

	(void)state;
	assert_takes(q, 4, "");
	for (round = 0; round < 10; round++) { /* round and round the ring */
		put(q, 1);
		put(q, 2);
		put(q, 3);
		assert_int_equal(q->len, 3);
		assert_takes(q, 2, "12");
		put(q, 4);
		assert_takes(q, 4, "34");
	}
	queue_free(q);
	queue_free(NULL);
}

static void
is_bounded(void **state)
{
	struct queue *q = queue_new(2);

	(void)state;
	put(q, 1);
	put(q, 2);
	assert_false(queue_put(q, item(3)));
	assert_takes(q, 1, "1");
	put(q, 3);
	assert_takes(q, 9, "23");
	queue_free(q);
}

static void
takes_again_in_order_even_when_full(void **state)
{
	void *two[] = { item(1), item(2) };
	struct queue *q;
	int before;

	(void)state;
	for (before = 0; before < 4; before++) { /* at each place of the ring */
		int i;

		q = queue_new(3);
		for (i = 0; i < before; i++) {
			put(q, 9);
			assert_takes(q, 1, "9");
		}
		put(q, 3);
		queue_put_last(q, two, 2);
		assert_int_equal(q->len, 3);
		assert_false(queue_put(q, item(4)));
		queue_put_last(q, two, 2); /* beyond the bound */
		queue_put_last(q, two, 0);
		assert_int_equal(q->len, 5);
		assert_false(queue_put(q, item(4)));
		assert_takes(q, 3, "312");
		put(q, 4);
		assert_takes(q, 9, "124");
		queue_free(q);
	}
}

static void
waits_no_longer_than_told(void **state)
{
	struct queue *q = queue_new(2);
	int64_t start = clock_mono_ms(), took;
	void *got;

	(void)state;
	assert_int_equal(queue_take(q, &got, 1, 60), 0);
	took = clock_mono_ms() - start;
	assert_true(took >= 59 && took < 5000);
	start = clock_mono_ms();
	assert_int_equal(queue_take(q, &got, 1, 0), 0);
	assert_true(clock_mono_ms() - start < 1000);
	queue_free(q);
}

static void
gives_what_is_left_when_closed(void **state)
{
	struct queue *q = queue_new(4);
	void *back[] = { item(5) };
	void *got;

	(void)state;
	put(q, 1);
	assert_false(q->closed);
	queue_close(q);
	assert_true(q->closed);
	assert_false(queue_put(q, item(2)));
	assert_int_equal(queue_take(q, &got, 1, -1), 1);
	assert_int_equal(queue_take(q, &got, 1, -1), 0); /* at once */
	queue_put_last(q, back, 1); /* what was in work may come back */
	assert_int_equal(queue_take(q, &got, 1, -1), 1);
	queue_free(q);
}

static void *
close_after_a_while(void *q)
{
	const struct timespec t = { .tv_nsec = 50000000 };

	nanosleep(&t, NULL);
	queue_close(q);
	return NULL;
}

static void
wakes_who_waits_when_closed(void **state)
{
	struct queue *q = queue_new(4);
	pthread_t thread;
	void *got;

	(void)state;
	assert_int_equal(
	    pthread_create(&thread, NULL, close_after_a_while, q), 0);
	assert_int_equal(queue_take(q, &got, 1, -1), 0);
	pthread_join(thread, NULL);
	queue_free(q);
}

/* Many givers, many takers, one of whom puts things back: each item arrives
 * once. */
#define GIVERS 3
#define TAKERS 3
#define EACH 20000

static struct queue *shared;
static _Atomic unsigned char seen[GIVERS][EACH];

static void *
give(void *arg)
{
	const uintptr_t who = (uintptr_t)arg;
	const struct timespec pause = { .tv_nsec = 20000 };
	uintptr_t i;

	for (i = 0; i < EACH; i++)
		while (!queue_put(shared, item(who * EACH + i + 1)))
			nanosleep(&pause, NULL);
	return NULL;
}

static void *
take(void *arg)
{
	const bool puts_back = (uintptr_t)arg == 0;
	void *got[16];
	uintptr_t v;
	size_t n, i, kept;
	int round = 0;

	while ((n = queue_take(shared, got, 16, -1))) {
		kept = n;
		if (puts_back && ++round % 4 == 0 && n > 1) {
			kept = n / 2;
			queue_put_last(shared, got + kept, n - kept);
		}
		for (i = 0; i < kept; i++) {
			v = (uintptr_t)got[i] - 1;
			atomic_fetch_add(&seen[v / EACH][v % EACH], 1);
		}
	}
	return NULL;
}

static void
loses_nothing_among_threads(void **state)
{
	pthread_t givers[GIVERS], takers[TAKERS];
	uintptr_t i;
	int j;

	(void)state;
	shared = queue_new(64);
	for (i = 0; i < TAKERS; i++)
		assert_int_equal(
		    pthread_create(&takers[i], NULL, take, (void *)i), 0);
	for (i = 0; i < GIVERS; i++)
		assert_int_equal(
		    pthread_create(&givers[i], NULL, give, (void *)i), 0);
	for (i = 0; i < GIVERS; i++)
		pthread_join(givers[i], NULL);
	queue_close(shared);
	for (i = 0; i < TAKERS; i++)
		pthread_join(takers[i], NULL);
	assert_int_equal(shared->len, 0);
	for (i = 0; i < GIVERS; i++)
		for (j = 0; j < EACH; j++)
			assert_int_equal(seen[i][j], 1);
	queue_free(shared);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_first_in_first_out),
		cmocka_unit_test(is_bounded),
		cmocka_unit_test(takes_again_in_order_even_when_full),
		cmocka_unit_test(waits_no_longer_than_told),
		cmocka_unit_test(gives_what_is_left_when_closed),
		cmocka_unit_test(wakes_who_waits_when_closed),
		cmocka_unit_test(loses_nothing_among_threads),
	};

	return cmocka_run_group_tests_name("queue", tests, NULL, NULL);
}
