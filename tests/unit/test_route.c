/* Routes: what a path means, and that nothing encoded can change it. */
#include "web/route.c"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "web/request.h"

static enum err
one(struct request *rq)
{
	(void)rq;
	return ERR_OK;
}

static enum err
two(struct request *rq)
{
	(void)rq;
	return ERR_OK;
}

static const struct route routes[] = {
	{ "GET", "/healthz", 0, 0, one },
	{ "POST", "/webhook/:pbx", 0, 100, one },
	{ "POST", "/webhook/:pbx/:secret", 0, 100, one },
	{ "GET", "/webhook/:pbx/:secret", 0, 0, two },
	{ "GET", "/admin/api/pbxs/list", 0, 0, one },
	{ "GET", "/admin/api/pbxs/:id", 0, 0, two },
	{ "PATCH", "/admin/api/pbxs/:id", 0, 0, two },
	{ "DELETE", "/admin/api/pbxs/:id", 0, 0, two },
};

static enum err
find(struct request *rq, const char *method, const char *path)
{
	memset(rq, 0, sizeof(*rq));
	ctx_init(&rq->cx, NULL);
	buf_init(&rq->headers, &rq->cx.arena, 1000);
	rq->method = method;
	rq->path = path;
	return route_find(rq, routes, sizeof(routes) / sizeof(routes[0]));
}

static void
test_found(void **state)
{
	struct request rq;

	(void)state;
	assert_int_equal(find(&rq, "GET", "/healthz"), ERR_OK);
	assert_ptr_equal(rq.route, &routes[0]);
	assert_null(rq.params[0]);
	ctx_done(&rq.cx);

	assert_int_equal(find(&rq, "POST", "/webhook/p1"), ERR_OK);
	assert_ptr_equal(rq.route, &routes[1]);
	assert_string_equal(rq.params[0], "p1");
	assert_null(rq.params[1]);
	ctx_done(&rq.cx);

	assert_int_equal(find(&rq, "GET", "/webhook/p1/s"), ERR_OK);
	assert_ptr_equal(rq.route, &routes[3]);
	assert_string_equal(rq.params[1], "s");
	ctx_done(&rq.cx);

	/* The first in the table wins. */
	assert_int_equal(find(&rq, "GET", "/admin/api/pbxs/list"), ERR_OK);
	assert_ptr_equal(rq.route, &routes[4]);
	ctx_done(&rq.cx);
}

static void
test_encoded(void **state)
{
	static const struct {
		const char *path, *first;
	} good[] = {
		{ "/webhook/a%2Fb", "a/b" },
		{ "/%77ebhook/a", "a" },
		{ "/webhook/a+b", "a+b" },
		{ "/webhook/%C3%A4", "\xc3\xa4" },
		{ "/webhook/%3Fx", "?x" },
		{ "/webhook/%252F", "%2F" },
		{ "/webhook/..", ".." },
	};
	static const char *const bad[] = {
		"/webhook/%00",
		"/webhook/a%00b",
		"/webhook/%ff",
		"/webhook/%",
		"/webhook/%4",
		"/webhook/%zz",
		"/webhook/%c0%af",
		"/webhook/%ed%a0%80",
		"/%ff/x",
		"/nowhere/%00",
		"/webhook/\xff",
	};
	struct request rq;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(find(&rq, "POST", good[i].path), ERR_OK);
		assert_string_equal(rq.params[0], good[i].first);
		ctx_done(&rq.cx);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(find(&rq, "POST", bad[i]), ERR_INPUT);
		assert_null(rq.route);
		ctx_done(&rq.cx);
	}
}

static void
test_not_found(void **state)
{
	static const char *const paths[] = {
		"",
		"/",
		"//",
		"healthz",
		"/healthz/",
		"//healthz",
		"/healthz/x",
		"/health",
		"/healthzz",
		"/HEALTHZ",
		"/webhook",
		"/webhook/",
		"/webhook//",
		"/webhook//s",
		"/webhook/p/",
		"/webhook/p/s/t",
		"/x/../healthz",
		"/webhook%2Fp",
		"/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s/t",
	};
	struct request rq;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		assert_int_equal(find(&rq, "GET", paths[i]), ERR_NOT_FOUND);
		assert_null(rq.route);
		assert_int_equal(rq.headers.len, 0);
		ctx_done(&rq.cx);
	}
}

static void
test_method(void **state)
{
	static const char *const methods[] = {
		"HEAD",
		"PUT",
		"OPTIONS",
		"get",
		"",
		"POS",
		"X-LONG-METHOD",
	};
	struct request rq;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		assert_int_equal(
		    find(&rq, methods[i], "/webhook/p/s"), ERR_METHOD);
		assert_null(rq.route);
		assert_string_equal(
		    buf_str(&rq.headers), "Allow: POST, GET\r\n");
		assert_string_equal(rq.cx.detail, "allowed here: POST, GET");
		ctx_done(&rq.cx);
	}
	assert_int_equal(find(&rq, "HEAD", "/admin/api/pbxs/list"), ERR_METHOD);
	assert_string_equal(
	    buf_str(&rq.headers), "Allow: GET, PATCH, DELETE\r\n");
	ctx_done(&rq.cx);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_found),
		cmocka_unit_test(test_encoded),
		cmocka_unit_test(test_not_found),
		cmocka_unit_test(test_method),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
