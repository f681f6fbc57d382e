/* keys: when the set that signs people's tokens is fetched, and by whom. The
 * far end and the clock are the test's. */
#include "base/clock.h"
#include "base/http.h"

static int64_t test_ms;
static int fetches, status_now;
static const char *jwks_now;

static int64_t
fake_mono_ms(void)
{
	return test_ms;
}

static void
fake_fetch(struct ctx *cx, const struct http_request *rq,
    struct http_response *ret);

#define clock_mono_ms fake_mono_ms
#define http_fetch fake_fetch
#include "sync/keys.c"
#undef clock_mono_ms
#undef http_fetch

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define LOGIN "https://login.example"

static const struct settings settings = {
	.client_id = "99999999-1111-4222-8333-444444444444",
	.login_url = LOGIN,
};
static struct ctx cx;
static struct keys *k;
static char modulus[400], jwks_one[600], jwks_two[600];
static const char *where = LOGIN "/keys";

static void
fake_fetch(struct ctx *c, const struct http_request *rq,
    struct http_response *ret)
{
	const char *body;

	memset(ret, 0, sizeof(*ret));
	ret->status = status_now;
	fetches++;
	if (strstr(rq->url, "openid-configuration"))
		body = arena_printf(&c->arena, "{\"jwks_uri\":\"%s\"}",
		    where);
	else
		body = jwks_now;
	ret->body = body;
	ret->len = strlen(body);
}

static int
make_key(void **state)
{
	EVP_PKEY *key = EVP_RSA_gen(2048);
	uint8_t bytes[256];
	BIGNUM *n = NULL;

	(void)state;
	EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n);
	BN_bn2binpad(n, bytes, sizeof(bytes));
	text_base64url(bytes, sizeof(bytes), modulus);
	snprintf(jwks_one, sizeof(jwks_one), "{\"keys\":[{\"kty\":\"RSA\","
	    "\"kid\":\"one\",\"e\":\"AQAB\",\"n\":\"%s\"}]}", modulus);
	snprintf(jwks_two, sizeof(jwks_two), "{\"keys\":[{\"kty\":\"RSA\","
	    "\"kid\":\"two\",\"e\":\"AQAB\",\"n\":\"%s\"}]}", modulus);
	BN_free(n);
	EVP_PKEY_free(key);
	return 0;
}

static int
begin(void **state)
{
	(void)state;
	test_ms = 1000000;
	fetches = 0;
	status_now = 200;
	jwks_now = jwks_one;
	where = LOGIN "/keys";
	ctx_init(&cx, NULL);
	k = keys_new(&settings);
	k->bucket_ms = test_ms;
	return 0;
}

static int
end(void **state)
{
	(void)state;
	keys_free(k);
	ctx_done(&cx);
	return 0;
}

/* Nothing here is signed well: BUSY means that there were no keys to say so,
 * and the detail tells whether the key was known. */
static enum err
verify(const char *kid)
{
	char header[100], text[200];
	struct json_object *claims;
	enum err e;

	snprintf(header, sizeof(header), "{\"alg\":\"RS256\",\"kid\":\"%s\"}",
	    kid);
	text_base64url((const uint8_t *)header, strlen(header), text);
	fail_forget(&cx);
	e = keys_verify(&cx, k, arena_printf(&cx.arena, "%s.e30.c2ln", text),
	    &claims);
	assert_int_not_equal(e, ERR_OK);
	return e;
}

static bool
is_known(const char *kid)
{
	assert_int_equal(verify(kid), ERR_AUTH);
	return strstr(cx.detail, "unknown key") == NULL;
}

static void
fetched_once_and_kept(void **state)
{
	(void)state;
	assert_true(is_known("one"));
	assert_int_equal(fetches, 2); /* discovery, keys */
	test_ms += FRESH_MS - 1;
	assert_true(is_known("one"));
	assert_int_equal(fetches, 2);
	test_ms += 1;
	assert_true(is_known("one"));
	assert_int_equal(fetches, 4);
}

static void
the_last_good_set_stays(void **state)
{
	(void)state;
	assert_true(is_known("one"));
	status_now = 500;
	test_ms += 30 * FRESH_MS;
	assert_true(is_known("one"));
	assert_int_equal(fetches, 3);
	assert_true(is_known("one")); /* not at once again */
	assert_int_equal(fetches, 3);
	test_ms += TRIED_MS;
	status_now = 200;
	assert_true(is_known("one"));
	assert_int_equal(fetches, 5);
}

