/* http: many calls at once, over HTTP/1.1 here and HTTP/2 with node. */
#include "base/http.c"
#include "base/http_loop.c"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "http_peer.h"

/* --- the loop ------------------------------------------------------------- */

static int counts[HTTP_BROKEN + 1];
static int still_to_send;
static struct http_loop *loop;
static struct http_request next_rq;

static void
count(void *arg, const struct http_response *rs)
{
	assert_ptr_equal(arg, counts);
	assert_true(rs->result != HTTP_ANSWERED || rs->len == 5 || rs->len == 0);
	counts[rs->result]++;
	if (still_to_send > 0) {
		still_to_send--;
		http_loop_send(loop, &next_rq, count, arg);
	}
}

static void
run_until_done(void)
{
	int64_t end = clock_mono_ms() + 20000;

	while (http_loop_in_flight(loop) > 0 && clock_mono_ms() < end)
		http_loop_run(loop, 1000);
	assert_int_equal(http_loop_in_flight(loop), 0);
}

static void
begin_loop(int max, const char *url, int timeout_ms)
{
	memset(counts, 0, sizeof(counts));
	still_to_send = 0;
	loop = http_loop_new(max);
	next_rq = (struct http_request){ .method = "GET",
		.url = url,
		.timeout_ms = timeout_ms,
		.max_bytes = 1000 };
}

static void
send_many(int n)
{
	while (n-- > 0)
		http_loop_send(loop, &next_rq, count, counts);
}

static void
loop_answers_all(void **state)
{
	struct server *s = start_server(NULL);

	(void)state;
	begin_loop(50, url_of(s, "/"), 15000);
	still_to_send = 950;
	send_many(50);
	assert_int_equal(http_loop_in_flight(loop), 50);
	run_until_done();
	assert_int_equal(counts[HTTP_ANSWERED], 1000);
	/* HTTP/1.1: as many as calls at once, all kept */
	assert_in_range(s->connections, 8, 50);
	http_loop_free(loop);
	stop_server(s);
}

static void
tell_ends_apart(struct server *s)
{
	int64_t t = clock_mono_ms();

	begin_loop(8, url_of(s, "/reset"), 5000);
	send_many(1);
	run_until_done();
	next_rq.url = url_of(s, "/big");
	send_many(1);
	run_until_done();
	assert_int_equal(counts[HTTP_BROKEN], 2);
	next_rq.url = url_of(s, "/hang");
	next_rq.timeout_ms = 300;
	send_many(3);
	run_until_done();
	assert_int_equal(counts[HTTP_TIMEOUT], 3);
	assert_true(clock_mono_ms() - t < 5000);
	stop_server(s);
	next_rq.url = url_of(s, "/");
	send_many(2);
	run_until_done();
	assert_int_equal(counts[HTTP_UNREACHABLE], 2);
	/* what is in flight at the end is given up without a word */
	send_many(4);
	http_loop_free(loop);
	http_loop_free(NULL);
	assert_int_equal(counts[HTTP_UNREACHABLE], 2);
}

static void
loop_tells_ends_apart(void **state)
{
	(void)state;
	tell_ends_apart(start_server(NULL));
	tell_ends_apart(start_server(known));
}

/* A connection that does not come: who waits for it is not sent, and told so in
 * time; and it is not asked for once for each. */
static void
loop_tells_who_waited_in_vain(void **state)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const int64_t began_ms = clock_mono_ms();
	const int silent = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	socklen_t len = sizeof(at);
	int n;

	(void)state;
	assert_int_equal(bind(silent, (struct sockaddr *)&at, len), 0);
	assert_int_equal(listen(silent, 64), 0);
	getsockname(silent, (struct sockaddr *)&at, &len);
	begin_loop(250,
	    arena_printf(&cx.arena, "https://127.0.0.1:%d/",
		ntohs(at.sin_port)), 300);
	send_many(250);
	run_until_done();
	assert_int_equal(counts[HTTP_UNREACHABLE], 250);
	assert_in_range(clock_mono_ms() - began_ms, 299, 5000);
	for (n = 0; accept(silent, NULL, NULL) >= 0; n++)
		;
	/* For 100 calls each; and again while the last ones' time runs out. */
	assert_in_range(n, 3, 12);
	close(silent);
	http_loop_free(loop);
}

