/*
 * Desk phones by themselves (Yealink, Snom, Grandstream, Akuvox): an "action URL" is
 * a GET whose query the admin wrote, with variables that the phone fills in. The
 * names are those of the generic webhook, and mac. Nobody signs it.
 * Source: Yealink SIP-T3 administrator's guide, "Action URL"; wiki.akuvox.com, "How to
 * set up action URL"; Grandstream, "Action URL guide".
 */
#include <ctype.h>
#include <string.h>

#include "base/text.h"
#include "base/wire.h"
#include "pbx/adapt.h"
#include "pbx/platforms.h"

static const struct adapt_names names = { "extension", "call_id", "leg_id" };

/* A parameter; NULL: not there, empty, or a variable ("$call_id") which the phone
 * does not know or has no value for. */
static enum err
parameter(struct ctx *cx, const struct pbx_request *rq, const char *name,
    const char **ret)
{
	const char *value;
	enum err e = wire_pair(cx, rq->query, name, &value);

	if (!e)
		*ret = value == NULL || *value == '\0' || *value == '$' ? NULL
									: value;
	return e;
}

/* "00:15:65:AA:bb:CC" -> "001565aabbcc" */
static enum err
mac_read(struct ctx *cx, const char *text, const char **ret)
{
	char mac[13];
	size_t n = 0;

	for (; *text != '\0'; text++) {
		if (*text == ':' || *text == '-')
			continue;
		if (n == 12 || !isxdigit((unsigned char)*text))
			return fail(cx, ERR_INPUT, "mac is not 12 hex digits");
		mac[n++] = *text;
	}
	if (n != 12)
		return fail(cx, ERR_INPUT, "mac is not 12 hex digits");
	mac[n] = '\0';
	text_lower(mac);
	*ret = arena_strdup(&cx->arena, mac);
	return ERR_OK;
}

/* Who it is: the extension, or else the phone. */
static enum err
extension_read(
    struct ctx *cx, const struct pbx_request *rq, const char **ret)
{
	const char *mac = NULL;
	enum err e = parameter(cx, rq, "extension", ret);

	if (e || *ret != NULL)
		return e;
	e = parameter(cx, rq, "mac", &mac);
	if (e)
		return e;
	if (mac == NULL)
		return fail(cx, ERR_INPUT, "extension and mac are missing");
	return mac_read(cx, mac, ret);
}

static enum err
call_read(struct ctx *cx, const struct pbx_request *rq, struct call_event *e)
{
	const char *id = NULL;
	enum err err = parameter(cx, rq, "call_id", &id);

	if (!err)
		err = parameter(cx, rq, "leg_id", &e->leg_id);
	if (err)
		return err;
	if (id == NULL)
		return fail(cx, ERR_INPUT, "call_id is missing");
	/* Two phones may count their calls alike. */
	e->call_id = arena_printf(&cx->arena, "phone:%s:%s", e->extension, id);
	return ERR_OK;
}

static enum err
action_url_parse(
    struct ctx *cx, const struct pbx_request *rq, struct pbx_events *ret)
{
	struct pbx_events events = { 0 };
	struct call_event e = { 0 };
	const char *type = NULL;
	enum err err;

	err = parameter(cx, rq, "type", &type);
	if (err)
		return err;
	if (type == NULL)
		return fail(cx, ERR_INPUT, "type is missing");
	/* One phone that starts anew says nothing of the others. */
	if (event_type_parse(type, &e.type) && e.type != EVENT_RESTARTED) {
		err = extension_read(cx, rq, &e.extension);
		if (!err && event_type_is_call(e.type))
			err = call_read(cx, rq, &e);
		if (!err && event_type_is_phone(e.type))
			err = parameter(cx, rq, "line", &e.line);
		if (!err)
			err = adapt_add(cx, &events, &names, &e);
	}
	if (!err)
		*ret = events;
	return err;
}

const struct platform platform_action_url = {
	.name = "action-url",
	.title = "Desk phones (action URL)",
	.auth = AUTH_PATH,
	.auth_path = true,
	.parse = action_url_parse,
};
