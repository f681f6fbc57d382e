/* http: one call at a time, and what each end of a call is taken for. */
#include "base/http.c"

#include "http_peer.h"

/* --- asking --------------------------------------------------------------- */

static struct http_response
fetch_with(struct http_request rq)
{
	struct http_response rs;

	if (!rq.method)
		rq.method = "GET";
	if (!rq.timeout_ms)
		rq.timeout_ms = 5000;
	if (!rq.max_bytes)
		rq.max_bytes = 65536;
	memset(&rs, 0x5a, sizeof(rs));
	http_fetch(&cx, &rq, &rs);
	assert_true((rs.result == HTTP_ANSWERED) == (rs.why[0] == '\0'));
	return rs;
}

static struct http_response
fetch(const struct server *s, const char *path, int timeout_ms)
{
	return fetch_with((struct http_request){
	    .url = url_of(s, path), .timeout_ms = timeout_ms });
}

static void
an_answer_comes_whole(void **state)
{
	static const char *const headers[] = { "Authorization: Bearer x",
		"Content-Type: application/json", NULL };
	struct server *s = start_server(NULL);
	struct http_response rs;

	(void)state;
	rs = fetch(s, "/", 0);
	assert_int_equal(rs.result, HTTP_ANSWERED);
	assert_int_equal(rs.status, 200);
	assert_string_equal(rs.body, "hello");
	assert_int_equal(rs.len, 5);
	assert_int_equal(rs.retry_after_s, -1);
	assert_string_equal(rs.request_id, "");
	assert_in_range(rs.ms, 0, 5000);
	rs = fetch_with((struct http_request){ .method = "POST",
	    .url = url_of(s, "/echo"),
	    .headers = headers,
	    .body = "{\"a\":1}",
	    .body_len = 7 });
	assert_non_null(strstr(rs.body, "POST /echo HTTP/1.1\r\n"));
	assert_non_null(strstr(rs.body, "Authorization: Bearer x\r\n"));
	assert_non_null(strstr(rs.body, "Content-Type: application/json\r\n"));
	assert_non_null(strstr(rs.body, "\r\n\r\n{\"a\":1}"));
	assert_null(strstr(rs.body, "Expect"));
	/* nothing of it clings to the handle */
	rs = fetch(s, "/echo", 0);
	assert_non_null(strstr(rs.body, "GET /echo HTTP/1.1\r\n"));
	assert_null(strstr(rs.body, "Authorization"));
	rs = fetch_with((struct http_request){
	    .method = "POST", .url = url_of(s, "/echo") });
	assert_non_null(strstr(rs.body, "Content-Length: 0\r\n"));
	rs = fetch_with((struct http_request){
	    .method = "DELETE", .url = url_of(s, "/echo") });
	assert_non_null(strstr(rs.body, "DELETE /echo HTTP/1.1\r\n"));
	assert_int_equal(s->connections, 1); /* it was kept */
	stop_server(s);
}

static void
headers_are_read(void **state)
{
	struct server *s = start_server(NULL);
	char date[64], later[200];
	time_t t = time(NULL) + 100;
	struct http_response rs;
	struct tm tm;
	size_t i;
	const struct {
		const char *header;
		int least, most;
	} cases[] = {
		{ "Retry-After:_7", 7, 7 },
		{ "retry-after:0", 0, 0 },
		{ "Retry-After:_99999999999999999999", 86400, 86400 },
		{ "Retry-After:_soon", -1, -1 },
		{ "Retry-After:_-5", -1, -1 },
		{ "Retry-After:_1.5", -1, -1 },
		{ "Retry-After:", -1, -1 },
		{ "Retry-After:_Wed,_21_Oct_2015_07:28:00_GMT", 0, 0 },
		{ "Retry-After:_Fri,_31_Dec_2060_23:59:59_GMT", 86400, 86400 },
		{ later, 95, 100 },
		{ "X: y", -1, -1 },
	};

	(void)state;
	gmtime_r(&t, &tm);
	strftime(date, sizeof(date), "%a,_%d_%b_%Y_%H:%M:%S_GMT", &tm);
	snprintf(later, sizeof(later), "Retry-After:_%s", date);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]) - 1; i++) {
		rs = fetch(s,
		    arena_printf(&cx.arena, "/header/%s", cases[i].header), 0);
		assert_int_equal(rs.status, 429);
		if (rs.retry_after_s < cases[i].least ||
		    rs.retry_after_s > cases[i].most)
			print_error(
			    "%s: %d\n", cases[i].header, rs.retry_after_s);
		assert_true(rs.retry_after_s >= cases[i].least &&
		    rs.retry_after_s <= cases[i].most);
	}
	rs = fetch(s, "/header/Request-Id:_5c0d0000-1111", 0);
	assert_string_equal(rs.request_id, "5c0d0000-1111");
	rs = fetch(
	    s, arena_printf(&cx.arena, "/header/request-id:_%0*d", 64, 7), 0);
	assert_string_equal(rs.request_id, ""); /* too long to be one */
	stop_server(s);
}

