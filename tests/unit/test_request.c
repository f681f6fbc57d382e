/* What a request says and what an answer looks like; FastCGI is played here. */
#include "web/request.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>
#undef fail /* cmocka's; ours is a function */

/* --- a connection that is no connection ---------------------------------- */

struct fastcgi {
	const char *const *params; /* name, value, ..., NULL */
	const char *body;
	size_t body_len, at;
	bool broken, closed, read;
	char sent[32768];
	size_t sent_len;
};

static struct fastcgi peer;

void
fastcgi_init(void)
{
}
size_t
fastcgi_count(void)
{
	return 0;
}

struct fastcgi *
fastcgi_open(int fd)
{
	return fd < 0 ? NULL : &peer;
}

const char *
fastcgi_param(const struct fastcgi *f, const char *name)
{
	size_t i;

	for (i = 0; f->params[i] != NULL; i += 2)
		if (strcmp(f->params[i], name) == 0)
			return f->params[i + 1];
	return NULL;
}

size_t
fastcgi_read(struct fastcgi *f, char *ret, size_t max)
{
	size_t n = f->body_len - f->at < max ? f->body_len - f->at : max;

	assert_false(f->read);
	memcpy(ret, f->body + f->at, n);
	f->at += n;
	return n;
}

bool
fastcgi_is_broken(const struct fastcgi *f)
{
	assert_false(f->read);
	return f->broken;
}

void
fastcgi_end_reading(struct fastcgi *f)
{
	f->read = true;
}

void
fastcgi_write(struct fastcgi *f, const char *bytes, size_t len)
{
	assert_true(f->sent_len + len < sizeof(f->sent));
	memcpy(f->sent + f->sent_len, bytes, len);
	f->sent_len += len;
	f->sent[f->sent_len] = '\0';
}

void
fastcgi_close(struct fastcgi *f)
{
	f->closed = true;
}

static struct request *
begin(const char *const *params, const char *body, size_t len)
{
	memset(&peer, 0, sizeof(peer));
	peer.params = params;
	peer.body = body;
	peer.body_len = len;
	return request_new(7);
}

/* For tests that send nothing. */
static void
drop(struct request *rq)
{
	ctx_done(&rq->cx);
	heap_free(rq);
}

static const char *const nothing[] = { NULL };

/* --- in ------------------------------------------------------------------ */

static void
test_new(void **state)
{
	static const char *const params[] = { "REQUEST_METHOD", "POST",
		"REQUEST_URI", "/webhook/a%2Fb?type=x&y=%00", "QUERY_STRING",
		"type=x&y=%00", "CONTENT_TYPE", "application/json",
		"REMOTE_ADDR", "192.0.2.7", "REQUEST_ID",
		"0123456789abcdef0123456789abcdef", NULL };
	struct request *rq = begin(params, "", 0);

	(void)state;
	assert_string_equal(rq->method, "POST");
	assert_string_equal(rq->path, "/webhook/a%2Fb");
	assert_string_equal(rq->query, "type=x&y=%00");
	assert_string_equal(rq->content_type, "application/json");
	assert_string_equal(rq->remote, "192.0.2.7");
	assert_string_equal(rq->cx.id, "0123456789abcdef0123456789abcdef");
	drop(rq);

	rq = begin(nothing, "", 0);
	assert_string_equal(rq->method, "");
	assert_string_equal(rq->path, "");
	assert_string_equal(rq->query, "");
	assert_string_equal(rq->content_type, "");
	assert_string_equal(rq->body, "");
	assert_int_equal(strlen(rq->cx.id), 32);
	drop(rq);
	assert_null(request_new(-1));
}

