/* json: what is JSON and what is not, and questions that name the field. */
#include "base/json.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#undef fail /* cmocka's; ours is a function */

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static int
begin(void **state)
{
	static struct ctx cx;

	ctx_init(&cx, NULL);
	*state = &cx;
	return 0;
}

static int
end(void **state)
{
	ctx_done(*state);
	return 0;
}

/* From memory that ends where the text does, for the sanitizer's eyes. */
static enum err
read_exactly(struct ctx *cx, const char *text, size_t len,
    struct json_object **ret)
{
	char *copy = heap_alloc(len);
	enum err e;

	memcpy(copy, text, len);
	e = json_read(cx, copy, len, ret);
	heap_free(copy);
	return e;
}

static struct json_object *
must_read(struct ctx *cx, const char *text)
{
	struct json_object *o = NULL;

	assert_int_equal(read_exactly(cx, text, strlen(text), &o), ERR_OK);
	return o;
}

static void
accepts_json(void **state)
{
	static const char *const good[] = {
		"{}", "[]", "\"\"", "0", "-0", "1.5e+10", "1E-2", "true",
		"false", "null", " \t\r\n[ 1 , 2 ] \t\r\n",
		"{ \"a\" : { \"b\" : [ null , true , \"x\" ] } }",
		"[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\\uDE00\"]",
		"[\"\xc3\xa9 \x7f\"]", "{\"\":1}",
		"[99999999999999999999999999]", "[-99999999999999999999999]",
		"[1e999]", "[123456789.123456789012345678901234567890]",
	};
	size_t i;

	for (i = 0; i < COUNT(good); i++)
		must_read(*state, good[i]);
}

static void
refuses_what_is_not_json(void **state)
{
	static const char *const bad[] = {
		"", " ", "{", "[", "}", "]", "{]", "[}", "[1", "[1,", "[,]",
		"[1,]", "[1 2]", "[1,,2]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}",
		"{\"a\" 1}", "{a:1}", "{'a':1}", "['a']", "{1:2}", "{,}",
		"{null:1}", "[1]x", "[1] [2]", "{}{}", "1 2", "// c\n1",
		"/* c */1", "[1/**/]", "#1", "tru", "True", "TRUE", "nul",
		"nulll", "undefined", "NaN", "nan", "Infinity", "-Infinity",
		"01", "-01", "00", "+1", "-", ".5", "1.", "1.e1", "1e", "1e+",
		"0x10", "1_0", "--1", "\"", "\"a", "\"\\", "\"\\\"", "\"\\x\"",
		"\"\\u\"", "\"\\u12\"", "\"\\u123g\"", "\"\\U0041\"",
		"\"\\u+041\"", "\"\\u 041\"", "\"a\nb\"", "\"a\tb\"",
		"\"\x01\"", "\"\x1f\"", "\v1", "\f1", "1\v", "\xc2\xa0" "1",
		"\xef\xbb\xbf{}" /* a byte order mark */, "\"\xff\"",
		"\"\xed\xa0\x80\"", "\"\xc0\x80\"", "[\"a\xe2\x82\"]",
	};
	struct ctx *cx = *state;
	struct json_object *o;
	size_t i;

	for (i = 0; i < COUNT(bad); i++) {
		o = (struct json_object *)(void *)cx;
		assert_int_equal(
		    read_exactly(cx, bad[i], strlen(bad[i]), &o), ERR_INPUT);
		assert_ptr_equal(o, cx); /* untouched */
		assert_true(text_starts(cx->detail, "JSON: "));
		fail_forget(cx);
	}
}

