/*
 * Dialpad: call events. Where the webhook has a secret the whole body is a JWT
 * (compact, HS256) whose claims are the event; without one it is plain JSON, which
 * only the secret address can prove.
 * Source: developers.dialpad.com, "Call Events", "Event Subscriptions".
 */
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "pbx/adapt.h"
#include "pbx/platforms.h"

#define MAC_BYTES 32 /* HMAC-SHA-256 */

static const struct adapt_names names = { "target", "call_id", "leg_id" };

/* The three parts of a compact JWT, still in base64url. */
struct parts {
	const char *head, *claims, *mac;
	size_t signed_len; /* head, full stop, claims */
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool
parts_read(struct ctx *cx, const struct pbx_request *rq, struct parts *ret)
{
	size_t len = rq->body_len;
	char *head, *claims, *mac;

	while (len > 0 && is_blank(rq->body[len - 1]))
		len--;
	head = arena_strndup(&cx->arena, rq->body, len);
	claims = strchr(head, '.');
	mac = claims != NULL ? strchr(claims + 1, '.') : NULL;
	if (mac == NULL || strchr(mac + 1, '.') != NULL)
		return false;
	ret->signed_len = (size_t)(mac - head);
	*claims++ = '\0';
	*mac++ = '\0';
	ret->head = head;
	ret->claims = claims;
	ret->mac = mac;
	return true;
}

/* One part as a JSON object; false when it is none. */
static bool
part_object(struct ctx *cx, const char *part, struct json_object **ret)
{
	size_t len, max = strlen(part);
	uint8_t *bytes = arena_alloc(&cx->arena, max + 1);

	if (!text_unbase64url(part, bytes, max, &len))
		return false;
	if (json_read(cx, (const char *)bytes, len, ret)) {
		fail_forget(cx);
		return false;
	}
	return json_object_is_type(*ret, json_type_object);
}

/* The header's alg chooses nothing here, but a token that names another than the
 * one we compute was not meant for this check (RFC 8725, 3.1). */
static enum err
dialpad_verify(struct ctx *cx, const struct pbx_request *rq,
    const struct pbx_secret *secrets, int n, int64_t now_s)
{
	char hex[2 * MAC_BYTES + 1];
	struct json_object *head;
	uint8_t mac[MAC_BYTES];
	struct parts parts;
	const char *alg;
	size_t len;

	(void)now_s; /* no claim of a time of signing is known */
	if (!parts_read(cx, rq, &parts))
		return fail(cx, ERR_AUTH, "the body is not a JWT");
	if (!part_object(cx, parts.head, &head))
		return fail(cx, ERR_AUTH, "the JWT's header is not right");
	alg = json_peek_text(head, "alg");
	if (alg == NULL || strcmp(alg, "HS256") != 0)
		return fail(cx, ERR_AUTH, "the JWT's alg is not HS256");
	if (!text_unbase64url(parts.mac, mac, sizeof(mac), &len))
		return fail(cx, ERR_AUTH, "the JWT's signature is not right");
	text_hex(mac, len, hex);
	if (!adapt_hmac_is(hex, ADAPT_SHA256, ADAPT_HEX, rq->body,
		parts.signed_len, secrets, n))
		return fail(cx, ERR_AUTH, "the JWT's signature is not right");
	return ERR_OK;
}

static enum err
body_read(
    struct ctx *cx, const struct pbx_request *rq, struct json_object **ret)
{
	struct parts parts;
	size_t at = 0;

	while (at < rq->body_len && is_blank(rq->body[at]))
		at++;
	if (rq->by_path && (at == rq->body_len || rq->body[at] == '{'))
		return adapt_object(cx, rq, ret);
	if (!parts_read(cx, rq, &parts))
		return fail(cx, ERR_INPUT, "the body is not a JWT%s",
		    rq->by_path ? " or a JSON object" : "");
	if (!part_object(cx, parts.claims, ret))
		return fail(
		    cx, ERR_INPUT, "the JWT's claims are not a JSON object");
	return ERR_OK;
}

static const struct adapt_word words[] = {
	{ "ringing", EVENT_RINGING },
	{ "connected", EVENT_ANSWERED },
	{ "hold", EVENT_HELD },
	{ "hangup", EVENT_ENDED }, /* also of what never connected */
	{ NULL, 0 },
};

/* A person is known by the e-mail or by the id, as the admin linked it: an event
 * for each; one of them is nobody's. */
static enum err
dialpad_parse(
    struct ctx *cx, const struct pbx_request *rq, struct pbx_events *ret)
{
	struct pbx_events events = { 0 };
	struct json_object *body = NULL, *target;
	struct call_event event = { 0 };
	const char *state, *kind, *email, *id;
	enum err e = body_read(cx, rq, &body);

	if (e)
		return e;
	state = json_peek_text(body, "state");
	if (state == NULL)
		return fail(cx, ERR_INPUT, "state is missing");
	event.call_id = adapt_text(cx, body, "call_id");
	if (event.call_id == NULL)
		return fail(cx, ERR_INPUT, "call_id is missing");
	target = json_peek(body, "target");
	kind = json_peek_text(target, "type");
	if (kind == NULL)
		return fail(cx, ERR_INPUT, "target.type is missing");
	/* A department's or call centre's own leg is nobody's. */
	if (strcmp(kind, "user") == 0 && adapt_type(state, words, &event.type)) {
		email = adapt_text(cx, target, "email");
		id = adapt_text(cx, target, "id");
		if (email == NULL && id == NULL)
			return fail(cx, ERR_INPUT, "target.email is missing");
		adapt_at_ms(adapt_text(cx, body, "event_timestamp"), &event);
		event.extension = email;
		e = adapt_add(cx, &events, &names, &event);
		event.extension = id;
		if (!e)
			e = adapt_add(cx, &events, &names, &event);
	}
	if (!e)
		*ret = events;
	return e;
}

const struct platform platform_dialpad = {
	.name = "dialpad",
	.title = "Dialpad",
	.auth = AUTH_SIGNATURE,
	.auth_signature = true,
	.auth_path = true,
	.verify = dialpad_verify,
	.parse = dialpad_parse,
	.secret_new = path_secret_new,
	.secret_check = path_secret_check,
};