static void
test_body(void **state)
{
	static const char *const five[] = { "CONTENT_LENGTH", "5", NULL };
	static const char *const none[] = { "CONTENT_LENGTH", "", NULL };
	static const char *const odd[] = { "CONTENT_LENGTH", "-1", NULL };
	size_t len = 100000, i;
	char *large = malloc(len);
	struct request *rq;

	(void)state;
	for (i = 0; i < len; i++)
		large[i] = (char)(i % 251);

	rq = begin(five,
	    "12\0"
	    "45",
	    5);
	assert_int_equal(request_read_body(rq, 5), ERR_OK);
	assert_int_equal(rq->body_len, 5);
	assert_memory_equal(rq->body,
	    "12\0"
	    "45",
	    6);
	drop(rq);

	rq = begin(none, large, len); /* chunked: no length was promised */
	assert_int_equal(request_read_body(rq, len), ERR_OK);
	assert_int_equal(rq->body_len, len);
	assert_memory_equal(rq->body, large, len);
	assert_int_equal(rq->body[len], 0);
	drop(rq);

	rq = begin(none, large, len); /* read whole though it is refused */
	assert_int_equal(request_read_body(rq, len - 1), ERR_TOO_LARGE);
	assert_int_equal(peer.at, len);
	assert_string_equal(rq->body, "");
	assert_string_equal(
	    rq->cx.detail, "the body is longer than 99999 bytes");
	drop(rq);

	rq = begin(nothing, "x", 1);
	assert_int_equal(request_read_body(rq, 0), ERR_TOO_LARGE);
	drop(rq);

	rq = begin(nothing, "", 0);
	assert_int_equal(request_read_body(rq, 0), ERR_OK);
	assert_string_equal(rq->body, "");
	drop(rq);

	rq = begin(five, "1234", 4);
	assert_int_equal(request_read_body(rq, 100), ERR_INPUT);
	drop(rq);
	rq = begin(odd, "1", 1);
	assert_int_equal(request_read_body(rq, 100), ERR_INPUT);
	drop(rq);

	rq = begin(five, "12345", 5);
	peer.broken = true;
	assert_int_equal(request_read_body(rq, 100), ERR_INPUT);
	assert_string_equal(rq->body, "");
	drop(rq);
	free(large);
}

static void
test_header(void **state)
{
	static const char *const params[] = { "HTTP_WEBHOOK_ID", "msg_1",
		"HTTP_X_CSRF_TOKEN", "t", "CONTENT_TYPE", "text/csv",
		"HTTP_BAD", "\xff", NULL };
	struct request *rq = begin(params, "", 0);
	char name[200];

	(void)state;
	assert_string_equal(request_header(rq, "webhook-id"), "msg_1");
	assert_string_equal(request_header(rq, "X-CSRF-Token"), "t");
	assert_string_equal(request_header(rq, "Content-Type"), "text/csv");
	assert_null(request_header(rq, "content-length"));
	assert_null(request_header(rq, "bad"));
	assert_null(request_header(rq, "webhook"));
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_null(request_header(rq, name));
	drop(rq);
}

static void
test_cookie(void **state)
{
	static const char *const params[] = { "HTTP_COOKIE",
		"xsid=0; sid=one; sid=two;tight=3; empty=; "
		"flag; last=a=b",
		NULL };
	struct request *rq = begin(params, "", 0);

	(void)state;
	assert_string_equal(request_cookie(rq, "sid"), "one");
	assert_string_equal(request_cookie(rq, "xsid"), "0");
	assert_string_equal(request_cookie(rq, "tight"), "3");
	assert_string_equal(request_cookie(rq, "empty"), "");
	assert_string_equal(request_cookie(rq, "last"), "a=b");
	assert_null(request_cookie(rq, "flag"));
	assert_null(request_cookie(rq, "si"));
	assert_null(request_cookie(rq, "SID"));
	drop(rq);
	rq = begin(nothing, "", 0);
	assert_null(request_cookie(rq, "sid"));
	drop(rq);
}