static void
refuses_zero_bytes_and_half_characters(void **state)
{
	static const char *const bad[] = {
		"\"\\u0000\"", "{\"a\\u0000b\":1}", "[\"x\\u0000\"]",
		"{\"a\":\"\\u0000\"}", "\"\\uD800\"", "\"\\uDC00\"",
		"\"\\uD83Dx\"", "\"\\uD83D\\n\"", "\"\\uD83D\\u0041\"",
		"\"\\uD83D\\uD83D\"", "\"\\uDE00\\uD83D\"", "\"\\uD83D",
		"{\"\\udfff\":1}", "\"\\uD83D\\uDE0\"",
	};
	struct ctx *cx = *state;
	struct json_object *o;
	size_t i;

	for (i = 0; i < COUNT(bad); i++) {
		assert_int_equal(
		    read_exactly(cx, bad[i], strlen(bad[i]), &o), ERR_INPUT);
		fail_forget(cx);
	}
	assert_int_equal(read_exactly(cx, "\"a\0b\"", 5, &o), ERR_INPUT);
	fail_forget(cx);
	assert_int_equal(read_exactly(cx, "1\0", 2, &o), ERR_INPUT);
	fail_forget(cx);
	/* an escaped backslash before "u0000" is none of these */
	o = must_read(cx, "\"\\\\u0000\"");
	assert_string_equal(json_object_get_string(o), "\\u0000");
}

static void
says_where_it_is_wrong(void **state)
{
	struct ctx *cx = *state;
	struct json_object *o;

	assert_int_equal(json_read(cx, "[1,x]", 5, &o), ERR_INPUT);
	assert_string_equal(cx->detail,
	    "JSON: at byte 3: a value was expected");
	fail_forget(cx);
	assert_int_equal(json_read(cx, "{} x", 4, &o), ERR_INPUT);
	assert_string_equal(cx->detail,
	    "JSON: at byte 3: something follows the value");
}

static void
nests_32_levels(void **state)
{
	struct ctx *cx = *state;
	struct json_object *o;
	char text[400];
	int depth, kind, i;
	size_t len;

	for (kind = 0; kind < 2; kind++) {
		for (depth = 31; depth <= 34; depth++) {
			len = 0;
			for (i = 0; i < depth; i++)
				len += (size_t)snprintf(text + len,
				    sizeof(text) - len, "%s",
				    kind ? "{\"a\":" : "[");
			text[len++] = '1';
			for (i = 0; i < depth; i++)
				text[len++] = kind ? '}' : ']';
			assert_int_equal(read_exactly(cx, text, len, &o),
			    depth <= 32 ? ERR_OK : ERR_INPUT);
			fail_forget(cx);
		}
	}
	/* width is no depth */
	must_read(cx, "[[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],"
	    "[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[]]");
}

static void
asks_for_texts(void **state)
{
	struct ctx *cx = *state;
	struct json_object *o = must_read(cx,
	    "{\"t\":\"\xc3\xbc\",\"n\":1,\"z\":null,\"e\":\"\"}");
	const char *s = "before";

	assert_int_equal(
	    json_member_text(cx, o, "", "t", true, 2, 2, &s), ERR_OK);
	assert_string_equal(s, "\xc3\xbc");
	assert_int_equal(
	    json_member_text(cx, o, "", "z", false, 1, 9, &s), ERR_OK);
	assert_null(s);
	assert_int_equal(
	    json_member_text(cx, o, "", "e", true, 0, 9, &s), ERR_OK);
	assert_string_equal(s, "");

	assert_int_equal(
	    json_member_text(cx, o, "[3].data.", "x", true, 1, 9, &s),
	    ERR_INPUT);
	assert_string_equal(cx->detail, "[3].data.x is missing");
	assert_string_equal(s, ""); /* untouched */
	fail_forget(cx);
	assert_int_equal(
	    json_member_text(cx, o, "", "z", true, 1, 9, &s), ERR_INPUT);
	fail_forget(cx);
	assert_int_equal(
	    json_member_text(cx, o, "data.", "n", false, 1, 9, &s), ERR_INPUT);
	assert_string_equal(cx->detail, "data.n must be a string");
	fail_forget(cx);
	assert_int_equal(
	    json_member_text(cx, o, "", "e", false, 1, 9, &s), ERR_INPUT);
	assert_string_equal(cx->detail, "e must have 1 to 9 bytes");
	fail_forget(cx);
	assert_int_equal(
	    json_member_text(cx, o, "", "t", false, 1, 1, &s), ERR_INPUT);
}

