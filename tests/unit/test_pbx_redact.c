/* pbx/redact.c: what is gone, what stays, and that adapters still read what is left. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/buf.h"
#include "base/json.h"
#include "pbx/platform.h"
#include "pbx/redact.h"

#include <cmocka.h> /* last: it has a macro fail() */

#define NOW_S 1795348803 /* 2026-11-22T12:00:03Z */

static struct ctx cx;
static const struct redact rules = { "0123456789abcdef", "pathsecret", NOW_S };

static const char *
redacted(const char *text)
{
	return redact_text(&cx, &rules, text, strlen(text));
}

/* Digits as #: what a number looks like. */
static const char *
shape(const char *text)
{
	char *s = arena_strdup(&cx.arena, text);
	char *at;

	for (at = s; *at != '\0'; at++)
		if (*at >= '0' && *at <= '9')
			*at = '#';
	return s;
}

static void
stays(const char *text)
{
	assert_string_equal(redacted(text), text);
}

/* Digits change, and nothing else. */
static void
masked(const char *text)
{
	const char *got = redacted(text);

	if (strcmp(got, text) == 0)
		fail_msg("it stayed: %s", text);
	assert_string_equal(shape(got), shape(text));
}

static void
test_numbers(void **state)
{
	(void)state;
	stays("{\"extension\":\"1001\"}");
	stays("{\"extension\":123456}");
	masked("{\"from\":\"1234567\"}");
	masked("{\"from\":\"+4915112345678\",\"to\":\"(030) 123-4567\"}");
	masked("from=%2B49%20151%2F12345678&to=030+123+4567");
	masked("{\"n\":\"030 - 12.34.56\"}");
	masked("<x>0049/30/1234567</x>");
	masked("\\u0030\\u0031234567");
	masked("leg12345678x");
	masked("555_123_4567");
	masked("{\"n\":\"030\xc2\xa0" "123\xe2\x80\x91" "4567\"}");
	assert_string_not_equal(redacted("4915112345678"),
	    redacted("4915112345679"));
}

static void
test_equal_numbers_stay_equal(void **state)
{
	const struct redact other = { "another key", NULL, NOW_S };
	const char *plain = redacted("4915112345678");
	char spaced[32];

	(void)state;
	snprintf(spaced, sizeof(spaced), "%.5s %s", plain, plain + 5);
	assert_string_equal(redacted("49151 12345678"), spaced);
	assert_string_not_equal(plain,
	    redact_text(&cx, &other, "4915112345678", 13));
}

static void
test_times_stay(void **state)
{
	(void)state;
	stays("{\"t\":\"2022-01-19 00:48:25\",\"u\":\"2026-11-22T12:00:00.123456789Z\"}");
	stays("t=2022-01-19+00%3A48%3A25&e=1001");
	stays("{\"t\":\"2026-11-22T12:00:00+01:00\"}");
	stays("{\"t\":1795348800,\"ms\":1795348800123,\"us\":1795348800123456}");
	stays("{\"t\":1795348800.123456}");
	stays("19.01.2022 00:48:25, 01/19/2022 10:00");
	stays("20220119004825");
	stays("1001 2022-01-19 00:48:25");
	masked("{\"t\":1695348800}"); /* years ago: it may be a telephone's */
	masked("2022-01-1955");
	masked("20221319004825");
}

static void
test_json_numbers_are_numbers(void **state)
{
	struct json_object *o;
	char text[64];
	int i;

	(void)state;
	for (i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "{\"n\":%d,\"token\":%d}",
		    10000000 + i * 7919, i);
		assert_int_equal(json_read(&cx, redacted(text),
		    strlen(redacted(text)), &o), ERR_OK);
	}
}

static void
gone(const char *text, const char *word)
{
	const char *got = redacted(text);

	if (strstr(got, word) != NULL)
		fail_msg("%s is still in %s", word, got);
}