static void
test_query(void **state)
{
	static const char *const params[] = { "QUERY_STRING",
		"a=1&b=x%20y+z&c&d=&twice=1&tw%69ce=2&e=%2"
		"&f=%00&g=%ff&h=1=2&%zz=9&&=8",
		NULL };
	static const struct {
		const char *name, *value;
	} good[] = {
		{ "a", "1" },
		{ "b", "x y z" },
		{ "c", "" },
		{ "d", "" },
		{ "h", "1=2" },
		{ "none", NULL },
		{ "A", NULL },
	};
	static const struct {
		const char *name, *detail;
	} bad[] = {
		{ "twice", "twice is given twice" },
		{ "e", "e is badly encoded" },
		{ "f", "f is badly encoded" },
		{ "g", "g is badly encoded" },
	};
	struct request *rq = begin(params, "", 0);
	const char *value;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		value = "not set";
		assert_int_equal(
		    request_query(rq, good[i].name, &value), ERR_OK);
		if (good[i].value == NULL)
			assert_null(value);
		else
			assert_string_equal(value, good[i].value);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		fail_forget(&rq->cx);
		assert_int_equal(
		    request_query(rq, bad[i].name, &value), ERR_INPUT);
		assert_string_equal(rq->cx.detail, bad[i].detail);
	}
	drop(rq);
}

static void
test_media(void **state)
{
	static const struct {
		const char *given;
		enum err e;
	} cases[] = {
		{ "text/csv", ERR_OK },
		{ "TEXT/CSV", ERR_OK },
		{ "text/csv; charset=utf-8", ERR_OK },
		{ "text/csv;charset=utf-8", ERR_OK },
		{ "", ERR_MEDIA },
		{ "text/csvx", ERR_MEDIA },
		{ "text", ERR_MEDIA },
		{ ";text/csv", ERR_MEDIA },
	};
	struct request *rq = begin(nothing, "", 0);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		rq->content_type = cases[i].given;
		assert_int_equal(request_media(rq, "text/csv"), cases[i].e);
	}
	drop(rq);
}

/* --- out ----------------------------------------------------------------- */

static const char *const known_id[] = { "REQUEST_ID",
	"0123456789abcdef0123456789abcdef", NULL };

static void
test_json(void **state)
{
	struct request *rq = begin(known_id, "", 0);
	struct buf b;

	(void)state;
	buf_init(&b, &rq->cx.arena, 100);
	buf_text(&b, "{\"on\":true}");
	response_json(rq, 201, &b);
	assert_int_equal(peer.sent_len, 0);
	request_finish(rq);
	assert_true(peer.closed);
	assert_string_equal(peer.sent,
	    "Status: 201\r\nContent-Length: 11\r\n"
	    "Content-Type: application/json\r\nCache-Control: no-store\r\n"
	    "X-Content-Type-Options: nosniff\r\n\r\n{\"on\":true}");
}

static void
test_headers_out(void **state)
{
	struct request *rq = begin(known_id, "", 0);

	(void)state;
	response_header(rq, "Set-Cookie", "a=1");
	response_header(rq, "Set-Cookie", "b=2");
	response_header(rq, "cache-control", "max-age=60");
	response_redirect(rq, "https://login.example/\r\nX-Evil: 1\x7f");
	request_finish(rq);
	assert_string_equal(peer.sent,
	    "Status: 302\r\nContent-Length: 0\r\n"
	    "Set-Cookie: a=1\r\nSet-Cookie: b=2\r\n"
	    "cache-control: max-age=60\r\n"
	    "Location: https://login.example/X-Evil: 1\r\n"
	    "X-Content-Type-Options: nosniff\r\n\r\n");
}

static void
test_replaced(void **state)
{
	struct request *rq = begin(known_id, "", 0);

	(void)state;
	response_redirect(rq, "https://login.example/");
	response_bytes(rq, 200, "text/plain", "ok\n", 3);
	request_finish(rq);
	assert_null(strstr(peer.sent, "Location"));
	assert_non_null(strstr(peer.sent, "\r\n\r\nok\n"));
}

