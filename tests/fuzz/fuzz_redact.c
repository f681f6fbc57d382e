/*
 * redact on any bytes: what comes out is text, no number of seven digits is left as it
 * was, and of what stands behind "password": nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "pbx/redact.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void
must(bool holds)
{
	if (!holds)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	const struct redact r = { "0123456789abcdef", "pathsecret", 1795348803 };
	struct ctx cx;
	char *text, *copy;
	size_t i;

	ctx_init(&cx, "00000000000000000000000000000000");
	/* Heap of its own, so that one byte too far is seen. */
	copy = heap_alloc(len ? len : 1);
	if (len)
		memcpy(copy, bytes, len);
	text = redact_text(&cx, &r, copy, len);
	must(text_is_utf8(text, strlen(text)));
	heap_free(copy);

	copy = arena_alloc(&cx.arena, len + 64);
	memcpy(copy, "{\"password\":\"Zq", 15);
	for (i = 0; i < len && i < 24; i++)
		copy[15 + i] = bytes[i] == '"' || bytes[i] < 0x20 || bytes[i] == '\\'
		    ? 'Z' : (char)bytes[i];
	memcpy(copy + 15 + i, "Zq\",\"from\":\"7777777\"}", 22);
	text = redact_text(&cx, &r, copy, strlen(copy));
	must(strstr(text, "Zq") == NULL && strstr(text, "7777777") == NULL);
	ctx_done(&cx);
	return 0;
}
