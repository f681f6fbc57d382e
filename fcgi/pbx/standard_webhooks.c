/* Standard Webhooks: headers, keys, signatures, the clock. */
#include "pbx/standard_webhooks.h"

#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/secret.h"
#include "base/text.h"

#define PREFIX "whsec_"
#define KEY_MIN 24
#define KEY_MAX 64
#define ID_MAX 200
#define SIGNATURES_MAX 16           /* a sender that rotates sends two */
#define TIMESTAMP_LAST 253402300799 /* the end of the year 9999 */

static bool
is_id(const char *id)
{
	size_t i, len = strlen(id);

	if (len < 1 || len > ID_MAX)
		return false;
	for (i = 0; i < len; i++)
		if (id[i] <= 0x20 || id[i] > 0x7e || id[i] == '.')
			return false;
	return true;
}

bool
standard_webhooks_headers(
    const struct pbx_request *rq, struct webhook_headers *ret)
{
	struct webhook_headers h = {
		.id = rq->header(rq->arg, "webhook-id"),
		.timestamp = rq->header(rq->arg, "webhook-timestamp"),
		.signature = rq->header(rq->arg, "webhook-signature"),
	};

	if (h.id == NULL || h.timestamp == NULL || h.signature == NULL ||
	    !is_id(h.id) ||
	    !text_int64(h.timestamp, 0, TIMESTAMP_LAST, &h.timestamp_s))
		return false;
	*ret = h;
	return true;
}

/* The key inside a secret's text; false when it is none. */
static bool
key_read(const char *text, uint8_t ret_key[KEY_MAX], size_t *ret_len)
{
	if (text_starts(text, PREFIX))
		text += strlen(PREFIX);
	return text_unbase64(text, ret_key, KEY_MAX, ret_len) &&
	    *ret_len >= KEY_MIN;
}

static void
mac_make(struct ctx *cx, const uint8_t *key, size_t key_len, const char *id,
    const char *timestamp, const char *body, size_t len, uint8_t ret_mac[32])
{
	struct buf text;

	buf_init(&text, &cx->arena, strlen(id) + strlen(timestamp) + len + 3);
	buf_printf(&text, "%s.%s.", id, timestamp);
	buf_add(&text, body, len);
	secret_hmac(key, key_len, buf_str(&text), text.len, ret_mac);
}

/* Reads the "v1," entries of the list, other versions are passed over.
 * Returns their number; only the first SIGNATURES_MAX entries count. */
static int
signatures_read(const char *list, uint8_t ret[SIGNATURES_MAX][32])
{
	int entries, n = 0;

	for (entries = 0; entries < SIGNATURES_MAX; entries++) {
		char text[4 * ((32 + 2) / 3) + 1];
		size_t len, mac_len;

		list += strspn(list, " ");
		len = strcspn(list, " ");
		if (len == 0)
			break;
		if (len == 3 + sizeof(text) - 1 && text_starts(list, "v1,")) {
			memcpy(text, list + 3, sizeof(text) - 1);
			text[sizeof(text) - 1] = '\0';
			if (text_unbase64(text, ret[n], 32, &mac_len) &&
			    mac_len == 32)
				n++;
		}
		list += len;
	}
	return n;
}

/* Which header is at fault, in the words of the 401. */
static enum err
headers_fail(struct ctx *cx, const struct pbx_request *rq)
{
	static const char *const names[] = {
		"webhook-id",
		"webhook-timestamp",
		"webhook-signature",
	};
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (rq->header(rq->arg, names[i]) == NULL)
			return fail(
			    cx, ERR_AUTH, "the header %s is missing", names[i]);
	if (!is_id(rq->header(rq->arg, "webhook-id")))
		return fail(cx, ERR_AUTH,
		    "webhook-id is not 1 to %d printable "
		    "characters without full stop",
		    ID_MAX);
	return fail(cx, ERR_AUTH,
	    "webhook-timestamp is not a whole number of "
	    "seconds since 1970");
}

enum err
standard_webhooks_verify(struct ctx *cx, const struct pbx_request *rq,
    const struct pbx_secret *secrets, int n, int64_t now_s)
{
	uint8_t given[SIGNATURES_MAX][32], key[KEY_MAX], mac[32];
	struct webhook_headers h;
	size_t key_len;
	int64_t late_s;
	bool right = false;
	int i, j, ngiven;

	if (!standard_webhooks_headers(rq, &h))
		return headers_fail(cx, rq);
	ngiven = signatures_read(h.signature, given);
	for (i = 0; i < n; i++) {
		if (!key_read(secrets[i].text, key, &key_len))
			continue;
		mac_make(cx, key, key_len, h.id, h.timestamp, rq->body,
		    rq->body_len, mac);
		for (j = 0; j < ngiven; j++)
			right |= secret_equal(given[j], 32, mac, 32);
	}
	explicit_bzero(key, sizeof(key));
	explicit_bzero(mac, sizeof(mac));
	if (!right)
		return fail(cx, ERR_AUTH, "signature does not match");
	late_s = now_s - h.timestamp_s;
	if (late_s > WEBHOOK_TOLERANCE_S || late_s < -WEBHOOK_TOLERANCE_S)
		return fail(cx, ERR_AUTH,
		    "webhook-timestamp is %" PRId64
		    " s %s this server's clock; allowed are %d s",
		    late_s > 0 ? late_s : -late_s,
		    late_s > 0 ? "behind" : "ahead of", WEBHOOK_TOLERANCE_S);
	return ERR_OK;
}

enum err
standard_webhooks_sign(struct ctx *cx, const char *secret, const char *id,
    int64_t timestamp_s, const char *body, size_t len, char **ret)
{
	uint8_t key[KEY_MAX], mac[32];
	char text[4 * ((32 + 2) / 3) + 1];
	size_t key_len;
	enum err e;

	e = standard_webhooks_secret_check(cx, secret);
	if (e)
		return e;
	if (!is_id(id) || timestamp_s < 0 || timestamp_s > TIMESTAMP_LAST)
		return fail(cx, ERR_INPUT,
		    "webhook-id or -timestamp has not "
		    "its form");
	key_read(secret, key, &key_len);
	mac_make(cx, key, key_len, id,
	    arena_printf(&cx->arena, "%" PRId64, timestamp_s), body, len, mac);
	explicit_bzero(key, sizeof(key));
	text_base64(mac, sizeof(mac), text);
	*ret = arena_printf(&cx->arena, "v1,%s", text);
	return ERR_OK;
}

char *
standard_webhooks_secret_new(struct ctx *cx)
{
	uint8_t key[32];
	char text[4 * ((sizeof(key) + 2) / 3) + 1];

	text_random(key, sizeof(key));
	text_base64(key, sizeof(key), text);
	return arena_printf(&cx->arena, PREFIX "%s", text);
}

enum err
standard_webhooks_secret_check(struct ctx *cx, const char *secret)
{
	uint8_t key[KEY_MAX];
	size_t len;
	bool good = key_read(secret, key, &len);

	explicit_bzero(key, sizeof(key));
	if (!good)
		return fail(cx, ERR_INPUT,
		    "secret is not \"" PREFIX "\" and "
		    "standard base64, with padding, of %d to %d bytes",
		    KEY_MIN, KEY_MAX);
	return ERR_OK;
}
