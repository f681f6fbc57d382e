/*
 * The generic webhook: what the captured cases under tests/pbx/generic cannot
 * say, because it is about limits, headers or the words of errors.
 */
#include "pbx/generic.c"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "base/buf.h"

struct sent {
	const char *method, *type, *query;
	const char *id, *timestamp, *signature; /* headers */
};

static const struct sent post = { "POST", "application/json", "", NULL, NULL,
	NULL };

static const char *
header(void *arg, const char *name)
{
	const struct sent *s = arg;

	if (strcmp(name, "webhook-id") == 0)
		return s->id;
	if (strcmp(name, "webhook-timestamp") == 0)
		return s->timestamp;
	return strcmp(name, "webhook-signature") == 0 ? s->signature : NULL;
}

static enum err
parse_len(struct ctx *cx, struct sent s, const char *body, size_t len,
    struct pbx_events *ret)
{
	struct pbx_request rq = {
		.method = s.method,
		.content_type = s.type,
		.query = s.query,
		.body = body,
		.body_len = len,
		.header = header,
		.arg = &s,
	};

	fail_forget(cx);
	return platform_generic.parse(cx, &rq, ret);
}

static enum err
parse(struct ctx *cx, struct sent s, const char *body, struct pbx_events *ret)
{
	return parse_len(cx, s, body, strlen(body), ret);
}

static int
set_up(void **state)
{
	static struct ctx cx;

	ctx_init(&cx, NULL);
	*state = &cx;
	return 0;
}

static int
tear_down(void **state)
{
	ctx_done(*state);
	return 0;
}

static void
test_media(void **state)
{
	static const struct {
		const char *type;
		enum err e;
	} cases[] = {
		{ "application/json", ERR_OK },
		{ "application/json; charset=utf-8", ERR_OK },
		{ "Application/Json", ERR_OK },
		{ "", ERR_MEDIA },
		{ "text/plain", ERR_MEDIA },
		{ "application/x-www-form-urlencoded", ERR_MEDIA },
		{ "application/jsonp", ERR_MEDIA },
	};
	struct sent s = post;
	struct pbx_events events;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		s.type = cases[i].type;
		assert_int_equal(
		    parse(*state, s, "{\"type\":\"pbx.restarted\"}", &events),
		    cases[i].e);
	}
}

/* The same message, n times in one array. */
static const char *
array_of(struct ctx *cx, int n, const char *item)
{
	struct buf b;
	int i;

	buf_init(&b, &cx->arena, 1000000);
	buf_text(&b, "[");
	for (i = 0; i < n; i++)
		buf_printf(&b, "%s%s", i > 0 ? "," : "", item);
	buf_text(&b, "]");
	return buf_str(&b);
}

static void
test_array(void **state)
{
	const char *item = "{\"type\":\"extension.busy\","
			   "\"data\":{\"extension\":\"1\"}}";
	struct ctx *cx = *state;
	struct pbx_events events;

	assert_int_equal(parse(cx, post, "[]", &events), ERR_OK);
	assert_int_equal(events.n, 0);
	assert_int_equal(
	    parse(cx, post, array_of(cx, 500, item), &events), ERR_OK);
	assert_int_equal(events.n, 500);
	assert_string_equal(events.list[499].extension, "1");
	assert_int_equal(
	    parse(cx, post, array_of(cx, 501, item), &events), ERR_INPUT);
	assert_string_equal(
	    cx->detail, "the array has 501 events, allowed are 500");
}

