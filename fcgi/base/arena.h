/*
 * One arena a unit of work: what the unit makes lives until the unit ends,
 * and then all of it is gone, newest first.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

struct arena_block;
struct arena_defer;

struct arena {
	struct arena_block *blocks;  /* newest first */
	struct arena_defer *defers;  /* newest first; they live in the blocks */
};

void arena_init(struct arena *a);

/* Runs what was deferred, newest first, frees every block; `a` may be used
 * again at once. */
void arena_reset(struct arena *a);

/* Zeroed, aligned for any object. Never NULL: when memory is out the process
 * ends with a log line (every input is bounded before it gets here). */
void *arena_alloc(struct arena *a, size_t bytes)
    __attribute__((malloc, returns_nonnull));
void *arena_array(struct arena *a, size_t n, size_t bytes)
    __attribute__((malloc, returns_nonnull));
char *arena_strdup(struct arena *a, const char *s)
    __attribute__((returns_nonnull));
char *arena_strndup(struct arena *a, const char *s, size_t len)
    __attribute__((returns_nonnull)); /* NUL-terminated copy of len bytes */
char *arena_printf(struct arena *a, const char *format, ...)
    __attribute__((format(printf, 2, 3), returns_nonnull));

/* Calls fn(object) when the unit ends: how a foreign object (a result, a JSON
 * tree, a key) joins the arena on the line that makes it. */
void arena_defer(struct arena *a, void (*fn)(void *), void *object);

/* For what outlives units (queues, caches): as malloc, but zeroed (what
 * heap_grow adds is not) and never NULL. Only base/ may call free(); others
 * call heap_free. */
void *heap_alloc(size_t bytes) __attribute__((malloc, returns_nonnull));
char *heap_strdup(const char *s) __attribute__((returns_nonnull));
void *heap_grow(void *p, size_t bytes) __attribute__((returns_nonnull));
void heap_free(void *p);
/* Gives free pages back to the system; takes some ms. For a thread for which
 * nobody waits. */
void heap_trim(void);
/* All threads share two of malloc's arenas: with one for each, what one thread frees
 * is of no use to the others. Before the first thread is started. */
void heap_share(void);

#endif
