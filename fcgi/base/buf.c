/* Bytes that grow by doubling, on the heap; an arena may own that heap. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define CAP_FIRST ((size_t)256)

/* At the arena's end: *note is where the bytes are by then. */
static void
free_noted(void *note)
{
	heap_free(*(char **)note);
}

void
buf_init_heap(struct buf *b, size_t max)
{
	memset(b, 0, sizeof(*b));
	b->max = max;
}

void
buf_init(struct buf *b, struct arena *a, size_t max)
{
	buf_init_heap(b, max);
	b->note = arena_alloc(a, sizeof(*b->note));
	arena_defer(a, free_noted, b->note);
}

void
buf_done(struct buf *b)
{
	heap_free(b->data);
	if (b->note)
		*b->note = NULL;
	b->data = NULL;
	b->len = b->cap = 0;
}

void
buf_clear(struct buf *b)
{
	b->len = 0;
	b->overflow = false;
	if (b->data)
		b->data[0] = '\0';
}

/* Room for len more bytes and the NUL. */
static bool
reserve(struct buf *b, size_t len)
{
	size_t cap;

	if (b->overflow || len > b->max - b->len) {
		b->overflow = true;
		return false;
	}
	if (b->cap > b->len + len)
		return true;
	cap = b->cap ? b->cap : CAP_FIRST;
	while (cap <= b->len + len)
		cap *= 2;
	if (cap > b->max + 1)
		cap = b->max + 1;
	b->data = heap_grow(b->data, cap);
	b->cap = cap;
	if (b->note)
		*b->note = b->data;
	return true;
}

bool
buf_add(struct buf *b, const void *bytes, size_t len)
{
	if (!reserve(b, len))
		return false;
	if (len)
		memcpy(b->data + b->len, bytes, len);
	b->len += len;
	b->data[b->len] = '\0';
	return true;
}

bool
buf_text(struct buf *b, const char *s)
{
	return buf_add(b, s, strlen(s));
}

bool
buf_printf(struct buf *b, const char *format, ...)
{
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (len < 0 || !reserve(b, (size_t)len)) {
		b->overflow = true;
		return false;
	}
	va_start(args, format);
	vsnprintf(b->data + b->len, (size_t)len + 1, format, args);
	va_end(args);
	b->len += (size_t)len;
	return true;
}

/* The two encoders below are all or nothing: what does not fit leaves the
 * buffer as it was. */
static bool
undo(struct buf *b, size_t len)
{
	b->len = len;
	if (b->data)
		b->data[len] = '\0';
	return false;
}

bool
buf_json(struct buf *b, const char *s)
{
	const size_t before = b->len;
	const char *plain; /* what needs no escape goes in one piece */
	unsigned char c;

	if (!s)
		return buf_text(b, "null");
	buf_add(b, "\"", 1);
	for (plain = s; (c = (unsigned char)*s); s++) {
		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		buf_add(b, plain, (size_t)(s - plain));
		plain = s + 1;
		switch (c) {
		case '"':
			buf_add(b, "\\\"", 2);
			break;
		case '\\':
			buf_add(b, "\\\\", 2);
			break;
		case '\n':
			buf_add(b, "\\n", 2);
			break;
		case '\r':
			buf_add(b, "\\r", 2);
			break;
		case '\t':
			buf_add(b, "\\t", 2);
			break;
		default:
			buf_printf(b, "\\u%04x", c);
		}
	}
	buf_add(b, plain, (size_t)(s - plain));
	return buf_add(b, "\"", 1) ? true : undo(b, before);
}

bool
buf_urlencode(struct buf *b, const char *s)
{
	static const char digits[] = "0123456789ABCDEF";
	static const char unreserved[] = /* RFC 3986 section 2.3 */
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	    "0123456789-._~";
	const size_t before = b->len;
	char triple[3] = "%";
	size_t n;

	while (*s) {
		n = strspn(s, unreserved);
		buf_add(b, s, n);
		s += n;
		if (!*s)
			break;
		triple[1] = digits[(unsigned char)*s >> 4];
		triple[2] = digits[(unsigned char)*s & 15];
		buf_add(b, triple, 3);
		s++;
	}
	return b->overflow ? undo(b, before) : true;
}

const char *
buf_str(const struct buf *b)
{
	return b->data ? b->data : "";
}
