/*
 * HTTP to others, many calls at once, see http.h.
 *
 * libcurl 7.88 resets each HTTP/2 stream whose answer has no body after it has
 * ended, and servers end a connection on which too many were reset, with all
 * that is under way. So connections have an age: after some hundred calls a
 * young one is made beside, by one call that waits for it, and takes over.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/http_transfer.h"
#include "base/log.h"
#include "base/text.h"

/* Streams on one HTTP/2 connection: libcurl's own limit, and what servers
 * usually allow. */
#define STREAMS 100
#define SPARE_CONNECTIONS 6
#define EVENTS 64
/* Calls of one connection that have ended: then the young one is made; and
 * without it. With those that are under way: servers bear 400 resets a minute and
 * more. */
#define AGE_CALLS 200
#define AGE_MOST 290
#define PORTS 256 /* two connections that share a place only end sooner */

struct age {
	struct http_loop *loop;
	CURLM *multi;
	uint32_t id; /* in epoll's events, beside the socket */
	int64_t timer_ms; /* when libcurl wants to be called; -1: never */
	bool begun; /* it had a call */
	int in_flight;
	unsigned short ended[PORTS]; /* calls, by the connection's local port */
	int most; /* of these */
	const struct transfer *first; /* while it is in flight */
	bool connected;
	struct age *next;
};

struct http_loop {
	int epoll_fd, wake_fd;
	int64_t deadline_ms; /* no call ends before; while some are in flight */
	int max, in_flight;
	bool one_by_one; /* a far end speaks HTTP/1.1: a connection for each call */
	bool streams; /* another speaks HTTP/2: connections have an age */
	struct transfer *transfers; /* max, and one whose end is being told */
	struct transfer *free;
	struct age *ages; /* all: the old ones until their calls have ended */
	struct age *now, *young; /* for the next call; NULL: none is needed yet */
	uint32_t newest_id;
};

/* --- ages ----------------------------------------------------------------- */

static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *unused)
{
	struct age *g = arg;
	struct http_loop *l = g->loop;
	struct epoll_event ev = { .data.u64 = (uint64_t)g->id << 32 |
		(uint32_t)fd };

	(void)easy, (void)unused;
	if (what == CURL_POLL_REMOVE) {
		epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
		return 0;
	}
	ev.events |= what & CURL_POLL_IN ? EPOLLIN : 0;
	ev.events |= what & CURL_POLL_OUT ? EPOLLOUT : 0;
	if (epoll_ctl(l->epoll_fd, EPOLL_CTL_MOD, fd, &ev) == 0)
		return 0;
	return epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &ev) == 0 ? 0 : -1;
}

static int
on_timer(CURLM *multi, long ms, void *arg)
{
	struct age *g = arg;

	(void)multi;
	g->timer_ms = ms < 0 ? -1 : clock_mono_ms() + ms;
	return 0;
}

