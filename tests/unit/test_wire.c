/* Pairs and media types; the rest is tested through requests. */
#include "base/wire.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

static const struct {
	const char *pairs, *name, *value;
} good[] = {
	{ "", "a", NULL },
	{ "a", "a", "" },
	{ "a=", "a", "" },
	{ "&&a=1&&", "a", "1" },
	{ "b=2&a=1", "a", "1" },
	{ "ab=2&a=1", "a", "1" },
	{ "a=1=2", "a", "1=2" },
	{ "a=%41+%2B", "a", "A +" },
	{ "%61=x", "a", "x" },
	{ "call%5Fid=7", "call_id", "7" },
	{ "two+words=7", "two words", "7" },
	{ "=1", "", "1" },
	{ "%6=1&a=2", "a", "2" },
	{ "a;b=1", "a", NULL },
	{ "a=%E2%82%AC", "a", "\xe2\x82\xac" },
};

static const struct {
	const char *pairs, *detail;
} bad[] = {
	{ "a=1&a=1", "a is given twice" },
	{ "a&a", "a is given twice" },
	{ "a=1&%61=2", "a is given twice" },
	{ "a=%", "a is badly encoded" },
	{ "a=%f", "a is badly encoded" },
	{ "a=%00", "a is badly encoded" },
	{ "a=%c0%80", "a is badly encoded" },
	{ "a=\xe4", "a is badly encoded" },
};

static void
test_pair(void **state)
{
	const char *value;
	struct ctx cx;
	size_t i;

	(void)state;
	ctx_init(&cx, NULL);
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(
		    wire_pair(&cx, good[i].pairs, good[i].name, &value),
		    ERR_OK);
		if (good[i].value == NULL)
			assert_null(value);
		else
			assert_string_equal(value, good[i].value);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		fail_forget(&cx);
		value = "untouched";
		assert_int_equal(
		    wire_pair(&cx, bad[i].pairs, "a", &value), ERR_INPUT);
		assert_string_equal(cx.detail, bad[i].detail);
		assert_string_equal(value, "untouched");
	}
	ctx_done(&cx);
}

static void
test_next(void **state)
{
	static const char *const wanted[][2] = {
		{ "a", "" }, { "b c", "1=2" }, { "", "x" }, { "a", "\xe2\x82\xac" },
	};
	static const char *const broken[] = { "a=%", "%00=1", "a=\xe4" };
	const char *pairs = "&a&&b+c=1=2&=x&a=%E2%82%AC&";
	const char *name, *value;
	struct ctx cx;
	enum err e;
	size_t i;

	(void)state;
	ctx_init(&cx, NULL);
	for (i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		assert_true(wire_next(&cx, &pairs, &name, &value, &e));
		assert_string_equal(name, wanted[i][0]);
		assert_string_equal(value, wanted[i][1]);
	}
	assert_false(wire_next(&cx, &pairs, &name, &value, &e));
	assert_int_equal(e, ERR_OK);
	for (i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		fail_forget(&cx);
		pairs = broken[i];
		assert_false(wire_next(&cx, &pairs, &name, &value, &e));
		assert_int_equal(e, ERR_INPUT);
	}
	ctx_done(&cx);
}

static void
test_media(void **state)
{
	(void)state;
	assert_true(wire_media_is("application/json", "application/json"));
	assert_true(wire_media_is("Application/JSON;q=1", "application/json"));
	assert_true(wire_media_is("application/json ;a=b", "application/json"));
	assert_false(wire_media_is("", "application/json"));
	assert_false(wire_media_is("application/json5", "application/json"));
	assert_false(wire_media_is("application/jso", "application/json"));
	assert_false(wire_media_is(" application/json", "application/json"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pair),
		cmocka_unit_test(test_next),
		cmocka_unit_test(test_media),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
