/*
 * Memory of a unit of work, and the heap for what outlives units. The only
 * file, beside those of base/ that wrap foreign libraries, that may malloc.
 */
#include "base/arena.h"

#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

/* A quiet request fits into the first block, which is of a size that malloc keeps at
 * hand (1,032 bytes with its own); blocks double up to the last size, so a large
 * unit costs few mallocs and wastes at most half. */
#define BLOCK_FIRST ((size_t)960)
#define BLOCK_LAST ((size_t)65536)

struct arena_block {
	struct arena_block *older;
	size_t used, size; /* of bytes[] */
	_Alignas(max_align_t) unsigned char bytes[];
};

struct arena_defer {
	struct arena_defer *older;
	void (*fn)(void *);
	void *object;
};

/* Every input is bounded, so this is a machine's fault, not a peer's; the
 * manager starts us again. No core: it would hold secrets. */
static _Noreturn void
out_of_memory(size_t bytes)
{
	log_say(LOG_ERROR, "out of memory: %zu bytes wanted", bytes);
	_exit(71); /* EX_OSERR */
}

static size_t
product(size_t n, size_t bytes)
{
	size_t all;

	if (__builtin_mul_overflow(n, bytes, &all))
		out_of_memory(SIZE_MAX);
	return all;
}

void *
heap_alloc(size_t bytes)
{
	void *p = calloc(1, bytes ? bytes : 1);

	if (!p)
		out_of_memory(bytes);
	return p;
}

char *
heap_strdup(const char *s)
{
	size_t bytes = strlen(s) + 1;

	return memcpy(heap_alloc(bytes), s, bytes);
}

void *
heap_grow(void *p, size_t bytes)
{
	p = realloc(p, bytes ? bytes : 1);
	if (!p)
		out_of_memory(bytes);
	return p;
}

void
heap_free(void *p)
{
	free(p);
}

void
heap_trim(void)
{
	malloc_trim(0);
}

void
heap_share(void)
{
	mallopt(M_ARENA_MAX, 2);
}

void
arena_init(struct arena *a)
{
	a->blocks = NULL;
	a->defers = NULL;
}

void
arena_reset(struct arena *a)
{
	struct arena_block *b;
	struct arena_defer *d;

	/* What is deferred may itself use the arena, even defer more. */
	while ((d = a->defers)) {
		a->defers = d->older;
		d->fn(d->object);
	}
	while ((b = a->blocks)) {
		a->blocks = b->older;
		heap_free(b);
	}
}

static struct arena_block *
block_add(struct arena *a, size_t at_least)
{
	struct arena_block *b;
	size_t size = BLOCK_FIRST;

	if (a->blocks && a->blocks->size >= BLOCK_LAST / 2)
		size = BLOCK_LAST;
	else if (a->blocks)
		size = a->blocks->size * 2;
	if (size < at_least)
		size = at_least;
	if (size > SIZE_MAX / 2)
		out_of_memory(size);
	b = heap_grow(NULL, sizeof(*b) + size); /* not zeroed: see below */
	b->older = a->blocks;
	b->used = 0;
	b->size = size;
	a->blocks = b;
	return b;
}

void *
arena_alloc(struct arena *a, size_t bytes)
{
	const size_t align = _Alignof(max_align_t);
	struct arena_block *b = a->blocks;
	size_t room;
	void *p;

	if (bytes > SIZE_MAX / 2)
		out_of_memory(bytes);
	room = (bytes + align - 1) / align * align;
	if (!room)
		room = align; /* so each object has an address of its own */
	if (!b || b->size - b->used < room)
		b = block_add(a, room);
	p = b->bytes + b->used;
	b->used += room;
	return memset(p, 0, room);
}

void *
arena_array(struct arena *a, size_t n, size_t bytes)
{
	return arena_alloc(a, product(n, bytes));
}

char *
arena_strndup(struct arena *a, const char *s, size_t len)
{
	char *copy = arena_alloc(a, len + 1);

	if (len)
		memcpy(copy, s, len);
	return copy;
}

char *
arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}

char *
arena_printf(struct arena *a, const char *format, ...)
{
	va_list args;
	char *text;
	int len;

	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (len < 0) /* longer than INT_MAX */
		out_of_memory(SIZE_MAX);
	text = arena_alloc(a, (size_t)len + 1);
	va_start(args, format);
	vsnprintf(text, (size_t)len + 1, format, args);
	va_end(args);
	return text;
}

void
arena_defer(struct arena *a, void (*fn)(void *), void *object)
{
	struct arena_defer *d = arena_alloc(a, sizeof(*d));

	d->fn = fn;
	d->object = object;
	d->older = a->defers;
	a->defers = d;
}
