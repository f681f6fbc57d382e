/* buf: growth up to the maximum, and the two encoders. */
#include "base/buf.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
is_empty_at_birth(void **state)
{
	struct buf b;

	(void)state;
	buf_init_heap(&b, 10);
	assert_string_equal(buf_str(&b), "");
	assert_true(buf_text(&b, ""));
	assert_string_equal(buf_str(&b), "");
	buf_done(&b);
	buf_done(&b);
}

static void
grows_and_stays_terminated(void **state)
{
	struct buf b;
	size_t i;

	(void)state;
	buf_init_heap(&b, 100000);
	for (i = 0; i < 100000; i++) {
		assert_true(buf_add(&b, "x", 1));
		assert_int_equal(b.len, i + 1);
		assert_int_equal(b.data[b.len], '\0');
	}
	assert_false(b.overflow);
	buf_done(&b);
}

static void
refuses_what_passes_the_maximum(void **state)
{
	struct buf b;

	(void)state;
	buf_init_heap(&b, 5);
	assert_true(buf_text(&b, "12345")); /* exactly */
	assert_false(buf_text(&b, "6"));
	assert_true(b.overflow);
	assert_string_equal(buf_str(&b), "12345");
	buf_clear(&b);
	assert_false(b.overflow);
	assert_false(buf_text(&b, "123456"));
	assert_false(buf_text(&b, "1")); /* sticky: no text with a hole */
	assert_string_equal(buf_str(&b), "");
	buf_clear(&b);
	assert_false(buf_printf(&b, "%d", 123456));
	buf_clear(&b);
	assert_true(buf_printf(&b, "%d", 12345));
	assert_string_equal(buf_str(&b), "12345");
	buf_done(&b);
}

static void
lives_in_an_arena(void **state)
{
	struct arena a;
	int i, j;

	(void)state;
	arena_init(&a);
	for (i = 0; i < 3; i++) {
		struct buf b; /* may go before the arena does */

		buf_init(&b, &a, 1 << 20);
		for (j = 0; j < 1000; j++)
			assert_true(buf_printf(&b, "line %d\n", j));
		if (i == 1)
			buf_done(&b);
	}
	arena_reset(&a); /* the leak checker is the judge */
}

static void
keeps_bytes_as_they_are(void **state)
{
	struct buf b;

	(void)state;
	buf_init_heap(&b, 100);
	assert_true(buf_add(&b, "a\0b", 3));
	assert_int_equal(b.len, 3);
	assert_memory_equal(b.data, "a\0b", 4);
	buf_done(&b);
}

static void
assert_json(const char *in, const char *out)
{
	struct buf b;

	buf_init_heap(&b, 1000);
	assert_true(buf_json(&b, in));
	assert_string_equal(buf_str(&b), out);
	buf_done(&b);
}

static void
writes_json_strings(void **state)
{
	(void)state;
	assert_json(NULL, "null");
	assert_json("", "\"\"");
	assert_json("plain", "\"plain\"");
	assert_json("\"", "\"\\\"\"");
	assert_json("C:\\x", "\"C:\\\\x\"");
	assert_json("a\nb\rc\td", "\"a\\nb\\rc\\td\"");
	assert_json("\x01\x1f\x7f", "\"\\u0001\\u001f\x7f\"");
	assert_json("gr\xc3\xbc\xc3\x9f", "\"gr\xc3\xbc\xc3\x9f\"");
	assert_json("</script>", "\"</script>\"");
}

static void
encodes_for_urls(void **state)
{
	struct buf b;

	(void)state;
	buf_init_heap(&b, 1000);
	assert_true(buf_urlencode(&b, "AZaz09-._~"));
	assert_true(buf_urlencode(&b, " +&=%/?#\xc3\xbc"));
	assert_true(buf_urlencode(&b, ""));
	assert_string_equal(buf_str(&b),
	    "AZaz09-._~%20%2B%26%3D%25%2F%3F%23%C3%BC");
	buf_done(&b);
}

static void
encodes_all_or_nothing(void **state)
{
	struct buf b;
	size_t max;

	(void)state;
	for (max = 1; max < 12; max++) {
		buf_init_heap(&b, max);
		assert_true(buf_text(&b, "x"));
		if (!buf_json(&b, "a\"\x01")) /* 1 + 11 bytes are wanted */
			assert_string_equal(buf_str(&b), "x");
		else
			assert_int_equal(b.len, 12);
		buf_clear(&b);
		assert_true(buf_text(&b, "x"));
		if (!buf_urlencode(&b, "a b%c"))
			assert_string_equal(buf_str(&b), "x");
		else
			assert_string_equal(buf_str(&b), "xa%20b%25c");
		buf_done(&b);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_empty_at_birth),
		cmocka_unit_test(grows_and_stays_terminated),
		cmocka_unit_test(refuses_what_passes_the_maximum),
		cmocka_unit_test(lives_in_an_arena),
		cmocka_unit_test(keeps_bytes_as_they_are),
		cmocka_unit_test(writes_json_strings),
		cmocka_unit_test(encodes_for_urls),
		cmocka_unit_test(encodes_all_or_nothing),
	};

	return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
