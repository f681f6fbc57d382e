/*
 * One call on one handle of libcurl: what http.c and http_loop.c share, and
 * nobody else.
 */
#ifndef BASE_HTTP_TRANSFER_H
#define BASE_HTTP_TRANSFER_H

#include <curl/curl.h>

#include "base/buf.h"
#include "base/http.h"

struct age; /* the loop's: some connections, and their calls */

struct transfer {
	CURL *easy; /* kept for the next */
	struct curl_slist *headers;
	struct buf body;
	bool sent; /* a connection was ready: from here on bytes may be out */
	int local_port; /* that connection's */
	int64_t started_ms;
	char error[CURL_ERROR_SIZE];
	/* the loop's */
	struct age *age; /* NULL: not in flight */
	int64_t deadline_ms;
	void (*done)(void *arg, const struct http_response *rs);
	void *arg;
	struct transfer *next_free;
};

/* t->body is ready; t->easy may be missing and is else as after a reset. */
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
