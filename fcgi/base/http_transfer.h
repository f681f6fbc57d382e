/*
 * One call on one handle of libcurl: what http.c and http_loop.c share, and
 * nobody else.
 */
#ifndef BASE_HTTP_TRANSFER_H
#define BASE_HTTP_TRANSFER_H

#include <curl/curl.h>

#include "base/buf.h"
#include "base/http.h"

/* The loop's: a connection with its calls, and to whom. */
struct lane;
struct far_end;

struct transfer {
	CURL *easy; /* kept for the next */
	struct curl_slist *headers;
	struct buf body;
	bool sent; /* a connection was ready: from here on bytes may be out */
	int local_port; /* that connection's */
	int64_t started_ms;
	const struct http_fence *fence; /* of this call */
	bool fenced;                    /* it stopped at one */
	char error[CURL_ERROR_SIZE];
	/* the loop's */
	struct far_end *end;
	bool waits;        /* for a lane; or it has one: else not in flight */
	struct lane *lane;
	int64_t deadline_ms;
	void (*done)(void *arg, const struct http_response *rs);
	void *arg;
	struct transfer *next; /* that waits, or is free */
};

/* t->body is ready; t->easy may be missing. */
void transfer_prepare(struct transfer *t, const struct http_request *rq);

/*
 * What the end of a call means. `sent` decides, because it is kept over
 * libcurl's own repetitions: the last attempt may fail to connect although
 * an earlier one was sent.
 */
void transfer_result(struct transfer *t, CURLcode code,
    struct http_response *ret);

/* The handle is kept with its connections, the request is forgotten. */
void transfer_clear(struct transfer *t);

#endif
