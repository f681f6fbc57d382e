/*
 * Twilio: status callbacks of calls, a form. Twilio knows no extensions; a person is
 * client:NAME, sip:USER@DOMAIN or a number, as From and To say.
 * Source: www.twilio.com/docs/usage/security, "Validating Signatures from Twilio";
 * repo twilio/twilio-python, twilio/request_validator.py; Twilio's OpenAPI,
 * call_enum_status.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/secret.h"
#include "base/text.h"
#include "base/wire.h"
#include "pbx/adapt.h"
#include "pbx/platforms.h"

#define SIGNATURE "x-twilio-signature"
#define PARAMETERS_MAX 500 /* a callback has about 30 */

static const struct adapt_names names = { "From or To", "CallSid", "leg_id" };

static bool
is_json(const struct pbx_request *rq)
{
	return wire_media_is(rq->content_type, "application/json");
}

/* --- the signature ------------------------------------------------------------- */

struct parameter {
	const char *name, *value;
};

static int
by_name_and_value(const void *a, const void *b)
{
	const struct parameter *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order != 0 ? order : strcmp(x->value, y->value);
}

/* Every parameter's name and value, sorted, the same pair once. */
static enum err
parameters_add(struct ctx *cx, const char *form, struct buf *text)
{
	struct parameter *list =
	    arena_array(&cx->arena, PARAMETERS_MAX, sizeof(*list));
	struct parameter one;
	size_t i, n = 0;
	enum err e;

	while (wire_next(cx, &form, &one.name, &one.value, &e)) {
		if (n == PARAMETERS_MAX)
			return fail(cx, ERR_AUTH,
			    "the body has more than %d parameters",
			    PARAMETERS_MAX);
		list[n++] = one;
	}
	if (e) {
		fail_forget(cx);
		return fail(cx, ERR_AUTH, "a parameter is badly encoded");
	}
	qsort(list, n, sizeof(*list), by_name_and_value);
	for (i = 0; i < n; i++) {
		if (i > 0 && by_name_and_value(&list[i - 1], &list[i]) == 0)
			continue;
		buf_text(text, list[i].name);
		buf_text(text, list[i].value);
	}
	return ERR_OK;
}

/* A JSON body is not signed itself: its hash stands in the address, which is. */
static enum err
body_hash_check(struct ctx *cx, const struct pbx_request *rq)
{
	const char *query = strchr(rq->url, '?'), *given = NULL;
	uint8_t claim[32], hash[32];
	size_t len;

	if (query != NULL && wire_pair(cx, query + 1, "bodySHA256", &given)) {
		fail_forget(cx);
		given = NULL;
	}
	if (given == NULL)
		return fail(cx, ERR_AUTH,
		    "bodySHA256 is missing in the address");
	secret_sha256(rq->body, rq->body_len, hash);
	if (!text_unhex(given, claim, sizeof(claim), &len) ||
	    !secret_equal(claim, len, hash, sizeof(hash)))
		return fail(cx, ERR_AUTH, "bodySHA256 is not right");
	return ERR_OK;
}

/* The same address with its port when it has none, and without when it has one:
 * Twilio signs now the one, now the other. */
static const char *
url_other(struct ctx *cx, const char *url)
{
	const char *colon = strstr(url, "://"), *host, *end, *port;

	if (colon == NULL)
		return url;
	host = colon + 3;
	end = host + strcspn(host, "/?#");
	for (port = end; port > host && port[-1] >= '0' && port[-1] <= '9';)
		port--;
	if (port > host && port[-1] == ':') /* "[::1]" ends with a bracket */
		return arena_printf(&cx->arena, "%.*s%s",
		    (int)(port - 1 - url), url, end);
	return arena_printf(&cx->arena, "%.*s:%d%s", (int)(end - url), url,
	    text_starts(url, "https:") ? 443 : 80, end);
}

