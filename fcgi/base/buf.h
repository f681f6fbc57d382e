/* Bytes that grow, doubling, up to a maximum given at birth. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

struct buf {
	char *data;      /* always NUL-terminated once something was added */
	size_t len;      /* without the NUL */
	size_t cap;
	size_t max;      /* of len; below SIZE_MAX */
	char **note;     /* in the arena: where data is, to free it; or NULL */
	bool overflow;   /* something did not fit: sticky until buf_clear, data
	                    stays as it was before that, adds are refused */
};

/* The memory goes with the arena (freed at its end). */
void buf_init(struct buf *b, struct arena *a, size_t max);
/* The memory is the owner's; buf_done frees it. */
void buf_init_heap(struct buf *b, size_t max);
void buf_done(struct buf *b);
void buf_clear(struct buf *b); /* keeps the memory */

/* false when the maximum would be passed (overflow is set). */
bool buf_add(struct buf *b, const void *bytes, size_t len);
bool buf_text(struct buf *b, const char *s);
bool buf_printf(struct buf *b, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* A JSON string with its quotes; NULL gives null. Input is valid UTF-8. */
bool buf_json(struct buf *b, const char *s);
/* application/x-www-form-urlencoded / RFC 3986 percent-encoding of s. */
bool buf_urlencode(struct buf *b, const char *s);
const char *buf_str(const struct buf *b); /* "" when empty */

#endif