static void *
wake_soon(void *arg)
{
	usleep(100000);
	http_loop_wake(arg);
	return NULL;
}

static void
loop_sleeps_and_wakes(void **state)
{
	int64_t t;
	pthread_t thread;

	(void)state;
	begin_loop(4, "", 0);
	t = clock_mono_ms();
	http_loop_run(loop, 50);
	assert_in_range(clock_mono_ms() - t, 49, 2000);
	pthread_create(&thread, NULL, wake_soon, loop);
	t = clock_mono_ms();
	http_loop_run(loop, 10000);
	assert_in_range(clock_mono_ms() - t, 90, 5000);
	pthread_join(thread, NULL);
	t = clock_mono_ms();
	http_loop_run(loop, 50); /* one wake wakes once */
	assert_in_range(clock_mono_ms() - t, 49, 2000);
	assert_true(http_loop_wake_fd(loop) >= 0);
	http_loop_free(loop);
}

/* --- HTTP/2 --------------------------------------------------------------- */

static const char node_server[] =
    "const h2 = require('http2'), fs = require('fs');"
    "let sessions = 0, open = 0, most = 0, resets = 0, later;"
    "const s = h2.createSecureServer({ key: fs.readFileSync('key.pem'),"
    "  cert: fs.readFileSync('ca.pem'),"
    "  settings: { maxConcurrentStreams: 100 } });"
    "s.on('session', () => sessions++);"
    "s.on('stream', (st, h) => { open++; if (open > most) most = open;"
    "  st.on('error', () => {});"
    "  st.on('aborted', () => { resets++; later(); });"
    "  st.on('close', () => open--);"
    "  const p = h[':path'];"
    "  const say = b => { if (!st.destroyed) {"
    "    st.respond({ ':status': 200, 'request-id': 'r' }); st.end(b); } };"
    "  if (p === '/stats') say(`${sessions} ${most} ${resets}`);"
    "  else if (p === '/slow') setTimeout(() => say('hello'), 200);"
    "  else if (p === '/until') later = () => say('hello');"
    "  else if (p === '/empty') st.respond({ ':status': 200 }, { endStream: true });"
    "  else if (p !== '/hang') say('hello'); });"
    "s.listen(0, '127.0.0.1', () => console.log(s.address().port));";

static pid_t
start_node(int *ret_port)
{
	int out[2];
	char port[16] = "";
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(out[1], 1);
		if (chdir(folder) == 0)
			execlp("node", "node", "-e", node_server, (char *)NULL);
		_exit(127);
	}
	close(out[1]);
	n = read(out[0], port, sizeof(port) - 1);
	close(out[0]);
	*ret_port = n > 0 ? (int)strtol(port, NULL, 10) : 0;
	return pid;
}

