/* Signatures, by vectors that are not our own. */
#include "pbx/standard_webhooks.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

struct vector {
	const char *secret, *id, *timestamp, *body, *signature;
};

/* The first is of the specification's repository (its libraries' tests), the
 * second was made by the npm package standardwebhooks 1.1.1. */
static const struct vector vectors[] = {
	{ "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
	    "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330",
	    "{\"test\": 2432232314}",
	    "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" },
	{ "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
	    "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W", "1674087231",
	    "{\"type\":\"call.answered\",\"data\":{\"ext\":\"1002\"}}",
	    "v1,UmyDFRoSmSp5pgZbbn0FlOHjX5kiRCWNTK1stm/ZxwQ=" },
};

#define OTHER_SECRET "whsec_QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB"
#define SENT_S 1614265330 /* the first vector's time */

static const char *
header(void *arg, const char *name)
{
	const struct vector *v = arg;

	if (strcmp(name, "webhook-id") == 0)
		return v->id;
	if (strcmp(name, "webhook-timestamp") == 0)
		return v->timestamp;
	return strcmp(name, "webhook-signature") == 0 ? v->signature : NULL;
}

/* Two secrets, as during a change of them; second may be NULL. */
static enum err
verify_two(struct ctx *cx, struct vector v, const char *first,
    const char *second, int64_t now_s)
{
	struct pbx_request rq = {
		.method = "POST",
		.content_type = "",
		.query = "",
		.body = v.body,
		.body_len = strlen(v.body),
		.header = header,
		.arg = &v,
	};
	struct pbx_secret secrets[2] = {
		{ first, strlen(first) },
		{ second, second != NULL ? strlen(second) : 0 },
	};

	fail_forget(cx);
	return standard_webhooks_verify(
	    cx, &rq, secrets, second != NULL ? 2 : 1, now_s);
}

static enum err
verify(struct ctx *cx, struct vector v, int64_t now_s)
{
	return verify_two(cx, v, v.secret, NULL, now_s);
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
test_vectors(void **state)
{
	struct ctx *cx = *state;
	char *made;
	size_t i;

	for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		int64_t sent_s;

		assert_true(text_int64(
		    vectors[i].timestamp, 0, TIMESTAMP_LAST, &sent_s));
		assert_int_equal(verify(cx, vectors[i], sent_s), ERR_OK);
		assert_int_equal(standard_webhooks_sign(cx, vectors[i].secret,
				     vectors[i].id, sent_s, vectors[i].body,
				     strlen(vectors[i].body), &made),
		    ERR_OK);
		assert_string_equal(made, vectors[i].signature);
	}
}

static void
test_without_prefix(void **state)
{
	struct vector v = vectors[0];

	v.secret += strlen("whsec_");
	assert_int_equal(verify(*state, v, SENT_S), ERR_OK);
}

static void
test_any_secret(void **state)
{
	struct vector v = vectors[0];

	assert_int_equal(
	    verify_two(*state, v, OTHER_SECRET, v.secret, SENT_S), ERR_OK);
	assert_int_equal(
	    verify_two(*state, v, v.secret, OTHER_SECRET, SENT_S), ERR_OK);
	assert_int_equal(
	    verify_two(*state, v, "not base64!", v.secret, SENT_S), ERR_OK);
	assert_int_equal(
	    verify_two(*state, v, OTHER_SECRET, OTHER_SECRET, SENT_S),
	    ERR_AUTH);
	assert_int_equal(verify_two(*state, v, "", "short", SENT_S), ERR_AUTH);
}

#define GOOD "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
#define WRONG "v1,UmyDFRoSmSp5pgZbbn0FlOHjX5kiRCWNTK1stm/ZxwQ="
#define TIMES_5(x) x " " x " " x " " x " " x

