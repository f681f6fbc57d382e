/* The generic webhook: our own JSON, or a query, into call events. */
#include "pbx/generic.h"

#include <json-c/json.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "base/wire.h"
#include "pbx/standard_webhooks.h"

#define TYPE_SHOWN 40    /* bytes of an unknown type that we repeat */
#define TIMESTAMP_MAX 64 /* the longest RFC 3339 time has 35 bytes */

/* What one event says, wherever it stood; NULL is absent. */
struct said {
	const char *where; /* "" or "[3]." : words before a member's name */
	const char *type, *timestamp;
	const char *extension, *call_id, *leg_id, *line;
};

/* A sender's word, cut and made printable, for an error's detail. */
static const char *
shown(struct ctx *cx, const char *word)
{
	char text[TYPE_SHOWN + 1];
	size_t i, len = strnlen(word, TYPE_SHOWN);

	for (i = 0; i < len; i++) {
		unsigned char c = (unsigned char)word[i];

		text[i] = c < 0x20 || c > 0x7e || c == '"' || c == '\\'
		    ? '?'
		    : (char)c;
	}
	text[len] = '\0';
	return arena_printf(
	    &cx->arena, "\"%s%s\"", text, word[len] != '\0' ? "..." : "");
}

/* Judges the whole of what was said; where_data names data's members. */
static enum err
event_make(struct ctx *cx, const struct said *said, const char *where_data,
    enum event_type type, struct call_event *ret)
{
	struct call_event e = { .type = type };

	if (said->timestamp != NULL) {
		if (!text_rfc3339_us(said->timestamp, &e.at_us))
			return fail(cx, ERR_INPUT,
			    "%stimestamp is not a time of RFC 3339",
			    said->where);
		e.has_at = true;
	}
	if (type != EVENT_RESTARTED) {
		if (said->extension == NULL)
			return fail(cx, ERR_INPUT, "%sextension is missing",
			    where_data);
		e.extension = said->extension;
	}
	if (event_type_is_call(type)) {
		if (said->call_id == NULL)
			return fail(
			    cx, ERR_INPUT, "%scall_id is missing", where_data);
		e.call_id = said->call_id;
		e.leg_id = said->leg_id;
	}
	if (event_type_is_phone(type))
		e.line = said->line;
	*ret = e;
	return ERR_OK;
}

static enum err
type_read(struct ctx *cx, const struct said *said, enum event_type *ret)
{
	if (said->type == NULL)
		return fail(cx, ERR_INPUT, "%stype is missing", said->where);
	if (!event_type_parse(said->type, ret))
		return fail(cx, ERR_INPUT, "%stype is not known: %s",
		    said->where, shown(cx, said->type));
	return ERR_OK;
}

/* data may be NULL. A wrong type or length is an error also where the event
 * has no use for the member: the sender meant something by it. */
static enum err
data_read(struct ctx *cx, struct json_object *data, const char *where,
    struct said *said)
{
	const struct {
		const char *name, **ret;
	} members[] = {
		{ "extension", &said->extension },
		{ "call_id", &said->call_id },
		{ "leg_id", &said->leg_id },
		{ "line", &said->line },
	};
	enum err e;
	size_t i;

	if (data == NULL)
		return ERR_OK;
	for (i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		e = json_member_text(cx, data, where, members[i].name, false, 1,
		    EVENT_TEXT_MAX, members[i].ret);
		if (e)
			return e;
	}
	return ERR_OK;
}

static enum err
object_read(struct ctx *cx, struct json_object *o, const char *where,
    struct call_event *ret)
{
	const char *where_data;
	struct said said = { .where = where };
	struct json_object *data = NULL;
	enum event_type type = EVENT_RESTARTED;
	enum err e;

	if (!json_object_is_type(o, json_type_object))
		return fail(cx, ERR_INPUT, "%.*s is not an object",
		    (int)strlen(where) - 1, where);
	e = json_member_text(
	    cx, o, where, "type", true, 0, SIZE_MAX, &said.type);
	if (e)
		return e;
	e = type_read(cx, &said, &type);
	if (e)
		return e;
	e = json_member_text(cx, o, where, "timestamp", false, 1, TIMESTAMP_MAX,
	    &said.timestamp);
	if (e)
		return e;
	json_object_object_get_ex(o, "data", &data);
	if (data == NULL && type != EVENT_RESTARTED)
		return fail(cx, ERR_INPUT, "%sdata is missing", where);
	if (data != NULL && !json_object_is_type(data, json_type_object))
		return fail(cx, ERR_INPUT, "%sdata is not an object", where);
	where_data = arena_printf(&cx->arena, "%sdata.", where);
	e = data_read(cx, data, where_data, &said);
	if (e)
		return e;
	return event_make(cx, &said, where_data, type, ret);
}

