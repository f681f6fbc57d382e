/* waiting: whoever waits for a person's publishing hears of it once, and what
 * it hears is true. */
#include "sync/waiting.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct waiting *w;
static struct { int part; enum goal goal; enum settled how; } heard[20];
static int nheard;

static void
hear(void *arg, uint64_t ticket, int part, enum goal goal, enum settled how)
{
	assert_ptr_equal(arg, heard);
	assert_int_equal(ticket, 77);
	assert_in_range(nheard, 0, 19);
	heard[nheard].part = part;
	heard[nheard].goal = goal;
	heard[nheard++].how = how;
}

static int
begin(void **state)
{
	(void)state;
	nheard = 0;
	w = waiting_new(hear, heard);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	waiting_free(w);
	return 0;
}

static struct job
job(const char *user, int64_t claim_no, int64_t goal_no)
{
	struct job j = { .tenant_id = "t", .claim_no = claim_no,
		.goal_no = goal_no };

	snprintf(j.user_id, sizeof(j.user_id), "%s", user);
	return j;
}

static bool
add(const char *user, int64_t goal_no, int part, bool hold)
{
	const struct job j = job(user, 0, goal_no);

	return waiting_add(w, &j, 77, part, GOAL_BUSY, hold);
}

static void
hand(const char *user, int64_t claim_no, int64_t goal_no)
{
	const struct job j = job(user, claim_no, goal_no);

	waiting_hand(w, &j);
}

static void
settle_as(const char *user, int64_t claim_no, bool told, int64_t goal_no,
    const struct job *next)
{
	const struct job j = job(user, claim_no, 0);

	waiting_settle(w, &j, told, goal_no, next);
}

/* How part was settled; -1: not yet. */
static int
how(int part)
{
	int i, found = -1;

	for (i = 0; i < nheard; i++)
		if (heard[i].part == part) {
			assert_int_equal(found, -1); /* once only */
			found = (int)heard[i].how;
		}
	return found;
}

static void
published(void **state)
{
	(void)state;
	assert_true(add("u", 4, 0, true));
	hand("u", 9, 4);
	assert_int_equal(how(0), -1);
	settle_as("u", 9, true, 4, NULL);
	assert_int_equal(how(0), SETTLED_PUBLISHED);
	assert_int_equal(heard[0].goal, GOAL_BUSY);
	assert_false(add("u", 5, 1, false)); /* nobody publishes any more */
}

static void
a_chain_of_goals(void **state)
{
	const struct job next = job("u", 10, 6);

	(void)state;
	add("u", 4, 0, true);
	hand("u", 9, 4);
	assert_true(add("u", 5, 1, false));
	assert_true(add("u", 6, 2, false));
	settle_as("u", 9, true, 4, &next);
	assert_int_equal(how(0), SETTLED_PUBLISHED);
	assert_int_equal(how(1), -1);
	hand("u", 10, 6);
	settle_as("u", 10, true, 6, NULL);
	assert_int_equal(how(1), SETTLED_SUPERSEDED);
	assert_int_equal(how(2), SETTLED_PUBLISHED);
}

/* It changed and came back: what was told is the newest goal, too. */
static void
changed_and_came_back(void **state)
{
	(void)state;
	add("u", 4, 0, true);
	hand("u", 9, 4);
	add("u", 5, 1, false);
	add("u", 6, 2, false);
	settle_as("u", 9, true, 6, NULL);
	assert_int_equal(how(0), SETTLED_PUBLISHED);
	assert_int_equal(how(1), SETTLED_SUPERSEDED);
	assert_int_equal(how(2), SETTLED_PUBLISHED);
}

/* Before it is stored: who waits in a request, but not for something newer. */
static void
confirmed_by_graph(void **state)
{
	const struct job old = job("u", 8, 5), its = job("u", 9, 5),
	    nobody = job("v", 1, 5);
	struct waiting_group *g = waiting_begin(w, &its, 1);

	(void)state;
	add("u", 4, 0, true);
	hand("u", 9, 5);
	add("u", 5, 1, false);
	add("u", 6, 2, false);
	waiting_confirm(w, &old); /* a claim that was given up says nothing */
	waiting_confirm(w, &nobody);
	assert_int_equal(nheard, 0);
	waiting_confirm(w, &its);
	assert_int_equal(how(0), SETTLED_SUPERSEDED);
	assert_int_equal(how(1), SETTLED_PUBLISHED);
	assert_int_equal(how(2), -1);
	assert_true(add("u", 7, 3, false)); /* it is still on its way */
	assert_false(waiting_end(w, g, 0)); /* a thread waits until it is stored */

	g = waiting_begin(w, &its, 1);
	hand("u", 9, 5);
	waiting_confirm(w, &its);
	settle_as("u", 9, true, 5, NULL);
	assert_true(waiting_end(w, g, 0));
	assert_int_equal(how(2), SETTLED_DEFERRED);
	assert_int_equal(how(1), SETTLED_PUBLISHED); /* once */
}