static void
test_error(void **state)
{
	struct request *rq = begin(known_id, "", 0);

	(void)state;
	fail(&rq->cx, ERR_INPUT, "[3].data.call_id is \"missing\"");
	response_error(rq);
	request_finish(rq);
	assert_non_null(strstr(peer.sent, "Status: 400\r\n"));
	assert_non_null(
	    strstr(peer.sent, "Content-Type: application/problem+json\r\n"));
	assert_non_null(strstr(peer.sent,
	    "\r\n\r\n"
	    "{\"type\":\"urn:presence:problem:input\","
	    "\"title\":\"The request is not as it must be\",\"status\":400,"
	    "\"detail\":\"[3].data.call_id is \\\"missing\\\"\","
	    "\"request_id\":\"0123456789abcdef0123456789abcdef\"}\n"));
	assert_null(strstr(peer.sent, "Retry-After"));

	rq = begin(known_id, "", 0);
	rq->cx.retry_after_s = 7;
	fail(&rq->cx, ERR_BUSY, "the inner address is 10.0.0.1");
	response_error(rq);
	request_finish(rq);
	assert_non_null(strstr(peer.sent, "Status: 503\r\n"));
	assert_non_null(strstr(peer.sent, "Retry-After: 7\r\n"));
	assert_non_null(strstr(peer.sent, "\"detail\":null"));
	assert_null(strstr(peer.sent, "10.0.0.1"));

	rq = begin(known_id, "", 0);
	fail(&rq->cx, ERR_LIMIT, "too many events");
	response_error(rq);
	request_finish(rq);
	assert_non_null(strstr(peer.sent, "Status: 429\r\n"));
	assert_non_null(strstr(peer.sent, "Retry-After: 1\r\n"));
}

/* Every kind has its words. */
static void
test_titles(void **state)
{
	int e;

	(void)state;
	for (e = ERR_OK + 1; e < ERR__MAX; e++)
		assert_non_null(titles[e]);
}

static void
test_no_answer(void **state)
{
	struct request *rq = begin(known_id, "", 0);
	struct buf b;

	(void)state;
	request_finish(rq);
	assert_non_null(strstr(peer.sent, "Status: 500\r\n"));

	rq = begin(known_id, "", 0);
	buf_init(&b, &rq->cx.arena, 3);
	buf_text(&b, "long");
	response_json(rq, 200, &b);
	request_finish(rq);
	assert_non_null(strstr(peer.sent, "Status: 500\r\n"));
}

/* A head that did not fit is never sent in part. */
static void
test_head_too_large(void **state)
{
	struct request *rq = begin(known_id, "", 0);
	char value[HEADERS_MAX];

	(void)state;
	memset(value, 'a', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	response_bytes(rq, 200, "text/plain", "secret", 6);
	response_header(rq, "X-Large", value);
	response_header(rq, "Set-Cookie", "a=1");
	request_finish(rq);
	assert_non_null(strstr(peer.sent, "Status: 500\r\n"));
	assert_null(strstr(peer.sent, "Set-Cookie"));
	assert_null(strstr(peer.sent, "secret"));
	assert_non_null(strstr(peer.sent, "\r\n\r\n{"));
}

static void
test_notes(void **state)
{
	struct request *rq = begin(known_id, "", 0);
	int i;

	(void)state;
	request_note(rq, "none", NULL);
	assert_int_equal(rq->nnotes, 0);
	for (i = 0; i < REQUEST_NOTES + 3; i++)
		request_note_int(rq, "n", i);
	assert_int_equal(rq->nnotes, REQUEST_NOTES);
	drop(rq);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_new),
		cmocka_unit_test(test_body),
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_cookie),
		cmocka_unit_test(test_query),
		cmocka_unit_test(test_media),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_headers_out),
		cmocka_unit_test(test_replaced),
		cmocka_unit_test(test_error),
		cmocka_unit_test(test_titles),
		cmocka_unit_test(test_no_answer),
		cmocka_unit_test(test_head_too_large),
		cmocka_unit_test(test_notes),
	};

	log_init("test", LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
