/*
 * BroadWorks: Xsi-Events, the XML that a subscription with an httpContact posts.
 * Nobody signs it; its address is the secret.
 * Source: an event as captured, gist.github.com/benone/
 * f28b5dba33f371e9c6f5b9f7fab9793f; kctrey/wxcadm for the streaming API's names.
 */
#include <string.h>

#include "base/text.h"
#include "pbx/adapt.h"
#include "pbx/platforms.h"
#include "pbx/xml.h"

#define EVENT_ID_MAX 100 /* a UUID has 36; a longer one is no key */

static const struct adapt_names names = { "targetId", "extTrackingId",
	"callId" };

/* at: which of the call's times this event happened at; NULL: none is known. */
static const struct {
	const char *kind;
	enum event_type type;
	const char *at;
} calls[] = {
	{ "CallOriginatedEvent", EVENT_ANSWERED, "startTime" }, /* is dialling */
	{ "CallReceivedEvent", EVENT_RINGING, "startTime" },
	{ "CallAnsweredEvent", EVENT_ANSWERED, "answerTime" },
	{ "CallHeldEvent", EVENT_HELD, NULL },
	{ "CallRetrievedEvent", EVENT_RESUMED, NULL },
	{ "CallReleasedEvent", EVENT_ENDED, "releaseTime" },
};

/* The type of an element, "CallReleasedEvent" for xsi:CallReleasedEvent. */
static const char *
kind_of(const struct xml_element *e)
{
	const char *type = xml_attribute(e, "type");
	const char *colon = type != NULL ? strrchr(type, ':') : NULL;

	return colon != NULL ? colon + 1 : type;
}

/* targetId is user@realm: people may be linked by it, or by the user alone. */
static enum err
add_both(struct ctx *cx, const struct xml_element *root, struct call_event e,
    struct pbx_events *events)
{
	const char *target = xml_text(root, "targetId");
	const char *id = xml_text(root, "eventID");
	const char *at;
	enum err err;

	if (target == NULL)
		return fail(cx, ERR_INPUT, "targetId is missing");
	/* An event that is sent again has its old eventID. */
	if (id != NULL && strlen(id) > EVENT_ID_MAX)
		id = NULL;
	e.extension = target;
	e.key = id ? arena_printf(&cx->arena, "%s:0", id) : NULL;
	err = adapt_add(cx, events, &names, &e);
	at = strrchr(target, '@');
	if (err || at == NULL)
		return err;
	e.extension =
	    arena_strndup(&cx->arena, target, (size_t)(at - target));
	e.key = id ? arena_printf(&cx->arena, "%s:1", id) : NULL;
	return adapt_add(cx, events, &names, &e);
}

/* The hook tells of the whole extension: On-Hook is when no call is left. */
static enum err
hook_status(struct ctx *cx, const struct xml_element *root,
    struct pbx_events *events)
{
	const char *status = xml_text(root, "eventData/hookStatus");
	struct call_event e = { 0 };

	if (status == NULL)
		return fail(cx, ERR_INPUT, "hookStatus is missing");
	if (strcmp(status, "Off-Hook") == 0)
		e.type = EVENT_BUSY;
	else if (strcmp(status, "On-Hook") == 0)
		e.type = EVENT_IDLE;
	else
		return ERR_OK;
	return add_both(cx, root, e, events);
}

static enum err
call_event(struct ctx *cx, const struct xml_element *root, size_t i,
    struct pbx_events *events)
{
	const struct xml_element *call = xml_find(root, "eventData/call");
	struct call_event e = {
		.type = calls[i].type,
		.call_id = xml_text(call, "extTrackingId"),
		.leg_id = xml_text(call, "callId"),
	};

	if (call == NULL)
		return fail(cx, ERR_INPUT, "call is missing");
	if (e.call_id == NULL)
		return fail(cx, ERR_INPUT, "extTrackingId is missing");
	/* Without it an end would end all legs of the call. */
	if (e.leg_id == NULL)
		return fail(cx, ERR_INPUT, "callId is missing");
	if (calls[i].at != NULL)
		adapt_at_ms(xml_text(call, calls[i].at), &e);
	return add_both(cx, root, e, events);
}

static enum err
broadworks_parse(
    struct ctx *cx, const struct pbx_request *rq, struct pbx_events *ret)
{
	struct pbx_events events = { 0 };
	const struct xml_element *root, *data;
	const char *kind;
	enum err e;
	size_t i;

	e = xml_read(cx, rq->body, rq->body_len, &root);
	if (e)
		return e;
	if (strcmp(root->name, "Event") != 0)
		return fail(cx, ERR_INPUT, "the root element is not Event");
	data = xml_find(root, "eventData");
	kind = kind_of(data != NULL ? data : root);
	if (kind == NULL)
		return fail(cx, ERR_INPUT, "the type of %s is missing",
		    data != NULL ? "eventData" : "Event");
	/* That the subscription or the channel ends is said without data. */
	if (data == NULL && strcmp(kind, "SubscriptionEvent") == 0)
		return fail(cx, ERR_INPUT, "eventData is missing");
	if (data != NULL && strcmp(kind, "HookStatusEvent") == 0)
		e = hook_status(cx, root, &events);
	for (i = 0; data != NULL && i < sizeof(calls) / sizeof(calls[0]); i++)
		if (strcmp(calls[i].kind, kind) == 0)
			e = call_event(cx, root, i, &events);
	if (!e)
		*ret = events;
	return e;
}

const struct platform platform_broadworks = {
	.name = "broadworks",
	.title = "BroadWorks Xsi-Events",
	.auth = AUTH_PATH,
	.auth_path = true,
	.parse = broadworks_parse,
};
