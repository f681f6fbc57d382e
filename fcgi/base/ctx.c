/* A unit of work: its birth, its end, and the first error it met. */
#include "base/ctx.h"

#include <assert.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

static bool
is_request_id(const char *id)
{
	return strlen(id) == 32 && strspn(id, "0123456789abcdef") == 32;
}

void
ctx_init(struct ctx *cx, const char *id)
{
	uint8_t bytes[16];

	memset(cx, 0, sizeof(*cx));
	arena_init(&cx->arena);
	if (id && is_request_id(id)) {
		memcpy(cx->id, id, sizeof(cx->id));
	} else {
		text_random(bytes, sizeof(bytes));
		text_hex(bytes, sizeof(bytes), cx->id);
	}
	cx->started_ms = clock_mono_ms();
}

void
ctx_done(struct ctx *cx)
{
	arena_reset(&cx->arena);
}

/* The detail may quote a caller's text, and it goes out as JSON: when it was
 * cut, it must not end in half a UTF-8 character. */
static void
trim_to_utf8(char *s)
{
	size_t len = strlen(s);
	size_t cut;

	for (cut = 0; cut < 4 && cut <= len; cut++) {
		if (text_is_utf8(s, len - cut)) {
			s[len - cut] = '\0';
			return;
		}
	}
}

enum err
fail(struct ctx *cx, enum err e, const char *format, ...)
{
	va_list args;
	int len;

	assert(e != ERR_OK);
	if (cx->err != ERR_OK)
		return e;
	cx->err = e;
	va_start(args, format);
	len = vsnprintf(cx->detail, sizeof(cx->detail), format, args);
	va_end(args);
	if (len >= (int)sizeof(cx->detail))
		trim_to_utf8(cx->detail);
	return e;
}

void
fail_forget(struct ctx *cx)
{
	cx->err = ERR_OK;
	cx->detail[0] = '\0';
	cx->retry_after_s = 0;
}
