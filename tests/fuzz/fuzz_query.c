/*
 * Queries, paths and headers of a request on any bytes. A value that comes
 * out is text; the path never gives more than its parts.
 */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/wire.h"
#include "web/request.h"
#include "web/route.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const struct route routes[] = {
	{ "GET", "/webhook/:pbx/:secret", 0, 0, NULL },
	{ "POST", "/webhook/:pbx/:secret", 0, 0, NULL },
	{ "POST", "/webhook/:pbx", 0, 0, NULL },
	{ "GET", "/a", 0, 0, NULL },
};

static void
must(bool holds)
{
	if (!holds)
		abort();
}

static void
query(struct ctx *cx, const char *text, const char *name)
{
	const char *value = "";
	enum err e;

	fail_forget(cx);
	e = wire_pair(cx, text, name, &value);
	must(e == cx->err && (e == ERR_OK || e == ERR_INPUT));
	if (e == ERR_OK && value != NULL) {
		must(strlen(value) <= strlen(text));
		must(text_is_utf8(value, strlen(value)));
	}
	/* What is nowhere, whole or in part, is not found. */
	if (strstr(text, name) == NULL && strchr(text, '%') == NULL)
		must(e == ERR_OK && value == NULL);
}

static void
path(const char *text)
{
	struct request rq;
	enum err e;
	int i;

	memset(&rq, 0, sizeof(rq));
	ctx_init(&rq.cx, "00000000000000000000000000000000");
	buf_init(&rq.headers, &rq.cx.arena, 1000);
	rq.method = "GET";
	rq.path = text;
	e = route_find(&rq, routes, sizeof(routes) / sizeof(routes[0]));
	must(e == rq.cx.err && (e == ERR_OK) == (rq.route != NULL));
	must((e == ERR_METHOD) == (rq.headers.len > 0));
	for (i = 0; i < REQUEST_PARAMS; i++)
		if (rq.params[i] != NULL)
			must(*rq.params[i] != '\0' &&
			    text_is_utf8(rq.params[i], strlen(rq.params[i])));
	ctx_done(&rq.cx);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct ctx cx;
	char *text;

	ctx_init(&cx, "00000000000000000000000000000000");
	text = arena_strndup(&cx.arena, (const char *)bytes, len);
	query(&cx, text, "type");
	query(&cx, text, "a");
	path(text);
	(void)wire_media_is(text, "application/json");
	ctx_done(&cx);
	return 0;
}