static enum err
twilio_verify(struct ctx *cx, const struct pbx_request *rq,
    const struct pbx_secret *secrets, int n, int64_t now_s)
{
	const char *given = rq->header(rq->arg, SIGNATURE);
	const char *urls[] = { rq->url, url_other(cx, rq->url) };
	struct buf parameters, text;
	bool right = false;
	enum err e;
	size_t i;

	(void)now_s; /* what is signed has no time */
	if (given == NULL || *given == '\0')
		return fail(
		    cx, ERR_AUTH, "the header %s is missing", SIGNATURE);
	buf_init(&parameters, &cx->arena, rq->body_len);
	e = is_json(rq) ? body_hash_check(cx, rq)
			: parameters_add(cx, rq->body, &parameters);
	if (e)
		return e;
	for (i = 0; i < 2; i++) {
		buf_init(&text, &cx->arena, strlen(urls[i]) + parameters.len);
		buf_text(&text, urls[i]);
		buf_add(&text, buf_str(&parameters), parameters.len);
		right |= adapt_hmac_is(given, ADAPT_SHA1, ADAPT_BASE64,
		    buf_str(&text), text.len, secrets, n);
	}
	if (!right)
		return fail(cx, ERR_AUTH, "%s is not right", SIGNATURE);
	return ERR_OK;
}

/* --- events -------------------------------------------------------------------- */

/* What a callback says, from a form or from JSON with the same names. */
struct said {
	const char *sid, *status, *from, *to;
};

static enum err
said_read(struct ctx *cx, const struct pbx_request *rq, struct said *ret)
{
	struct said said = { 0 };
	const struct {
		const char *name, **ret;
	} parameters[] = {
		{ "CallSid", &said.sid },
		{ "CallStatus", &said.status },
		{ "From", &said.from },
		{ "To", &said.to },
	};
	struct json_object *body = NULL;
	enum err e = ERR_OK;
	size_t i;

	if (is_json(rq))
		e = adapt_object(cx, rq, &body);
	for (i = 0; !e && i < sizeof(parameters) / sizeof(parameters[0]); i++) {
		if (is_json(rq))
			*parameters[i].ret =
			    adapt_text(cx, body, parameters[i].name);
		else
			e = wire_pair(cx, rq->body, parameters[i].name,
			    parameters[i].ret);
	}
	if (e)
		return e;
	if (said.sid == NULL || *said.sid == '\0')
		return fail(cx, ERR_INPUT, "CallSid is missing");
	if (said.status == NULL || *said.status == '\0')
		return fail(cx, ERR_INPUT, "CallStatus is missing");
	*ret = said;
	return ERR_OK;
}

static const struct adapt_word words[] = {
	{ "ringing", EVENT_RINGING },
	{ "in-progress", EVENT_ANSWERED },
	{ "completed", EVENT_ENDED },
	{ "busy", EVENT_ENDED },
	{ "failed", EVENT_ENDED },
	{ "no-answer", EVENT_ENDED },
	{ "canceled", EVENT_ENDED },
	{ NULL, 0 },
};

/* The other side may be anybody, with an address longer than any that can be linked:
 * that must not cost this side its event. */
static bool
is_person(const char *address)
{
	return address != NULL && strlen(address) <= EVENT_TEXT_MAX &&
	    (text_starts(address, "client:") || text_starts(address, "sip:") ||
		*address == '+');
}

static enum err
twilio_parse(
    struct ctx *cx, const struct pbx_request *rq, struct pbx_events *ret)
{
	struct pbx_events events = { 0 };
	struct call_event event = { 0 };
	struct said said = { 0 };
	enum err e = said_read(cx, rq, &said);

	if (e)
		return e;
	if (adapt_type(said.status, words, &event.type)) {
		event.call_id = said.sid;
		if (is_person(said.from) && event.type != EVENT_RINGING) {
			event.extension = said.from;
			event.leg_id = "from";
			e = adapt_add(cx, &events, &names, &event);
		}
		if (!e && is_person(said.to)) {
			event.extension = said.to;
			event.leg_id = "to";
			e = adapt_add(cx, &events, &names, &event);
		}
	}
	if (!e)
		*ret = events;
	return e;
}

const struct platform platform_twilio = {
	.name = "twilio",
	.title = "Twilio Voice",
	.auth = AUTH_SIGNATURE,
	.auth_signature = true,
	.auth_path = true,
	.verify = twilio_verify,
	.parse = twilio_parse,
	.secret_new = path_secret_new,
	.secret_check = path_secret_check,
};
