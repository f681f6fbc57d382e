/* text: numbers, UTF-8, times and encodings, by the standards' own samples. */
#include "base/text.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/clock.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static void
reads_whole_numbers(void **state)
{
	static const char *const bad[] = {
		"", "-", "+1", " 1", "1 ", "1.0", "0x1", "1e3", "--1", "abc",
		"9223372036854775808", "-9223372036854775809",
		"99999999999999999999999999",
	};
	int64_t n = 42;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(bad); i++)
		assert_false(text_int64(bad[i], INT64_MIN, INT64_MAX, &n));
	assert_int_equal(n, 42); /* untouched on failure */
	assert_true(text_int64("9223372036854775807", 0, INT64_MAX, &n));
	assert_true(n == INT64_MAX);
	assert_true(text_int64("-9223372036854775808", INT64_MIN, 0, &n));
	assert_true(n == INT64_MIN);
	assert_true(text_int64("007", 0, 10, &n));
	assert_int_equal(n, 7);
	assert_true(text_int64("5", 5, 5, &n));
	assert_false(text_int64("4", 5, 9, &n));
	assert_false(text_int64("10", 5, 9, &n));
	assert_false(text_int64("-1", 0, 9, &n));
}

/* Unicode 15 table 3-7, and the examples of section 3.9 */
static void
knows_utf8(void **state)
{
	static const char *const good[] = {
		"", "plain", "\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80",
		"\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf",
		"\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf",
	};
	static const char *const bad[] = {
		"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2\x41",
		"\xe0\x80\xaf", "\xe0\x9f\xbf", "\xe2\x82", "\xed\xa0\x80",
		"\xed\xbf\xbf", "\xf0\x80\x80\xaf", "\xf0\x8f\xbf\xbf",
		"\xf0\x9f\x98", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
		"\xfe", "\xff", "a\xe2\x82\xac\x80",
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(good); i++)
		assert_true(text_is_utf8(good[i], strlen(good[i])));
	for (i = 0; i < COUNT(bad); i++)
		assert_false(text_is_utf8(bad[i], strlen(bad[i])));
	assert_false(text_is_utf8("a\0b", 3));
	assert_true(text_is_utf8("\xe2\x82\xac", 3));
	assert_false(text_is_utf8("\xe2\x82\xac", 2));
}

static void
knows_uuids(void **state)
{
	(void)state;
	assert_true(text_is_uuid("f81d4fae-7dec-11d0-a765-00a0c91e6bf6"));
	assert_true(text_is_uuid("F81D4FAE-7DEC-11D0-A765-00A0C91E6BF6"));
	assert_false(text_is_uuid(""));
	assert_false(text_is_uuid("f81d4fae-7dec-11d0-a765-00a0c91e6bf"));
	assert_false(text_is_uuid("f81d4fae-7dec-11d0-a765-00a0c91e6bf6 "));
	assert_false(text_is_uuid("f81d4fae07dec-11d0-a765-00a0c91e6bf6"));
	assert_false(text_is_uuid("f81d4fag-7dec-11d0-a765-00a0c91e6bf6"));
	assert_false(text_is_uuid("{f81d4fae-7dec-11d0-a765-00a0c91e6bf6}"));
}

static void
makes_uuids(void **state)
{
	char one[37], two[37];
	int i;

	(void)state;
	text_uuid_random(two);
	for (i = 0; i < 100; i++) {
		text_uuid_random(one);
		assert_true(text_is_uuid(one));
		assert_int_equal(one[14], '4');
		assert_non_null(strchr("89ab", one[19]));
		assert_string_not_equal(one, two);
		memcpy(two, one, sizeof(one));
	}
}

static void
compares_words(void **state)
{
	char word[] = "MiXed-\xc3\x84";

	(void)state;
	text_lower(word);
	assert_string_equal(word, "mixed-\xc3\x84"); /* ASCII only */
	assert_true(text_same_word("True", "tRUE"));
	assert_true(text_same_word("", ""));
	assert_false(text_same_word("a", "ab"));
	assert_false(text_same_word("ab", "a"));
	assert_false(text_same_word("[", "{")); /* 32 apart as well */
	assert_int_equal(text_hash(""), 0x811c9dc5); /* the figures of FNV's authors */
	assert_int_equal(text_hash("a"), 0xe40c292c);
	assert_int_equal(text_hash("foobar"), 0xbf9cf968);
	assert_true(text_starts("abc", "ab"));
	assert_true(text_starts("abc", ""));
	assert_false(text_starts("ab", "abc"));
}

static void
assert_time(const char *s, int64_t us)
{
	int64_t got = -1;

	assert_true(text_rfc3339_us(s, &got));
	assert_true(got == us);
}