static void
test_secrets(void **state)
{
	(void)state;
	assert_string_equal(redacted("{\"token\":\"abc\",\"a\":1}"),
	    "{\"token\":\"redacted\",\"a\":1}");
	assert_string_equal(redacted("a=1&api_key=abc&b=2"),
	    "a=1&api_key=redacted&b=2");
	gone("{\"password\" : \"a\\\"bc\"}", "bc");
	gone("{\"msg\":\"{\\\"secret\\\":\\\"abc\\\\\\\"def\\\"}\"}", "def");
	gone("payload=%7B%22token%22%3A%22abc%22%7D", "abc");
	gone("url=https%3A%2F%2Fx%3Ftoken%3Dabc%26b%3D2", "abc");
	gone("data[secret]=abc", "abc");
	gone("<Token>abc</Token>", "abc");
	gone("<ns:secret a=\"b\"><![CDATA[abc]]></ns:secret>", "abc");
	gone("<x password='abc'/>", "abc");
	gone("{\"tokens\":[\"abc\",{\"b\":\"abc\"}]}", "abc");
	gone("Authorization: Bearer abc", "abc");
	gone("{\"u\":\"https://x/webhook/1/pathsecret\"}", "pathsecret");
	gone("{\"token\":\"abc", "abc");
	gone("{\"x\":\"whsec_c2VjcmV0c2VjcmV0MTIzNDU2Nzg5MA\"}", "MTIz");
	stays("{\"token\":null,\"secret\":true}");
	stays("{\"monkey\":\"abc\",\"type\":\"call.answered\"}");
}

static void
test_people(void **state)
{
	(void)state;
	gone("{\"caller_name\":\"Anna Berg\"}", "Anna");
	gone("{\"name\":\"Anna Berg\"}", "Berg");
	gone("from_name=Anna+Berg&x=1", "Berg");
	gone("<callingName>Anna</callingName>", "Anna");
	gone("\\\"Anna Berg\\\" <sip:1001@pbx>", "Berg");
	gone("{\"caller\":\"Anna Berg <1001>\"}", "Berg");
	gone("f=%22Anna%20Berg%22%20%3Csip%3A1001%40pbx%3E", "Berg");
	gone("anna.berg@nordwind.example", "anna");
	gone("u=anna.berg%40nordwind.example", "berg");
	gone("{\"displayName\":\"J\xc3\xbcrgen\"}", "\xc3\xbc");
	gone("{\"name\":\"anna.berg\"}", "berg");
	gone("{\"name\":\"BERG-MEIER\"}", "MEIER");
	gone("{\"names\":[\"Anna Berg\",\"Bert\"]}", "Bert");
	gone("{\"name1\":\"Anna\"}", "Anna");
	gone("display_remote=Anna%20Berg&x=1", "Berg");
	stays("sip:1001@pbx.example");
	stays("{\"name\":\"CALL_STARTED\",\"hostname\":\"core1\"}");
	assert_string_equal(redacted("ANNA@x") + 4, "@x");
	assert_non_null(strstr(redacted("anna@nordwind.example"),
	    "@nordwind.example"));
}

/* Names within names: the work grows with the text alone (it took 40 s once). */
static void
test_many_names(void **state)
{
	const clock_t from = clock();
	struct buf b;
	int i;

	(void)state;
	buf_init(&b, &cx.arena, 262144);
	for (i = 0; i < 262144 / 10; i++)
		buf_text(&b, i % 2 ? "name:name=" : "name=name=");
	assert_non_null(redacted(buf_str(&b)));
	assert_true(clock() - from < 8 * CLOCKS_PER_SEC);
}

static void
test_bytes_that_are_no_text(void **state)
{
	(void)state;
	assert_string_equal(redact_text(&cx, &rules, "a\0b\xff", 4),
	    "a\xef\xbf\xbd" "b\xef\xbf\xbd");
	assert_string_equal(redacted(""), "");
}

static void
test_headers(void **state)
{
	(void)state;
	assert_null(redact_header(&cx, &rules, "cookie", "a=b"));
	assert_null(redact_header(&cx, &rules, "x-forwarded-for", "1.2.3.4"));
	assert_string_equal(redact_header(&cx, &rules, "authorization",
	    "Bearer abc"), "authorization: redacted");
	assert_string_equal(redact_header(&cx, &rules, "webhook-signature",
	    "v1,abc"), "webhook-signature: redacted");
	assert_string_equal(redact_header(&cx, &rules, "content-type",
	    "application/json"), "content-type: application/json");
	assert_string_equal(redact_header(&cx, &rules, "webhook-timestamp",
	    "1795348800"), "webhook-timestamp: 1795348800");
}

/* --- what adapters make of it ------------------------------------------------------ */

static const char *
no_header(void *arg, const char *name)
{
	(void)arg;
	(void)name;
	return NULL;
}