static void
redirects_and_proxies_are_not_followed(void **state)
{
	struct server *s = start_server(NULL);
	struct http_response rs;

	(void)state;
	setenv("http_proxy", "http://127.0.0.1:9/", 1);
	setenv("ALL_PROXY", "http://127.0.0.1:9/", 1);
	rs = fetch(s, "/redirect", 0);
	assert_int_equal(rs.status, 302);
	assert_int_equal(s->requests, 1);
	unsetenv("http_proxy");
	unsetenv("ALL_PROXY");
	rs = fetch_with((struct http_request){ .url = "file:///etc/passwd" });
	assert_int_equal(rs.result, HTTP_UNREACHABLE);
	assert_string_equal(rs.body, "");
	rs = fetch_with((struct http_request){ .url = "" });
	assert_int_equal(rs.result, HTTP_UNREACHABLE);
	stop_server(s);
}

static void
size_is_limited(void **state)
{
	struct server *s = start_server(NULL);
	struct http_response rs;

	(void)state;
	rs = fetch(s, "/big", 0);
	assert_int_equal(rs.result, HTTP_BROKEN);
	assert_non_null(strstr(rs.why, "larger"));
	assert_string_equal(rs.body, "");
	rs = fetch_with((struct http_request){
	    .url = url_of(s, "/big"), .max_bytes = 100000 });
	assert_int_equal(rs.result, HTTP_ANSWERED);
	assert_int_equal(rs.len, 100000);
	rs = fetch_with((struct http_request){
	    .url = url_of(s, "/big"), .max_bytes = 99999 });
	assert_int_equal(rs.result, HTTP_BROKEN);
	stop_server(s);
}

static void
broken_after_sending(void **state)
{
	static const char *const paths[] = { "/cut", "/junk", "/reset" };
	struct server *s = start_server(NULL);
	struct http_response rs;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		rs = fetch(s, paths[i], 0);
		assert_int_equal(rs.result, HTTP_BROKEN);
		assert_int_equal(rs.status, 0);
	}
	rs = fetch(s, "/hang", 300);
	assert_int_equal(rs.result, HTTP_TIMEOUT);
	assert_in_range(rs.ms, 290, 3000);
	stop_server(s);
}

/* The kept connection ends without an answer, libcurl tries a new one, and
 * that is refused: yet the request had been sent. */
static void
what_was_sent_once_is_never_unreachable(void **state)
{
	struct server *s = start_server(NULL);
	struct http_response rs;

	(void)state;
	assert_int_equal(fetch(s, "/", 0).result, HTTP_ANSWERED);
	rs = fetch(s, "/vanish", 0);
	assert_int_equal(rs.result, HTTP_BROKEN);
	assert_int_equal(s->requests, 2);
	rs = fetch(s, "/", 0);
	assert_int_equal(rs.result, HTTP_UNREACHABLE);
	stop_server(s);
}

