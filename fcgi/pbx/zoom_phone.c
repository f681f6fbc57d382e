/*
 * Zoom Phone: an event names a call and its caller or its callee; each is one
 * side of the call, with an extension number and mostly a user id.
 * Source: repo zoom/rivet-javascript, phone/phone.d.ts (events); Zoom's
 * developer pages, "Using webhooks" (signature, endpoint.url_validation).
 */
#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/text.h"
#include "pbx/adapt.h"
#include "pbx/platforms.h"

#define SIGNATURE "x-zm-signature"
#define TIMESTAMP "x-zm-request-timestamp"
#define TOLERANCE_S 300
#define TOKEN_MAX 128
#define MILLISECONDS INT64_C(100000000000) /* as seconds: the year 5138 */
#define VALIDATION "endpoint.url_validation"

/*
 * Zoom rings a person's desk phone and apps under one call_id, and the one that
 * gives up (or hears that another has answered) says so as if the call were
 * over. So what rings is a leg of its own, which that ends; the call that
 * was answered goes on.
 */
#define RINGING_LEG "ringing"

/* --- who sends ----------------------------------------------------------- */

/* Seconds in the pages, milliseconds in some captured requests. */
static bool
timestamp_read(const char *text, int64_t *ret_s)
{
	int64_t value;

	if (!text_int64(text, 0, MILLISECONDS * 1000, &value))
		return false;
	*ret_s = value < MILLISECONDS ? value : value / 1000;
	return true;
}

static enum err
zoom_verify(struct ctx *cx, const struct pbx_request *rq,
    const struct pbx_secret *secrets, int n, int64_t now_s)
{
	const char *given = rq->header(rq->arg, SIGNATURE);
	const char *timestamp = rq->header(rq->arg, TIMESTAMP);
	struct buf text;
	int64_t sent_s, apart_s;

	if (given == NULL || *given == '\0')
		return fail(
		    cx, ERR_AUTH, "the header " SIGNATURE " is missing");
	if (timestamp == NULL || !timestamp_read(timestamp, &sent_s))
		return fail(cx, ERR_AUTH, "the header " TIMESTAMP
		    " is not a time since 1970");
	buf_init(&text, &cx->arena,
	    strlen("v0::") + strlen(timestamp) + rq->body_len + 1);
	buf_printf(&text, "v0:%s:", timestamp);
	buf_add(&text, rq->body, rq->body_len);
	if (!text_starts(given, "v0=") ||
	    !adapt_hmac_is(given + strlen("v0="), ADAPT_SHA256, ADAPT_HEX,
		buf_str(&text), text.len, secrets, n))
		return fail(cx, ERR_AUTH, SIGNATURE " is not right");
	apart_s = sent_s - now_s;
	if (apart_s > TOLERANCE_S || apart_s < -TOLERANCE_S)
		return fail(cx, ERR_AUTH, TIMESTAMP " is %" PRId64
		    " s %s this server's clock; allowed are %d s",
		    apart_s < 0 ? -apart_s : apart_s,
		    apart_s < 0 ? "behind" : "ahead of", TOLERANCE_S);
	return ERR_OK;
}

/* Never what Zoom signs: that has colons. */
static bool
is_token(const char *s)
{
	size_t len = strlen(s);

	return len >= 1 && len <= TOKEN_MAX &&
	    strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
		      "0123456789-_") == len;
}

/* Zoom asks for a token's HMAC when the address is entered, and again. The
 * newest secret answers. */
static bool
zoom_hello(struct ctx *cx, const struct pbx_request *rq,
    const struct pbx_secret *secrets, int n, struct pbx_reply *ret)
{
	const char *event, *token = NULL;
	struct json_object *body;

	if (n < 1 || strcmp(rq->method, "POST") != 0 ||
	    strstr(rq->body, VALIDATION) == NULL) /* not all are read twice */
		return false;
	if (adapt_object(cx, rq, &body)) {
		fail_forget(cx);
		return false;
	}
	event = json_peek_text(body, "event");
	if (event != NULL && strcmp(event, VALIDATION) == 0)
		token = json_peek_text(
		    json_peek(body, "payload"), "plainToken");
	if (token == NULL || !is_token(token))
		return false;
	*ret = (struct pbx_reply){
		.json = arena_printf(&cx->arena,
		    "{\"plainToken\":\"%s\",\"encryptedToken\":\"%s\"}", token,
		    adapt_hmac_hex(cx, &secrets[0], token, strlen(token))),
	};
	return true;
}