/* The sender's id of this message and its attempt's time, when it signs. */
static void
message_read(
    struct ctx *cx, const struct pbx_request *rq, struct pbx_events *events)
{
	struct webhook_headers h;
	int i;

	if (rq->by_path || !standard_webhooks_headers(rq, &h))
		return;
	events->has_attempt = true;
	events->attempt_us = h.timestamp_s * 1000000;
	for (i = 0; i < events->n; i++)
		events->list[i].key =
		    arena_printf(&cx->arena, "%s:%d", h.id, i);
}

static enum err
body_parse(struct ctx *cx, const struct pbx_request *rq, struct pbx_events *ret)
{
	struct pbx_events events = { 0 };
	struct json_object *body;
	enum err e;
	size_t i, n;

	if (!wire_media_is(rq->content_type, "application/json"))
		return fail(
		    cx, ERR_MEDIA, "the content type is not application/json");
	e = json_read(cx, rq->body, rq->body_len, &body);
	if (e)
		return e;
	if (json_object_is_type(body, json_type_object)) {
		events.list = arena_alloc(&cx->arena, sizeof(*events.list));
		events.n = 1;
		e = object_read(cx, body, "", &events.list[0]);
		if (e)
			return e;
	} else if (json_object_is_type(body, json_type_array)) {
		n = json_object_array_length(body);
		if (n > EVENTS_MAX)
			return fail(cx, ERR_INPUT,
			    "the array has %zu events, allowed are %d", n,
			    EVENTS_MAX);
		events.list =
		    arena_array(&cx->arena, n + 1, sizeof(*events.list));
		events.n = (int)n;
		for (i = 0; i < n; i++) {
			e = object_read(cx, json_object_array_get_idx(body, i),
			    arena_printf(&cx->arena, "[%zu].", i),
			    &events.list[i]);
			if (e)
				return e;
		}
	} else {
		return fail(cx, ERR_INPUT,
		    "the body is neither an object nor an array");
	}
	message_read(cx, rq, &events);
	*ret = events;
	return ERR_OK;
}

/* An empty value counts as absent: phones send what they have no value for. */
static enum err
query_parse(
    struct ctx *cx, const struct pbx_request *rq, struct pbx_events *ret)
{
	struct said said = { .where = "" };
	const struct {
		const char *name, **ret;
	} parameters[] = {
		{ "type", &said.type },
		{ "extension", &said.extension },
		{ "call_id", &said.call_id },
		{ "leg_id", &said.leg_id },
		{ "line", &said.line },
	};
	struct pbx_events events = { 0 };
	enum event_type type;
	enum err e;
	size_t i;

	for (i = 0; i < sizeof(parameters) / sizeof(parameters[0]); i++) {
		const char *value;

		e = wire_pair(cx, rq->query, parameters[i].name, &value);
		if (e)
			return e;
		if (value != NULL && *value == '\0')
			value = NULL;
		*parameters[i].ret = value;
		if (i == 0) { /* the type first: it decides about the rest */
			e = type_read(cx, &said, &type);
			if (e)
				return e;
		} else if (value != NULL && strlen(value) > EVENT_TEXT_MAX) {
			return fail(cx, ERR_INPUT, "%s is longer than %d bytes",
			    parameters[i].name, EVENT_TEXT_MAX);
		}
	}
	events.list = arena_alloc(&cx->arena, sizeof(*events.list));
	events.n = 1;
	e = event_make(cx, &said, "", type, &events.list[0]);
	if (e)
		return e;
	*ret = events;
	return ERR_OK;
}

static enum err
generic_parse(
    struct ctx *cx, const struct pbx_request *rq, struct pbx_events *ret)
{
	if (strcmp(rq->method, "GET") == 0)
		return query_parse(cx, rq, ret);
	return body_parse(cx, rq, ret);
}

const struct platform platform_generic = {
	.name = "generic",
	.title = "Generic webhook",
	.auth = AUTH_SIGNATURE,
	.auth_signature = true,
	.auth_path = true,
	.verify = standard_webhooks_verify,
	.parse = generic_parse,
	.secret_new = standard_webhooks_secret_new,
	.secret_check = standard_webhooks_secret_check,
};