static void
test_list(void **state)
{
	static const struct {
		const char *list;
		enum err e;
	} cases[] = {
		{ WRONG " " GOOD, ERR_OK },
		{ GOOD " " WRONG, ERR_OK },
		{ "v1a,AAAA " GOOD, ERR_OK },
		{ "  " GOOD "  ", ERR_OK },
		{ "v1, v1,x , " GOOD, ERR_OK },
		{ TIMES_5(WRONG) " " TIMES_5(WRONG) " " TIMES_5(WRONG) " " GOOD,
		    ERR_OK },
		/* more than a list may have */
		{ TIMES_5(WRONG) " " TIMES_5(WRONG) " " TIMES_5(WRONG) " " WRONG
								       " " GOOD,
		    ERR_AUTH },
		{ "", ERR_AUTH },
		{ " ", ERR_AUTH },
		{ WRONG, ERR_AUTH },
		/* another version, or none, with the right bytes */
		{ "v1a,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
		    ERR_AUTH },
		{ "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", ERR_AUTH },
		{ "V1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", ERR_AUTH },
		{ "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", ERR_AUTH },
		/* no padding, another alphabet, cut, longer, a comma between */
		{ "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE", ERR_AUTH },
		{ "v1,g0hM9SsE-OTPJTGt_tmIKtSyZlE3uFJELVlNIOLJ1OE=", ERR_AUTH },
		{ "v1,g0hM", ERR_AUTH },
		{ GOOD "A", ERR_AUTH },
		{ WRONG "," GOOD, ERR_AUTH },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vector v = vectors[0];

		v.signature = cases[i].list;
		assert_int_equal(verify(*state, v, SENT_S), cases[i].e);
	}
}

static void
test_changed(void **state)
{
	struct ctx *cx = *state;
	struct vector v = vectors[0];

	v.body = "{\"test\": 2432232315}";
	assert_int_equal(verify(cx, v, SENT_S), ERR_AUTH);
	assert_string_equal(cx->detail, "signature does not match");
	v = vectors[0];
	v.body = "";
	assert_int_equal(verify(cx, v, SENT_S), ERR_AUTH);
	v = vectors[0];
	v.id = "msg_p5jXN8AQM9LWM0D4loKWxJel";
	assert_int_equal(verify(cx, v, SENT_S), ERR_AUTH);
	v = vectors[0];
	v.timestamp = "1614265331";
	assert_int_equal(verify(cx, v, SENT_S), ERR_AUTH);
	/* the same number in another text is another message */
	v.timestamp = "01614265330";
	assert_int_equal(verify(cx, v, SENT_S), ERR_AUTH);
}

static void
test_clock(void **state)
{
	struct ctx *cx = *state;
	struct vector v = vectors[0];

	assert_int_equal(verify(cx, v, SENT_S + 300), ERR_OK);
	assert_int_equal(verify(cx, v, SENT_S - 300), ERR_OK);
	assert_int_equal(verify(cx, v, SENT_S + 301), ERR_AUTH);
	assert_string_equal(cx->detail,
	    "webhook-timestamp is 301 s behind "
	    "this server's clock; allowed are 300 s");
	assert_int_equal(verify(cx, v, SENT_S - 1234), ERR_AUTH);
	assert_string_equal(cx->detail,
	    "webhook-timestamp is 1234 s ahead "
	    "of this server's clock; allowed are 300 s");
	/* who does not know the secret learns nothing of our clock */
	v.signature = WRONG;
	assert_int_equal(verify(cx, v, SENT_S + 301), ERR_AUTH);
	assert_string_equal(cx->detail, "signature does not match");
}

