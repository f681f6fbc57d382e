/*
 * What the cases of tests/pbx cannot say: requests that must be refused, and
 * why. A row is a request and the detail of its refusal, NULL where it is
 * right. The HMACs are openssl's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "pbx/platform.h"

#include <cmocka.h> /* last: it has a macro fail() */

#define SECRET "0123456789abcdef0123456789abcdef"
#define NOW 1795348803
#define ZOOM_MAC \
	"da4683c36192e7321202c73d9edafdd45509757a362d38606c9365e7c5673570"
#define ZOOM_MS_MAC \
	"2e9e81b8973bf62f75d2c75d6cbee6e2db532595d539b2dd5af67b65f5bca82e"
#define WILDIX_MAC \
	"b326604c0dc7364c8b688556189c0a510e5150cd4628736be814c7c9898f899d"

struct row {
	const char *platform, *body;
	const char *headers[4]; /* name, value, name, value */
	int64_t now_s;
	const char *refused;
};

static const struct row rows[] = {
	{ "ringcentral", "{}", { "validation-token", SECRET }, 0, NULL },
	{ "ringcentral", "{}", { "validation-token", SECRET "0" }, 0,
	    "Validation-Token is not right" },
	{ "ringcentral", "{}", { "validation-token", "0" }, 0,
	    "Validation-Token is not right" },
	{ "ringcentral", "{}", { "validation-token", "" }, 0,
	    "the header Validation-Token is missing" },
	{ "ringcentral", "{}", { NULL }, 0,
	    "the header Validation-Token is missing" },
	{ "zoom-phone", "{}",
	    { "x-zm-request-timestamp", "1795348803", "x-zm-signature",
		"v0=" ZOOM_MAC },
	    NOW, NULL },
	{ "zoom-phone", "{}",
	    { "x-zm-request-timestamp", "1795348803", "x-zm-signature",
		"v0=" ZOOM_MAC },
	    NOW + 301,
	    "x-zm-request-timestamp is 301 s behind this server's clock; "
	    "allowed are 300 s" },
	{ "zoom-phone", "{}",
	    { "x-zm-request-timestamp", "1795348803000", "x-zm-signature",
		"v0=" ZOOM_MS_MAC },
	    NOW - 301,
	    "x-zm-request-timestamp is 301 s ahead of this server's clock; "
	    "allowed are 300 s" },
	{ "zoom-phone", "[]",
	    { "x-zm-request-timestamp", "1795348803", "x-zm-signature",
		"v0=" ZOOM_MAC },
	    NOW, "x-zm-signature is not right" },
	/* Another time than the one signed. */
	{ "zoom-phone", "{}",
	    { "x-zm-request-timestamp", "1795348804", "x-zm-signature",
		"v0=" ZOOM_MAC },
	    NOW, "x-zm-signature is not right" },
	{ "zoom-phone", "{}",
	    { "x-zm-request-timestamp", "1795348803", "x-zm-signature",
		ZOOM_MAC },
	    NOW, "x-zm-signature is not right" },
	{ "zoom-phone", "{}", { "x-zm-signature", "v0=" ZOOM_MAC }, NOW,
	    "the header x-zm-request-timestamp is not a time since 1970" },
	{ "zoom-phone", "{}",
	    { "x-zm-request-timestamp", "-5", "x-zm-signature",
		"v0=" ZOOM_MAC },
	    NOW, "the header x-zm-request-timestamp is not a time since 1970" },
	{ "zoom-phone", "{}", { "x-zm-request-timestamp", "1795348803" }, NOW,
	    "the header x-zm-signature is missing" },
	{ "wildix", "{}", { "x-signature", WILDIX_MAC }, 0, NULL },
	{ "wildix", "{ }", { "x-signature", WILDIX_MAC }, 0,
	    "x-signature is not right" },
	{ "wildix", "{}", { NULL }, 0, "the header x-signature is missing" },
};

static const char *
header(void *arg, const char *name)
{
	const struct row *row = arg;
	size_t i;

	for (i = 0; i < 4 && row->headers[i] != NULL; i += 2)
		if (strcasecmp(row->headers[i], name) == 0)
			return row->headers[i + 1];
	return NULL;
}

/* The right secret stands first, or last. */
static void
row_run(const struct row *row, bool first)
{
	const struct pbx_secret right = { SECRET, strlen(SECRET) };
	const struct pbx_secret wrong = { "another", 7 };
	const struct pbx_secret secrets[] = { first ? right : wrong,
		first ? wrong : right };
	const struct platform *p = platform_find(row->platform);
	struct row copy = *row;
	const struct pbx_request rq = {
		.method = "POST",
		.url = "https://presence.example/webhook/x",
		.content_type = "application/json",
		.query = "",
		.body = row->body,
		.body_len = strlen(row->body),
		.header = header,
		.arg = &copy,
	};
	struct ctx cx;
	enum err e;

	assert_non_null(p);
	ctx_init(&cx, NULL);
	e = p->verify(&cx, &rq, secrets, 2, row->now_s);
	if (row->refused == NULL) {
		assert_int_equal(e, ERR_OK);
	} else {
		assert_int_equal(e, ERR_AUTH);
		assert_string_equal(cx.detail, row->refused);
	}
	fail_forget(&cx);
	assert_int_equal(
	    p->verify(&cx, &rq, secrets, 0, row->now_s), ERR_AUTH);
	ctx_done(&cx);
}

static void
test_rows(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		row_run(&rows[i], true);
		row_run(&rows[i], false);
	}
}

/* A validation token travels in a header. */
static void
test_ringcentral_secret(void **state)
{
	const struct platform *p = platform_find("ringcentral");
	static const char *const bad[] = { "", " a", "a ", "\xc3\xa9", "a\n" };
	struct ctx cx;
	size_t i;

	(void)state;
	ctx_init(&cx, NULL);
	assert_int_equal(p->secret_check(&cx, "a b"), ERR_OK);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(p->secret_check(&cx, bad[i]), ERR_INPUT);
		fail_forget(&cx);
	}
	ctx_done(&cx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_ringcentral_secret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
