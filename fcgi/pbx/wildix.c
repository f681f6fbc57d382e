/*
 * Wildix: the events call:start, call:update and call:end, each with both sides
 * of the call.
 * Source: repo Wildix/wildix-webhook-example; wildix.atlassian.net/wiki/x/AYCODg
 */
#include <string.h>

#include "base/json.h"
#include "pbx/adapt.h"
#include "pbx/platforms.h"

static enum err
wildix_verify(struct ctx *cx, const struct pbx_request *rq,
    const struct pbx_secret *secrets, int n, int64_t now_s)
{
	(void)now_s; /* the time in the body is the event's, not the attempt's */
	return adapt_body_signed(cx, rq, "x-signature", "", ADAPT_SHA256,
	    ADAPT_HEX, secrets, n);
}

/* A side that is no user of this PBX, or none at all, gives nothing. */
static enum err
side_read(struct ctx *cx, struct json_object *side, struct call_event e,
    struct pbx_events *events)
{
	static const char *const keys[] = { "userExtension", "email" };
	const char *type = json_peek_text(side, "type");
	enum err err = ERR_OK;
	size_t i;

	if (type == NULL || strcmp(type, "LOCAL") != 0)
		return ERR_OK;
	for (i = 0; !err && i < sizeof(keys) / sizeof(keys[0]); i++) {
		const struct adapt_names names = { keys[i], "id", "" };

		e.extension = adapt_text(cx, side, keys[i]);
		err = adapt_add(cx, events, &names, &e);
	}
	return err;
}

/* What a call is for its two sides. CONNECTING: the caller dials, the callee is
 * rung. */
static bool
sides_types(const char *status, enum event_type *ret_caller,
    enum event_type *ret_callee)
{
	if (status == NULL)
		return false;
	*ret_caller = EVENT_ANSWERED;
	if (strcmp(status, "CONNECTING") == 0)
		*ret_callee = EVENT_RINGING;
	else if (strcmp(status, "TALKING") == 0)
		*ret_callee = EVENT_ANSWERED;
	else
		return false;
	return true;
}

static enum err
call_read(struct ctx *cx, const char *type, struct json_object *body,
    struct pbx_events *events)
{
	struct json_object *data = json_peek(body, "data");
	struct call_event caller = { .call_id = adapt_text(cx, body, "id") };
	struct call_event callee;
	enum err e;

	if (caller.call_id == NULL)
		return fail(cx, ERR_INPUT, "id is missing");
	if (!json_object_is_type(data, json_type_object))
		return fail(cx, ERR_INPUT, "data is not an object");
	/* It names the last two; who handed the call on has left it as well. */
	if (strcmp(type, "call:end") == 0)
		return adapt_add_call_over(cx, events,
		    &(const struct adapt_names){ .call_id = "id" }, caller.call_id);
	adapt_at_ms(adapt_text(cx, body, "time"), &caller);
	callee = caller;
	if (!sides_types(json_peek_text(data, "status"), &caller.type,
		&callee.type))
		return ERR_OK;
	e = side_read(cx, json_peek(data, "caller"), caller, events);
	if (!e)
		e = side_read(cx, json_peek(data, "callee"), callee, events);
	return e;
}

static enum err
wildix_parse(
    struct ctx *cx, const struct pbx_request *rq, struct pbx_events *ret)
{
	struct pbx_events events = { 0 };
	struct json_object *body;
	const char *type;
	enum err e;

	e = adapt_object(cx, rq, &body);
	if (e)
		return e;
	type = json_peek_text(body, "type");
	if (type == NULL)
		return fail(cx, ERR_INPUT, "type is missing");
	if (strcmp(type, "call:start") == 0 ||
	    strcmp(type, "call:update") == 0 || strcmp(type, "call:end") == 0)
		e = call_read(cx, type, body, &events);
	if (!e)
		*ret = events;
	return e;
}

const struct platform platform_wildix = {
	.name = "wildix",
	.title = "Wildix",
	.auth = AUTH_SIGNATURE,
	.auth_signature = true,
	.auth_path = true,
	.verify = wildix_verify,
	.parse = wildix_parse,
	.secret_new = path_secret_new,
	.secret_check = path_secret_check,
};
