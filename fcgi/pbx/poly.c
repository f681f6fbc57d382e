/*
 * Poly (Polycom) desk phones: telephony notifications, XML posted by the phone
 * itself. Nobody signs it; its address is the secret. What it says of itself is
 * anybody's word: PhoneIP is never used, and MACAddress must be one.
 * Source: Polycom, "Web Application Developer's Guide", telephony notification
 * events.
 */
#include <string.h>

#include "base/text.h"
#include "pbx/adapt.h"
#include "pbx/platforms.h"
#include "pbx/xml.h"

#define YEAR_2001_US INT64_C(978307200000000)
#define MAC_DIGITS 12

static const struct adapt_names names = { "LineDirNum", "CallReference",
	"leg" };

/* One message of one phone. */
struct notice {
	struct ctx *cx;
	struct pbx_events *events;
	const char *mac; /* lower-case */
	bool over;       /* it says which call is over */
	bool has_at;
	int64_t at_us;
};

static enum err
add(const struct notice *n, enum event_type type, const char *extension,
    const char *call_id)
{
	const struct call_event e = {
		.type = type,
		.extension = extension,
		.call_id = call_id,
		.has_at = n->has_at,
		.at_us = n->at_us,
	};

	return adapt_add(n->cx, n->events, &names, &e);
}

static enum err
mac_read(struct ctx *cx, const struct xml_element *event, const char **ret)
{
	const char *text = xml_text(event, "MACAddress");
	char *mac;

	if (text == NULL || strlen(text) != MAC_DIGITS ||
	    strspn(text, "0123456789abcdefABCDEF") != MAC_DIGITS)
		return fail(cx, ERR_INPUT,
		    "MACAddress is not %d hexadecimal digits", MAC_DIGITS);
	mac = arena_strdup(&cx->arena, text);
	text_lower(mac);
	*ret = mac;
	return ERR_OK;
}

/* By the phone's clock; a phone that does not know the time says 1970. */
static void
at_read(const struct xml_element *event, struct notice *n)
{
	const char *text = xml_text(event, "TimeStamp");

	if (text == NULL || !text_rfc3339_us(text, &n->at_us) ||
	    n->at_us < YEAR_2001_US) {
		n->at_us = 0;
		return;
	}
	n->has_at = true;
}

/* --- calls -------------------------------------------------------------------- */

static const struct adapt_word words[] = {
	{ "Setup", EVENT_ANSWERED }, /* dials, */
	{ "Ringback", EVENT_ANSWERED }, /* and hears it ring */
	{ "Offering", EVENT_RINGING },
	{ "Connected", EVENT_ANSWERED },
	{ "Hold", EVENT_HELD },
	{ "Held", EVENT_HELD },
	{ "Free", EVENT_ENDED },
	{ "Disconnected", EVENT_ENDED },
	{ NULL, 0 },
};

/* The phone counts its calls from the start again, and so do others. */
static const char *
call_id_of(const struct notice *n, const char *reference)
{
	return arena_printf(
	    &n->cx->arena, "phone:%s:%s", n->mac, reference);
}

/* The call is the line's and the phone's; people are linked by either. */
static enum err
call_add(const struct notice *n, const char *number, enum event_type type,
    const char *reference)
{
	const char *call_id;
	enum err e;

	if (reference == NULL)
		return fail(n->cx, ERR_INPUT, "CallReference is missing");
	call_id = call_id_of(n, reference);
	e = add(n, type, number, call_id);
	return e ? e : add(n, type, n->mac, call_id);
}

static enum err
line_read(const struct notice *n, const struct xml_element *line)
{
	const char *number = xml_text(line, "LineDirNum");
	const char *state = xml_text(line, "LineState");
	const struct xml_element *call = xml_find(line, "CallInfo");
	enum event_type type;
	enum err e = ERR_OK;

	/* The phone may have other lines, so this says nothing of it. Where it is
	 * said which call is over, only that one is: the line's number may be
	 * another phone's as well, which goes on. */
	if (state != NULL && strcmp(state, "Inactive") == 0)
		return n->over ? ERR_OK : add(n, EVENT_IDLE, number, NULL);
	for (; !e && call != NULL; call = xml_again(call))
		if (adapt_type(xml_text(call, "CallState"), words, &type))
			e = call_add(n, number, type,
			    xml_text(call, "CallReference"));
	return e;
}

/*
 * A line that has become inactive tells no call. That its call is over stands in
 * the event's own attributes only, and the phone's leg has no other end.
 */
static bool
says_end(const struct xml_element *event)
{
	enum event_type type;

	return xml_attribute(event, "CallReference") != NULL &&
	    adapt_type(xml_attribute(event, "CallState"), words, &type) &&
	    type == EVENT_ENDED;
}

static enum err
end_read(const struct notice *n, const struct xml_element *event)
{
	const char *reference = xml_attribute(event, "CallReference");
	const struct xml_element *line = xml_find(event, "CallLineInfo");
	enum err e;

	if (!n->over)
		return ERR_OK;
	e = add(n, EVENT_ENDED, n->mac, call_id_of(n, reference));
	/* A line with another call stays active: its other call goes on. */
	for (; !e && line != NULL; line = xml_again(line))
		e = add(n, EVENT_ENDED, xml_text(line, "LineDirNum"),
		    call_id_of(n, reference));
	return e;
}

static enum err
call_state(const struct notice *n, const struct xml_element *event)
{
	const struct xml_element *line = xml_find(event, "CallLineInfo");
	enum err e = ERR_OK;

	if (line == NULL)
		return fail(n->cx, ERR_INPUT, "CallLineInfo is missing");
	for (; !e && line != NULL; line = xml_again(line))
		e = line_read(n, line);
	return e ? e : end_read(n, event);
}

/* --- messages ------------------------------------------------------------------- */

static enum err
event_read(struct ctx *cx, const struct xml_element *event,
    struct pbx_events *events)
{
	struct notice n = { .cx = cx, .events = events };
	const bool off = strcmp(event->name, "OffHookEvent") == 0;
	const bool on = strcmp(event->name, "OnHookEvent") == 0;
	enum err e;

	if (!off && !on && strcmp(event->name, "CallStateChangeEvent") != 0)
		return ERR_OK;
	e = mac_read(cx, event, &n.mac);
	if (e)
		return e;
	at_read(event, &n);
	n.over = says_end(event);
	if (off || on)
		return add(
		    &n, off ? EVENT_OFF_HOOK : EVENT_ON_HOOK, n.mac, NULL);
	return call_state(&n, event);
}

static enum err
poly_parse(
    struct ctx *cx, const struct pbx_request *rq, struct pbx_events *ret)
{
	struct pbx_events events = { 0 };
	const struct xml_element *root, *event;
	enum err e;

	e = xml_read(cx, rq->body, rq->body_len, &root);
	if (e)
		return e;
	if (strcmp(root->name, "PolycomIPPhone") != 0)
		return fail(
		    cx, ERR_INPUT, "the root element is not PolycomIPPhone");
	for (event = root->first; !e && event != NULL; event = event->next)
		e = event_read(cx, event, &events);
	if (!e)
		*ret = events;
	return e;
}

const struct platform platform_poly = {
	.name = "poly",
	.title = "Poly desk phones",
	.auth = AUTH_PATH,
	.auth_path = true,
	.parse = poly_parse,
};