/* The detail names the member that is at fault. */
static void
test_details(void **state)
{
#define IN_ARRAY(item) "[{\"type\":\"pbx.restarted\"}," item "]"
	static const struct {
		const char *body, *detail;
	} cases[] = {
		{ "", "JSON: at byte 0: a value was expected" },
		{ "1", "the body is neither an object nor an array" },
		{ "null", "the body is neither an object nor an array" },
		{ "[1]", "[0] is not an object" },
		{ IN_ARRAY("null"), "[1] is not an object" },
		{ IN_ARRAY("[]"), "[1] is not an object" },
		{ "{}", "type is missing" },
		{ IN_ARRAY("{}"), "[1].type is missing" },
		{ "{\"type\":1}", "type must be a string" },
		{ "{\"type\":\"\"}", "type is not known: \"\"" },
		{ IN_ARRAY("{\"type\":\"call.foo\"}"),
		    "[1].type is not known: \"call.foo\"" },
		{ "{\"type\":\"Call.Ended\"}",
		    "type is not known: \"Call.Ended\"" },
		{ "{\"type\":\"a\\\"\\\\\\n\xc3\xa4\"}",
		    "type is not known: \"a?????\"" },
		{ "{\"type\":\"0123456789012345678901234567890123456789\"}",
		    "type is not known: "
		    "\"0123456789012345678901234567890123456789\"" },
		{ "{\"type\":\"01234567890123456789012345678901234567890\"}",
		    "type is not known: "
		    "\"0123456789012345678901234567890123456789...\"" },
		/* type first, whatever else is wrong */
		{ "{\"type\":\"call.foo\",\"timestamp\":5,\"data\":7}",
		    "type is not known: \"call.foo\"" },
		{ "{\"type\":\"call.ended\"}", "data is missing" },
		{ "{\"type\":\"call.ended\",\"data\":null}",
		    "data is missing" },
		{ IN_ARRAY("{\"type\":\"call.ended\",\"data\":[]}"),
		    "[1].data is not an object" },
		{ "{\"type\":\"pbx.restarted\",\"data\":\"x\"}",
		    "data is not an object" },
		{ "{\"type\":\"call.ended\",\"data\":{\"call_id\":\"c\"}}",
		    "data.extension is missing" },
		{ IN_ARRAY("{\"type\":\"call.ended\",\"data\":"
			   "{\"extension\":\"1\"}}"),
		    "[1].data.call_id is missing" },
		{ "{\"type\":\"phone.off_hook\",\"data\":{\"extension\":7}}",
		    "data.extension must be a string" },
		{ "{\"type\":\"call.held\",\"data\":{\"extension\":\"7\","
		  "\"call_id\":7}}",
		    "data.call_id must be a string" },
		{ "{\"type\":\"call.held\",\"data\":{\"extension\":\"7\","
		  "\"call_id\":\"c\",\"leg_id\":7}}",
		    "data.leg_id must be a string" },
		{ "{\"type\":\"phone.on_hook\",\"data\":{\"extension\":\"7\","
		  "\"line\":1}}",
		    "data.line must be a string" },
		{ "{\"type\":\"phone.on_hook\",\"data\":{\"extension\":\"7\","
		  "\"line\":\"\"}}",
		    "data.line must have 1 to 128 bytes" },
		{ "{\"type\":\"phone.on_hook\",\"data\":{\"extension\":\"\"}}",
		    "data.extension must have 1 to 128 bytes" },
		{ "{\"type\":\"pbx.restarted\",\"timestamp\":1795500000}",
		    "timestamp must be a string" },
		{ "{\"type\":\"pbx.restarted\",\"timestamp\":\"\"}",
		    "timestamp must have 1 to 64 bytes" },
		{ IN_ARRAY("{\"type\":\"pbx.restarted\","
			   "\"timestamp\":\"yesterday\"}"),
		    "[1].timestamp is not a time of RFC 3339" },
		{ "{\"type\":\"pbx.restarted\",\"timestamp\":"
		  "\"2026-11-22T12:00:00\"}",
		    "timestamp is not a time of RFC 3339" },
		{ "{\"type\":\"pbx.restarted\",\"timestamp\":"
		  "\"2026-11-22T12:00:00.0123456789Z\"}",
		    "timestamp is not a time of RFC 3339" },
	};
	struct ctx *cx = *state;
	struct pbx_events events;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(
		    parse(cx, post, cases[i].body, &events), ERR_INPUT);
		assert_string_equal(cx->detail, cases[i].detail);
	}
}

static void
test_bytes(void **state)
{
	struct ctx *cx = *state;
	struct pbx_events events;
	char name[130];

	memset(name, 'x', sizeof(name));
	name[128] = '\0';
	assert_int_equal(parse(cx, post,
			     arena_printf(&cx->arena,
				 "{\"type\":\"extension.idle\",\"data\":{"
				 "\"extension\":\"%s\"}}",
				 name),
			     &events),
	    ERR_OK);
	assert_int_equal(strlen(events.list[0].extension), 128);
	/* bytes, not characters: 43 of three bytes each are too many */
	assert_int_equal(
	    parse(cx, post,
		"{\"type\":\"extension.idle\","
		"\"data\":{\"extension\":\""
		"\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac"
		"\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac"
		"\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac"
		"\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac"
		"\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac"
		"\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac"
		"\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac"
		"\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac"
		"\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\"}}",
		&events),
	    ERR_INPUT);
	assert_int_equal(parse(cx, post,
			     "{\"type\":\"extension.idle\","
			     "\"data\":{\"extension\":\"1\\u0000\"}}",
			     &events),
	    ERR_INPUT);
	assert_int_equal(parse(cx, post,
			     "{\"type\":\"extension.idle\","
			     "\"data\":{\"extension\":\"\xff\"}}",
			     &events),
	    ERR_INPUT);
	assert_int_equal(
	    parse_len(cx, post, "{\"type\":\"pbx.restarted\"}\0", 25, &events),
	    ERR_INPUT);
}

static void
test_keys(void **state)
{
	const char *body = "[{\"type\":\"pbx.restarted\"},"
			   "{\"type\":\"pbx.restarted\"}]";
	struct sent s = post;
	struct ctx *cx = *state;
	struct pbx_events events;

	assert_int_equal(parse(cx, s, body, &events), ERR_OK);
	assert_null(events.list[0].key);
	assert_false(events.has_attempt);

	s.id = "msg_1";
	s.timestamp = "1795500000";
	assert_int_equal(parse(cx, s, body, &events), ERR_OK);
	assert_null(events.list[0].key); /* not signed */
	assert_false(events.has_attempt);

	s.signature = "v1,x";
	assert_int_equal(parse(cx, s, body, &events), ERR_OK);
	assert_string_equal(events.list[0].key, "msg_1:0");
	assert_string_equal(events.list[1].key, "msg_1:1");
	assert_true(events.has_attempt);
	assert_int_equal(events.attempt_us, 1795500000000000);
	assert_int_equal(
	    parse(cx, s, "{\"type\":\"pbx.restarted\"}", &events), ERR_OK);
	assert_string_equal(events.list[0].key, "msg_1:0");
}

