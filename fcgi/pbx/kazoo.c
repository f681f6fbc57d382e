/*
 * 2600Hz Kazoo: a webhook tells of each channel, as a form (its default), as JSON or
 * in the query of a GET. Nobody signs it.
 * Source: repo 2600hz/kazoo, applications/webhooks, doc/events/channels.md and
 * src/webhooks_channel_util.erl; crossbar's doc/webhooks.md.
 */
#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "base/wire.h"
#include "pbx/adapt.h"
#include "pbx/platforms.h"

/* What we ask of a message, in whatever form it came. */
enum member {
	HOOK_EVENT,
	CALL_ID,
	CALL_DIRECTION,
	IS_INTERNAL_LEG,
	OWNER_ID,
	FROM,
	TO,
	REQUEST,
	TIMESTAMP,
	MEMBER__MAX
};

static const char *const member_names[MEMBER__MAX] = {
	[HOOK_EVENT] = "hook_event",
	[CALL_ID] = "call_id",
	[CALL_DIRECTION] = "call_direction",
	[IS_INTERNAL_LEG] = "is_internal_leg",
	[OWNER_ID] = "owner_id",
	[FROM] = "from",
	[TO] = "to",
	[REQUEST] = "request",
	[TIMESTAMP] = "timestamp",
};

static enum err
json_form(struct ctx *cx, const struct pbx_request *rq,
    const char *said[MEMBER__MAX])
{
	struct json_object *body;
	enum err e = adapt_object(cx, rq, &body);
	size_t i;

	if (e)
		return e;
	for (i = 0; i < MEMBER__MAX; i++)
		said[i] = adapt_text(cx, body, member_names[i]);
	if (json_object_get_boolean(
		json_peek(body, member_names[IS_INTERNAL_LEG])) &&
	    said[IS_INTERNAL_LEG] == NULL)
		said[IS_INTERNAL_LEG] = "true";
	return ERR_OK;
}

static enum err
pairs_form(
    struct ctx *cx, const char *pairs, const char *said[MEMBER__MAX])
{
	enum err e = ERR_OK;
	size_t i;

	for (i = 0; !e && i < MEMBER__MAX; i++)
		e = wire_pair(cx, pairs, member_names[i], &said[i]);
	for (i = 0; !e && i < MEMBER__MAX; i++)
		if (said[i] != NULL && *said[i] == '\0')
			said[i] = NULL;
	return e;
}

static enum err
message_read(struct ctx *cx, const struct pbx_request *rq,
    const char *said[MEMBER__MAX])
{
	if (strcmp(rq->method, "GET") == 0)
		return pairs_form(cx, rq->query, said);
	if (wire_media_is(rq->content_type, "application/json"))
		return json_form(cx, rq, said);
	return pairs_form(cx, rq->body, said);
}

static bool
is(const char *text, const char *word)
{
	return text != NULL && strcmp(text, word) == 0;
}

/* false: not of a call's life. */
static bool
hook_judge(const char *const said[MEMBER__MAX], enum event_type *ret)
{
	if (is(said[HOOK_EVENT], "channel_create")) {
		/* Inbound comes from the device: its user dials. */
		if (is(said[CALL_DIRECTION], "inbound"))
			*ret = EVENT_ANSWERED;
		else if (is(said[CALL_DIRECTION], "outbound"))
			*ret = EVENT_RINGING;
		else
			return false;
	} else if (is(said[HOOK_EVENT], "channel_answer")) {
		*ret = EVENT_ANSWERED;
	} else if (is(said[HOOK_EVENT], "channel_destroy")) {
		*ret = EVENT_ENDED;
	} else {
		return false; /* channel_bridge: answered before */
	}
	return true;
}

/* Seconds since the year 0. */
static void
time_read(const char *text, struct call_event *e)
{
	const int64_t year_1970 = INT64_C(62167219200);
	const int64_t year_9999 = year_1970 + INT64_C(253402300799);
	int64_t s;

	if (text == NULL || !text_int64(text, year_1970, year_9999, &s))
		return;
	e->has_at = true;
	e->at_us = (s - year_1970) * 1000000;
}

/* The names of the device's user: its owner, and user@realm of the device. */
static enum err
users_add(struct ctx *cx, const char *const said[MEMBER__MAX],
    struct call_event e, struct pbx_events *events)
{
	struct adapt_names names = { "owner_id", "call_id", "leg_id" };
	const bool from_device = is(said[CALL_DIRECTION], "inbound");
	const enum member address = from_device ? FROM : TO;
	enum err err;

	e.extension = said[OWNER_ID];
	err = adapt_add(cx, events, &names, &e);
	if (err || said[CALL_DIRECTION] == NULL)
		return err;
	names.extension = member_names[address];
	e.extension = said[address];
	err = adapt_add(cx, events, &names, &e);
	/* The address that rings may be another than the one that was meant. */
	if (err || from_device || said[REQUEST] == NULL ||
	    is(said[address], said[REQUEST]))
		return err;
	names.extension = member_names[REQUEST];
	e.extension = said[REQUEST];
	return adapt_add(cx, events, &names, &e);
}

static enum err
kazoo_parse(
    struct ctx *cx, const struct pbx_request *rq, struct pbx_events *ret)
{
	const char *said[MEMBER__MAX] = { NULL };
	struct pbx_events events = { 0 };
	struct call_event e = { 0 };
	enum err err;

	err = message_read(cx, rq, said);
	if (err)
		return err;
	if (said[HOOK_EVENT] == NULL)
		return fail(cx, ERR_INPUT, "hook_event is missing");
	/* An internal leg (loopback) only ties two others together. */
	if (hook_judge(said, &e.type) && !is(said[IS_INTERNAL_LEG], "true")) {
		if (said[CALL_ID] == NULL)
			return fail(cx, ERR_INPUT, "call_id is missing");
		e.call_id = said[CALL_ID];
		time_read(said[TIMESTAMP], &e);
		err = users_add(cx, said, e, &events);
	}
	if (!err)
		*ret = events;
	return err;
}

const struct platform platform_kazoo = {
	.name = "kazoo",
	.title = "2600Hz Kazoo",
	.auth = AUTH_PATH,
	.auth_path = true,
	.parse = kazoo_parse,
};
