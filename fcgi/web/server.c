/* A few equal threads that accept, admit and serve until the stop. */
#include "web/server.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/log.h"
#include "web/fastcgi.h"

#define LISTENER 0
#define FILES_BESIDE 256 /* descriptors for all but held requests */
#define TROUBLE_MS 500   /* pause after accept() failed for want of things */

struct thread {
	pthread_t id;
	struct server *server;
	int epoll_fd; /* the listener and the stop */
};

struct server {
	struct server_options options;
	struct thread *threads;
	int nthreads;
	atomic_bool stopping;
	int stop_fd; /* readable from the stop on, wakes all */
};

/* Set by a handler that gave its request away, on its own thread. */
static _Thread_local bool handed_over;

void
server_hand_over(struct request *rq)
{
	(void)rq;
	handed_over = true;
}

/* What the route wants before its handler may see the request. */
static enum err
admit(const struct server_options *o, struct request *rq)
{
	enum err e, e_body;
	bool full;

	full = o->max_in_flight > 0 && fastcgi_count() > o->max_in_flight;
	e = route_find(rq, o->routes, o->nroutes);
	e_body = request_read_body(rq, e || full ? 0 : rq->route->max_bytes);
	if (full) {
		fail_forget(&rq->cx);
		rq->cx.retry_after_s = 1;
		return fail(&rq->cx, ERR_BUSY, "too many requests in flight");
	}
	if (e)
		return e;
	if (e_body)
		return e_body;
	if (rq->route->who != 0 && o->prove != NULL)
		return o->prove(rq, rq->route->who);
	return ERR_OK;
}

static void
serve(struct server *s, int fd, void *thread)
{
	struct request *rq = request_new(fd);
	enum err e;

	if (rq == NULL)
		return;
	rq->thread = thread;
	handed_over = false;
	e = admit(&s->options, rq);
	if (!e)
		e = rq->route->handler(rq);
	if (handed_over)
		return;
	if (e) {
		fail(&rq->cx, e, "no words");
		response_error(rq);
	}
	request_finish(rq);
}

/* The next connection, -1 when there is none now. */
static int
take(struct server *s)
{
	struct pollfd stop = { .fd = s->stop_fd, .events = POLLIN };
	int fd = accept4(LISTENER, NULL, NULL, SOCK_CLOEXEC);

	if (fd >= 0)
		return fd;
	switch (errno) {
	case EAGAIN: /* another thread or process was faster */
	case EINTR:
	case ECONNABORTED:
		break;
	default: /* EMFILE, ENFILE, ENOMEM: others must end first */
		log_say(LOG_ERROR, "accept: %m");
		poll(&stop, 1, TROUBLE_MS);
	}
	return -1;
}

/*
 * Every thread waits for the socket itself, and a connection wakes one of them
 * (EPOLLEXCLUSIVE). That may be one that is about to end: so each thread takes
 * one more after the stop, else a connection could lie there while the threads
 * of another process sleep.
 */
static void *
server_thread(void *arg)
{
	struct thread *t = arg;
	struct server *s = t->server;
	const struct server_options *o = &s->options;
	void *thread = o->thread_new != NULL ? o->thread_new(o->arg) : NULL;
	struct epoll_event event;
	bool last;
	int fd;

	do {
		last = atomic_load(&s->stopping);
		fd = take(s);
		if (fd >= 0)
			serve(s, fd, thread);
		else if (!last)
			epoll_wait(t->epoll_fd, &event, 1, -1);
	} while (!last);
	if (o->thread_free != NULL)
		o->thread_free(thread);
	return NULL;
}

/* 0 or an errno. */
static int
thread_start(struct server *s, struct thread *t)
{
	struct epoll_event listener = { .events = EPOLLIN | EPOLLEXCLUSIVE },
			   stop = { .events = EPOLLIN };
	int error;

	t->server = s;
	t->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (t->epoll_fd < 0)
		return errno;
	if (epoll_ctl(t->epoll_fd, EPOLL_CTL_ADD, LISTENER, &listener) != 0 ||
	    epoll_ctl(t->epoll_fd, EPOLL_CTL_ADD, s->stop_fd, &stop) != 0)
		error = errno;
	else
		error = pthread_create(&t->id, NULL, server_thread, t);
	if (error)
		close(t->epoll_fd);
	return error;
}

/* Room for what may be held; the soft limit is often 1,024. */
static void
raise_file_limit(size_t max_in_flight)
{
	rlim_t wanted = max_in_flight + FILES_BESIDE;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
		return;
	limit.rlim_cur = wanted < limit.rlim_max ? wanted : limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur < wanted)
		log_say(LOG_WARN,
		    "only %llu open files are allowed, "
		    "%llu are wanted",
		    (unsigned long long)limit.rlim_cur,
		    (unsigned long long)wanted);
}

struct server *
server_start(const struct server_options *o)
{
	int error, listening = 0, flags = fcntl(LISTENER, F_GETFL);
	socklen_t len = sizeof(listening);
	struct server *s;

	if (getsockopt(LISTENER, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) !=
		0 ||
	    !listening) {
		log_say(LOG_ERROR,
		    "standard input is no listening socket; "
		    "the manager must hand it over there");
		return NULL;
	}
	/* Else a thread that lost a race would sleep in accept() where no
	 * stop can wake it. */
	if (flags < 0 || fcntl(LISTENER, F_SETFL, flags | O_NONBLOCK) != 0) {
		log_say(LOG_ERROR, "fcntl on the socket: %m");
		return NULL;
	}
	raise_file_limit(o->max_in_flight);
	s = heap_alloc(sizeof(*s));
	s->options = *o;
	s->threads = heap_alloc((size_t)o->threads * sizeof(*s->threads));
	s->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	error = s->stop_fd < 0 ? errno : 0;
	while (error == 0 && s->nthreads < o->threads) {
		error = thread_start(s, &s->threads[s->nthreads]);
		if (error == 0)
			s->nthreads++;
	}
	if (error != 0) {
		errno = error;
		log_say(LOG_ERROR, "starting the server: %m");
		server_stop(s);
		return NULL;
	}
	return s;
}

void
server_stop(struct server *s)
{
	int i;

	atomic_store(&s->stopping, true);
	if (s->stop_fd >= 0)
		eventfd_write(s->stop_fd, 1);
	for (i = 0; i < s->nthreads; i++) {
		pthread_join(s->threads[i].id, NULL);
		close(s->threads[i].epoll_fd);
	}
	if (s->stop_fd >= 0)
		close(s->stop_fd);
	heap_free(s->threads);
	heap_free(s);
}

size_t
server_in_flight(void)
{
	return fastcgi_count();
}

static void
stop_signals(sigset_t *ret)
{
	sigemptyset(ret);
	sigaddset(ret, SIGTERM);
	sigaddset(ret, SIGINT);
}

void
server_block_signals(void)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	fastcgi_init();
	stop_signals(&set);
	/* libfcgi's own, which would break the read it interrupts. */
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

int
server_wait_signal(void)
{
	sigset_t set;
	int got = 0;

	stop_signals(&set);
	while (sigwait(&set, &got) != 0)
		;
	return got;
}
