/*
 * RingCentral: notifications of a subscription. Presence tells an extension's
 * whole state, telephony sessions tell each party of a call. Nothing is signed:
 * a sender knows the subscription's validation token, or the address.
 * Source: repo ringcentral/ringcentral-api-docs, docs/notifications/webhooks,
 * docs/notifications/event-filters, code-samples/events.
 */
#include <string.h>

#include "base/json.h"
#include "base/secret.h"
#include "base/text.h"
#include "pbx/adapt.h"
#include "pbx/platforms.h"

#define TOKEN "Validation-Token"
#define TOKEN_MAX 256 /* the whole answer may have 1024 bytes */
#define UUID_MAX 128

static const struct adapt_names names = { "extensionId", "telephonySessionId",
	"the party's id" };

/* --- who sends ----------------------------------------------------------- */

/* What a header carries unchanged. */
static bool
is_printable(const char *s)
{
	for (; *s != '\0'; s++)
		if (*s < 0x20 || *s > 0x7e)
			return false;
	return true;
}

static enum err
ringcentral_verify(struct ctx *cx, const struct pbx_request *rq,
    const struct pbx_secret *secrets, int n, int64_t now_s)
{
	const char *given = rq->header(rq->arg, TOKEN);
	bool right = false;
	int i;

	(void)now_s; /* the token has no time */
	if (given == NULL || *given == '\0')
		return fail(cx, ERR_AUTH, "the header " TOKEN " is missing");
	/* All are compared, so that the time tells nothing. */
	for (i = 0; i < n; i++)
		right |= secret_equal(given, strlen(given), secrets[i].text,
		    secrets[i].len);
	if (!right)
		return fail(cx, ERR_AUTH, TOKEN " is not right");
	return ERR_OK;
}

/*
 * A subscription is made: RingCentral wants its own header back. Who sends
 * something learns only what it sent.
 */
static bool
ringcentral_hello(struct ctx *cx, const struct pbx_request *rq,
    const struct pbx_secret *secrets, int n, struct pbx_reply *ret)
{
	const char *given = rq->header(rq->arg, TOKEN);

	(void)secrets;
	(void)n;
	if (strcmp(rq->method, "POST") != 0 || rq->body_len > 0 ||
	    given == NULL || *given == '\0' || strlen(given) > TOKEN_MAX ||
	    !is_printable(given))
		return false;
	*ret = (struct pbx_reply){
		.json = "{}",
		.header = TOKEN,
		.value = arena_strdup(&cx->arena, given),
	};
	return true;
}

static enum err
ringcentral_secret_check(struct ctx *cx, const char *secret)
{
	enum err e = path_secret_check(cx, secret);

	if (e)
		return e;
	if (!is_printable(secret) || *secret == ' ' ||
	    secret[strlen(secret) - 1] == ' ')
		return fail(cx, ERR_INPUT, "secret is not ASCII without blanks "
		    "at its ends: a header cannot carry it");
	return ERR_OK;
}

/* --- what it says -------------------------------------------------------- */

/* ".../extension/1/presence?detailedTelephonyState=true": the path's end. */
static bool
is_event(const char *event, const char *ending)
{
	size_t len = strcspn(event, "?"), ending_len = strlen(ending);

	return len >= ending_len &&
	    memcmp(event + len - ending_len, ending, ending_len) == 0;
}

static void
at_read(struct json_object *o, const char *name, struct call_event *e)
{
	const char *text = json_peek_text(o, name);

	e->has_at = text != NULL && text_rfc3339_us(text, &e->at_us);
	if (!e->has_at)
		e->at_us = 0;
}

/* A message that is sent again has its uuid again. */
static const char *
key_of(struct ctx *cx, struct json_object *message, size_t i)
{
	const char *uuid = adapt_text(cx, message, "uuid");

	if (uuid == NULL || strlen(uuid) > UUID_MAX)
		return NULL;
	return arena_printf(&cx->arena, "%s:%zu", uuid, i);
}

/* telephonyStatus is left out where it did not change. */
static enum err
presence(struct ctx *cx, struct json_object *message, struct json_object *body,
    struct pbx_events *events)
{
	const char *status = json_peek_text(body, "telephonyStatus");
	struct call_event e = {
		.extension = adapt_text(cx, body, "extensionId"),
		.key = key_of(cx, message, 0),
	};

