/*
 * Captured requests of PBXs and the events they must give: data, not code.
 *
 *   tests/pbx/PLATFORM/NAME.json .form .xml    the body of a POST, or
 *   tests/pbx/PLATFORM/NAME.query              the query of a GET (one line)
 *   tests/pbx/PLATFORM/NAME.headers            "name: value" lines, may be
 *                                              missing; content-type too.
 *                                              "secret:" the request must be
 *                                              proved by it, "url:" where it
 *                                              was sent, "now:" in seconds,
 *                                              "by-path: yes" where its
 *                                              address proved it
 *   tests/pbx/PLATFORM/NAME.events             what must come out
 *
 * .events has one line an event, "TYPE extension=.. call_id=.. leg_id=..
 * line=.. at_us=.. key=..", of these only what is there, values with blanks
 * or quotes as JSON strings; then "attempt_us=.." when the sender's time of
 * this attempt is known; or "error WORD DETAIL", WORD as in base/err.h (input).
 * Lines with # are comments.
 * A handshake gives "reply JSON [HEADER: VALUE]". No events is an empty file.
 * Each platform has a folder here and a page, docs/pbx/NAME.md.
 */
#include <dirent.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/buf.h"
#include "pbx/platform.h"

#include <cmocka.h> /* last: it has a macro fail() */

#define FOLDER "tests/pbx"
#define FILE_MAX 1000000

/* How a file's ending says what the request was. */
static const struct {
	const char *ending, *method, *type;
} kinds[] = {
	{ ".json", "POST", "application/json" },
	{ ".form", "POST", "application/x-www-form-urlencoded" },
	{ ".xml", "POST", "text/xml" },
	{ ".query", "GET", "" },
};

/* The whole file; false: there is none. */
static bool
file_read(struct ctx *cx, const char *path, struct buf *ret)
{
	char chunk[4096];
	FILE *f = fopen(path, "rb");
	size_t n;

	buf_init(ret, &cx->arena, FILE_MAX);
	if (f == NULL)
		return false;
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_add(ret, chunk, n);
	fclose(f);
	return !ret->overflow;
}

struct headers {
	struct ctx *cx;
	const char *text;
};

static const char *
header(void *arg, const char *name)
{
	const struct headers *h = arg;
	const char *line = h->text;
	size_t len = strlen(name);

	while (*line != '\0') {
		size_t end = strcspn(line, "\n");

		if (strncasecmp(line, name, len) == 0 && line[len] == ':') {
			const char *value = line + len + 1;

			value += strspn(value, " ");
			return arena_strndup(
			    &h->cx->arena, value, (size_t)(line + end - value));
		}
		line += end;
		line += *line == '\n';
	}
	return NULL;
}

static void
field(struct buf *b, const char *name, const char *value)
{
	if (value == NULL)
		return;
	buf_printf(b, " %s=", name);
	if (*value == '\0' || strpbrk(value, " \t\n\"\\") != NULL)
		buf_json(b, value);
	else
		buf_text(b, value);
}

/* What came out, in the words of .events. */
static void
render(
    struct buf *b, struct ctx *cx, enum err e, const struct pbx_events *events)
{
	int i;

	if (e) {
		buf_printf(b, "error %s %s\n", err_word(cx->err), cx->detail);
		return;
	}
	for (i = 0; i < events->n; i++) {
		const struct call_event *v = &events->list[i];

		buf_text(b, event_type_name(v->type));
		field(b, "extension", v->extension);
		field(b, "call_id", v->call_id);
		field(b, "leg_id", v->leg_id);
		field(b, "line", v->line);
		if (v->has_at)
			buf_printf(b, " at_us=%" PRId64, v->at_us);
		field(b, "key", v->key);
		buf_text(b, "\n");
	}
	if (events->has_attempt)
		buf_printf(b, "attempt_us=%" PRId64 "\n", events->attempt_us);
}

/* By the right secret, or an older one beside a newer; by no other. */
static bool
proves(const struct platform *p, const struct pbx_request *rq,
    const char *secret, const char *now)
{
	const struct pbx_secret wrong = { "another", 7 };
	const struct pbx_secret both[] = { wrong, { secret, strlen(secret) } };
	const int64_t now_s = now != NULL ? strtoll(now, NULL, 10) : 0;
	enum err right, refused;
	struct ctx cx;

	ctx_init(&cx, NULL);
	right = p->verify(&cx, rq, both, 2, now_s);
	if (right)
		print_error("not proved: %s\n", cx.detail);
	fail_forget(&cx);
	refused = p->verify(&cx, rq, &wrong, 1, now_s);
	if (refused != ERR_AUTH)
		print_error("proved by another secret\n");
	ctx_done(&cx);
	return right == ERR_OK && refused == ERR_AUTH;
}

static void
without_comments(const char *text, struct buf *ret)
{
	while (*text != '\0') {
		size_t len = strcspn(text, "\n");

		len += text[len] == '\n';
		if (*text != '#')
			buf_add(ret, text, len);
		text += len;
	}
}