static void
asks_for_numbers_and_bools(void **state)
{
	static const char *const no_int[] = {
		"1.0", "1e3", "\"1\"", "true", "[]", "11", "-1",
		"9223372036854775808", "18446744073709551615",
		"18446744073709551616", "99999999999999999999999",
		"-9223372036854775809", "-99999999999999999999999",
	};
	struct ctx *cx = *state;
	struct json_object *o;
	char text[80];
	int64_t n = 5;
	bool yes = false;
	size_t i;

	for (i = 0; i < COUNT(no_int); i++) {
		snprintf(text, sizeof(text), "{\"n\":%s}", no_int[i]);
		o = must_read(cx, text);
		assert_int_equal(json_member_int(cx, o, "", "n", false,
		    i < 7 ? 0 : INT64_MIN, i < 7 ? 10 : INT64_MAX, &n),
		    ERR_INPUT);
		assert_int_equal(n, 5);
		fail_forget(cx);
	}
	o = must_read(cx, "{\"n\":9223372036854775807,"
	    "\"m\":-9223372036854775807,\"t\":true,\"s\":\"true\"}");
	assert_int_equal(json_member_int(cx, o, "", "n", true, 0, INT64_MAX,
	    &n), ERR_OK);
	assert_true(n == INT64_MAX);
	assert_int_equal(json_member_int(cx, o, "", "m", true, INT64_MIN, 0,
	    &n), ERR_OK);
	assert_true(n == -INT64_MAX);
	assert_int_equal(
	    json_member_int(cx, o, "", "x", false, 0, 9, &n), ERR_OK);
	assert_true(n == -INT64_MAX); /* absent: untouched */
	assert_int_equal(
	    json_member_bool(cx, o, "", "t", true, &yes), ERR_OK);
	assert_true(yes);
	assert_int_equal(
	    json_member_bool(cx, o, "", "x", false, &yes), ERR_OK);
	assert_true(yes);
	assert_int_equal(
	    json_member_bool(cx, o, "", "s", false, &yes), ERR_INPUT);
	assert_string_equal(cx->detail, "s must be true or false");
	fail_forget(cx);
	assert_int_equal(
	    json_member_bool(cx, o, "", "x", true, &yes), ERR_INPUT);
	fail_forget(cx);
	/* asked of what is no object */
	o = must_read(cx, "[1]");
	assert_int_equal(
	    json_member_bool(cx, o, "", "x", false, &yes), ERR_INPUT);
	fail_forget(cx);
	assert_int_equal(
	    json_member_bool(cx, NULL, "", "x", false, &yes), ERR_OK);
	assert_int_equal(
	    json_member_bool(cx, NULL, "", "x", true, &yes), ERR_INPUT);
}

static void
peeks_without_errors(void **state)
{
	struct ctx *cx = *state;
	struct json_object *o = must_read(cx, "{\"t\":\"x\",\"n\":7,\"z\":null,"
	    "\"o\":{\"t\":\"y\"},\"h\":99999999999999999999}");

	assert_string_equal(json_peek_text(o, "t"), "x");
	assert_null(json_peek_text(o, "n"));
	assert_null(json_peek_text(o, "z"));
	assert_null(json_peek_text(o, "none"));
	assert_null(json_peek_text(NULL, "t"));
	assert_int_equal(json_peek_int(o, "n", -1), 7);
	assert_int_equal(json_peek_int(o, "t", -1), -1);
	assert_int_equal(json_peek_int(o, "h", -1), -1);
	assert_string_equal(json_peek_text(json_peek(o, "o"), "t"), "y");
	assert_null(json_peek(json_peek(o, "t"), "t"));
	assert_int_equal(cx->err, ERR_OK);
}

int
main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		CASE(accepts_json),
		CASE(refuses_what_is_not_json),
		CASE(refuses_zero_bytes_and_half_characters),
		CASE(says_where_it_is_wrong),
		CASE(nests_32_levels),
		CASE(asks_for_texts),
		CASE(asks_for_numbers_and_bools),
		CASE(peeks_without_errors),
	};

	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
