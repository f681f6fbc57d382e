/* libcurl's upload buffers: each has a place of its own, and gives it back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/http_memory.h"

#define MANY 1500 /* more than there are places */

static int
begin(void **state)
{
	(void)state;
	return http_memory_init() ? 0 : -1;
}

static void
a_place_is_used_again(void **state)
{
	void *one = http_memory_alloc(HTTP_UPLOAD_BYTES), *again;

	(void)state;
	assert_int_equal((uintptr_t)one % 4096, 0);
	http_memory_free(one);
	again = http_memory_alloc(HTTP_UPLOAD_BYTES);
	assert_ptr_equal(again, one);
	http_memory_free(again);
}

static void
none_is_given_twice(void **state)
{
	unsigned *all[MANY];
	unsigned i, round;

	(void)state;
	for (round = 0; round < 2; round++) {
		for (i = 0; i < MANY; i++) {
			all[i] = http_memory_alloc(HTTP_UPLOAD_BYTES);
			assert_non_null(all[i]);
			all[i][0] = all[i][HTTP_UPLOAD_BYTES / sizeof(unsigned) - 1] = i;
		}
		for (i = 0; i < MANY; i++) {
			assert_int_equal(all[i][0], i);
			assert_int_equal(
			    all[i][HTTP_UPLOAD_BYTES / sizeof(unsigned) - 1], i);
			http_memory_free(all[i]);
		}
	}
}

static void
what_grows_keeps_its_bytes(void **state)
{
	char *place = http_memory_alloc(HTTP_UPLOAD_BYTES), *grown;
	char *other = http_memory_alloc(100);

	(void)state;
	memset(place, 'x', HTTP_UPLOAD_BYTES);
	grown = http_memory_grow(place, 2 * HTTP_UPLOAD_BYTES);
	assert_ptr_not_equal(grown, place);
	assert_int_equal(grown[0], 'x');
	assert_int_equal(grown[HTTP_UPLOAD_BYTES - 1], 'x');
	assert_ptr_equal(http_memory_alloc(HTTP_UPLOAD_BYTES), place);
	http_memory_free(place);
	http_memory_free(grown);
	memset(other, 'y', 100);
	other = http_memory_grow(other, 5000);
	assert_int_equal(other[99], 'y');
	http_memory_free(other);
	http_memory_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_place_is_used_again),
		cmocka_unit_test(none_is_given_twice),
		cmocka_unit_test(what_grows_keeps_its_bytes),
	};

	return cmocka_run_group_tests(tests, begin, NULL);
}