/* The samples of RFC 3339 section 5.8, seconds by GNU date */
static void
reads_times(void **state)
{
	(void)state;
	assert_time("1985-04-12T23:20:50.52Z", INT64_C(482196050520000));
	assert_time("1996-12-19T16:39:57-08:00", INT64_C(851042397000000));
	assert_time("1996-12-20T00:39:57Z", INT64_C(851042397000000));
	assert_time("1990-12-31T23:59:60Z", INT64_C(662688000000000));
	assert_time("1990-12-31T15:59:60-08:00", INT64_C(662688000000000));
	assert_time("1970-01-01T00:00:00Z", 0);
	assert_time("1970-01-01T00:00:00-00:00", 0);
	assert_time("1970-01-01t01:00:00+01:00", 0);
	assert_time("2000-02-29T00:00:00z", INT64_C(951782400000000));
	assert_time("2100-03-01T00:00:00Z", INT64_C(4107542400000000));
	assert_time("2026-11-22T12:00:00Z", INT64_C(1795348800000000));
	assert_time("9999-12-31T23:59:59.999999999Z",
	    INT64_C(253402300799999999));
	assert_time("1970-01-01T00:00:00.1Z", 100000);
	assert_time("1970-01-01T00:00:00.000001Z", 1);
	assert_time("1970-01-01T00:00:00.0000019Z", 1);
	assert_time("1970-01-01T00:00:00.123456789Z", 123456);
}

static void
refuses_what_is_no_time(void **state)
{
	static const char *const bad[] = {
		"", "2026", "2026-11-22", "2026-11-22T12:00:00",
		"2026-11-22 12:00:00Z", "2026-11-22T12:00Z",
		"2026-11-22T12:00:00+0100", "2026-11-22T12:00:00+01",
		"2026-11-22T12:00:00 Z", "2026-11-22T12:00:00Zx",
		"2026-11-22T12:00:00.Z", "2026-11-22T12:00:00,5Z",
		"2026-11-22T12:00:00.1234567890Z",
		"2026-00-22T12:00:00Z", "2026-13-22T12:00:00Z",
		"2026-11-00T12:00:00Z", "2026-11-31T12:00:00Z",
		"2026-02-29T12:00:00Z", "2100-02-29T12:00:00Z",
		"2026-11-22T24:00:00Z", "2026-11-22T12:60:00Z",
		"2026-11-22T12:00:61Z", "2026-11-22T12:00:60Z",
		"2026-11-22T12:00:00+24:00", "2026-11-22T12:00:00+01:60",
		"1937-01-01T12:00:27.87+00:20", /* the last of RFC 3339 5.8 */
		"1970-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01",
		"9999-12-31T23:59:60Z",
		"2026-1-22T12:00:00Z", "+026-11-22T12:00:00Z",
		"2026-11-22T12:00:0\xc2\xb9Z",
	};
	int64_t us = 42;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(bad); i++)
		assert_false(text_rfc3339_us(bad[i], &us));
	assert_int_equal(us, 42);
}

/* Each day of a few centuries, against the library's calendar. */
static void
agrees_with_the_calendar(void **state)
{
	int64_t day, us;
	char text[21];

	(void)state;
	for (day = 0; day < 365 * 500; day++) {
		clock_rfc3339(day * 86400 + 3661, text);
		assert_true(text_rfc3339_us(text, &us));
		assert_true(us == (day * 86400 + 3661) * 1000000);
	}
	clock_rfc3339(-1, text);
	assert_string_equal(text, "1970-01-01T00:00:00Z");
	clock_rfc3339(INT64_MAX, text);
	assert_string_equal(text, "9999-12-31T23:59:59Z");
}

/* RFC 4648 section 10 */
static const struct {
	const char *plain, *base64, *base64url, *hex;
} encoded[] = {
	{ "", "", "", "" },
	{ "f", "Zg==", "Zg", "66" },
	{ "fo", "Zm8=", "Zm8", "666f" },
	{ "foo", "Zm9v", "Zm9v", "666f6f" },
	{ "foob", "Zm9vYg==", "Zm9vYg", "666f6f62" },
	{ "fooba", "Zm9vYmE=", "Zm9vYmE", "666f6f6261" },
	{ "foobar", "Zm9vYmFy", "Zm9vYmFy", "666f6f626172" },
};

static void
encodes_and_decodes(void **state)
{
	uint8_t bytes[16];
	char text[32];
	size_t i, n, len;

	(void)state;
	for (i = 0; i < COUNT(encoded); i++) {
		n = strlen(encoded[i].plain);
		text_base64((const uint8_t *)encoded[i].plain, n, text);
		assert_string_equal(text, encoded[i].base64);
		text_base64url((const uint8_t *)encoded[i].plain, n, text);
		assert_string_equal(text, encoded[i].base64url);
		text_hex((const uint8_t *)encoded[i].plain, n, text);
		assert_string_equal(text, encoded[i].hex);
		assert_true(text_unbase64(encoded[i].base64, bytes, n, &len));
		assert_int_equal(len, n);
		assert_memory_equal(bytes, encoded[i].plain, n);
		assert_true(
		    text_unbase64url(encoded[i].base64url, bytes, n, &len));
		assert_int_equal(len, n);
		assert_memory_equal(bytes, encoded[i].plain, n);
		assert_true(text_unhex(encoded[i].hex, bytes, n, &len));
		assert_int_equal(len, n);
		assert_memory_equal(bytes, encoded[i].plain, n);
		if (n) { /* no room */
			assert_false(text_unbase64(encoded[i].base64, bytes,
			    n - 1, &len));
			assert_false(text_unbase64url(encoded[i].base64url,
			    bytes, n - 1, &len));
			assert_false(
			    text_unhex(encoded[i].hex, bytes, n - 1, &len));
		}
	}
}

