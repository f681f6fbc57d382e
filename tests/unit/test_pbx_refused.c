/*
 * What a signature must refuse although its maker knows the secret, or what it signed
 * was changed on the way. What it must accept is in tests/pbx.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "pbx/adapt.h"

#include <cmocka.h> /* last: it has a macro fail() */

static const struct pbx_secret secret = { "12345", 5 };

struct headers {
	const char *name, *value;
};

static const char *
header(void *arg, const char *name)
{
	const struct headers *h = arg;

	return h->name != NULL && strcmp(h->name, name) == 0 ? h->value : NULL;
}

/* "" when it is proved, otherwise why not. */
static const char *
verdict(struct ctx *cx, const char *platform, const char *url,
    const char *content_type, const char *body, struct headers h)
{
	const struct pbx_request rq = {
		.method = "POST",
		.url = url,
		.content_type = content_type,
		.query = "",
		.body = body,
		.body_len = strlen(body),
		.header = header,
		.arg = &h,
	};
	enum err e;

	fail_forget(cx);
	e = platform_find(platform)->verify(cx, &rq, &secret, 1, 1795348803);
	assert_true(e == ERR_OK || e == ERR_AUTH);
	assert_int_equal(e, cx->err);
	return e ? arena_strdup(&cx->arena, cx->detail) : "";
}

/* head and claims signed under the secret by HMAC-SHA-256. */
static const char *
jwt(struct ctx *cx, const char *head, const char *claims)
{
	char h[200], c[200], m[100], *text;
	uint8_t mac[32];
	size_t len;

	text_base64url((const uint8_t *)head, strlen(head), h);
	text_base64url((const uint8_t *)claims, strlen(claims), c);
	text = arena_printf(&cx->arena, "%s.%s", h, c);
	assert_true(text_unhex(adapt_hmac_hex(cx, &secret, text, strlen(text)),
	    mac, sizeof(mac), &len));
	text_base64url(mac, len, m);
	return arena_printf(&cx->arena, "%s.%s", text, m);
}

static void
test_dialpad(void **state)
{
	static const char hs256[] = "{\"alg\":\"HS256\"}";
	static const struct {
		const char *head, *why;
	} heads[] = {
		{ hs256, "" },
		{ "{\"typ\":\"JWT\",\"alg\":\"HS256\",\"kid\":\"1\"}", "" },
		{ "{\"alg\":\"none\"}", "the JWT's alg is not HS256" },
		{ "{\"alg\":\"hs256\"}", "the JWT's alg is not HS256" },
		{ "{\"alg\":\"HS384\"}", "the JWT's alg is not HS256" },
		{ "{\"alg\":[\"HS256\"]}", "the JWT's alg is not HS256" },
		{ "{}", "the JWT's alg is not HS256" },
		{ "[]", "the JWT's header is not right" },
		{ "{\"alg\":\"HS256\"", "the JWT's header is not right" },
	};
	struct headers none = { NULL, NULL };
	const char *right, *other, *body;
	struct ctx cx;
	size_t i;

	(void)state;
	ctx_init(&cx, NULL);
	for (i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		assert_string_equal(
		    verdict(&cx, "dialpad", "", "application/jwt",
			jwt(&cx, heads[i].head, "{\"state\":\"hangup\"}"), none),
		    heads[i].why);
	right = jwt(&cx, hs256, "{\"state\":\"hangup\"}");
	other = jwt(&cx, hs256, "{\"state\":\"connected\"}");
	/* one token's claims with another's signature */
	body = arena_printf(&cx.arena, "%.*s%s",
	    (int)(strrchr(other, '.') - other), other, strrchr(right, '.'));
	assert_string_equal(verdict(&cx, "dialpad", "", "", body, none),
	    "the JWT's signature is not right");
	body = arena_printf(
	    &cx.arena, "%.*s.", (int)(strrchr(right, '.') - right), right);
	assert_string_equal(verdict(&cx, "dialpad", "", "", body, none),
	    "the JWT's signature is not right");
	body = arena_printf(&cx.arena, "%s=", right); /* padding */
	assert_string_equal(verdict(&cx, "dialpad", "", "", body, none),
	    "the JWT's signature is not right");
	assert_string_equal(
	    verdict(&cx, "dialpad", "", "", "{\"state\":\"hangup\"}", none),
	    "the body is not a JWT");
	ctx_done(&cx);
}

/* Vectors of twilio-python, each changed in one place. */
static void
test_twilio(void **state)
{
	static const char url[] = "https://mycompany.com/myapp.php?foo=1&bar=2";
	static const char hash[] = "&bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e"
				   "41502b283a80c7cf19632632f96e6620";
	static const char json[] = "{\"property\": \"value\", \"boolean\": true}";
	static const char form[] =
	    "CallSid=CA1234567890ABCDE&Digits=1234&From=%2B14158675309"
	    "&To=%2B18005551212&Caller=%2B14158675309";
	static const char form_type[] = "application/x-www-form-urlencoded";
	static const char json_type[] = "application/json";
	struct headers by_form = { "x-twilio-signature",
		"RSOYDt4T1cUTdK1PDd93/VVr8B8=" };
	struct headers by_json = { "x-twilio-signature",
		"a9nBmqA0ju/hNViExpshrM61xv4=" };
	static const char wrong[] = "x-twilio-signature is not right";
	const char *url_json;
	struct ctx cx;

	(void)state;
	ctx_init(&cx, NULL);
	url_json = arena_printf(&cx.arena, "%s%s", url, hash);
	assert_string_equal(
	    verdict(&cx, "twilio", url, form_type, form, by_form), "");
	assert_string_equal(
	    verdict(&cx, "twilio", url_json, json_type, json, by_json), "");
	assert_string_equal(
	    verdict(&cx, "twilio", url, form_type, form + 1, by_form), wrong);
	assert_string_equal(verdict(&cx, "twilio",
	    "https://mycompany.com/myapp.php?foo=1&bar=3", form_type, form,
	    by_form), wrong);
	/* a port is left out or put in, never another host's */
	assert_string_equal(verdict(&cx, "twilio",
	    "https://mycompany.com.evil:443/myapp.php?foo=1&bar=2", form_type,
	    form, by_form), wrong);
	assert_string_equal(
	    verdict(&cx, "twilio", url_json, json_type, "{}", by_json),
	    "bodySHA256 is not right");
	assert_string_equal(
	    verdict(&cx, "twilio", url, json_type, json, by_json),
	    "bodySHA256 is missing in the address");
	assert_string_equal(verdict(&cx, "twilio",
	    arena_printf(&cx.arena, "%s%s", url_json, hash), json_type, json,
	    by_json), "bodySHA256 is missing in the address");
	/* what signs an address alone must not sign a form sent to it */
	assert_string_equal(
	    verdict(&cx, "twilio", url_json, form_type, form, by_json), wrong);
	assert_string_equal(
	    verdict(&cx, "twilio", url, form_type, "a=%", by_form),
	    "a parameter is badly encoded");
	assert_string_equal(verdict(&cx, "twilio", url, form_type, form,
	    (struct headers){ NULL, NULL }),
	    "the header x-twilio-signature is missing");
	ctx_done(&cx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dialpad),
		cmocka_unit_test(test_twilio),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