/* The types of the events, or the kind of error. */
static const char *
outcome(const struct platform *p, const char *ending, const char *text)
{
	const bool get = strcmp(ending, ".query") == 0;
	struct pbx_events events = { 0 };
	struct buf b;
	enum err e;
	int i;

	fail_forget(&cx);
	e = p->parse(&cx, &(struct pbx_request){
	    .method = get ? "GET" : "POST", .url = "", .by_path = true,
	    .content_type = strcmp(ending, ".json") == 0 ? "application/json" :
	    get ? "" : "application/x-www-form-urlencoded",
	    .query = get ? text : "", .body = get ? "" : text,
	    .body_len = get ? 0 : strlen(text), .header = no_header }, &events);
	if (e)
		return err_word(e);
	buf_init(&b, &cx.arena, 100000);
	for (i = 0; i < events.n; i++) {
		const char *x = events.list[i].extension;

		buf_printf(&b, "%s %s,", event_type_name(events.list[i].type),
		    x && strlen(x) <= 6 && strspn(x, "0123456789") == strlen(x)
		    ? x : "-");
	}
	return buf_str(&b);
}

static char *
file_text(const char *path)
{
	static char text[1000001];
	FILE *f = fopen(path, "rb");
	size_t n;

	assert_non_null(f);
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = '\0';
	return strlen(text) == n ? text : NULL;
}

static int
compare(const struct platform *p, const char *file, const char *ending)
{
	char path[512], *text;
	const char *before, *after;

	snprintf(path, sizeof(path), "tests/pbx/%s/%s", p->name, file);
	text = file_text(path);
	if (text == NULL)
		return 0;
	if (strcmp(ending, ".query") == 0)
		text[strcspn(text, "\n")] = '\0';
	before = outcome(p, ending, text);
	after = outcome(p, ending, redacted(text));
	if (strcmp(before, after) == 0)
		return 0;
	print_error("%s\n  %s\n  %s\n", path, before, after);
	return 1;
}

static void
test_adapters_read_it(void **state)
{
	const struct platform *p;
	struct dirent *d;
	int n = 0, nwrong = 0;
	const char *ending;
	char path[512];
	size_t i;
	DIR *dir;

	(void)state;
	for (i = 0; (p = platform_at(i)) != NULL; i++) {
		snprintf(path, sizeof(path), "tests/pbx/%s", p->name);
		dir = opendir(path);
		assert_non_null(dir);
		while ((d = readdir(dir)) != NULL) {
			ending = strrchr(d->d_name, '.');
			if (ending == NULL || strcmp(ending, ".events") == 0 ||
			    strcmp(ending, ".headers") == 0 || ending == d->d_name ||
			    strlen(ending) < 4)
				continue;
			n++;
			nwrong += compare(p, d->d_name, ending);
			arena_reset(&cx.arena);
		}
		closedir(dir);
	}
	print_message("%d requests, %d are read otherwise\n", n, nwrong);
	assert_true(n > 100);
	assert_int_equal(nwrong, 0);
}

/* Unclosed and nested quotes must not make it slow. */
static void
test_long_bodies(void **state)
{
	static const char *const parts[] = { "name=\"", "name='", "\"token\":\\\"",
		"<name a='", "<token><![", "name:\\\\\\\"", "@", "1 ", "12345678901234567890",
		"<sip:", "{\"key\":[", "\\", "%22name%22:%22" };
	size_t i, len, n;
	struct buf b;

	(void)state;
	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		len = strlen(parts[i]);
		buf_init(&b, &cx.arena, 262144);
		for (n = 0; n + len <= 262144; n += len)
			buf_add(&b, parts[i], len);
		redact_text(&cx, &rules, buf_str(&b), b.len);
		arena_reset(&cx.arena);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_equal_numbers_stay_equal),
		cmocka_unit_test(test_times_stay),
		cmocka_unit_test(test_json_numbers_are_numbers),
		cmocka_unit_test(test_secrets),
		cmocka_unit_test(test_people),
		cmocka_unit_test(test_bytes_that_are_no_text),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_adapters_read_it),
		cmocka_unit_test(test_long_bodies),
		cmocka_unit_test(test_many_names),
	};
	int failed;

	ctx_init(&cx, NULL);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	ctx_done(&cx);
	return failed;
}
