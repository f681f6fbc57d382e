/*
 * Amazon Connect: agent events. Each carries a snapshot of all of an agent's contacts
 * and so says the agent's whole state; HEART_BEAT, every 120 s when nothing else
 * happens, says it again. They go to Kinesis, from where the customer's function
 * brings them here, one object a request.
 * Source: docs.aws.amazon.com/connect/latest/adminguide/agent-event-stream-model.html,
 * about-contact-states.html
 */
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "pbx/adapt.h"
#include "pbx/platforms.h"

#define SNAPSHOT "CurrentAgentSnapshot"

static const struct adapt_names names = {
	SNAPSHOT ".Configuration.Username", "ContactId", "leg_id"
};

static bool
is_known(const char *type)
{
	static const char *const known[] = {
		"LOGIN", "LOGOUT", "STATE_CHANGE", "HEART_BEAT",
	};
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(known[i], type) == 0)
			return true;
	return false;
}

static bool
talks(struct json_object *contacts)
{
	const char *state;
	size_t i;

	for (i = 0; i < json_object_array_length(contacts); i++) {
		state = json_peek_text(
		    json_object_array_get_idx(contacts, i), "State");
		if (state != NULL &&
		    (strcmp(state, "CONNECTED") == 0 ||
			strcmp(state, "CONNECTED_ONHOLD") == 0))
			return true;
	}
	return false;
}

static enum err
agent_event(struct ctx *cx, struct json_object *body, const char *type,
    struct pbx_events *events)
{
	struct json_object *snapshot = json_peek(body, SNAPSHOT);
	struct json_object *contacts = json_peek(snapshot, "Contacts");
	const char *at = json_peek_text(body, "EventTimestamp");
	const char *id = json_peek_text(body, "EventId");
	struct call_event e = { .type = EVENT_IDLE };

	if (!json_object_is_type(snapshot, json_type_object))
		return fail(cx, ERR_INPUT, SNAPSHOT " is not an object");
	e.extension = adapt_text(
	    cx, json_peek(snapshot, "Configuration"), "Username");
	if (e.extension == NULL)
		return fail(cx, ERR_INPUT, "%s is missing", names.extension);
	/* Who logs out takes no calls, whatever is still in the list. */
	if (strcmp(type, "LOGOUT") != 0 && contacts != NULL) {
		if (!json_object_is_type(contacts, json_type_array))
			return fail(cx, ERR_INPUT,
			    SNAPSHOT ".Contacts is not an array");
		e.type = talks(contacts) ? EVENT_BUSY : EVENT_IDLE;
	}
	e.has_at = at != NULL && text_rfc3339_us(at, &e.at_us);
	if (id != NULL && text_is_uuid(id))
		e.key = arena_printf(&cx->arena, "%s:0", id);
	return adapt_add(cx, events, &names, &e);
}

static enum err
amazon_connect_parse(
    struct ctx *cx, const struct pbx_request *rq, struct pbx_events *ret)
{
	struct pbx_events events = { 0 };
	struct json_object *body;
	const char *type;
	enum err e;

	e = adapt_object(cx, rq, &body);
	if (e)
		return e;
	type = json_peek_text(body, "EventType");
	if (type == NULL)
		return fail(cx, ERR_INPUT, "EventType is missing");
	if (is_known(type))
		e = agent_event(cx, body, type, &events);
	if (!e)
		*ret = events;
	return e;
}

const struct platform platform_amazon_connect = {
	.name = "amazon-connect",
	.title = "Amazon Connect",
	.auth = AUTH_PATH,
	.auth_path = true,
	.parse = amazon_connect_parse,
};
