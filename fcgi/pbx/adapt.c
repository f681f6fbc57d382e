/* What adapters share, see adapt.h. */
#include "pbx/adapt.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "base/json.h"
#include "base/secret.h"
#include "base/text.h"

/* --- events ------------------------------------------------------------------ */

static const char *
present(const char *text)
{
	return text != NULL && *text != '\0' ? text : NULL;
}

static enum err
fits(struct ctx *cx, const char *name, const char *text)
{
	if (text != NULL && strlen(text) > EVENT_TEXT_MAX)
		return fail(cx, ERR_INPUT, "%s is longer than %d bytes", name,
		    EVENT_TEXT_MAX);
	return ERR_OK;
}

/* Room for one more: doubled whenever n is a power of two. */
static void
grow(struct ctx *cx, struct pbx_events *events)
{
	const size_t n = (size_t)events->n;
	struct call_event *list;

	if ((n & (n - 1)) != 0)
		return;
	list = arena_array(&cx->arena, n ? n * 2 : 1, sizeof(*list));
	if (n > 0)
		memcpy(list, events->list, n * sizeof(*list));
	events->list = list;
}

static enum err
put(struct ctx *cx, struct pbx_events *events, const struct call_event *one)
{
	if (events->n == EVENTS_MAX)
		return fail(cx, ERR_INPUT, "the body has more than %d events",
		    EVENTS_MAX);
	grow(cx, events);
	events->list[events->n++] = *one;
	return ERR_OK;
}

enum err
adapt_add_call_over(struct ctx *cx, struct pbx_events *events,
    const struct adapt_names *names, const char *call_id)
{
	const struct call_event one = { .type = EVENT_ENDED, .call_id = call_id };
	enum err e = fits(cx, names->call_id, call_id);

	return e ? e : put(cx, events, &one);
}

enum err
adapt_add(struct ctx *cx, struct pbx_events *events,
    const struct adapt_names *names, const struct call_event *e)
{
	struct call_event one = *e;
	enum err err;

	one.extension = present(e->extension);
	one.call_id = event_type_is_call(e->type) ? present(e->call_id) : NULL;
	one.leg_id = event_type_is_call(e->type) ? present(e->leg_id) : NULL;
	one.line = event_type_is_phone(e->type) ? present(e->line) : NULL;
	if ((one.extension == NULL && e->type != EVENT_RESTARTED) ||
	    (one.call_id == NULL && event_type_is_call(e->type)))
		return ERR_OK;
	err = fits(cx, names->extension, one.extension);
	if (!err)
		err = fits(cx, names->call_id, one.call_id);
	if (!err)
		err = fits(cx, names->leg_id, one.leg_id);
	if (!err)
		err = fits(cx, "line", one.line);
	return err ? err : put(cx, events, &one);
}

bool
adapt_type(const char *word, const struct adapt_word *words,
    enum event_type *ret)
{
	for (; word != NULL && words->word != NULL; words++)
		if (strcmp(words->word, word) == 0) {
			*ret = words->type;
			return true;
		}
	return false;
}

/* --- JSON --------------------------------------------------------------------- */

enum err
adapt_object(
    struct ctx *cx, const struct pbx_request *rq, struct json_object **ret)
{
	enum err e = json_read(cx, rq->body, rq->body_len, ret);

	if (!e && !json_object_is_type(*ret, json_type_object))
		return fail(cx, ERR_INPUT, "the body is not a JSON object");
	return e;
}

const char *
adapt_text(struct ctx *cx, struct json_object *o, const char *name)
{
	struct json_object *member = json_peek(o, name);

	if (json_object_is_type(member, json_type_string))
		return present(json_object_get_string(member));
	if (json_object_is_type(member, json_type_int))
		return arena_printf(&cx->arena, "%s",
		    json_object_to_json_string(member));
	return NULL;
}

void
adapt_at_ms(const char *digits, struct call_event *e)
{
	const int64_t most_ms = INT64_C(253402300799999); /* the year 9999 */
	int64_t ms;

	if (digits == NULL || !text_int64(digits, 0, most_ms, &ms))
		return;
	e->has_at = true;
	e->at_us = ms * 1000;
}

/* --- signatures ---------------------------------------------------------------- */

static size_t
mac_of(enum adapt_hash hash, const struct pbx_secret *secret,
    const void *bytes, size_t len, uint8_t ret[EVP_MAX_MD_SIZE])
{
	unsigned n = 0;

	HMAC(hash == ADAPT_SHA1 ? EVP_sha1() : EVP_sha256(), secret->text,
	    (int)secret->len, bytes, len, ret, &n);
	return n;
}

bool
adapt_hmac_is(const char *given, enum adapt_hash hash, enum adapt_code code,
    const void *bytes, size_t len, const struct pbx_secret *secrets, int n)
{
	uint8_t claim[EVP_MAX_MD_SIZE], mac[EVP_MAX_MD_SIZE];
	size_t claim_len = 0;
	bool right = false;
	int i;

	if (code == ADAPT_HEX
		? !text_unhex(given, claim, sizeof(claim), &claim_len)
		: !text_unbase64(given, claim, sizeof(claim), &claim_len))
		return false;
	/* All are compared, so that the time tells nothing. */
	for (i = 0; i < n; i++) {
		size_t mac_len = mac_of(hash, &secrets[i], bytes, len, mac);

		right |= secret_equal(claim, claim_len, mac, mac_len);
	}
	return right;
}

enum err
adapt_body_signed(struct ctx *cx, const struct pbx_request *rq,
    const char *header, const char *prefix, enum adapt_hash hash,
    enum adapt_code code, const struct pbx_secret *secrets, int n)
{
	const char *given = rq->header(rq->arg, header);

	if (given == NULL || *given == '\0')
		return fail(cx, ERR_AUTH, "the header %s is missing", header);
	if (!text_starts(given, prefix) ||
	    !adapt_hmac_is(given + strlen(prefix), hash, code, rq->body,
		rq->body_len, secrets, n))
		return fail(cx, ERR_AUTH, "%s is not right", header);
	return ERR_OK;
}

char *
adapt_hmac_hex(struct ctx *cx, const struct pbx_secret *secret,
    const char *text, size_t len)
{
	uint8_t mac[EVP_MAX_MD_SIZE];
	char hex[2 * EVP_MAX_MD_SIZE + 1];

	text_hex(mac, mac_of(ADAPT_SHA256, secret, text, len, mac), hex);
	return arena_strdup(&cx->arena, hex);
}
