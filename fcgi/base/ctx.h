/*
 * A unit of work: a request, or one user being published. It has one owner at
 * a time and carries its arena, its deadline, its id and the first error.
 */
#ifndef BASE_CTX_H
#define BASE_CTX_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

struct ctx {
	struct arena arena;
	char id[33];            /* 32 hex digits: nginx's $request_id or made */
	enum err err;           /* the first that fail() was told */
	char detail[320];       /* its words; for 4xx the caller reads them */
	int retry_after_s;      /* for BUSY and LIMIT; 0 = none known */
	int64_t started_ms;     /* clock_mono_ms() */
	int64_t deadline_ms;    /* clock_mono_ms() scale; 0 = none */
};

/* id NULL or not 32 lower-case hex digits: a random one is made. */
void ctx_init(struct ctx *cx, const char *id);
void ctx_done(struct ctx *cx);

/*
 * Remember why, once, and return the kind: `return fail(cx, ERR_INPUT,
 * "data[%d].call_id is missing", i);` A later call keeps the first detail.
 * Never put a secret, a body or a person's name into the words.
 */
enum err fail(struct ctx *cx, enum err e, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Forget the error: for a caller that has another way. */
void fail_forget(struct ctx *cx);

#endif
