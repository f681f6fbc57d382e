/*
 * One FastCGI request in, one response out. The request owns its unit of
 * work; who holds the request holds everything in it.
 */
#ifndef WEB_REQUEST_H
#define WEB_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/ctx.h"

struct fastcgi; /* libfcgi's part, known to request.c and server.c only */
struct route;

#define REQUEST_PARAMS 4
#define REQUEST_NOTES 8

struct request {
	struct ctx cx;
	const char *method;
	const char *path;         /* as sent, without the query: still
				     encoded; holds secrets, never logged */
	const char *query;        /* raw, "" when none */
	const char *remote;       /* the client's address as nginx saw it */
	const char *content_type; /* "" when none */
	const char *body;         /* NUL behind the end; "" when none */
	size_t body_len;
	const struct route *route;          /* NULL: no such path */
	const char *params[REQUEST_PARAMS]; /* what ":name" parts matched,
					       decoded, UTF-8 */
	void *thread; /* what the server's thread_new made */
	void *who;    /* set by the server's prove; in the arena */

	/* the response, whole before anything is sent */
	int status;
	const char *type; /* content type */
	const char *out;  /* borrowed until it is sent */
	size_t out_len;
	const char *location; /* of a redirect, else NULL */
	struct buf headers;   /* further header lines */
	struct request_note {
		const char *name, *text;
		int64_t number; /* when text is NULL */
	} notes[REQUEST_NOTES]; /* further fields of the log line */
	int nnotes;

	struct fastcgi *fastcgi;
	struct request *next; /* for whoever holds it */
};

/* A header of the request by its HTTP name ("webhook-id"), NULL when absent or
 * not UTF-8. Lives as long as the request. */
const char *request_header(struct request *rq, const char *name);
/* A cookie by name, NULL when absent. */
const char *request_cookie(struct request *rq, const char *name);
/* A query parameter, decoded; NULL when absent. INPUT when it is there twice,
 * badly encoded or not UTF-8; the detail names it. */
enum err request_query(struct request *rq, const char *name, const char **ret)
    __attribute__((warn_unused_result));
/* MEDIA unless the content type is `type` (parameters ignored). */
enum err request_media(struct request *rq, const char *type)
    __attribute__((warn_unused_result));

/* A field for the one log line of this request; text is borrowed until sent. */
void request_note(struct request *rq, const char *name, const char *text);
void request_note_int(struct request *rq, const char *name, int64_t number);

/*
 * The answer. Each replaces status, type and body of the one before; headers
 * stay. Nothing is sent yet; bytes and JSON are borrowed until then (the arena
 * is the place for them). A buf that overflowed becomes INTERNAL. All answers
 * carry Cache-Control: no-store and X-Content-Type-Options, unless
 * response_header gave another value.
 */
void response_bytes(struct request *rq, int status, const char *type,
    const char *bytes, size_t len);
void response_json(struct request *rq, int status, const struct buf *json);
void response_redirect(struct request *rq, const char *url); /* 302 */
/* Adds a line (Set-Cookie may stand twice). Control bytes are left out. */
void response_header(struct request *rq, const char *name, const char *value);
/*
 * From rq->cx's error: application/problem+json {type,title,status,detail,
 * request_id}; the detail only for 4xx; Retry-After for BUSY and LIMIT
 * (cx.retry_after_s or 1).
 */
void response_error(struct request *rq);

/* Sends, logs the one line, ends the FastCGI request, frees it. For whoever
 * owns the request last; called from any thread. */
void request_finish(struct request *rq);

/*
 * For the server: a request out of a connection just accepted, without its
 * body; NULL when the peer sent none (the connection is closed then).
 */
struct request *request_new(int fd);
/*
 * The body, read to its end whatever happens (an answer sent before that would
 * be lost); kept up to max_bytes.
 *   errors  TOO_LARGE; INPUT: it ended early, or is shorter than promised
 */
enum err request_read_body(struct request *rq, size_t max_bytes)
    __attribute__((warn_unused_result));

#endif
