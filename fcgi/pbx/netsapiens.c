/*
 * NetSapiens, and who sells it under a name of its own: event subscriptions of the
 * model "call" post an array of records, each the state of one leg from an
 * originating to a terminating side. Nobody signs it.
 * Source: docs.ns-api.com, "Event subscriptions"; the OpenAPI of the v2 API (repo
 * dszp/n8n-nodes-netsapiens); the portal's own script for what a record means (repo
 * paulhshort/grid4-netsapiens-skin); "held" in repo netsapiens/horizon-sdk-demo.
 */
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "pbx/adapt.h"
#include "pbx/platforms.h"

/* One end of a record's leg, by the names of its members. */
struct side {
	bool originates;
	const char *user, *domain, *info;
};

static const struct side sides[] = {
	{ true, "orig_user", "orig_domain", "orig_call_info" },
	{ false, "term_user", "term_domain", "term_call_info" },
};

/* Is one of these words in this member? */
static bool
mentions(struct ctx *cx, struct json_object *o, const char *name,
    const char *const words[], size_t n)
{
	const char *text = adapt_text(cx, o, name);
	size_t i;

	for (i = 0; text != NULL && i < n; i++)
		if (strcasestr(text, words[i]) != NULL)
			return true;
	return false;
}

/*
 * The far end is a machine: a queue, a menu, somebody's voicemail (which answers
 * in the user's name). Who is in a "conference-bridge" is on the phone.
 */
static bool
is_machine(struct ctx *cx, struct json_object *o)
{
	static const char *const ends[] = { "Call-Queue", "CallBack-Queue",
		"Auto-Attendant", "VMail", ".video.bridge", "adhoc.monitor" };
	static const char *const callers[] = { "PromptRetrieve",
		"Call-Record-Account", ".video.bridge", "adhoc.monitor" };
	static const char *const end_members[] = { "term_uri", "term_to_uri" };
	static const char *const call_members[] = { "orig_from_user",
		"orig_from_uri" };
	const size_t nends = sizeof(ends) / sizeof(ends[0]);
	const size_t ncallers = sizeof(callers) / sizeof(callers[0]);
	size_t i;

	for (i = 0; i < 2; i++)
		if (mentions(cx, o, end_members[i], ends, nends) ||
		    mentions(cx, o, call_members[i], callers, ncallers))
			return true;
	return false;
}

/* "2022-01-19 00:48:25" is in GMT; zeros are no time. */
static bool
time_read(
    struct ctx *cx, struct json_object *o, const char *name, int64_t *ret_us)
{
	const char *text = adapt_text(cx, o, name);

	return text != NULL && strlen(text) == 19 && text[10] == ' ' &&
	    text_rfc3339_us(arena_printf(&cx->arena, "%.10sT%sZ", text,
				text + 11), ret_us);
}

/* What the record says of one side; false: nothing. */
static bool
side_judge(struct ctx *cx, struct json_object *o, const struct side *side,
    struct call_event *e)
{
	const char *info = adapt_text(cx, o, side->info);
	bool answered = time_read(cx, o, "time_answer", &e->at_us);

	if (info != NULL && strcmp(info, "held") == 0) {
		e->type = EVENT_HELD;
		e->at_us = 0; /* since when is not said */
		return true;
	}
	/* The list of words is not public: others tell us nothing. */
	if (info != NULL && strcmp(info, "active") != 0 &&
	    strcmp(info, "alerting") != 0 && strcmp(info, "progressing") != 0)
		return false;
	/* Who calls is busy at once: dials, or hears it ring. */
	e->type = answered || side->originates ? EVENT_ANSWERED : EVENT_RINGING;
	e->has_at = answered || time_read(cx, o, "time_start", &e->at_us);
	return true;
}

/* One user under two names, as people are linked by the one or the other. */
static enum err
user_add(struct ctx *cx, struct pbx_events *events,
    const struct adapt_names *names, const char *domain,
    const struct call_event *e)
{
	struct call_event full = *e;
	enum err err = ERR_OK;

	if (domain != NULL) {
		full.extension = arena_printf(&cx->arena, "%s@%s",
		    e->extension, domain);
		err = adapt_add(cx, events, names, &full);
	}
	return err ? err : adapt_add(cx, events, names, e);
}

