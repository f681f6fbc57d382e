/* token: what the token endpoint's refusals mean, and how long each token and
 * each failure is remembered. */
#include "sync/token.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define A "11111111-2222-4333-8444-555555555555"
#define B "66666666-7777-4888-8999-000000000000"

static struct ctx cx;
static struct tokens *t;
static struct graph_token token;
static struct token_problem problem;

static int
begin(void **state)
{
	(void)state;
	ctx_init(&cx, NULL);
	t = tokens_new(3);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	tokens_free(t);
	ctx_done(&cx);
	return 0;
}

static struct http_response
said(int status, const char *body)
{
	return (struct http_response){ .result = HTTP_ANSWERED,
		.status = status, .body = body, .len = strlen(body),
		.retry_after_s = -1 };
}

static void
answer(const char *tenant, int64_t now_ms, int status, const char *body)
{
	const struct http_response rs = said(status, body);

	tokens_answer(t, tenant, now_ms, &rs);
}

static enum token_state
ask_at(const char *tenant, int64_t now_ms)
{
	return tokens_ask(&cx, t, tenant, 0, now_ms, &token, &problem);
}

/* --- the table -------------------------------------------------------------- */

static struct token_problem
problem_of(int code)
{
	const struct http_response rs = said(code ? 400 : 500,
	    arena_printf(&cx.arena, "{\"error\":\"invalid_client\","
	    "\"error_codes\":[%d]}", code));
	struct token_problem p;

	token_problem_read(&rs, &p);
	return p;
}

static void
codes_have_their_meaning(void **state)
{
	static const struct {
		int code;
		enum result result;
		const char *why;
	} want[] = {
		{ 700016, RESULT_LOST, "not_consented" },
		{ 7000229, RESULT_LOST, "not_consented" },
		{ 65001, RESULT_LOST, "not_consented" },
		{ 7000112, RESULT_LOST, "disabled_by_admin" },
		{ 53003, RESULT_LOST, "blocked_by_policy" },
		{ 90002, RESULT_LOST, "tenant_not_found" },
		{ 7000215, RESULT_CREDENTIAL, "7000215" },
		{ 7000222, RESULT_CREDENTIAL, "7000222" },
		{ 700027, RESULT_CREDENTIAL, "700027" },
		{ 90033, RESULT_UNSENT, "token: http 400, AADSTS90033" },
		{ 12345, RESULT_UNSENT, "token: http 400, AADSTS12345" },
		{ 0, RESULT_UNSENT, "token: http 500" },
	};
	struct token_problem p;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		p = problem_of(want[i].code);
		assert_int_equal(p.result, want[i].result);
		assert_string_equal(p.why, want[i].why);
	}
}

/* A code in a 503 says nothing about consent. */
static void
trouble_is_never_lost(void **state)
{
	struct http_response rs = said(503, "{\"error_codes\":[700016]}");
	struct token_problem p;

	(void)state;
	rs.retry_after_s = 7;
	token_problem_read(&rs, &p);
	assert_int_equal(p.result, RESULT_UNSENT);
	assert_int_equal(p.retry_after_s, 7);
	rs = (struct http_response){ .result = HTTP_TIMEOUT, .body = "" };
	token_problem_read(&rs, &p);
	assert_int_equal(p.result, RESULT_UNSENT);
	rs = said(400, "<html>");
	token_problem_read(&rs, &p);
	assert_int_equal(p.result, RESULT_UNSENT);
}

/* --- the cache -------------------------------------------------------------- */

static void
one_request_at_a_time(void **state)
{
	(void)state;
	assert_int_equal(ask_at(A, 1000), TOKEN_FETCH);
	assert_int_equal(ask_at(A, 1001), TOKEN_UNDER_WAY);
	assert_int_equal(ask_at(B, 1001), TOKEN_FETCH);
	answer(A, 1100, 200, "{\"access_token\":\"aaa\",\"expires_in\":3599}");
	assert_int_equal(ask_at(A, 1101), TOKEN_READY);
	assert_string_equal(token.text, "aaa");
	/* whoever was asked has died: somebody else asks */
	assert_int_equal(ask_at(B, 1001 + UNDER_WAY_MS), TOKEN_FETCH);
}

