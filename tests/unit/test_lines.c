/* lines: units keep their order, tenants take turns, nobody is lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#undef fail /* cmocka's; ours remembers why */

#include "sync/lines.h"

static struct lines l;
static int64_t give_up_ms; /* of the next unit */

static int
begin_test(void **state)
{
	(void)state;
	lines_init(&l);
	return 0;
}

static void
put(const char *tenant_id, uint64_t ticket)
{
	struct apply_unit *u = apply_unit_new(NULL);

	snprintf(u->tenant_id, sizeof(u->tenant_id), "%s", tenant_id);
	u->ticket = ticket;
	u->give_up_ms = give_up_ms;
	lines_put(&l, u);
}

/* The next one's ticket; 0: there is none. */
static uint64_t
taken(struct line *line)
{
	struct apply_unit *u = line_take(&l, line);
	uint64_t ticket = u ? u->ticket : 0;

	if (u)
		apply_unit_free(u);
	return ticket;
}

static void
each_line_in_its_order(void **state)
{
	struct line *a, *b;
	struct apply_unit *u;

	(void)state;
	put("a", 1);
	put("b", 2);
	put("a", 3);
	assert_int_equal(l.ready.n, 2);
	assert_int_equal(l.units, 3);
	a = line_list_take(&l.ready);
	b = line_list_take(&l.ready);
	assert_string_equal(a->tenant_id, "a");
	assert_string_equal(b->tenant_id, "b");
	assert_null(line_list_take(&l.ready));
	put("a", 4); /* while a worker has the line */
	assert_int_equal(l.ready.n, 0);
	u = line_take(&l, a);
	assert_int_equal(u->ticket, 1);
	line_put_front(&l, a, u);
	assert_int_equal(taken(a), 1);
	assert_int_equal(taken(a), 3);
	assert_int_equal(taken(a), 4);
	assert_int_equal(taken(a), 0);
	put("a", 5); /* an empty one that a worker has is the same line */
	assert_int_equal(taken(a), 5);
	u = line_take(&l, b);
	line_put_front(&l, b, u);
	assert_int_equal(taken(b), 2);
	lines_return(&l, a);
	lines_return(&l, b);
	assert_int_equal(l.units, 0);
	assert_int_equal(l.ready.n, 0);
	put("a", 6); /* gone, and new */
	assert_int_equal(l.ready.n, 1);
	a = line_list_take(&l.ready);
	assert_int_equal(taken(a), 6);
	lines_return(&l, a);
}

static void
turns_go_round(void **state)
{
	struct line *line;
	uint64_t got[6];
	int i;

	(void)state;
	put("a", 1);
	put("a", 2);
	put("a", 3);
	put("b", 4);
	put("c", 5);
	put("b", 6);
	for (i = 0; i < 6; i++) {
		line = line_list_take(&l.ready);
		got[i] = taken(line);
		lines_return(&l, line);
	}
	assert_memory_equal(got, ((uint64_t[]){ 1, 4, 5, 2, 6, 3 }),
	    sizeof(got));
	assert_null(l.ready.first);
}

/* A long line is served as often as its units are old. */
static void
who_has_the_least_time_comes_first(void **state)
{
	const char *tenants[] = { "long", "long", "long", "b", "long", "c" };
	struct line *line;
	uint64_t i;

	(void)state;
	for (i = 1; i <= 6; i++) {
		give_up_ms = (int64_t)i;
		put(tenants[i - 1], i);
	}
	give_up_ms = 0;
	for (i = 1; i <= 6; i++) {
		line = line_list_take(&l.ready);
		assert_int_equal(taken(line), i);
		lines_return(&l, line);
	}
	assert_null(l.ready.first);
	put("d", 7); /* the end is where it was */
	put("e", 8);
	line = line_list_take(&l.ready);
	assert_int_equal(taken(line), 7);
	lines_return(&l, line);
	line = line_list_take(&l.ready);
	assert_int_equal(taken(line), 8);
	lines_return(&l, line);
}

static void
held_ones_are_apart(void **state)
{
	struct line *a, *b;

	(void)state;
	put("a", 1);
	put("b", 2);
	a = line_list_take(&l.ready);
	a->held = true;
	lines_return(&l, a);
	assert_int_equal(l.held.n, 1);
	put("a", 3); /* stays among the held */
	assert_int_equal(l.ready.n, 1);
	b = line_list_take(&l.ready);
	assert_string_equal(b->tenant_id, "b");
	line_list_put_front(&l.ready, b);
	assert_ptr_equal(line_list_take(&l.ready), b);
	assert_int_equal(taken(b), 2);
	lines_return(&l, b);
	a = line_list_take(&l.held);
	assert_int_equal(taken(a), 1);
	lines_return(&l, a); /* it was free: ready again */
	assert_int_equal(l.held.n, 0);
	assert_ptr_equal(line_list_take(&l.ready), a);
	assert_int_equal(taken(a), 3);
	lines_return(&l, a);
}

/* More tenants than there are buckets. */
static void
many_tenants(void **state)
{
	struct line *line;
	char name[16];
	int i;

	(void)state;
	for (i = 0; i < 6000; i++) {
		snprintf(name, sizeof(name), "t%d", i % 3000);
		put(name, 1 + (uint64_t)i);
	}
	assert_int_equal(l.ready.n, 3000);
	for (i = 0; i < 3000; i++) {
		line = line_list_take(&l.ready);
		assert_int_equal(taken(line), 1 + i);
		assert_int_equal(taken(line), 3001 + i);
		lines_return(&l, line);
	}
	for (i = 0; i < LINE_BUCKETS; i++)
		assert_null(l.buckets[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(each_line_in_its_order, begin_test),
		cmocka_unit_test_setup(turns_go_round, begin_test),
		cmocka_unit_test_setup(
		    who_has_the_least_time_comes_first, begin_test),
		cmocka_unit_test_setup(held_ones_are_apart, begin_test),
		cmocka_unit_test_setup(many_tenants, begin_test),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
