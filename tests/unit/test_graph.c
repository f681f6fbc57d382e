/* graph: the bytes of each request, and what each answer means. */
#include "sync/graph.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define U "aaaaaaaa-0000-4000-8000-000000000011"

static const struct settings settings = {
	.client_id = "99999999-1111-4222-8333-444444444444",
	.graph_url = "https://graph.example",
};
static struct ctx cx;

static int
begin(void **state)
{
	(void)state;
	ctx_init(&cx, "0123456789abcdef0123456789abcdef");
	return 0;
}

static int
end(void **state)
{
	(void)state;
	ctx_done(&cx);
	return 0;
}

static bool
has_header(const struct http_request *rq, const char *line)
{
	const char *const *h = rq->headers;

	while (*h && strcmp(*h, line) != 0)
		h++;
	return *h != NULL;
}

static struct http_request
request_of(enum goal goal, int expires_s)
{
	const struct job job = { .user_id = U, .goal = goal,
		.expires_s = expires_s };
	struct http_request rq;

	graph_request(&cx, &settings, &job, "TOKEN", &rq);
	assert_string_equal(rq.method, "POST");
	assert_int_equal(rq.body_len, strlen(rq.body));
	assert_int_equal(rq.timeout_ms, 15000);
	return rq;
}

static void
busy_is_told(void **state)
{
	const struct http_request rq = request_of(GOAL_BUSY, 900);

	(void)state;
	assert_string_equal(rq.url, "https://graph.example/v1.0/users/" U
	    "/presence/setPresence");
	assert_string_equal(rq.body, "{\"sessionId\":"
	    "\"99999999-1111-4222-8333-444444444444\","
	    "\"availability\":\"Busy\",\"activity\":\"InACall\","
	    "\"expirationDuration\":\"PT15M\"}");
	assert_true(has_header(&rq, "Authorization: Bearer TOKEN"));
	assert_true(has_header(&rq, "Content-Type: application/json"));
	assert_true(has_header(&rq, "client-request-id: "
	    "01234567-89ab-cdef-0123-456789abcdef"));
}

static void
durations_are_written_as_microsoft_does(void **state)
{
	static const struct {
		int s;
		const char *text;
	} want[] = { { 300, "\"PT5M\"" }, { 14400, "\"PT4H\"" },
		{ 5400, "\"PT1H30M\"" }, { 301, "\"PT5M1S\"" } };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		assert_non_null(strstr(request_of(GOAL_AVAILABLE,
		    want[i].s).body, want[i].text));
}

static void
clear_names_the_session_only(void **state)
{
	const struct http_request rq = request_of(GOAL_CLEAR, 0);

	(void)state;
	assert_string_equal(rq.url, "https://graph.example/v1.0/users/" U
	    "/presence/clearPresence");
	assert_string_equal(rq.body, "{\"sessionId\":"
	    "\"99999999-1111-4222-8333-444444444444\"}");
}

static void
a_probe_asks_for_one_person(void **state)
{
	const struct job job = { .probe = true, .user_id = U };
	struct http_request rq;

	(void)state;
	graph_request(&cx, &settings, &job, "TOKEN", &rq);
	assert_string_equal(rq.url, "https://graph.example/v1.0/"
	    "communications/getPresencesByUserId");
	assert_string_equal(rq.body, "{\"ids\":[\"" U "\"]}");
}

static void
answers_have_their_meaning(void **state)
{
	static const struct {
		int status;
		enum result busy, clear, probe;
	} want[] = {
		{ 200, RESULT_OK, RESULT_OK, RESULT_OK },
		{ 204, RESULT_OK, RESULT_OK, RESULT_OK },
		{ 302, RESULT_FAILED, RESULT_FAILED, RESULT_FAILED },
		{ 400, RESULT_REJECTED, RESULT_REJECTED, RESULT_REJECTED },
		{ 401, RESULT_UNAUTHORIZED, RESULT_UNAUTHORIZED,
		    RESULT_UNAUTHORIZED },
		{ 403, RESULT_FORBIDDEN, RESULT_FORBIDDEN, RESULT_FORBIDDEN },
		{ 404, RESULT_NOT_FOUND, RESULT_OK, RESULT_FAILED },
		{ 408, RESULT_FAILED, RESULT_FAILED, RESULT_FAILED },
		{ 429, RESULT_THROTTLED, RESULT_THROTTLED, RESULT_THROTTLED },
		{ 500, RESULT_FAILED, RESULT_FAILED, RESULT_FAILED },
		{ 503, RESULT_FAILED, RESULT_FAILED, RESULT_FAILED },
		{ 509, RESULT_FAILED, RESULT_FAILED, RESULT_FAILED },
	};
	const struct job busy = { .goal = GOAL_BUSY },
	    clear = { .goal = GOAL_CLEAR }, probe = { .probe = true };
	struct http_response rs = { .body = "", .retry_after_s = -1 };
	char detail[128];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		rs.status = want[i].status;
		assert_int_equal(graph_result(&busy, &rs, detail),
		    want[i].busy);
		assert_int_equal(graph_result(&clear, &rs, detail),
		    want[i].clear);
		assert_int_equal(graph_result(&probe, &rs, detail),
		    want[i].probe);
	}
	rs.status = 503;
	rs.retry_after_s = 3;
	assert_int_equal(graph_result(&busy, &rs, detail), RESULT_THROTTLED);
}

static void
no_answer_may_still_land(void **state)
{
	const struct job job = { .goal = GOAL_BUSY };
	struct http_response rs = { .body = "", .why = "no route" };
	char detail[128];

	(void)state;
	rs.result = HTTP_UNREACHABLE;
	assert_int_equal(graph_result(&job, &rs, detail), RESULT_UNSENT);
	assert_string_equal(detail, "graph: no route");
	rs.result = HTTP_TIMEOUT;
	assert_int_equal(graph_result(&job, &rs, detail), RESULT_UNKNOWN);
	rs.result = HTTP_BROKEN;
	assert_int_equal(graph_result(&job, &rs, detail), RESULT_UNKNOWN);
}

static void
the_code_is_told_but_not_whatever_they_write(void **state)
{
	static const char good[] =
	    "{\"error\":{\"code\":\"TooManyRequests\",\"message\":\"secret\"}}";
	static const char bad[] =
	    "{\"error\":{\"code\":\"a b\\n\\\"c\",\"message\":\"secret\"}}";
	const struct job job = { .goal = GOAL_BUSY };
	struct http_response rs = { .status = 429, .body = good,
		.len = sizeof(good) - 1, .retry_after_s = -1 };
	char detail[128];

	(void)state;
	graph_result(&job, &rs, detail);
	assert_string_equal(detail, "graph: http 429, code TooManyRequests");
	rs.body = bad;
	rs.len = sizeof(bad) - 1;
	graph_result(&job, &rs, detail);
	assert_string_equal(detail, "graph: http 429, code abc");
	rs.body = "<html>";
	rs.len = 6;
	graph_result(&job, &rs, detail);
	assert_string_equal(detail, "graph: http 429");
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(busy_is_told),
		T(durations_are_written_as_microsoft_does),
		T(clear_names_the_session_only),
		T(a_probe_asks_for_one_person),
		T(answers_have_their_meaning),
		T(no_answer_may_still_land),
		T(the_code_is_told_but_not_whatever_they_write),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
