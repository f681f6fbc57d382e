/*
 * Placetel: the call control notify API, forms with a signature.
 * Source: repo Placetel/call-control-notify-api, README.
 */
#include <string.h>

#include "base/wire.h"
#include "pbx/adapt.h"
#include "pbx/platforms.h"

static const struct adapt_names names = { "peer", "call_id", "leg_id" };

static enum err
placetel_verify(struct ctx *cx, const struct pbx_request *rq,
    const struct pbx_secret *secrets, int n, int64_t now_s)
{
	(void)now_s; /* what is signed has no time */
	return adapt_body_signed(cx, rq, "x-placetel-signature", "",
	    ADAPT_SHA256, ADAPT_HEX, secrets, n);
}

/* Who is rung is not told. Of an outgoing call nobody tells that it was answered:
 * who dials is in the call. The end names the call alone. */
static enum err
placetel_parse(
    struct ctx *cx, const struct pbx_request *rq, struct pbx_events *ret)
{
	struct call_event event = { .type = EVENT_ANSWERED };
	struct pbx_events events = { 0 };
	const char *kind = NULL;
	enum err e;

	e = wire_pair(cx, rq->body, "event", &kind);
	if (!e)
		e = wire_pair(cx, rq->body, "call_id", &event.call_id);
	if (!e)
		e = wire_pair(cx, rq->body, "peer", &event.extension);
	if (e)
		return e;
	if (kind == NULL || *kind == '\0')
		return fail(cx, ERR_INPUT, "event is missing");
	if (event.call_id == NULL || *event.call_id == '\0')
		return fail(cx, ERR_INPUT, "call_id is missing");
	if (strcmp(kind, "HungUp") == 0)
		e = adapt_add_call_over(cx, &events, &names, event.call_id);
	else if (strcmp(kind, "OutgoingCall") == 0 ||
	    strcmp(kind, "CallAccepted") == 0)
		e = adapt_add(cx, &events, &names, &event);
	if (!e)
		*ret = events;
	return e;
}

const struct platform platform_placetel = {
	.name = "placetel",
	.title = "Placetel",
	.auth = AUTH_SIGNATURE,
	.auth_signature = true,
	.auth_path = true,
	.verify = placetel_verify,
	.parse = placetel_parse,
	.secret_new = path_secret_new,
	.secret_check = path_secret_check,
};
