/* parked: tenants that are held share the batches, and their turns go round. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail /* cmocka's; ours remembers why */

#include "sync/parked.h"

static void
no_crowd_of_a_parked_tenant_stops_another(void **state)
{
	struct parked *list = NULL;
	int i;

	(void)state;
	for (i = 0; i < 80; i++)
		parked_put(parked_need(&list, i ? "many" : "one"),
		    apply_unit_new(NULL));
	assert_int_equal(parked_share(&list, 64), 32);
	assert_string_equal(list->tenant_id, "many");
	assert_int_equal(parked_share(&list, 64), 32);
	assert_string_equal(list->tenant_id, "one");
	/* who comes new is behind them */
	parked_put(parked_need(&list, "new"), apply_unit_new(NULL));
	assert_int_equal(parked_share(&list, 64), 21);
	assert_string_equal(list->tenant_id, "many");
	apply_unit_free(parked_take(parked_find(list, "new")));
	parked_sweep(&list);
	assert_int_equal(parked_share(&list, 64), 32);
	assert_string_equal(list->tenant_id, "one");
	assert_int_equal(parked_share(&list, 64), 32);
	assert_int_equal(parked_share(&list, 1), 1);
	for (i = 0; i < 80; i++)
		apply_unit_free(parked_take(parked_find(list,
		    i ? "many" : "one")));
	parked_sweep(&list);
	assert_null(list);
	assert_int_equal(parked_share(&list, 64), 64);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_crowd_of_a_parked_tenant_stops_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