static void
http2_shares_connections(void **state)
{
	struct http_request stats = {
		.method = "GET", .timeout_ms = 5000, .max_bytes = 100
	};
	struct http_response rs;
	int port, sessions, most, resets;
	pid_t pid = start_node(&port);
	char *end;

	(void)state;
	if (port == 0) {
		waitpid(pid, NULL, 0);
		skip();
	}
	begin_loop(250,
	    arena_printf(&cx.arena, "https://localhost:%d/slow", port), 15000);
	still_to_send = 750;
	send_many(250);
	run_until_done();
	assert_int_equal(counts[HTTP_ANSWERED], 1000);

	/* A stream that is given up: its end is told to the server at once,
	 * also when others on that connection have no end in sight. */
	next_rq.url =
	    arena_printf(&cx.arena, "https://localhost:%d/until", port);
	next_rq.timeout_ms = 15000;
	send_many(1);
	next_rq.url =
	    arena_printf(&cx.arena, "https://localhost:%d/hang", port);
	next_rq.timeout_ms = 200;
	send_many(1);
	run_until_done();
	assert_int_equal(counts[HTTP_TIMEOUT], 1);
	assert_int_equal(counts[HTTP_ANSWERED], 1001);
	next_rq.url = arena_printf(&cx.arena, "https://localhost:%d/", port);
	next_rq.timeout_ms = 5000;
	send_many(100);
	run_until_done();
	assert_int_equal(counts[HTTP_ANSWERED], 1101);
	http_loop_free(loop);

	stats.url = arena_printf(&cx.arena, "https://localhost:%d/stats", port);
	http_fetch(&cx, &stats, &rs);
	assert_int_equal(rs.result, HTTP_ANSWERED);
	assert_string_equal(rs.request_id, "r");
	sessions = (int)strtol(rs.body, &end, 10);
	most = (int)strtol(end, &end, 10);
	resets = (int)strtol(end, NULL, 10);
	print_message("sessions %d, streams at once %d, resets %d\n", sessions,
	    most, resets);
	/* 1,102 calls, 250 at once, and the fetch; a stream of one connection may
	 * close behind its successor on the next. */
	assert_in_range(sessions, 3, 10);
	assert_in_range(most, 200, 300);
	assert_int_equal(resets, 1);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* Node's server ends a connection on which more than 1,000 streams were reset,
 * and libcurl resets each of these. */
static void
http2_connections_are_replaced_in_time(void **state)
{
	struct http_request stats = {
		.method = "GET", .timeout_ms = 5000, .max_bytes = 100
	};
	struct http_response rs;
	struct server *plain;
	int port, sessions;
	pid_t pid;

	(void)state;
	pid = start_node(&port);
	if (port == 0) {
		waitpid(pid, NULL, 0);
		skip();
	}
	plain = start_server(NULL);
	begin_loop(50, url_of(plain, "/echo-not"), 15000);
	send_many(1); /* somebody else speaks HTTP/1.1 only */
	run_until_done();
	stop_server(plain);
	assert_true(loop->ends->one_by_one);
	counts[HTTP_ANSWERED] = 0;
	next_rq.url =
	    arena_printf(&cx.arena, "https://localhost:%d/empty", port);
	still_to_send = 3950;
	send_many(50);
	run_until_done();
	assert_int_equal(counts[HTTP_ANSWERED], 4000);
	/* The old ones are gone; the next one may be there already. */
	assert_true(!loop->lanes || !loop->lanes->next ||
	    !loop->lanes->next->next);
	http_loop_free(loop);
	stats.url = arena_printf(&cx.arena, "https://localhost:%d/stats", port);
	http_fetch(&cx, &stats, &rs);
	sessions = (int)strtol(rs.body, NULL, 10);
	assert_in_range(sessions, 4000 / LANE_MOST + 1, 4000 / LANE_CALLS + 2);

	/* Several at once; and no more of them than the calls need. */
	begin_loop(250, next_rq.url, 15000);
	still_to_send = 7750;
	send_many(250);
	run_until_done();
	assert_int_equal(counts[HTTP_ANSWERED], 8000);
	http_loop_free(loop);
	http_fetch(&cx, &stats, &rs);
	sessions = (int)strtol(rs.body, NULL, 10) - sessions - 1;
	print_message("sessions for 8,000 calls, 250 at once: %d\n", sessions);
	assert_in_range(sessions, 8000 / LANE_MOST, 8000 / LANE_CALLS + 4);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loop_answers_all),
		cmocka_unit_test(loop_tells_ends_apart),
		cmocka_unit_test(loop_tells_who_waited_in_vain),
		cmocka_unit_test(loop_sleeps_and_wakes),
		cmocka_unit_test(http2_shares_connections),
		cmocka_unit_test(http2_connections_are_replaced_in_time),
	};

	return cmocka_run_group_tests(tests, make_all, drop_all);
}
