/*
 * Every adapter on any bytes. The input's first line names the platform (with
 * FUZZ_PLATFORM in the environment: always that one, whatever the line says); what
 * follows is the body of a POST, the query of a GET, and each header. What comes
 * out must be as event.h says.
 */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "pbx/platform.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const char *
header(void *arg, const char *name)
{
	(void)name;
	return arg;
}

static void
must(bool holds)
{
	if (!holds)
		abort();
}

static void
must_be_text(const char *s)
{
	if (s == NULL)
		return;
	must(*s != '\0' && strlen(s) <= EVENT_TEXT_MAX);
	must(text_is_utf8(s, strlen(s)));
}

static void
parse(const struct platform *p, struct ctx *cx, const struct pbx_request *rq)
{
	struct pbx_events events;
	enum err e;
	int i;

	fail_forget(cx);
	e = p->parse(cx, rq, &events);
	must(e == cx->err);
	if (e) {
		must((e == ERR_INPUT || e == ERR_MEDIA) && *cx->detail != '\0');
		must(text_is_utf8(cx->detail, strlen(cx->detail)));
		return;
	}
	must(events.n >= 0 && events.n <= EVENTS_MAX);
	for (i = 0; i < events.n; i++) {
		const struct call_event *v = &events.list[i];

		must(v->type < EVENT__MAX);
		must(v->type != EVENT_RESTARTED || v->extension == NULL);
		must(v->extension != NULL || v->type == EVENT_RESTARTED ||
		    (v->type == EVENT_ENDED && v->leg_id == NULL));
		must((v->call_id != NULL) == event_type_is_call(v->type));
		must(v->leg_id == NULL || event_type_is_call(v->type));
		must(v->line == NULL || event_type_is_phone(v->type));
		must_be_text(v->extension);
		must_be_text(v->call_id);
		must_be_text(v->leg_id);
		must_be_text(v->line);
		must(v->has_at || v->at_us == 0);
	}
}

static void
prove(const struct platform *p, struct ctx *cx, const struct pbx_request *rq)
{
	static const struct pbx_secret secrets[] = {
		{ "8f14e45fceea167a5a36dedd4bea2543", 32 },
		/* Long as well: a token in a header must not be guessed. */
		{ "c9f0f895fb98ab9159f51fd0297e236d", 32 }
	};
	struct pbx_reply reply = { 0 };

	fail_forget(cx);
	if (p->verify != NULL) /* nobody here knows the secret */
		must(p->verify(cx, rq, secrets, 2, 1795348803) == ERR_AUTH);
	fail_forget(cx);
	if (p->hello != NULL && p->hello(cx, rq, secrets, 2, &reply))
		must(reply.json != NULL && (!reply.header == !reply.value));
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	const uint8_t *end = len ? memchr(bytes, '\n', len) : NULL;
	const char *only = getenv("FUZZ_PLATFORM");
	const struct platform *p;
	struct pbx_request rq = {
		.url = "https://presence.example/webhook/x",
		.header = header,
	};
	struct ctx cx;
	char *text;

	if (end == NULL)
		return 0;
	ctx_init(&cx, "00000000000000000000000000000000");
	p = platform_find(only ? only : arena_strndup(&cx.arena,
	    (const char *)bytes, (size_t)(end - bytes)));
	if (p != NULL) {
		rq.body_len = len - (size_t)(end + 1 - bytes);
		text = arena_strndup(&cx.arena, (const char *)end + 1, rq.body_len);
		rq.arg = text;
		rq.method = "POST";
		rq.content_type = "application/json";
		rq.body = text;
		rq.query = "";
		parse(p, &cx, &rq);
		prove(p, &cx, &rq);
		rq.content_type = "application/x-www-form-urlencoded";
		parse(p, &cx, &rq);
		rq.method = "GET";
		rq.query = text;
		rq.body = "";
		rq.body_len = 0;
		parse(p, &cx, &rq);
		prove(p, &cx, &rq);
	}
	ctx_done(&cx);
	return 0;
}
