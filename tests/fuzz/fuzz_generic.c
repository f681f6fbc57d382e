/*
 * The generic webhook on any bytes: as a signed POST's body, as a GET's query,
 * and as the signature headers. What comes out must be as the contract says.
 */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "pbx/generic.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const char *
header(void *arg, const char *name)
{
	if (strcmp(name, "webhook-id") == 0)
		return "msg_1";
	if (strcmp(name, "webhook-timestamp") == 0)
		return "1795348803";
	return strcmp(name, "webhook-signature") == 0 ? arg : NULL;
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
parse(struct ctx *cx, const struct pbx_request *rq)
{
	struct pbx_events events;
	enum err e;
	int i;

	fail_forget(cx);
	e = platform_generic.parse(cx, rq, &events);
	must(e == cx->err);
	if (e) {
		must(e == ERR_INPUT && *cx->detail != '\0');
		must(text_is_utf8(cx->detail, strlen(cx->detail)));
		return;
	}
	must(events.n >= 0 && events.n <= EVENTS_MAX);
	for (i = 0; i < events.n; i++) {
		const struct call_event *v = &events.list[i];

		must(v->type < EVENT__MAX);
		must((v->extension == NULL) == (v->type == EVENT_RESTARTED));
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

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static const char secret[] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
	const struct pbx_secret secrets[] = { { secret, sizeof(secret) - 1 } };
	struct pbx_request rq = {
		.method = "POST",
		.content_type = "application/json",
		.query = "",
		.body_len = len,
		.header = header,
	};
	struct ctx cx;
	char *text;

	ctx_init(&cx, "00000000000000000000000000000000");
	text = arena_strndup(&cx.arena, (const char *)bytes, len);
	rq.body = text;
	rq.arg = text;
	parse(&cx, &rq);
	/* Nobody here knows the secret. */
	fail_forget(&cx);
	must(platform_generic.verify(&cx, &rq, secrets, 1, 1795348803) ==
	    ERR_AUTH);
	rq.method = "GET";
	rq.query = text;
	parse(&cx, &rq);
	ctx_done(&cx);
	return 0;
}