static struct age *
age_new(struct http_loop *l)
{
	const long streams =
	    (l->max + STREAMS - 1) / STREAMS + SPARE_CONNECTIONS;
	const long connections = l->one_by_one ? l->max : streams;
	struct age *g = heap_alloc(sizeof(*g));

	g->loop = l;
	g->id = ++l->newest_id ? l->newest_id : ++l->newest_id;
	g->timer_ms = -1;
	g->multi = curl_multi_init();
	if (!g->multi) {
		log_say(LOG_ERROR, "http: out of memory");
		abort();
	}
	curl_multi_setopt(
	    g->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
	curl_multi_setopt(g->multi, CURLMOPT_MAX_HOST_CONNECTIONS, connections);
	/* Else it keeps four for each call in flight, and closes the rest
	 * whenever it is quiet. */
	curl_multi_setopt(
	    g->multi, CURLMOPT_MAXCONNECTS, connections + SPARE_CONNECTIONS);
	curl_multi_setopt(g->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(g->multi, CURLMOPT_SOCKETDATA, g);
	curl_multi_setopt(g->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(g->multi, CURLMOPT_TIMERDATA, g);
	g->next = l->ages;
	l->ages = g;
	return g;
}

static struct age *
age_find(struct http_loop *l, uint32_t id)
{
	struct age *g = l->ages;

	while (g && g->id != id)
		g = g->next;
	return g;
}

/* Those whose last call has ended close their connections. */
static void
ages_sweep(struct http_loop *l)
{
	struct age **link = &l->ages, *g;

	while ((g = *link)) {
		if (g->in_flight > 0 || g == l->now || g == l->young) {
			link = &g->next;
			continue;
		}
		*link = g->next;
		curl_multi_cleanup(g->multi);
		heap_free(g);
	}
}

static bool
age_is_ready(const struct age *g)
{
	return g->connected || (g->first && g->first->sent);
}

static struct age *
age_of_next_call(struct http_loop *l)
{
	if (l->now->most >= AGE_CALLS && !l->young && l->streams)
		return l->young = age_new(l);
	if (l->young &&
	    (age_is_ready(l->young) || l->now->most >= AGE_MOST)) {
		l->now = l->young;
		l->young = NULL;
	}
	return l->now;
}

/* --- the loop ------------------------------------------------------------- */

struct http_loop *
http_loop_new(int max_in_flight)
{
	struct http_loop *l = heap_alloc(sizeof(*l));
	struct epoll_event ev = { .events = EPOLLIN }; /* of age 0: the wake */
	int i;

	l->max = max_in_flight;
	l->transfers = heap_alloc(((size_t)l->max + 1) * sizeof(*l->transfers));
	for (i = l->max; i >= 0; i--) {
		l->transfers[i].next_free = l->free;
		l->free = &l->transfers[i];
	}
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (l->epoll_fd < 0 || l->wake_fd < 0 ||
	    epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, l->wake_fd, &ev) != 0) {
		log_say(LOG_ERROR, "http: no loop (errno %d)", errno);
		abort();
	}
	l->now = age_new(l);
	return l;
}

/* Out of the loop; the response may be read until transfer_put. */
static void
transfer_take_out(struct http_loop *l, struct transfer *t)
{
	struct age *g = t->age;
	int ended;

	curl_multi_remove_handle(g->multi, t->easy);
	if (t->sent) {
		g->connected = true;
		ended = ++g->ended[t->local_port % PORTS];
		if (ended > g->most)
			g->most = ended;
	}
	if (g->first == t)
		g->first = NULL;
	g->in_flight--;
	t->age = NULL;
	l->in_flight--;
}

static void
transfer_put(struct http_loop *l, struct transfer *t)
{
	transfer_clear(t);
	buf_done(&t->body);
	t->next_free = l->free;
	l->free = t;
}

void
http_loop_free(struct http_loop *l)
{
	int i;

	if (!l)
		return;
	for (i = 0; i <= l->max; i++) {
		if (l->transfers[i].age) {
			transfer_take_out(l, &l->transfers[i]);
			transfer_put(l, &l->transfers[i]);
		}
		curl_easy_cleanup(l->transfers[i].easy);
	}
	l->now = l->young = NULL;
	ages_sweep(l);
	close(l->epoll_fd);
	close(l->wake_fd);
	heap_free(l->transfers);
	heap_free(l);
}

int
http_loop_in_flight(const struct http_loop *l)
{
	return l->in_flight;
}

void
http_loop_send(struct http_loop *l, const struct http_request *rq,
    void (*done)(void *arg, const struct http_response *rs), void *arg)
{
	struct transfer *t = l->free;
	struct age *g;
	CURLMcode code;

	if (!t || l->in_flight == l->max) {
		log_say(LOG_ERROR, "http: more than %d calls at once", l->max);
		abort();
	}
	l->free = t->next_free;
	t->done = done;
	t->arg = arg;
	buf_init_heap(&t->body, rq->max_bytes);
	transfer_prepare(t, rq);
	curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS, 0L); /* give_up's */
	/* Rather wait for a connection that is being made than make one for
	 * each call of a burst. Without TLS it would wait for the first answer,
	 * and HTTP/2 is not spoken anyway. */
	if (text_starts(rq->url, "https:"))
		curl_easy_setopt(t->easy, CURLOPT_PIPEWAIT, 1L);
	g = age_of_next_call(l);
	code = curl_multi_add_handle(g->multi, t->easy);
	if (code != CURLM_OK) { /* memory is out, or a bug here */
		log_say(LOG_ERROR, "http: %s", curl_multi_strerror(code));
		abort();
	}
	if (!g->begun)
		g->first = t;
	g->begun = true;
	g->in_flight++;
	t->age = g;
	t->deadline_ms = clock_mono_ms() + rq->timeout_ms;
	if (l->in_flight++ == 0 || t->deadline_ms < l->deadline_ms)
		l->deadline_ms = t->deadline_ms;
}

/*
 * libcurl tells the peer that a stream was given up with the next bytes of its
 * connection. Another stream that is told to pause and go on has some.
 */
static void
tell_now(struct http_loop *l, const struct transfer *gone)
{
	struct transfer *t;

	for (t = l->transfers; gone->sent && t <= l->transfers + l->max; t++)
		if (t->age && t->sent && t->local_port == gone->local_port) {
			curl_easy_pause(t->easy, CURLPAUSE_RECV);
			curl_easy_pause(t->easy, CURLPAUSE_CONT);
			return;
		}
}

/* Not by libcurl's own limit: that leaves the connection to the next call. */
static void
give_up(struct http_loop *l)
{
	const int64_t now_ms = clock_mono_ms();
	struct http_response rs;
	struct transfer *t;
	int i;

	if (l->in_flight == 0 || now_ms < l->deadline_ms)
		return;
	l->deadline_ms = INT64_MAX;
	for (i = 0; i <= l->max; i++) {
		t = &l->transfers[i];
		if (!t->age)
			continue;
		if (t->deadline_ms > now_ms) {
			if (t->deadline_ms < l->deadline_ms)
				l->deadline_ms = t->deadline_ms;
			continue;
		}
		transfer_result(t, CURLE_OPERATION_TIMEDOUT, &rs);
		curl_easy_setopt(t->easy, CURLOPT_FORBID_REUSE, 1L);
		transfer_take_out(l, t);
		tell_now(l, t);
		t->done(t->arg, &rs); /* may send the next */
		transfer_put(l, t);
	}
}

/* Without HTTP/2 (a proxy in between, say) each call needs a connection. */
static void
watch_version(struct http_loop *l, const struct transfer *t)
{
	struct age *g;
	long version = 0;

	curl_easy_getinfo(t->easy, CURLINFO_HTTP_VERSION, &version);
	l->streams |= version >= CURL_HTTP_VERSION_2_0;
	if (l->one_by_one || version == 0 || version >= CURL_HTTP_VERSION_2_0)
		return;
	l->one_by_one = true;
	for (g = l->ages; g; g = g->next) {
		curl_multi_setopt(
		    g->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)l->max);
		curl_multi_setopt(g->multi, CURLMOPT_MAXCONNECTS, (long)l->max);
	}
}

