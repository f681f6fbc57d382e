/* The room where requests wait: each is answered once, in time, by its news. */
#include "web/answer.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <cmocka.h>
#undef fail /* cmocka's; ours is a function */

/* --- requests that only count -------------------------------------------- */

#define MANY 20000

struct record {
	struct request rq;
	atomic_int answered;
	bool at_deadline, failed;
	int16_t first_value;
	int64_t at_ms;
	int order;
};

static struct record records[MANY];
static atomic_int answers;

static struct record *
record_of(struct request *rq)
{
	return (
	    struct record *)(void *)((char *)rq - offsetof(struct record, rq));
}

void
response_error(struct request *rq)
{
	record_of(rq)->failed = true;
}

void
request_finish(struct request *rq)
{
	struct record *r = record_of(rq);

	r->at_ms = clock_mono_ms();
	r->order = atomic_load(&answers);
	atomic_fetch_add(&r->answered, 1);
	atomic_fetch_add(&answers, 1); /* last: who waits reads all above */
}

static void
finish(struct request *rq, const struct answer_part *parts, int nparts,
    bool at_deadline)
{
	struct record *r = record_of(rq);

	r->at_deadline = at_deadline;
	r->first_value = nparts > 0 ? parts[0].value : -1;
}

static void
begin(void)
{
	memset(records, 0, sizeof(records));
	atomic_store(&answers, 0);
}

/* At most 5 s. */
static void
wait_answers(int n)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	int i;

	for (i = 0; i < 5000 && atomic_load(&answers) < n; i++)
		nanosleep(&pause, NULL);
	assert_int_equal(atomic_load(&answers), n);
}

static void
settle(struct answer *a, uint64_t ticket, int part, int16_t value)
{
	answer_tell(a, ticket, part,
	    (struct answer_part){
		.state = 1, .value = value, .settled = true });
}

/* --- tests --------------------------------------------------------------- */

static void
test_settled(void **state)
{
	struct answer *a = answer_start(finish);
	int64_t far_ms = clock_mono_ms() + 60000;
	uint64_t one, two;

	(void)state;
	begin();
	one = answer_hold(a, &records[0].rq, 2, far_ms);
	two = answer_hold(a, &records[1].rq, 1, far_ms);
	assert_true(one != 0 && two != 0 && one != two);
	assert_int_equal(answer_held(a), 2);

	settle(a, one, 0, 11);
	settle(a, one, 0, 12); /* settled: does not change, counts once */
	settle(a, one, 2, 1);  /* no such part */
	settle(a, one, -1, 1);
	settle(a, one + 1000, 0, 1); /* no such ticket */
	settle(a, 0, 0, 1);
	answer_tell(a, one, 1, (struct answer_part){ .state = 1 });
	assert_int_equal(answer_held(a), 2);
	assert_int_equal(atomic_load(&answers), 0);

	settle(a, one, 1, 5);
	wait_answers(1);
	assert_int_equal(atomic_load(&records[0].answered), 1);
	assert_int_equal(records[0].first_value, 11);
	assert_false(records[0].at_deadline);
	settle(a, one, 1, 5); /* answered long ago */
	settle(a, two, 0, 1);
	wait_answers(2);
	assert_int_equal(answer_held(a), 0);
	answer_stop(a);
	assert_int_equal(atomic_load(&records[0].answered), 1);
}

static void
test_no_parts(void **state)
{
	struct answer *a = answer_start(finish);

	(void)state;
	begin();
	answer_hold(a, &records[0].rq, 0, clock_mono_ms() + 60000);
	wait_answers(1);
	assert_false(records[0].at_deadline);
	answer_stop(a);
}

static void
test_deadline(void **state)
{
	struct answer *a = answer_start(finish);
	int64_t now_ms = clock_mono_ms();
	uint64_t late;
	int i;

	(void)state;
	begin();
	late = answer_hold(a, &records[0].rq, 1, now_ms + 60000);
	for (i = 1; i <= 50; i++) /* each nearer than the last */
		answer_hold(a, &records[i].rq, 1, now_ms + 900 - 4 * i);
	answer_hold(a, &records[51].rq, 1, now_ms - 1000); /* over already */
	wait_answers(51);
	assert_int_equal(records[51].order, 0);
	for (i = 1; i <= 50; i++) {
		assert_true(records[i].at_deadline);
		assert_int_equal(records[i].order, 51 - i);
		assert_true(records[i].at_ms >= now_ms + 900 - 4 * i);
	}
	assert_int_equal(atomic_load(&records[0].answered), 0);
	settle(a, late, 0, 3);
	wait_answers(52);
	assert_false(records[0].at_deadline);
	answer_stop(a);
}

static void
test_fail(void **state)
{
	struct answer *a = answer_start(finish);
	uint64_t one;

	(void)state;
	begin();
	ctx_init(&records[0].rq.cx, NULL);
	one = answer_hold(a, &records[0].rq, 3, clock_mono_ms() + 60000);
	answer_fail(a, one, ERR_BUSY, "no database", 4);
	answer_fail(a, one, ERR_INPUT, "later", 0);
	wait_answers(1);
	assert_true(records[0].failed);
	assert_int_equal(records[0].rq.cx.err, ERR_BUSY);
	assert_string_equal(records[0].rq.cx.detail, "no database");
	assert_int_equal(records[0].rq.cx.retry_after_s, 4);
	answer_stop(a);
	ctx_done(&records[0].rq.cx);
	assert_int_equal(atomic_load(&answers), 1);
}

static void
test_stop(void **state)
{
	struct answer *a = answer_start(finish);
	int i;

	(void)state;
	begin();
	for (i = 0; i < 1000; i++)
		answer_hold(a, &records[i].rq, 1, clock_mono_ms() + 60000);
	answer_stop(a);
	assert_int_equal(atomic_load(&answers), 1000);
	for (i = 0; i < 1000; i++)
		assert_true(records[i].at_deadline);
}

/* News in any order from several threads while others are held. */
struct teller {
	struct answer *a;
	uint64_t *tickets;
	int first, step;
};

static void *
teller_thread(void *arg)
{
	struct teller *t = arg;
	int i;

	for (i = t->first; i < MANY; i += t->step) {
		settle(t->a, t->tickets[i], 1, 1);
		if (i % 7 != 0)
			settle(t->a, t->tickets[i], 0, 1);
	}
	return NULL;
}

static void
test_many(void **state)
{
	struct answer *a = answer_start(finish);
	uint64_t *tickets = calloc(MANY, sizeof(*tickets));
	struct teller tellers[3];
	pthread_t threads[3];
	int64_t now_ms = clock_mono_ms();
	int i, by_deadline = 0;

	(void)state;
	begin();
	for (i = 0; i < MANY; i++) /* 7,919 is prime: a wild order */
		tickets[i] = answer_hold(a, &records[i].rq, 2,
		    now_ms + 1000 + (int64_t)i * 7919 % 500);
	for (i = 0; i < 3; i++) {
		tellers[i] = (struct teller){ a, tickets, i, 3 };
		pthread_create(&threads[i], NULL, teller_thread, &tellers[i]);
	}
	for (i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	wait_answers(MANY);
	for (i = 0; i < MANY; i++) {
		assert_int_equal(atomic_load(&records[i].answered), 1);
		by_deadline += records[i].at_deadline;
	}
	assert_int_equal(by_deadline, (MANY + 6) / 7);
	assert_int_equal(answer_held(a), 0);
	answer_stop(a);
	free(tickets);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_settled),
		cmocka_unit_test(test_no_parts),
		cmocka_unit_test(test_deadline),
		cmocka_unit_test(test_fail),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