static void
an_unknown_kid_may_be_a_new_key(void **state)
{
	(void)state;
	assert_true(is_known("one"));
	jwks_now = jwks_two;
	assert_true(is_known("two"));
	assert_int_equal(fetches, 4);
}

static void
forged_kids_fetch_three_times(void **state)
{
	int i;

	(void)state;
	assert_true(is_known("one"));
	fetches = 0;
	for (i = 0; i < 20; i++)
		assert_false(is_known("forged"));
	assert_int_equal(fetches, 3 * 2);
	test_ms += BUCKET_MS;
	for (i = 0; i < 20; i++)
		assert_false(is_known("forged"));
	assert_int_equal(fetches, 4 * 2);
	assert_true(is_known("one"));
	assert_int_equal(fetches, 4 * 2);
}

static void *
fetch_slowly(void *arg)
{
	(void)arg;
	poll(NULL, 0, 50);
	renew(k);
	return NULL;
}

static void
who_has_a_known_key_never_waits(void **state)
{
	(void)state;
	assert_true(is_known("one"));
	k->fetching = true;
	test_ms += FRESH_MS;
	assert_true(is_known("one"));
	/* nor with a forged one, when enough do */
	k->waiting = UNKNOWN_WAIT_MAX;
	test_ms = clock_mono_ms();
	assert_false(is_known("two"));
	assert_true(clock_mono_ms() - test_ms < 1000);
	k->waiting = 0;
	assert_int_equal(fetches, 2);
}

/* The set was rotated: whoever has the new key while it is being fetched is
 * not turned away. */
static void
a_few_wait_for_the_new_key(void **state)
{
	pthread_t other;

	(void)state;
	assert_true(is_known("one"));
	jwks_now = jwks_two;
	test_ms = clock_mono_ms(); /* the wait is a real one */
	k->fetching = true;
	assert_int_equal(pthread_create(&other, NULL, fetch_slowly, NULL), 0);
	assert_true(is_known("two"));
	pthread_join(other, NULL);
	assert_int_equal(fetches, 4);
	assert_int_equal(k->waiting, 0);
}

static void
but_for_the_first_set(void **state)
{
	pthread_t other;

	(void)state;
	test_ms = clock_mono_ms(); /* the wait is a real one */
	k->fetching = true;
	assert_int_equal(pthread_create(&other, NULL, fetch_slowly, NULL), 0);
	assert_true(is_known("one"));
	pthread_join(other, NULL);
	assert_int_equal(fetches, 2);
}

static void
the_first_set_does_not_come(void **state)
{
	(void)state;
	test_ms = clock_mono_ms() - WAIT_MS; /* that wait is over */
	k->fetching = true;
	assert_int_equal(verify("one"), ERR_BUSY);
	assert_int_equal(fetches, 0);
}

static void
without_any_set_it_is_tried_again_soon(void **state)
{
	(void)state;
	status_now = 500;
	assert_int_equal(verify("one"), ERR_BUSY);
	assert_int_equal(verify("one"), ERR_BUSY);
	assert_int_equal(fetches, 1);
	test_ms += FIRST_MS;
	status_now = 200;
	assert_true(is_known("one"));
}

static void
keys_come_from_https_or_the_operators_own_host(void **state)
{
	const struct settings local = { .login_url = "http://127.0.0.1:81" };

	(void)state;
	where = "http://elsewhere.example/keys";
	assert_int_equal(verify("one"), ERR_BUSY);
	assert_int_equal(fetches, 1);
	assert_true(may_fetch(&settings, "https://other.example/keys"));
	assert_true(may_fetch(&local, "http://127.0.0.1:81/keys"));
	assert_false(may_fetch(&local, "http://127.0.0.1:811/keys"));
}

static void
what_is_no_token_fetches_nothing(void **state)
{
	struct json_object *claims;

	(void)state;
	assert_int_equal(keys_verify(&cx, k, "abc", &claims), ERR_AUTH);
	assert_int_equal(fetches, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(fetched_once_and_kept),
		T(the_last_good_set_stays),
		T(an_unknown_kid_may_be_a_new_key),
		T(forged_kids_fetch_three_times),
		T(who_has_a_known_key_never_waits),
		T(a_few_wait_for_the_new_key),
		T(but_for_the_first_set),
		T(the_first_set_does_not_come),
		T(without_any_set_it_is_tried_again_soon),
		T(keys_come_from_https_or_the_operators_own_host),
		T(what_is_no_token_fetches_nothing),
	};

	return cmocka_run_group_tests(tests, make_key, NULL);
}
