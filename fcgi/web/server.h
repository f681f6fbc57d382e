/*
 * Accepts FastCGI requests on fd 0 with a few equal threads, until stopped.
 * The socket is the manager's: it stays open when we stop.
 */
#ifndef WEB_SERVER_H
#define WEB_SERVER_H

#include <stddef.h>

#include "web/request.h"
#include "web/route.h"

struct server_options {
	const struct route *routes;
	size_t nroutes;
	int threads;
	size_t max_in_flight; /* accepted and not finished; beyond: 503 with
				 Retry-After; 0: no limit of our own */
	/* Proves who asks; sets rq->who. Called before the handler when
	 * route->who is not 0. */
	enum err (*prove)(struct request *rq, int who);
	/* Made once a thread, on that thread (a database connection), given as
	 * rq->thread; both may be NULL. */
	void *(*thread_new)(void *arg);
	void (*thread_free)(void *thread);
	void *arg;
};

/*
 * A handler returns OK with a response set, or an error (response_error
 * follows), or OK after server_hand_over(rq): then the request is somebody
 * else's and the server no longer touches it. Call it before the other one can
 * have the request, or after: it looks at no more than the address.
 */
void server_hand_over(struct request *rq);

struct server;
/* Call server_block_signals() first, before any thread is started. NULL, with
 * a log line, when fd 0 is no listening socket. It is made non-blocking, for
 * all who share it. */
struct server *server_start(const struct server_options *o);
/* Stops accepting; returns when every thread has ended. Requests handed over
 * are not waited for. Safe when fd 0 is shared with other processes. */
void server_stop(struct server *s);
size_t server_in_flight(void); /* accepted and not finished, for metrics */

/* First of all: SIGTERM, SIGINT blocked in all threads to come, SIGPIPE
 * ignored, libfcgi prepared. */
void server_block_signals(void);
/* Waits for SIGTERM or SIGINT; returns the signal. */
int server_wait_signal(void);

#endif