static void
give_results(struct http_loop *l, struct age *g)
{
	struct http_response rs;
	struct transfer *t;
	CURLMsg *msg;
	CURLcode code;
	char *object;
	int left;

	while ((msg = curl_multi_info_read(g->multi, &left))) {
		if (msg->msg != CURLMSG_DONE)
			continue;
		code = msg->data.result; /* msg dies with the handle */
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &object);
		t = (struct transfer *)(void *)object;
		transfer_result(t, code, &rs);
		if (code == CURLE_OK)
			watch_version(l, t);
		transfer_take_out(l, t);
		t->done(t->arg, &rs); /* may send the next */
		transfer_put(l, t);
	}
}

static int
wait_limit(const struct http_loop *l, int wait_ms)
{
	int64_t left, at_ms = l->in_flight > 0 ? l->deadline_ms : INT64_MAX;
	const struct age *g;

	for (g = l->ages; g; g = g->next)
		if (g->timer_ms >= 0 && g->timer_ms < at_ms)
			at_ms = g->timer_ms;
	if (at_ms == INT64_MAX)
		return wait_ms;
	left = at_ms - clock_mono_ms();
	if (left < 0)
		left = 0;
	return wait_ms < 0 || left < wait_ms ? (int)left : wait_ms;
}

static void
on_event(struct http_loop *l, const struct epoll_event *ev)
{
	struct age *g = age_find(l, (uint32_t)(ev->data.u64 >> 32));
	int mask, running;

	if (!g)
		return;
	mask = ev->events & EPOLLIN ? CURL_CSELECT_IN : 0;
	mask |= ev->events & EPOLLOUT ? CURL_CSELECT_OUT : 0;
	/* Reading tells what is wrong; ERR alone would not. */
	if (ev->events & (EPOLLERR | EPOLLHUP))
		mask |= CURL_CSELECT_IN | CURL_CSELECT_ERR;
	curl_multi_socket_action(
	    g->multi, (int)(uint32_t)ev->data.u64, mask, &running);
}

void
http_loop_run(struct http_loop *l, int wait_ms)
{
	struct epoll_event ev[EVENTS];
	struct age *g;
	eventfd_t count;
	int i, n, running;

	n = epoll_wait(l->epoll_fd, ev, EVENTS, wait_limit(l, wait_ms));
	for (i = 0; i < n; i++)
		if (ev[i].data.u64 == 0)
			eventfd_read(l->wake_fd, &count);
		else
			on_event(l, &ev[i]);
	for (g = l->ages; g; g = g->next) {
		if (g->timer_ms >= 0 && g->timer_ms <= clock_mono_ms()) {
			g->timer_ms = -1;
			curl_multi_socket_action(
			    g->multi, CURL_SOCKET_TIMEOUT, 0, &running);
		}
		give_results(l, g);
	}
	give_up(l);
	ages_sweep(l);
}

int
http_loop_wake_fd(const struct http_loop *l)
{
	return l->wake_fd;
}

void
http_loop_wake(struct http_loop *l)
{
	eventfd_write(l->wake_fd, 1);
}