static void
renewed_early_and_used_meanwhile(void **state)
{
	const int64_t end_ms = 1000 + 3569 * INT64_C(1000);

	(void)state;
	ask_at(A, 1000);
	answer(A, 1000, 200, "{\"access_token\":\"one\",\"expires_in\":3599}");
	assert_int_equal(ask_at(A, 1000 + 3238 * 1000), TOKEN_READY);
	assert_int_equal(ask_at(A, 1000 + 3300 * 1000), TOKEN_FETCH);
	assert_int_equal(ask_at(A, 1000 + 3301 * 1000), TOKEN_READY);
	answer(A, 1000 + 3302 * 1000, 500, "");
	assert_int_equal(ask_at(A, 1000 + 3302 * 1000 + 500), TOKEN_READY);
	assert_string_equal(token.text, "one");
	assert_int_equal(ask_at(A, end_ms - 5000), TOKEN_FETCH);
	assert_int_equal(ask_at(A, end_ms - 1), TOKEN_READY);
	assert_int_equal(ask_at(A, end_ms), TOKEN_UNDER_WAY);
}

static void
short_ones_are_used_for_a_minute_at_most(void **state)
{
	(void)state;
	ask_at(A, 1000);
	answer(A, 1000, 200, "{\"access_token\":\"x\",\"expires_in\":120}");
	assert_int_equal(ask_at(A, 1000 + 59 * 1000), TOKEN_READY);
	assert_int_equal(ask_at(A, 1000 + 61 * 1000), TOKEN_FETCH);
}

static void
failures_pause_longer_and_longer(void **state)
{
	int64_t now_ms = 1000, pause_ms[] = { 1000, 2000, 4000, 8000, 16000,
		30000, 30000 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(pause_ms) / sizeof(pause_ms[0]); i++) {
		assert_int_equal(ask_at(A, now_ms), TOKEN_FETCH);
		answer(A, now_ms, 400, "{\"error_codes\":[700016]}");
		now_ms += pause_ms[i];
		assert_int_equal(ask_at(A, now_ms - 1), TOKEN_PROBLEM);
		assert_int_equal(problem.result, RESULT_LOST);
		assert_string_equal(problem.why, "not_consented");
	}
	/* a probe does not wait */
	assert_int_equal(ask_at(A, now_ms), TOKEN_FETCH);
	answer(A, now_ms, 400, "{\"error_codes\":[700016]}");
	tokens_renew(t, A);
	assert_int_equal(ask_at(A, now_ms + 1), TOKEN_FETCH);
}

/* A probe has a new one, or none; others go on with the old one meanwhile, and
 * also when there is no new one because our credential is refused. */
static void
a_probe_takes_no_good_token_away(void **state)
{
	const int64_t since_ms = 1500;

	(void)state;
	tokens_renew(t, B);
	ask_at(A, 1000);
	answer(A, 1000, 200, "{\"access_token\":\"old\",\"expires_in\":3600}");
	tokens_renew(t, A);
	assert_int_equal(tokens_ask(&cx, t, A, since_ms, 2000, &token,
	    &problem), TOKEN_FETCH);
	assert_int_equal(tokens_ask(&cx, t, A, since_ms, 2001, &token,
	    &problem), TOKEN_UNDER_WAY);
	assert_int_equal(ask_at(A, 2001), TOKEN_READY);
	assert_string_equal(token.text, "old");
	answer(A, 2002, 401, "{\"error_codes\":[7000222]}");
	assert_int_equal(tokens_ask(&cx, t, A, since_ms, 2003, &token,
	    &problem), TOKEN_PROBLEM);
	assert_int_equal(problem.result, RESULT_CREDENTIAL);
	assert_int_equal(ask_at(A, 2003), TOKEN_READY);
	assert_int_equal(ask_at(A, 3100), TOKEN_FETCH); /* now and then */
	assert_int_equal(ask_at(A, 3101), TOKEN_READY);
	answer(A, 3102, 200, "{\"access_token\":\"new\",\"expires_in\":3600}");
	assert_int_equal(tokens_ask(&cx, t, A, since_ms, 3103, &token,
	    &problem), TOKEN_READY);
	assert_string_equal(token.text, "new");
}