static void
unreachable_is_certain(void **state)
{
	struct server *plain = start_server(NULL);
	struct http_response rs;
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int port, fd, full[3], i;

	(void)state;
	fd = listen_somewhere(&port, 1);
	close(fd);
	rs = fetch_with((struct http_request){
	    .url = arena_printf(&cx.arena, "http://127.0.0.1:%d/", port) });
	assert_int_equal(rs.result, HTTP_UNREACHABLE);
	rs = fetch_with((struct http_request){
	    .url = "http://nowhere.invalid/", .timeout_ms = 3000 });
	assert_int_equal(rs.result, HTTP_UNREACHABLE);

	/* no room in the backlog: connecting takes too long */
	fd = listen_somewhere(&port, 0);
	a.sin_port = htons((uint16_t)port);
	for (i = 0; i < 3; i++) {
		full[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		if (connect(full[i], (struct sockaddr *)&a, sizeof(a)) != 0)
			assert_int_equal(errno, EINPROGRESS);
	}
	rs = fetch_with((struct http_request){ .timeout_ms = 300,
	    .url = arena_printf(&cx.arena, "http://127.0.0.1:%d/", port) });
	assert_int_equal(rs.result, HTTP_UNREACHABLE);
	for (i = 0; i < 3; i++)
		close(full[i]);
	close(fd);

	/* TLS with one that does not speak it, and with one that is silent */
	rs = fetch_with(
	    (struct http_request){ .url = arena_printf(&cx.arena,
				       "https://localhost:%d/", plain->port),
		.timeout_ms = 500 });
	assert_int_equal(rs.result, HTTP_UNREACHABLE);
	assert_int_equal(plain->requests, 0);
	fd = listen_somewhere(&port, 8);
	rs = fetch_with((struct http_request){
	    .url = arena_printf(&cx.arena, "https://localhost:%d/", port),
	    .timeout_ms = 300 });
	assert_int_equal(rs.result, HTTP_UNREACHABLE);
	close(fd);
	stop_server(plain);
}

static void
tls_is_verified(void **state)
{
	struct server *good = start_server(known), *bad = start_server(unknown);
	struct http_response rs;

	(void)state;
	rs = fetch(good, "/", 0);
	assert_string_equal(rs.why, "");
	assert_string_equal(rs.body, "hello");
	rs = fetch_with((struct http_request){
	    .url = arena_printf(&cx.arena, "https://127.0.0.1:%d/",
		good->port) }); /* not its name */
	assert_int_equal(rs.result, HTTP_UNREACHABLE);
	rs = fetch(bad, "/", 0);
	assert_int_equal(rs.result, HTTP_UNREACHABLE);
	assert_int_equal(bad->requests, 0);
	stop_server(good);
	stop_server(bad);
}

static void *
fetch_in_thread(void *arg)
{
	struct ctx own;
	struct http_request rq = { .method = "GET",
		.url = arg,
		.timeout_ms = 5000,
		.max_bytes = 100 };
	struct http_response rs;
	int i, good = 0;

	ctx_init(&own, NULL);
	for (i = 0; i < 20; i++) {
		http_fetch(&own, &rq, &rs);
		good += rs.result == HTTP_ANSWERED && rs.len == 5;
	}
	ctx_done(&own);
	return (void *)(intptr_t)good;
}

static void
each_thread_keeps_its_connection(void **state)
{
	struct server *s = start_server(known);
	pthread_t t[4];
	char *url = url_of(s, "/");
	void *good;
	int i;

	(void)state;
	for (i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, fetch_in_thread, url);
	for (i = 0; i < 4; i++) {
		pthread_join(t[i], &good);
		assert_int_equal((intptr_t)good, 20);
	}
	assert_int_equal(s->connections, 4);
	stop_server(s);
}

/* A kept connection of ours is not taken either: it was never looked at. */
static void
a_fence_keeps_calls_outside(void **state)
{
	struct server *s = start_server(known), *plain = start_server(NULL);
	struct network home;
	const struct http_fence none = { NULL, 0 }, own = { &home, 1 };
	struct http_request rq = { .url = url_of(s, "/") };
	struct http_response rs;
	int connections;

	(void)state;
	assert_true(network_parse("127.0.0.0/8", &home));
	assert_string_equal(fetch_with(rq).body, "hello");
	connections = s->connections;
	rq.fence = &none;
	rs = fetch_with(rq);
	assert_int_equal(rs.result, HTTP_UNREACHABLE);
	assert_non_null(strstr(rs.why, "not public"));
	assert_int_equal(s->connections, connections);
	rq.fence = &own;
	assert_string_equal(fetch_with(rq).body, "hello");
	assert_int_equal(s->connections, connections + 1);
	rq.url = url_of(plain, "/"); /* not by http */
	assert_int_equal(fetch_with(rq).result, HTTP_UNREACHABLE);
	assert_int_equal(plain->connections, 0);
	rq.fence = NULL;
	assert_string_equal(fetch_with(rq).body, "hello");
	stop_server(s);
	stop_server(plain);
}

static void
bad_ca_files_stop_the_start(void **state)
{
	(void)state;
	http_done();
	assert_int_equal(http_init(&cx, "/nonexistent"), ERR_INPUT);
	assert_non_null(strstr(cx.detail, "/nonexistent"));
	http_done();
	fail_forget(&cx);
	assert_int_equal(http_init(&cx, "key.pem"), ERR_INPUT);
	http_done();
	fail_forget(&cx);
	assert_int_equal(http_init(&cx, "ca.pem"), ERR_OK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_ca_files_stop_the_start),
		cmocka_unit_test(an_answer_comes_whole),
		cmocka_unit_test(headers_are_read),
		cmocka_unit_test(redirects_and_proxies_are_not_followed),
		cmocka_unit_test(size_is_limited),
		cmocka_unit_test(broken_after_sending),
		cmocka_unit_test(what_was_sent_once_is_never_unreachable),
		cmocka_unit_test(unreachable_is_certain),
		cmocka_unit_test(tls_is_verified),
		cmocka_unit_test(each_thread_keeps_its_connection),
		cmocka_unit_test(a_fence_keeps_calls_outside),
	};

	return cmocka_run_group_tests(tests, make_all, drop_all);
}
