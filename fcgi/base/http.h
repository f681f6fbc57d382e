/*
 * HTTP to others: the only file that speaks libcurl. TLS verified, no
 * redirects, a limit on time and size; nothing is retried in here (libcurl
 * itself sends again, within the limit, what a kept connection lost when it
 * closed without a byte of answer).
 */
#ifndef BASE_HTTP_H
#define BASE_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ctx.h"
#include "base/network.h"

struct http_request {
	const char *method;            /* "GET", "POST" */
	const char *url;               /* https, or http where the caller may */
	const char *const *headers;    /* "Name: value" ..., NULL at the end */
	const char *body;              /* NULL: none */
	size_t body_len;
	int timeout_ms;                /* whole call; connecting at most 5 s of it */
	size_t max_bytes;              /* reply ceiling */
	/* A customer gave the address (http_fetch only): https, and only public
	 * addresses, or those in `inside`, are connected to. It is the address
	 * that is connected to which is checked, so a name cannot lie. */
	const struct http_fence *fence; /* NULL: none */
};

struct http_fence {
	const struct network *inside;  /* these may be connected to as well */
	size_t ninside;
};

enum http_result {
	HTTP_ANSWERED,      /* status is set */
	HTTP_UNREACHABLE,   /* certainly not sent: name, connect, TLS */
	HTTP_TIMEOUT,       /* given up after it may have been sent */
	HTTP_BROKEN         /* connection lost or answer unusable after sending */
};

struct http_response {
	enum http_result result;
	int status;
	const char *body;              /* NUL behind the end; "" when none */
	size_t len;
	int retry_after_s;             /* -1: none; HTTP-date is understood */
	char request_id[64];           /* header request-id, "" when none */
	char why[160];                 /* libcurl's words when not ANSWERED */
	int ms;
};

/* Once, before threads. ca_file: trusted beside the system's roots, or NULL.
 * All connections share one trust store: parsing costs tens of ms each time.
 * errors: INPUT: ca_file has no certificates, or there is nobody to trust */
enum err http_init(struct ctx *cx, const char *ca_file)
    __attribute__((warn_unused_result));
void http_done(void);

/* Blocking, on the caller's thread. Never an err: look at result. The body
 * lives as long as cx. */
void http_fetch(struct ctx *cx, const struct http_request *rq,
    struct http_response *ret);

/*
 * Many at once on one thread: curl_multi_socket_action over epoll, HTTP/2.
 * All calls but http_loop_wake belong to the loop's thread.
 */
struct http_loop;
struct http_loop *http_loop_new(int max_in_flight);
/* What is in flight is given up without calling done. */
void http_loop_free(struct http_loop *l);
int http_loop_in_flight(const struct http_loop *l);
/* rq (and what it points to) is borrowed until done is called, once, from
 * http_loop_run. The response is borrowed for the length of done. Timeouts
 * count from this call, which must not be made beyond max_in_flight. */
void http_loop_send(struct http_loop *l, const struct http_request *rq,
    void (*done)(void *arg, const struct http_response *rs), void *arg);
/* One turn: waits at most wait_ms for the network, a timer or a wake. */
void http_loop_run(struct http_loop *l, int wait_ms);
int http_loop_wake_fd(const struct http_loop *l); /* eventfd; write 8 bytes */
void http_loop_wake(struct http_loop *l);

#endif