/* For a new credential nobody waits; a tenant that is lost is none of its. */
static void
a_new_credential_ends_its_pauses(void **state)
{
	(void)state;
	ask_at(A, 1000);
	answer(A, 1000, 401, "{\"error_codes\":[7000222]}");
	ask_at(B, 1000);
	answer(B, 1000, 400, "{\"error_codes\":[700016]}");
	assert_int_equal(ask_at(A, 1001), TOKEN_PROBLEM);
	assert_int_equal(problem.result, RESULT_CREDENTIAL);
	tokens_resume(t);
	assert_int_equal(ask_at(A, 1002), TOKEN_FETCH);
	assert_int_equal(ask_at(B, 1002), TOKEN_PROBLEM);
}

static void
lost_ends_the_old_token(void **state)
{
	(void)state;
	ask_at(A, 1000);
	answer(A, 1000, 200, "{\"access_token\":\"x\",\"expires_in\":3600}");
	assert_int_equal(ask_at(A, 1000 + 3301 * 1000), TOKEN_FETCH);
	answer(A, 1000 + 3301 * 1000, 400, "{\"error_codes\":[7000112]}");
	assert_int_equal(ask_at(A, 1000 + 3301 * 1000), TOKEN_PROBLEM);
}

static void
dropped_by_its_serial_only(void **state)
{
	uint64_t old;

	(void)state;
	ask_at(A, 1000);
	answer(A, 1000, 200, "{\"access_token\":\"x\",\"expires_in\":3600}");
	ask_at(A, 1000);
	old = token.serial;
	tokens_drop(t, A, old);
	assert_int_equal(ask_at(A, 1001), TOKEN_FETCH);
	answer(A, 1002, 200, "{\"access_token\":\"y\",\"expires_in\":3600}");
	tokens_drop(t, A, old);
	assert_int_equal(ask_at(A, 1003), TOKEN_READY);
	assert_string_equal(token.text, "y");
	assert_true(token.serial != old);
	tokens_drop(t, B, old); /* unknown: nothing happens */
}

static void
answers_without_a_token_are_failures(void **state)
{
	static const char *const bodies[] = { "", "{}", "[]", "null",
		"{\"access_token\":\"x\"}",
		"{\"access_token\":\"\",\"expires_in\":3600}",
		"{\"access_token\":\"a\\r\\nb\",\"expires_in\":3600}",
		"{\"access_token\":7,\"expires_in\":3600}" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		tokens_renew(t, A);
		assert_int_equal(ask_at(A, 1000), TOKEN_FETCH);
		answer(A, 1000, 200, bodies[i]);
		assert_int_equal(ask_at(A, 1001), TOKEN_PROBLEM);
		assert_int_equal(problem.result, RESULT_UNSENT);
	}
}

static void
bounded_oldest_out(void **state)
{
	char id[37];
	int i;

	(void)state;
	for (i = 0; i < 5; i++) {
		snprintf(id, sizeof(id), "tenant-%d", i);
		assert_int_equal(ask_at(id, 1000), TOKEN_FETCH);
		answer(id, 1000, 200,
		    "{\"access_token\":\"x\",\"expires_in\":3600}");
		ask_at("tenant-0", 1000);
	}
	assert_int_equal(tokens_count(t), 3);
	assert_int_equal(ask_at("tenant-0", 1000), TOKEN_READY);
	assert_int_equal(ask_at("tenant-4", 1000), TOKEN_READY);
	assert_int_equal(ask_at("tenant-1", 1000), TOKEN_FETCH);
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(codes_have_their_meaning),
		T(trouble_is_never_lost),
		T(one_request_at_a_time),
		T(renewed_early_and_used_meanwhile),
		T(short_ones_are_used_for_a_minute_at_most),
		T(failures_pause_longer_and_longer),
		T(a_new_credential_ends_its_pauses),
		T(lost_ends_the_old_token),
		T(a_probe_takes_no_good_token_away),
		T(dropped_by_its_serial_only),
		T(answers_without_a_token_are_failures),
		T(bounded_oldest_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