/* --- what it says -------------------------------------------------------- */

struct kind {
	const char *event;
	const char *side; /* whom it is about */
	enum event_type type;
	bool rings; /* about what rings only */
};

static const struct kind kinds[] = {
	/* Who dials is in the call already. */
	{ "phone.caller_ringing", "caller", EVENT_ANSWERED, false },
	{ "phone.caller_connected", "caller", EVENT_ANSWERED, false },
	{ "phone.caller_hold", "caller", EVENT_HELD, false },
	{ "phone.caller_unhold", "caller", EVENT_RESUMED, false },
	{ "phone.caller_ended", "caller", EVENT_ENDED, false },
	{ "phone.callee_ringing", "callee", EVENT_RINGING, true },
	{ "phone.callee_answered", "callee", EVENT_ANSWERED, false },
	{ "phone.callee_hold", "callee", EVENT_HELD, false },
	{ "phone.callee_unhold", "callee", EVENT_RESUMED, false },
	{ "phone.callee_ended", "callee", EVENT_ENDED, false },
	{ "phone.callee_missed", "callee", EVENT_ENDED, true },
	{ "phone.callee_rejected", "callee", EVENT_ENDED, true },
	{ "phone.callee_parked", "callee", EVENT_ENDED, false },
};

static const struct kind *
kind_of(const char *event)
{
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].event, event) == 0)
			return &kinds[i];
	return NULL;
}

/* "Answered by Other Device", "... Member": this one only rang. */
static bool
rang_only(struct json_object *object)
{
	const char *result = json_peek_text(object, "handup_result");

	return result != NULL && text_starts(result, "Answered by Other ");
}

/* A person may be linked by either; nobody by neither: somebody outside. */
static enum err
call_read(struct ctx *cx, const struct kind *kind, struct json_object *body,
    struct json_object *object, struct pbx_events *events)
{
	static const char *const keys[] = { "extension_number", "user_id" };
	struct json_object *side = json_peek(object, kind->side);
	struct call_event e = {
		.type = kind->type,
		.call_id = adapt_text(cx, object, "call_id"),
	};
	enum err err = ERR_OK;
	size_t i;

	if (e.call_id == NULL)
		return fail(
		    cx, ERR_INPUT, "payload.object.call_id is missing");
	if (!json_object_is_type(side, json_type_object))
		return fail(cx, ERR_INPUT,
		    "payload.object.%s is not an object", kind->side);
	if (kind->rings || (kind->type == EVENT_ENDED && rang_only(object) &&
	    strcmp(kind->side, "callee") == 0))
		e.leg_id = RINGING_LEG;
	adapt_at_ms(adapt_text(cx, body, "event_ts"), &e);
	for (i = 0; !err && i < sizeof(keys) / sizeof(keys[0]); i++) {
		const struct adapt_names names = { keys[i], "call_id", "" };

		e.extension = adapt_text(cx, side, keys[i]);
		err = adapt_add(cx, events, &names, &e);
	}
	return err;
}

static enum err
zoom_parse(struct ctx *cx, const struct pbx_request *rq, struct pbx_events *ret)
{
	struct pbx_events events = { 0 };
	struct json_object *body, *object;
	const struct kind *kind;
	const char *event;
	enum err e;

	e = adapt_object(cx, rq, &body);
	if (e)
		return e;
	event = json_peek_text(body, "event");
	if (event == NULL)
		return fail(cx, ERR_INPUT, "event is missing");
	kind = kind_of(event);
	if (kind != NULL) {
		object = json_peek(json_peek(body, "payload"), "object");
		if (!json_object_is_type(object, json_type_object))
			return fail(cx, ERR_INPUT,
			    "payload.object is not an object");
		e = call_read(cx, kind, body, object, &events);
	}
	if (!e)
		*ret = events;
	return e;
}

const struct platform platform_zoom_phone = {
	.name = "zoom-phone",
	.title = "Zoom Phone",
	.auth = AUTH_SIGNATURE,
	.auth_signature = true,
	.auth_path = true,
	.verify = zoom_verify,
	.hello = zoom_hello,
	.parse = zoom_parse,
	.secret_new = path_secret_new,
	.secret_check = path_secret_check,
};