static void
test_headers(void **state)
{
	char long_id[202], most_id[201];
	const struct {
		const char *id, *timestamp, *signature, *detail;
	} cases[] = {
		{ NULL, "1", GOOD, "the header webhook-id is missing" },
		{ "a", NULL, GOOD, "the header webhook-timestamp is missing" },
		{ "a", "1", NULL, "the header webhook-signature is missing" },
		{ "", "1", GOOD, "webhook-id is not" },
		{ "a.b", "1", GOOD, "webhook-id is not" },
		{ "a b", "1", GOOD, "webhook-id is not" },
		{ "\xc3\xa4", "1", GOOD, "webhook-id is not" },
		{ long_id, "1", GOOD, "webhook-id is not" },
		{ most_id, "1", GOOD, "signature does not match" },
		{ "a", "", GOOD, "webhook-timestamp is not" },
		{ "a", "-1", GOOD, "webhook-timestamp is not" },
		{ "a", "1.5", GOOD, "webhook-timestamp is not" },
		{ "a", " 1", GOOD, "webhook-timestamp is not" },
		{ "a", "1e9", GOOD, "webhook-timestamp is not" },
		{ "a", "99999999999999999999", GOOD,
		    "webhook-timestamp is not" },
	};
	struct ctx *cx = *state;
	size_t i;

	memset(long_id, 'x', sizeof(long_id));
	long_id[sizeof(long_id) - 1] = '\0';
	memset(most_id, 'x', sizeof(most_id));
	most_id[sizeof(most_id) - 1] = '\0';
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vector v = vectors[0];

		v.id = cases[i].id;
		v.timestamp = cases[i].timestamp;
		v.signature = cases[i].signature;
		assert_int_equal(verify(cx, v, 1), ERR_AUTH);
		assert_int_equal(strncmp(cx->detail, cases[i].detail,
				     strlen(cases[i].detail)),
		    0);
	}
}

static void
test_secret_check(void **state)
{
	static const struct {
		const char *secret;
		enum err e;
	} cases[] = {
		{ "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", ERR_OK },
		{ "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", ERR_OK },
		{ "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
		    ERR_OK },
		{ "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
		  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==",
		    ERR_OK }, /* 64 */
		{ "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
		  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
		    ERR_INPUT }, /* 65 */
		{ "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
		    ERR_INPUT }, /* 23 */
		{ "", ERR_INPUT },
		{ "whsec_", ERR_INPUT },
		{ "correct horse battery staple, said the PBX", ERR_INPUT },
		{ "whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", ERR_INPUT },
		{ "whsec_whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", ERR_INPUT },
		{ "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY",
		    ERR_INPUT }, /* no padding */
		{ "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa-_", ERR_INPUT },
		{ "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n", ERR_INPUT },
	};
	struct ctx *cx = *state;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fail_forget(cx);
		assert_int_equal(
		    standard_webhooks_secret_check(cx, cases[i].secret),
		    cases[i].e);
		/* its words never repeat the secret */
		if (cases[i].e)
			assert_string_equal(cx->detail,
			    "secret is not "
			    "\"whsec_\" and standard base64, with padding, of "
			    "24 to 64 bytes");
	}
}

static void
test_secret_new(void **state)
{
	struct ctx *cx = *state;
	char *one = standard_webhooks_secret_new(cx);
	char *two = standard_webhooks_secret_new(cx);

	assert_int_equal(strlen(one), 6 + 44);
	assert_string_not_equal(one, two);
	assert_int_equal(standard_webhooks_secret_check(cx, one), ERR_OK);
}

static void
test_sign_refuses(void **state)
{
	struct ctx *cx = *state;
	char *made;

	assert_int_equal(
	    standard_webhooks_sign(cx, "x", "id", 1, "", 0, &made), ERR_INPUT);
	assert_int_equal(standard_webhooks_sign(
			     cx, vectors[0].secret, "i.d", 1, "", 0, &made),
	    ERR_INPUT);
	assert_int_equal(standard_webhooks_sign(
			     cx, vectors[0].secret, "id", -1, "", 0, &made),
	    ERR_INPUT);
}

/* The body is bytes: a NUL in it is signed like any other. */
static void
test_bytes(void **state)
{
	struct ctx *cx = *state;
	char *with, *without;

	assert_int_equal(standard_webhooks_sign(
			     cx, vectors[0].secret, "id", 1, "a\0b", 3, &with),
	    ERR_OK);
	assert_int_equal(standard_webhooks_sign(
			     cx, vectors[0].secret, "id", 1, "a", 1, &without),
	    ERR_OK);
	assert_string_not_equal(with, without);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(test_vectors),
		TEST(test_without_prefix),
		TEST(test_any_secret),
		TEST(test_list),
		TEST(test_changed),
		TEST(test_clock),
		TEST(test_headers),
		TEST(test_secret_check),
		TEST(test_secret_new),
		TEST(test_sign_refuses),
		TEST(test_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
