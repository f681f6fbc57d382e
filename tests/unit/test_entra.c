/* entra: the bytes that the token endpoint gets, and what its answers mean to
 * who signs in. The far end is the test's. */
#include "base/http.h"

static void
fake_fetch(struct ctx *cx, const struct http_request *rq,
    struct http_response *ret);

#define http_fetch fake_fetch
#include "sync/entra.c"
#undef http_fetch

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#undef fail /* cmocka's; ours remembers why */

#define TENANT "11111111-2222-4333-8444-555555555555"
#define APP "99999999-1111-4222-8333-444444444444"

static struct settings settings = {
	.client_id = APP, .login_url = "https://login.example",
	.graph_scope = "https://graph.microsoft.com/.default",
};
static struct ctx cx;
static struct entra *e;
static char url_seen[300], body_seen[4000];
static int fetches, status_now;
static const char *body_now;

static void
fake_fetch(struct ctx *c, const struct http_request *rq,
    struct http_response *ret)
{
	(void)c;
	fetches++;
	snprintf(url_seen, sizeof(url_seen), "%s", rq->url);
	snprintf(body_seen, sizeof(body_seen), "%s", rq->body);
	*ret = (struct http_response){ .status = status_now,
		.body = body_now, .len = strlen(body_now),
		.retry_after_s = -1 };
}

static int
begin(void **state)
{
	(void)state;
	ctx_init(&cx, NULL);
	log_init("test", LOG_ERROR);
	secret_set(&settings.client_secret, "a~b+c/d&e", 9);
	fetches = 0;
	status_now = 200;
	assert_int_equal(entra_new(&cx, &settings, &e), ERR_OK);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	entra_free(e);
	secret_done(&settings.client_secret);
	ctx_done(&cx);
	return 0;
}

static void
a_token_is_asked_for_once(void **state)
{
	struct graph_token token;

	(void)state;
	body_now = "{\"access_token\":\"abc\",\"expires_in\":3600}";
	assert_int_equal(entra_token(&cx, e, TENANT, &token), ERR_OK);
	assert_string_equal(token.text, "abc");
	assert_string_equal(url_seen, "https://login.example/" TENANT
	    "/oauth2/v2.0/token");
	assert_string_equal(body_seen, "client_id=" APP
	    "&scope=https%3A%2F%2Fgraph.microsoft.com%2F.default"
	    "&grant_type=client_credentials"
	    "&client_secret=a~b%2Bc%2Fd%26e");
	assert_int_equal(entra_token(&cx, e, TENANT, &token), ERR_OK);
	assert_int_equal(fetches, 1);
	entra_token_drop(e, TENANT, token.serial);
	assert_int_equal(entra_token(&cx, e, TENANT, &token), ERR_OK);
	assert_int_equal(fetches, 2);
	assert_string_equal(entra_credential_kind(e), "secret");
	assert_int_equal(entra_credential_expires_s(e), 0);
}

static enum err
refused(int status, const char *body)
{
	struct graph_token token;

	status_now = status;
	body_now = body;
	entra_token_renew(e, TENANT);
	fail_forget(&cx);
	return entra_token(&cx, e, TENANT, &token);
}

static void
refusals_have_their_kind(void **state)
{
	(void)state;
	assert_int_equal(refused(400, "{\"error_codes\":[700016]}"),
	    ERR_FORBIDDEN);
	assert_int_equal(refused(401, "{\"error_codes\":[7000222]}"),
	    ERR_UPSTREAM);
	assert_int_equal(refused(503, ""), ERR_BUSY);
	assert_int_equal(refused(200, "{}"), ERR_BUSY);
}

/* Refused, renewed: the next call has the new one, whatever pause is left. */
static void
a_renewed_secret_is_used_at_once(void **state)
{
	char path[] = "/tmp/presence-entra.XXXXXX";
	struct graph_token token;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "a~b+c/d&e", 9), 9);
	settings.client_secret_path = path;
	assert_int_equal(refused(401, "{\"error_codes\":[7000222]}"),
	    ERR_UPSTREAM);
	fail_forget(&cx);
	assert_int_equal(entra_token(&cx, e, TENANT, &token), ERR_UPSTREAM);
	assert_int_equal(fetches, 1); /* it pauses */
	assert_int_equal(pwrite(fd, "renewed!!", 9, 0), 9);
	close(fd);
	status_now = 200;
	body_now = "{\"access_token\":\"abc\",\"expires_in\":3600}";
	fail_forget(&cx);
	assert_int_equal(entra_token(&cx, e, TENANT, &token), ERR_OK);
	assert_non_null(strstr(body_seen, "client_secret=renewed%21%21"));
	settings.client_secret_path = NULL;
	unlink(path);
}

static enum err
redeem(int status, const char *body, const char **ret)
{
	status_now = status;
	body_now = body;
	fail_forget(&cx);
	return entra_redeem(&cx, e, "c0de&", "https://us/auth/callback",
	    "verifier", ret);
}

static void
a_code_becomes_an_id_token(void **state)
{
	const char *token = NULL;

	(void)state;
	assert_int_equal(redeem(200, "{\"id_token\":\"abc\"}", &token),
	    ERR_OK);
	assert_string_equal(token, "abc");
	assert_string_equal(url_seen,
	    "https://login.example/organizations/oauth2/v2.0/token");
	assert_string_equal(body_seen, "client_id=" APP
	    "&grant_type=authorization_code&code=c0de%26"
	    "&redirect_uri=https%3A%2F%2Fus%2Fauth%2Fcallback"
	    "&code_verifier=verifier&client_secret=a~b%2Bc%2Fd%26e");
	assert_int_equal(redeem(400, "{\"error\":\"invalid_grant\"}",
	    &token), ERR_AUTH);
	assert_int_equal(redeem(401, "{\"error\":\"invalid_client\","
	    "\"error_codes\":[7000215]}", &token), ERR_FORBIDDEN);
	assert_int_equal(redeem(400, "{\"error\":\"unauthorized_client\","
	    "\"error_codes\":[7000112]}", &token), ERR_UPSTREAM);
	assert_int_equal(redeem(500, "", &token), ERR_BUSY);
	assert_int_equal(redeem(200, "{}", &token), ERR_UPSTREAM);
	assert_int_equal(redeem(200, "<html>", &token), ERR_UPSTREAM);
}

static void
browsers_are_sent_to_the_right_place(void **state)
{
	(void)state;
	assert_string_equal(entra_authorize_url(&cx, e, "https://us/cb", "s",
	    "n", "ch"), "https://login.example/organizations/oauth2/v2.0/"
	    "authorize?client_id=" APP "&response_type=code"
	    "&redirect_uri=https%3A%2F%2Fus%2Fcb&response_mode=query"
	    "&scope=openid%20profile&state=s&nonce=n&code_challenge=ch"
	    "&code_challenge_method=S256&prompt=select_account");
	assert_string_equal(entra_consent_url(&cx, e, TENANT,
	    "https://us/consent/callback", "s"), "https://login.example/"
	    TENANT "/v2.0/adminconsent?client_id=" APP
	    "&scope=https%3A%2F%2Fgraph.microsoft.com%2F.default"
	    "&redirect_uri=https%3A%2F%2Fus%2Fconsent%2Fcallback&state=s");
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_token_is_asked_for_once),
		T(refusals_have_their_kind),
		T(a_renewed_secret_is_used_at_once),
		T(a_code_becomes_an_id_token),
		T(browsers_are_sent_to_the_right_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