/* One case; path is without the ending. Returns whether it is right. */
static bool
case_run(const struct platform *p, const char *path, size_t kind)
{
	struct buf body, headers_text, wanted_text, wanted, got;
	struct pbx_events events = { 0 };
	struct headers headers;
	const char *type, *url, *secret;
	struct pbx_secret known = { 0 };
	struct pbx_reply reply = { 0 };
	struct ctx cx;
	bool right, proved = true;
	enum err e;

	ctx_init(&cx, NULL);
	assert_true(file_read(&cx,
	    arena_printf(&cx.arena, "%s%s", path, kinds[kind].ending), &body));
	file_read(
	    &cx, arena_printf(&cx.arena, "%s.headers", path), &headers_text);
	headers = (struct headers){ &cx, buf_str(&headers_text) };
	type = header(&headers, "content-type");
	url = header(&headers, "url");
	secret = header(&headers, "secret");

	struct pbx_request rq = {
		.method = kinds[kind].method,
		.url = url != NULL ? url : "https://presence.example/webhook/x",
		.content_type = type != NULL ? type : kinds[kind].type,
		.query = "",
		.body = "",
		.by_path = header(&headers, "by-path") != NULL,
		.header = header,
		.arg = &headers,
	};
	if (strcmp(rq.method, "GET") == 0) {
		rq.query = arena_strndup(
		    &cx.arena, buf_str(&body), strcspn(buf_str(&body), "\n"));
	} else {
		rq.body = buf_str(&body);
		rq.body_len = body.len;
	}
	buf_init(&got, &cx.arena, FILE_MAX);
	known = (struct pbx_secret){ secret, secret != NULL ? strlen(secret) : 0 };
	if (p->hello != NULL &&
	    p->hello(&cx, &rq, &known, secret != NULL, &reply)) {
		buf_printf(&got, "reply %s", reply.json);
		if (reply.header != NULL)
			buf_printf(&got, " %s: %s", reply.header, reply.value);
		buf_text(&got, "\n");
	} else {
		if (secret != NULL)
			proved = proves(p, &rq, secret, header(&headers, "now"));
		e = p->parse(&cx, &rq, &events);
		render(&got, &cx, e, &events);
	}

	buf_init(&wanted, &cx.arena, FILE_MAX);
	if (!file_read(&cx, arena_printf(&cx.arena, "%s.events", path),
		&wanted_text)) {
		print_error("%s.events: missing\n", path);
		right = false;
	} else {
		without_comments(buf_str(&wanted_text), &wanted);
		right = strcmp(buf_str(&got), buf_str(&wanted)) == 0;
		if (!right)
			print_error("%s\n--- wanted\n%s--- got\n%s", path,
			    buf_str(&wanted), buf_str(&got));
	}
	ctx_done(&cx);
	return right && proved;
}

static int
is_shown(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

/* A platform's name has no full stop, a file beside the folders has one. */
static int
is_platform(const struct dirent *d)
{
	return strchr(d->d_name, '.') == NULL;
}

/* Runs the cases of one platform's folder; counts. */
static void
platform_run(const char *name, int *ncases, int *nwrong)
{
	const struct platform *p = platform_find(name);
	struct dirent **files;
	char path[512];
	size_t kind;
	int i, n;

	snprintf(path, sizeof(path), FOLDER "/%s", name);
	n = scandir(path, &files, is_shown, alphasort);
	assert_true(n >= 0);
	if (p == NULL) {
		print_error(FOLDER "/%s: there is no such platform\n", name);
		++*nwrong;
	}
	for (i = 0; i < n; i++) {
		char *file = files[i]->d_name, *ending = strrchr(file, '.');

		for (kind = 0; p != NULL && ending != NULL &&
		     kind < sizeof(kinds) / sizeof(kinds[0]);
		     kind++) {
			if (strcmp(ending, kinds[kind].ending) != 0)
				continue;
			snprintf(path, sizeof(path), FOLDER "/%s/%.*s", name,
			    (int)(ending - file), file);
			++*ncases;
			*nwrong += !case_run(p, path, kind);
		}
		free(files[i]);
	}
	free(files);
}

static void
each_platform_has_cases_and_a_page(void **state)
{
	const struct platform *p;
	char path[512];
	size_t i;
	FILE *f;

	(void)state;
	for (i = 0; (p = platform_at(i)) != NULL; i++) {
		snprintf(path, sizeof(path), "docs/pbx/%s.md", p->name);
		f = fopen(path, "rb");
		if (f == NULL)
			fail_msg("%s is missing", path);
		fclose(f);
		snprintf(path, sizeof(path), FOLDER "/%s", p->name);
		if (access(path, X_OK) != 0)
			fail_msg("%s is missing", path);
	}
}

static void
test_cases(void **state)
{
	struct dirent **folders;
	int i, n, ncases = 0, nwrong = 0;

	(void)state;
	n = scandir(FOLDER, &folders, is_platform, alphasort);
	assert_true(n > 0); /* run it in the root of the tree */
	for (i = 0; i < n; i++) {
		platform_run(folders[i]->d_name, &ncases, &nwrong);
		free(folders[i]);
	}
	free(folders);
	print_message("%d cases, %d wrong\n", ncases, nwrong);
	assert_true(ncases > 0);
	assert_int_equal(nwrong, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases),
		cmocka_unit_test(each_platform_has_cases_and_a_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