static void
tells_the_alphabets_apart(void **state)
{
	static const uint8_t bytes[] = { 0xfb, 0xff, 0xbf };
	uint8_t back[8];
	char text[8];
	size_t len;

	(void)state;
	text_base64(bytes, 3, text);
	assert_string_equal(text, "+/+/");
	text_base64url(bytes, 3, text);
	assert_string_equal(text, "-_-_");
	assert_true(text_unbase64("+/+/", back, 8, &len));
	assert_memory_equal(back, bytes, 3);
	assert_true(text_unbase64url("-_-_", back, 8, &len));
	assert_memory_equal(back, bytes, 3);
	assert_false(text_unbase64("-_-_", back, 8, &len));
	assert_false(text_unbase64url("+/+/", back, 8, &len));
}

static void
refuses_bad_encodings(void **state)
{
	static const char *const bad64[] = {
		"Z", "Zg", "Zg=", "Zg===", "=", "==", "====", "Z===",
		"Zg==Zg==", "Zm9v\n", " Zm9v", "Zm9 v",
		"Zh==" /* bits left over */, "Zm9=", "Zm\xc3\xb6", "Zg=a",
		"Z=g=",
	};
	static const char *const bad64url[] = {
		"Z", "Zg==", "Zm9vY", "Zh", "Zm9", "Zm9v ", "Zm9v.", "=",
	};
	static const char *const badhex[] = { "6", "6g", "g6", " 6", "0x66" };
	uint8_t bytes[32];
	size_t i, len;

	(void)state;
	for (i = 0; i < COUNT(bad64); i++)
		assert_false(text_unbase64(bad64[i], bytes, 32, &len));
	for (i = 0; i < COUNT(bad64url); i++)
		assert_false(text_unbase64url(bad64url[i], bytes, 32, &len));
	for (i = 0; i < COUNT(badhex); i++)
		assert_false(text_unhex(badhex[i], bytes, 32, &len));
	assert_true(text_unhex("aBCd", bytes, 32, &len));
	assert_int_equal(bytes[0], 0xab);
}

static void
decodes_urls(void **state)
{
	static const char *const bad[] = {
		"%", "%4", "%zz", "%4z", "a%", "%00", "a%00b", "%c3", "%ff",
		"%ed%a0%80", "\xff", "%-1",
	};
	char text[32];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(bad); i++) {
		memcpy(text, bad[i], strlen(bad[i]) + 1);
		assert_false(text_urldecode(text, false));
	}
	memcpy(text, "a%2Fb%c3%BC+c", 14);
	assert_true(text_urldecode(text, false));
	assert_string_equal(text, "a/b\xc3\xbc+c");
	memcpy(text, "a+%2B%25+", 10);
	assert_true(text_urldecode(text, true));
	assert_string_equal(text, "a +% ");
	text[0] = '\0';
	assert_true(text_urldecode(text, true));
}

static void
fills_with_random_bytes(void **state)
{
	uint8_t a[300] = { 0 }, b[300] = { 0 };

	(void)state;
	text_random(a, sizeof(a));
	text_random(b, sizeof(b));
	assert_memory_not_equal(a, b, 16);
	assert_memory_not_equal(a + 284, b + 284, 16);
	text_random(NULL, 0);
}

static void
rotates_lists(void **state)
{
	char room[8];

	(void)state;
#define IS(list, by, expected)                                             \
	assert_string_equal(text_rotate(list, by, room, sizeof(room)), expected)
	assert_null(text_rotate(NULL, 3, room, sizeof(room)));
	IS("a", 3, "a");
	IS("a,b,c", 0, "a,b,c");
	IS("a,b,c", 1, "b,c,a");
	IS("a,b,c", 2, "c,a,b");
	IS("a,b", 7, "b,a");
	IS("a,", 1, ",a");
#undef IS
	assert_int_equal(text_items("a,b,c"), 3);
	assert_int_equal(text_items(NULL), 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_whole_numbers),
		cmocka_unit_test(knows_utf8),
		cmocka_unit_test(knows_uuids),
		cmocka_unit_test(makes_uuids),
		cmocka_unit_test(compares_words),
		cmocka_unit_test(reads_times),
		cmocka_unit_test(refuses_what_is_no_time),
		cmocka_unit_test(agrees_with_the_calendar),
		cmocka_unit_test(encodes_and_decodes),
		cmocka_unit_test(tells_the_alphabets_apart),
		cmocka_unit_test(refuses_bad_encodings),
		cmocka_unit_test(decodes_urls),
		cmocka_unit_test(fills_with_random_bytes),
		cmocka_unit_test(rotates_lists),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
