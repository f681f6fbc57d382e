/*
 * Makes the text of a PBX's request harmless, so that it may be kept: who called whom
 * is gone, the shape and what is equal stay. Pure: key and time are arguments.
 *
 *   numbers   Seven digits or more are a telephone number, also with blanks, dots,
 *             dashes, slashes or brackets between them. Each digit becomes another
 *             one, by a keyed function of the whole number: equal numbers stay
 *             equal, lengths stay. Up to six digits (extensions) stay.
 *   times     stay: dates and times of day, and seconds, milliseconds or
 *             microseconds since 1970 within two days of the request
 *   ids       Words of 20 characters or more that mix letters and digits are
 *             replaced in the same way, letter by letter: they may hold a secret.
 *   people    The letters of an e-mail's or SIP address's local part (but a queue's
 *             or another machine's), of members
 *             that are named ...name, and of a name before <sip:...> are replaced.
 *   secrets   The value of a member, parameter or element whose name speaks of a
 *             secret, password, token, key or signature becomes `redacted`, and so
 *             does the secret that the address held.
 *
 * JSON, forms, XML and text are read alike, also JSON within JSON or within a form, and
 * also what is none of them: a broken body is what one wants to see.
 */
#ifndef PBX_REDACT_H
#define PBX_REDACT_H

#include <stddef.h>
#include <stdint.h>

#include "base/ctx.h"

struct redact {
	const char *key;    /* of this recording: who knows it can guess numbers */
	const char *secret; /* what the address held; NULL: nothing */
	int64_t now_s;      /* when the request came, seconds since 1970 */
};

/*
 * The text redacted, in cx's arena: UTF-8 without NUL (bytes that are none become
 * U+FFFD). It may be a little longer or shorter than what came.
 */
char *redact_text(struct ctx *cx, const struct redact *r, const char *text,
    size_t len);

/*
 * "name: value" of a header that may be kept, in cx's arena; of one that proves the
 * sender only that it was there. NULL: not kept.
 *   name  in lower case
 */
char *redact_header(struct ctx *cx, const struct redact *r, const char *name,
    const char *value);

/* The headers that are looked at, in lower case, up to NULL. */
extern const char *const redact_headers[];

#endif
