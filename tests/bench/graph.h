/*
 * The far end of the benchmark: what its files share. graph.c has connections
 * and TLS and holds answers back; graph_http.c speaks HTTP/2 and HTTP/1.1;
 * graph_count.c knows the people and counts.
 */
#ifndef BENCH_GRAPH_H
#define BENCH_GRAPH_H

#include <nghttp2/nghttp2.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PATH_MAX_BYTES 200
#define BODY_MAX_BYTES 1024 /* kept of it */
#define CALLS_MAX 65536
#define STREAMS 100

struct person;

/* One request, from its first header to its answer. */
struct call {
	struct conn *conn; /* NULL: the client has given it up */
	int32_t stream;    /* 0: HTTP/1.1 */
	bool is_post;
	char path[PATH_MAX_BYTES];
	char tenant[37]; /* of the token; empty: none */
	char body[BODY_MAX_BYTES + 1];
	size_t len;
	int64_t due_us;
	/* -1: not whole yet, 0: being answered */ /* -1: not whole yet, 0:
						      being answered */
	struct person *person;                     /* whose presence it sets */
	int state;                                 /* which */
	int status;
	const char *text; /* of the answer; static or own */
	char own[1024];
	size_t text_done;
	struct call *next, **at; /* in the connection's list, or the free one */
};

struct conn {
	int fd;   /* -1: free */
	SSL *ssl; /* NULL: plain */
	bool shaking, dirty, writing;
	nghttp2_session *h2; /* NULL: HTTP/1.1 */
	struct call *calls;  /* under way; of HTTP/1.1 one at most */
	char in[16384];      /* a token's request carries an assertion */
	size_t in_len;
	char *out;
	size_t out_len, out_done, out_size;
	struct conn *next_dirty;
};

/* --- graph.c ----------------------------------------------------------------
 */

void out_add(struct conn *c, const void *bytes, size_t len);
/* A call is whole: answers it, now or after the delay. */
void call_whole(struct call *call);

/* --- graph_http.c -----------------------------------------------------------
 */

void http_init(void);
/* False: the connection is no good. */
bool h2_begin(struct conn *c);
/* What has been read into c->in; HTTP/1.1, one request at a time. */
bool h1_read(struct conn *c);
void http_answer(struct conn *c, struct call *call);
/* The connection is gone: calls that wait have their effect all the same. */
void calls_leave(struct conn *c);
void call_free(struct call *call);

/* --- graph_count.c ----------------------------------------------------------
 */

/* A whole request: fills status and text. True: to be answered after the
 * delay, as Graph's own calls are. */
bool call_begin(struct call *c, int64_t now_us);
/* The delay is over: what it sets is set. */
void call_end(struct call *c);
/* For GET /people: one line each: tenant, user, state, calls,
 * changes; the caller frees it. */
char *people_list(size_t *ret_len);

extern int graph_connections; /* that speak TLS, open now */
extern int graph_connections_most;
extern uint64_t graph_accepted; /* connections of TLS */
extern uint64_t graph_resets;   /* streams that the client has reset */
extern uint64_t graph_given_up; /* the client did not wait for the answer */

#endif
