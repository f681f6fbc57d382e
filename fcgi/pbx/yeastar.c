/*
 * Yeastar. P-Series: webhook events 30008 (an extension's whole state) and 30011
 * (the members of a call), signed. S-Series, Cloud, K2 and OpenVox: the event
 * ExtensionStatus, which nobody signs.
 * Source: help.yeastar.com, P-Series developer guide, "Monitor events via webhook",
 * "Extension call status changed", "Call status changed"; S-Series and K2 developer,
 * "ExtensionStatus".
 */
#include <string.h>

#include "base/json.h"
#include "pbx/adapt.h"
#include "pbx/platforms.h"

enum { EXTENSION_STATUS = 30008, CALL_STATUS = 30011 };

static const struct adapt_names names = { "extension", "call_id", "channel_id" };

static enum err
yeastar_verify(struct ctx *cx, const struct pbx_request *rq,
    const struct pbx_secret *secrets, int n, int64_t now_s)
{
	(void)now_s; /* what is signed has no time */
	return adapt_body_signed(cx, rq, "x-signature", "", ADAPT_SHA256,
	    ADAPT_BASE64, secrets, n);
}

/* msg is JSON within a string; an object does as well. */
static enum err
msg_read(struct ctx *cx, struct json_object *body, struct json_object **ret)
{
	struct json_object *msg = json_peek(body, "msg");
	const char *text;

	if (json_object_is_type(msg, json_type_string)) {
		text = json_object_get_string(msg);
		if (json_read(cx, text, strlen(text), &msg)) {
			fail_forget(cx);
			msg = NULL;
		}
	}
	if (!json_object_is_type(msg, json_type_object))
		return fail(cx, ERR_INPUT, "msg is not a JSON object");
	*ret = msg;
	return ERR_OK;
}

/* The whole state of one extension. */
static enum err
extension_status(struct ctx *cx, struct json_object *o, bool old,
    struct pbx_events *events)
{
	const char *status = json_peek_text(o, "status");
	struct call_event e = { .extension = adapt_text(cx, o, "extension") };

	if (e.extension == NULL)
		return fail(cx, ERR_INPUT, "extension is missing");
	if (status == NULL)
		return fail(cx, ERR_INPUT, "status is missing");
	if (strcmp(status, "Busy") == 0 || (old && strcmp(status, "InUse") == 0))
		e.type = EVENT_BUSY;
	else if (strcmp(status, "Idle") == 0 ||
	    (old && (strcmp(status, "Registered") == 0 ||
		strcmp(status, "Unregistered") == 0)))
		e.type = EVENT_IDLE;
	else
		return ERR_OK; /* Ringing, and what we do not know */
	return adapt_add(cx, events, &names, &e);
}

static enum err
member_status(struct ctx *cx, struct json_object *call,
    struct json_object *member, struct pbx_events *events)
{
	static const struct adapt_word words[] = {
		{ "ALERT", EVENT_ANSWERED }, /* dials, and hears it ring */
		{ "RING", EVENT_RINGING },
		{ "ANSWERED", EVENT_ANSWERED },
		{ "ANSWER", EVENT_ANSWERED },
		{ "HOLD", EVENT_HELD },
		{ "BYE", EVENT_ENDED },
		{ NULL, 0 },
	};
	struct json_object *extension = json_peek(member, "extension");
	const char *status = json_peek_text(extension, "member_status");
	struct call_event e = {
		.extension = adapt_text(cx, extension, "number"),
		.call_id = adapt_text(cx, call, "call_id"),
		.leg_id = adapt_text(cx, extension, "channel_id"),
	};

	/* Without its channel an end would end all of the extension's legs. */
	if (e.leg_id == NULL)
		return ERR_OK;
	if (!adapt_type(status, words, &e.type))
		return ERR_OK;
	return adapt_add(cx, events, &names, &e);
}

static enum err
call_status(
    struct ctx *cx, struct json_object *call, struct pbx_events *events)
{
	struct json_object *members = json_peek(call, "members");
	enum err e = ERR_OK;
	size_t i;

	if (adapt_text(cx, call, "call_id") == NULL)
		return fail(cx, ERR_INPUT, "call_id is missing");
	if (!json_object_is_type(members, json_type_array))
		return fail(cx, ERR_INPUT, "members is not an array");
	for (i = 0; !e && i < json_object_array_length(members); i++)
		e = member_status(cx, call,
		    json_object_array_get_idx(members, i), events);
	return e;
}

static enum err
yeastar_parse(
    struct ctx *cx, const struct pbx_request *rq, struct pbx_events *ret)
{
	struct pbx_events events = { 0 };
	struct json_object *body, *msg = NULL;
	int64_t type = -1;
	enum err e;

	e = adapt_object(cx, rq, &body);
	if (!e)
		e = json_member_int(cx, body, "", "type", true, 0, INT32_MAX,
		    &type);
	if (e)
		return e;
	if (type == EXTENSION_STATUS || type == CALL_STATUS) {
		e = msg_read(cx, body, &msg);
		if (!e)
			e = type == CALL_STATUS
			    ? call_status(cx, msg, &events)
			    : extension_status(cx, msg, false, &events);
	}
	if (!e)
		*ret = events;
	return e;
}

static enum err
yeastar_s_parse(
    struct ctx *cx, const struct pbx_request *rq, struct pbx_events *ret)
{
	struct pbx_events events = { 0 };
	struct json_object *body;
	const char *event;
	enum err e;

	e = adapt_object(cx, rq, &body);
	if (e)
		return e;
	event = json_peek_text(body, "event");
	if (event == NULL)
		event = json_peek_text(body, "action"); /* the oldest */
	if (event == NULL)
		return fail(cx, ERR_INPUT, "event is missing");
	if (strcmp(event, "ExtensionStatus") == 0)
		e = extension_status(cx, body, true, &events);
	if (!e)
		*ret = events;
	return e;
}

const struct platform platform_yeastar = {
	.name = "yeastar",
	.title = "Yeastar P-Series",
	.auth = AUTH_SIGNATURE,
	.auth_signature = true,
	.auth_path = true,
	.verify = yeastar_verify,
	.parse = yeastar_parse,
	.secret_new = path_secret_new,
	.secret_check = path_secret_check,
};

const struct platform platform_yeastar_s = {
	.name = "yeastar-s",
	.title = "Yeastar S-Series, Cloud, K2; OpenVox",
	.auth = AUTH_PATH,
	.auth_path = true,
	.parse = yeastar_s_parse,
};