static void
test_get(void **state)
{
	static const struct {
		const char *query, *detail;
	} cases[] = {
		{ "", "type is missing" },
		{ "type=", "type is missing" },
		{ "type=call.foo", "type is not known: \"call.foo\"" },
		{ "type=a%22%0a", "type is not known: \"a??\"" },
		{ "type=phone.off_hook", "extension is missing" },
		{ "type=phone.off_hook&extension=", "extension is missing" },
		{ "type=call.held&extension=1", "call_id is missing" },
		{ "type=call.held&extension=1&call_id=", "call_id is missing" },
		{ "type=call.held&type=call.held", "type is given twice" },
		{ "type=pbx.restarted&line=1&line=2", "line is given twice" },
		{ "type=phone.off_hook&extension=%00",
		    "extension is badly encoded" },
		{ "type=phone.off_hook&extension=%ff",
		    "extension is badly encoded" },
		{ "type=phone.off_hook&extension="
		  "0123456789012345678901234567890123456789012345678901234567"
		  "0123456789012345678901234567890123456789012345678901234567"
		  "0123456789012",
		    "extension is longer than 128 bytes" },
	};
	struct sent s = { "GET", "", "", "msg_1", "1795500000", "v1,x" };
	struct ctx *cx = *state;
	struct pbx_events events;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		s.query = cases[i].query;
		assert_int_equal(parse(cx, s, "", &events), ERR_INPUT);
		assert_string_equal(cx->detail, cases[i].detail);
	}
	s.query = "type=call.held&extension=1%2B1&call_id=c+1&leg_id=&line=9"
		  "&timestamp=2026-11-22T12:00:00Z&more=%zz";
	assert_int_equal(parse(cx, s, "", &events), ERR_OK);
	assert_int_equal(events.n, 1);
	assert_int_equal(events.list[0].type, EVENT_HELD);
	assert_string_equal(events.list[0].extension, "1+1");
	assert_string_equal(events.list[0].call_id, "c 1");
	assert_null(events.list[0].leg_id);
	assert_null(events.list[0].line);
	assert_false(events.list[0].has_at);
	assert_null(events.list[0].key);
	assert_false(events.has_attempt);
}

static void
test_platform(void **state)
{
	const struct platform *p = platform_find("generic");
	enum pbx_auth auth;

	(void)state;
	assert_ptr_equal(p, &platform_generic);
	assert_null(platform_find("Generic"));
	assert_null(platform_find(""));
	assert_non_null(platform_at(0));
	assert_null(platform_at(1000));
	assert_true(pbx_auth_parse("path", &auth) && auth == AUTH_PATH);
	assert_true(pbx_auth_parse(pbx_auth_name(AUTH_SIGNATURE), &auth));
	assert_int_equal(auth, AUTH_SIGNATURE);
	assert_false(pbx_auth_parse("none", &auth));
}

static void
test_path_secret(void **state)
{
	struct ctx *cx = *state;
	char *one = path_secret_new(cx), *two = path_secret_new(cx);
	struct pbx_secret secrets[2] = {
		{ one, strlen(one) },
		{ two, strlen(two) },
	};
	char too_long[258];

	assert_int_equal(strlen(one), 43);
	assert_string_not_equal(one, two);
	assert_int_equal(path_secret_check(cx, one), ERR_OK);
	assert_int_equal(path_secret_verify(cx, two, secrets, 2), ERR_OK);
	assert_int_equal(path_secret_verify(cx, one, secrets, 1), ERR_OK);
	assert_int_equal(path_secret_verify(cx, two, secrets, 1), ERR_AUTH);
	assert_int_equal(path_secret_verify(cx, "", secrets, 2), ERR_AUTH);
	assert_int_equal(path_secret_verify(cx, one, secrets, 0), ERR_AUTH);

	memset(too_long, 'x', sizeof(too_long));
	too_long[257] = '\0';
	assert_int_equal(path_secret_check(cx, too_long), ERR_INPUT);
	too_long[256] = '\0';
	assert_int_equal(path_secret_check(cx, too_long), ERR_OK);
	assert_int_equal(path_secret_check(cx, ""), ERR_INPUT);
	assert_int_equal(path_secret_check(cx, "a\nb"), ERR_INPUT);
	assert_int_equal(path_secret_check(cx, "\xff"), ERR_INPUT);
	assert_int_equal(path_secret_check(cx, "s3cret/\xc3\xa4 ?"), ERR_OK);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_media),
		TEST(test_array),
		TEST(test_details),
		TEST(test_bytes),
		TEST(test_keys),
		TEST(test_get),
		TEST(test_platform),
		TEST(test_path_secret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