static enum err
side_read(struct ctx *cx, struct json_object *o, const struct side *side,
    bool removed, const struct call_event *leg, struct pbx_events *events)
{
	const struct adapt_names names = { side->user, "orig_callid",
		"term_callid" };
	const char *domain = adapt_text(cx, o, side->domain);
	struct call_event e = *leg;

	e.extension = adapt_text(cx, o, side->user);
	if (e.extension == NULL ||
	    (domain != NULL && strcmp(domain, "*") == 0)) /* a gateway */
		return ERR_OK;
	if (removed)
		e.type = EVENT_ENDED;
	else if (!side_judge(cx, o, side, &e))
		return ERR_OK;
	return user_add(cx, events, &names, domain, &e);
}

/* The record of the model "cdr" is written when all is over, and looks alike. */
static bool
is_cdr(struct json_object *o)
{
	const char *object = json_peek_text(o, "object");

	return (object != NULL && strcmp(object, "cdr") == 0) ||
	    json_peek(o, "cdr_index") != NULL || json_peek(o, "cdr_id") != NULL;
}

static enum err
record_read(struct ctx *cx, struct json_object *o, const char *where,
    struct pbx_events *events)
{
	struct call_event leg = { 0 };
	const char *remove;
	bool removed;
	enum err e = ERR_OK;
	size_t i;

	if (!json_object_is_type(o, json_type_object))
		return fail(cx, ERR_INPUT, "%.*s is not an object",
		    (int)strlen(where) - 1, where);
	if (is_cdr(o))
		return ERR_OK;
	leg.call_id = adapt_text(cx, o, "orig_callid");
	leg.leg_id = adapt_text(cx, o, "term_callid");
	if (leg.call_id == NULL)
		return fail(cx, ERR_INPUT, "%sorig_callid is missing", where);
	/* call_origid has no such member. Where it is there and empty the leg has
	 * no name yet: its end, which names it, would not end this one. */
	if (leg.leg_id == NULL && json_peek(o, "term_callid") != NULL)
		return ERR_OK;
	remove = adapt_text(cx, o, "remove");
	removed = remove != NULL && text_same_word(remove, "yes");
	if (!removed &&
	    (is_machine(cx, o) || adapt_text(cx, o, "time_answer") == NULL))
		return ERR_OK;
	for (i = 0; !e && i < sizeof(sides) / sizeof(sides[0]); i++)
		e = side_read(cx, o, &sides[i], removed, &leg, events);
	return e;
}

static enum err
netsapiens_parse(
    struct ctx *cx, const struct pbx_request *rq, struct pbx_events *ret)
{
	struct pbx_events events = { 0 };
	struct json_object *body;
	enum err e;
	size_t i;

	e = json_read(cx, rq->body, rq->body_len, &body);
	if (e)
		return e;
	if (json_object_is_type(body, json_type_object))
		e = record_read(cx, body, "", &events);
	else if (!json_object_is_type(body, json_type_array))
		return fail(cx, ERR_INPUT,
		    "the body is neither an array of records nor one");
	else
		for (i = 0; !e && i < json_object_array_length(body); i++)
			e = record_read(cx, json_object_array_get_idx(body, i),
			    arena_printf(&cx->arena, "[%zu].", i), &events);
	if (!e)
		*ret = events;
	return e;
}

const struct platform platform_netsapiens = {
	.name = "netsapiens",
	.title = "NetSapiens",
	.auth = AUTH_PATH,
	.auth_path = true,
	.has_api = true,
	.parse = netsapiens_parse,
};

const struct platform platform_ringlogix = {
	.name = "ringlogix",
	.title = "RingLogix",
	.auth = AUTH_PATH,
	.auth_path = true,
	.has_api = true,
	.parse = netsapiens_parse,
};

const struct platform platform_united_cloud = {
	.name = "united-cloud",
	.title = "United Cloud",
	.auth = AUTH_PATH,
	.auth_path = true,
	.has_api = true,
	.parse = netsapiens_parse,
};

const struct platform platform_viirtue = {
	.name = "viirtue",
	.title = "Viirtue",
	.auth = AUTH_PATH,
	.auth_path = true,
	.has_api = true,
	.parse = netsapiens_parse,
};
