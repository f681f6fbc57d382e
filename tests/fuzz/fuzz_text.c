/*
 * text on any bytes: nothing may crash or write past its room, and what was
 * decoded and is encoded again is the text that came in.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void
must(bool holds)
{
	if (!holds)
		abort();
}

static void
encodings(struct arena *a, const char *s)
{
	const size_t len = strlen(s);
	/* exactly as much room as the text can need: the sanitizer watches */
	const size_t max = len / 4 * 3 + len % 4 * 3 / 4;
	uint8_t *bytes = heap_alloc(max);
	char *again = arena_alloc(a, 2 * len + 8);
	char *lowered;
	size_t n;

	if (text_unbase64(s, bytes, max, &n)) {
		text_base64(bytes, n, again);
		must(strcmp(s, again) == 0);
	}
	if (text_unbase64url(s, bytes, max, &n)) {
		text_base64url(bytes, n, again);
		must(strcmp(s, again) == 0);
	}
	if (text_unhex(s, bytes, max, &n)) {
		text_hex(bytes, n, again);
		lowered = arena_strdup(a, s);
		text_lower(lowered);
		must(strcmp(lowered, again) == 0);
	}
	heap_free(bytes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	const int64_t end_us = INT64_C(253402300800000000); /* year 10000 */
	struct arena a;
	int64_t n = 0;
	char *copy, *s;

	/* Heap of its own, so that one byte too far is seen. */
	copy = heap_alloc(len + 1);
	if (len)
		memcpy(copy, bytes, len);
	arena_init(&a);
	s = arena_strdup(&a, copy);

	text_is_utf8((const char *)bytes, len);
	text_is_uuid(copy);
	must(text_same_word(copy, s));
	encodings(&a, copy);
	if (text_rfc3339_us(copy, &n))
		must(n >= 0 && n < end_us);
	if (text_int64(copy, -1000, 1000, &n))
		must(n >= -1000 && n <= 1000);
	if (text_int64(copy, INT64_MIN, INT64_MAX, &n)) {
		s = arena_printf(&a, "%lld", (long long)n);
		must(strcmp(s, "0") == 0 || strstr(copy, s + (n < 0)));
	}
	if (text_urldecode(copy, len % 2))
		must(text_is_utf8(copy, strlen(copy)));
	arena_reset(&a);
	heap_free(copy);
	return 0;
}