static void
once_more_keeps_them_waiting(void **state)
{
	const struct job next = job("u", 10, 4);

	(void)state;
	add("u", 4, 0, true);
	hand("u", 9, 4);
	settle_as("u", 9, false, 0, &next);
	assert_int_equal(nheard, 0);
	settle_as("u", 10, false, 0, NULL);
	assert_int_equal(how(0), SETTLED_DEFERRED);
}

/* The record thread hears of the old claim while apply has just made a new
 * one: who waits for the new one must not be sent away. */
static void
the_old_claim_ends_late(void **state)
{
	(void)state;
	add("u", 4, 0, true);
	hand("u", 9, 4);
	add("u", 5, 1, true);
	settle_as("u", 9, true, 4, NULL);
	assert_int_equal(how(0), SETTLED_PUBLISHED);
	assert_int_equal(how(1), -1);
	hand("u", 10, 5);
	settle_as("u", 9, false, 0, NULL); /* outdated: says nothing */
	assert_int_equal(how(1), -1);
	settle_as("u", 10, true, 5, NULL);
	assert_int_equal(how(1), SETTLED_PUBLISHED);
}

static void
people_do_not_mix(void **state)
{
	(void)state;
	add("u", 4, 0, true);
	add("v", 4, 1, true);
	hand("u", 1, 4);
	hand("v", 1, 4);
	settle_as("u", 1, true, 4, NULL);
	assert_int_equal(how(0), SETTLED_PUBLISHED);
	assert_int_equal(how(1), -1);
}

static void
all_or_deferred(void **state)
{
	const struct job both[] = { job("u", 1, 4), job("v", 2, 8) };

	(void)state;
	waiting_add_all(w, both, 2, 77, 3);
	waiting_hand(w, &both[0]);
	waiting_hand(w, &both[1]);
	settle_as("u", 1, true, 4, NULL);
	assert_int_equal(nheard, 0);
	settle_as("v", 2, true, 9, NULL); /* something newer: told as well */
	assert_int_equal(how(3), SETTLED_PUBLISHED);

	waiting_add_all(w, both, 2, 77, 4);
	waiting_hand(w, &both[0]);
	waiting_hand(w, &both[1]);
	settle_as("u", 1, false, 0, NULL);
	assert_int_equal(how(4), -1);
	settle_as("v", 2, true, 8, NULL);
	assert_int_equal(how(4), SETTLED_DEFERRED);
}

static void
blocking_until_all_are_told(void **state)
{
	const struct job both[] = { job("u", 1, 4), job("v", 2, 8) };
	struct waiting_group *g = waiting_begin(w, both, 2);

	(void)state;
	waiting_hand(w, &both[0]);
	waiting_hand(w, &both[1]);
	settle_as("u", 1, true, 4, NULL);
	settle_as("v", 2, true, 8, NULL);
	assert_true(waiting_end(w, g, 0));
	assert_int_equal(nheard, 0);

	g = waiting_begin(w, both, 2);
	waiting_hand(w, &both[0]);
	waiting_hand(w, &both[1]);
	settle_as("u", 1, true, 4, NULL);
	assert_false(waiting_end(w, g, 10)); /* and nobody is left behind */
	settle_as("v", 2, true, 8, NULL);
}

static void
a_probe_is_settled_by_its_number(void **state)
{
	struct job probe = job("u", 12, 0), publish = job("u", 1, 4);
	struct waiting_group *g;

	(void)state;
	probe.probe = true;
	g = waiting_begin(w, &probe, 1);
	waiting_hand(w, &probe);
	waiting_hand(w, &publish); /* of the same person: not the same thing */
	waiting_settle(w, &publish, true, 4, NULL);
	waiting_settle(w, &probe, true, 12, NULL);
	assert_true(waiting_end(w, g, 0));
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(published),
		T(a_chain_of_goals),
		T(changed_and_came_back),
		T(confirmed_by_graph),
		T(once_more_keeps_them_waiting),
		T(the_old_claim_ends_late),
		T(people_do_not_mix),
		T(all_or_deferred),
		T(blocking_until_all_are_told),
		T(a_probe_is_settled_by_its_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
