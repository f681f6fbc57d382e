/*
 * What adapters share: lenient reading of what others' systems send, events within
 * their bounds, and the signatures that senders use.
 */
#ifndef PBX_ADAPT_H
#define PBX_ADAPT_H

#include <json-c/json.h>

#include "pbx/platform.h"

/* The platform's own words for its keys, for an error's detail. */
struct adapt_names {
	const char *extension, *call_id, *leg_id;
};

/*
 * One more event, copied; its texts stay where they are. Empty texts count as
 * absent: an event without its extension, or a call.* without its call_id, is
 * nobody's and left out.
 *   errors  INPUT: a text is longer than EVENT_TEXT_MAX bytes (named), or there
 *           are EVENTS_MAX events
 */
enum err adapt_add(struct ctx *cx, struct pbx_events *events,
    const struct adapt_names *names, const struct call_event *e)
    __attribute__((warn_unused_result));

/* The end of a call whose people the message does not name: call.ended without an
 * extension.
 *   errors  INPUT, as above */
enum err adapt_add_call_over(struct ctx *cx, struct pbx_events *events,
    const struct adapt_names *names, const char *call_id)
    __attribute__((warn_unused_result));

/* What a platform's words for a call's state mean, up to one whose word is NULL. */
struct adapt_word {
	const char *word;
	enum event_type type;
};
/* false: the word is not among them, or NULL. */
bool adapt_type(const char *word, const struct adapt_word *words,
    enum event_type *ret);

/* The body as one JSON object, whatever its content type says.
 *   errors  INPUT */
enum err adapt_object(struct ctx *cx, const struct pbx_request *rq,
    struct json_object **ret) __attribute__((warn_unused_result));

/* A member as text: a string, or a whole number in decimal. NULL: absent, empty,
 * of another type; also where o is NULL. The text lives as long as cx. */
const char *adapt_text(
    struct ctx *cx, struct json_object *o, const char *name);

/* Milliseconds since 1970, in digits, into e's time; left alone when NULL or no such
 * number. */
void adapt_at_ms(const char *digits, struct call_event *e);

enum adapt_hash { ADAPT_SHA1, ADAPT_SHA256 };
enum adapt_code { ADAPT_HEX, ADAPT_BASE64 };

/*
 * Is `given` the HMAC of these bytes under one of the secrets (as text)? Hex in
 * any case. In constant time.
 */
bool adapt_hmac_is(const char *given, enum adapt_hash hash,
    enum adapt_code code, const void *bytes, size_t len,
    const struct pbx_secret *secrets, int n);

/* The same for a header over the raw body.
 *   prefix  what stands before the code, "" mostly
 *   errors  AUTH */
enum err adapt_body_signed(struct ctx *cx, const struct pbx_request *rq,
    const char *header, const char *prefix, enum adapt_hash hash,
    enum adapt_code code, const struct pbx_secret *secrets, int n)
    __attribute__((warn_unused_result));

/* HMAC-SHA-256 in lower-case hex, in cx's arena. */
char *adapt_hmac_hex(struct ctx *cx, const struct pbx_secret *secret,
    const char *text, size_t len);

#endif