	if (e.extension == NULL)
		return fail(cx, ERR_INPUT, "body.extensionId is missing");
	if (status == NULL)
		return ERR_OK;
	if (strcmp(status, "CallConnected") == 0 ||
	    strcmp(status, "OnHold") == 0)
		e.type = EVENT_BUSY;
	else if (strcmp(status, "NoCall") == 0)
		e.type = EVENT_IDLE;
	else
		return ERR_OK; /* Ringing, ParkedCall, what we do not know */
	at_read(message, "timestamp", &e);
	return adapt_add(cx, events, &names, &e);
}

static bool
status_type(struct json_object *party, enum event_type *ret)
{
	static const struct adapt_word words[] = {
		{ "Setup", EVENT_RINGING },
		{ "Proceeding", EVENT_RINGING },
		{ "Answered", EVENT_ANSWERED },
		{ "Hold", EVENT_HELD },
		{ "Parked", EVENT_ENDED }, /* who parked it is free */
		{ "Gone", EVENT_ENDED },   /* goes on in another session */
		{ "Disconnected", EVENT_ENDED },
		{ NULL, 0 },
	};
	const char *code = json_peek_text(json_peek(party, "status"), "code");
	const char *direction = json_peek_text(party, "direction");

	if (!adapt_type(code, words, ret))
		return false;
	/* Who dials is in the call already. */
	if (strcmp(code, "Proceeding") == 0 && direction != NULL &&
	    strcmp(direction, "Outbound") == 0)
		*ret = EVENT_ANSWERED;
	return true;
}

/* A party without an extension is somebody outside. */
static enum err
party_read(struct ctx *cx, struct json_object *message,
    struct json_object *party, size_t i, struct pbx_events *events)
{
	struct json_object *body = json_peek(message, "body");
	struct call_event e = {
		.extension = adapt_text(cx, party, "extensionId"),
		.call_id = adapt_text(cx, body, "telephonySessionId"),
		.leg_id = adapt_text(cx, party, "id"),
		.key = key_of(cx, message, i),
	};

	if (e.extension == NULL || !status_type(party, &e.type))
		return ERR_OK;
	/* Without it an end would end all that the extension has there. */
	if (e.leg_id == NULL)
		return fail(
		    cx, ERR_INPUT, "body.parties[%zu].id is missing", i);
	at_read(body, "eventTime", &e);
	return adapt_add(cx, events, &names, &e);
}

static enum err
session(struct ctx *cx, struct json_object *message, struct json_object *body,
    struct pbx_events *events)
{
	struct json_object *parties = json_peek(body, "parties");
	enum err e = ERR_OK;
	size_t i;

	if (adapt_text(cx, body, "telephonySessionId") == NULL)
		return fail(
		    cx, ERR_INPUT, "body.telephonySessionId is missing");
	if (!json_object_is_type(parties, json_type_array))
		return fail(cx, ERR_INPUT, "body.parties is not an array");
	for (i = 0; !e && i < json_object_array_length(parties); i++)
		e = party_read(cx, message,
		    json_object_array_get_idx(parties, i), i, events);
	return e;
}

static enum err
ringcentral_parse(
    struct ctx *cx, const struct pbx_request *rq, struct pbx_events *ret)
{
	struct pbx_events events = { 0 };
	struct json_object *message, *body;
	bool is_presence, is_session;
	const char *event;
	enum err e;

	e = adapt_object(cx, rq, &message);
	if (e)
		return e;
	event = json_peek_text(message, "event");
	if (event == NULL)
		return fail(cx, ERR_INPUT, "event is missing");
	is_presence = is_event(event, "/presence");
	is_session = is_event(event, "/telephony/sessions");
	body = json_peek(message, "body");
	if ((is_presence || is_session) &&
	    !json_object_is_type(body, json_type_object))
		return fail(cx, ERR_INPUT, "body is not an object");
	if (is_presence)
		e = presence(cx, message, body, &events);
	else if (is_session)
		e = session(cx, message, body, &events);
	if (!e)
		*ret = events;
	return e;
}

const struct platform platform_ringcentral = {
	.name = "ringcentral",
	.title = "RingCentral",
	.auth = AUTH_SIGNATURE,
	.auth_signature = true,
	.auth_path = true,
	.verify = ringcentral_verify,
	.hello = ringcentral_hello,
	.parse = ringcentral_parse,
	.secret_new = path_secret_new,
	.secret_check = ringcentral_secret_check,
};
