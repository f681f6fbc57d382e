/*
 * Webex Calling: webhooks of the resource telephony_calls.
 *
 * Whose call it is must stand in data.personId. The envelope's createdBy and actorId
 * are not taken for it: that the webhook's creator or the actor is the person on the
 * phone is not confirmed, and a leg opened by one and closed by another would stay.
 * Source: developer.webex.com, "Webhooks", "Call Controls" (states); the members as
 * wxc_sdk and other clients read them.
 */
#include <string.h>

#include "base/json.h"
#include "pbx/adapt.h"
#include "pbx/platforms.h"

static const struct adapt_names names = {
	"data.personId", "data.callId", "leg_id"
};

static enum err
webex_verify(struct ctx *cx, const struct pbx_request *rq,
    const struct pbx_secret *secrets, int n, int64_t now_s)
{
	(void)now_s; /* what is signed has no time */
	return adapt_body_signed(cx, rq, "x-spark-signature", "", ADAPT_SHA1,
	    ADAPT_HEX, secrets, n);
}

static const struct adapt_word words[] = {
	{ "alerting", EVENT_RINGING },
	{ "connected", EVENT_ANSWERED },
	{ "held", EVENT_HELD },
	{ "remoteHeld", EVENT_HELD },
	{ "disconnected", EVENT_ENDED },
	{ NULL, 0 },
};

static enum err
call_event(struct ctx *cx, struct json_object *data, bool deleted,
    struct pbx_events *events)
{
	const char *state = json_peek_text(data, "state");
	struct call_event e = { .type = EVENT_ENDED };

	if (!json_object_is_type(data, json_type_object))
		return fail(cx, ERR_INPUT, "data is not an object");
	/* Webhooks say callId, the API for the same call says id. */
	e.call_id = adapt_text(cx, data, "callId");
	if (e.call_id == NULL)
		e.call_id = adapt_text(cx, data, "id");
	if (e.call_id == NULL)
		return fail(cx, ERR_INPUT, "data.callId is missing");
	if (!deleted && state == NULL)
		return fail(cx, ERR_INPUT, "data.state is missing");
	if (!deleted && !adapt_type(state, words, &e.type))
		return ERR_OK;
	e.extension = adapt_text(cx, data, "personId");
	return adapt_add(cx, events, &names, &e);
}

static enum err
webex_parse(
    struct ctx *cx, const struct pbx_request *rq, struct pbx_events *ret)
{
	struct pbx_events events = { 0 };
	struct json_object *body;
	const char *resource, *event;
	bool deleted;
	enum err e;

	e = adapt_object(cx, rq, &body);
	if (e)
		return e;
	resource = json_peek_text(body, "resource");
	event = json_peek_text(body, "event");
	if (resource == NULL)
		return fail(cx, ERR_INPUT, "resource is missing");
	if (event == NULL)
		return fail(cx, ERR_INPUT, "event is missing");
	deleted = strcmp(event, "deleted") == 0;
	if (strcmp(resource, "telephony_calls") == 0 &&
	    (deleted || strcmp(event, "created") == 0 ||
		strcmp(event, "updated") == 0))
		e = call_event(cx, json_peek(body, "data"), deleted, &events);
	if (!e)
		*ret = events;
	return e;
}

const struct platform platform_webex = {
	.name = "webex",
	.title = "Cisco Webex Calling",
	.auth = AUTH_SIGNATURE,
	.auth_signature = true,
	.auth_path = true,
	.verify = webex_verify,
	.parse = webex_parse,
	.secret_new = path_secret_new,
	.secret_check = path_secret_check,
};
