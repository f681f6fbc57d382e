/*
 * HTTP to others, many calls at once, see http.h.
 *
 * A lane is one connection and the calls on it. libcurl 7.88 resets each HTTP/2
 * stream whose answer has no body after it has ended, and servers end a
 * connection on which too many were reset, with all that is under way: so a lane
 * takes some hundred calls, and one call opens the next lane in time. Left to
 * itself libcurl would also open a connection for every call that comes while a
 * connection is being made; here they wait for it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/http_memory.h"
#include "base/http_transfer.h"
#include "base/log.h"
#include "base/text.h"

#define EVENTS 64
#define STREAMS 100    /* at once: what servers usually allow */
/* Calls of a lane: then the next one is opened; and until that is ready.
 * Servers bear 400 resets a minute and more. */
#define LANE_CALLS 200
#define LANE_MOST 290
/* An idle one is closed before libcurl finds it too old (118 s) and makes
 * another connection in its place. */
#define LANE_IDLE_MS 110000

struct lane {
	struct http_loop *loop;
	struct far_end *end;
	CURLM *multi;
	uint32_t id; /* in epoll's events, beside the socket */
	int64_t timer_ms; /* when libcurl wants to be called; -1: never */
	int given, in_flight; /* calls */
	const struct transfer *first; /* while it is in flight */
	int local_port; /* of the connection; 0: it is not there yet */
	bool over; /* takes no more calls */
	int64_t idle_ms; /* since then no call is in flight */
	struct lane *next;
};

/* Scheme, host and port. */
struct far_end {
	char *origin;
	bool one_by_one; /* HTTP/1.1: libcurl makes a connection for each call */
	struct transfer *waiting, **waiting_end; /* for a lane, in order */
	int nwaiting;
	struct far_end *next;
};

struct http_loop {
	int epoll_fd, wake_fd;
	int64_t deadline_ms; /* no call ends before; while some are in flight */
	int max, in_flight;
	struct transfer *transfers; /* max, and one whose end is being told */
	struct transfer *free;
	struct far_end *ends;
	struct lane *lanes, **lanes_end; /* the oldest first */
	uint32_t newest_id;
	CURLSH *share; /* names that were looked up, TLS sessions */
};

/* --- lanes ---------------------------------------------------------------- */

static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *unused)
{
	struct lane *g = arg;
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
	struct lane *g = arg;

	(void)multi;
	g->timer_ms = ms < 0 ? -1 : clock_mono_ms() + ms;
	return 0;
}

static struct lane *
lane_new(struct http_loop *l, struct far_end *e)
{
	struct lane *g = heap_alloc(sizeof(*g));

	g->loop = l;
	g->end = e;
	g->id = ++l->newest_id ? l->newest_id : ++l->newest_id;
	g->timer_ms = -1;
	g->multi = curl_multi_init();
	if (!g->multi) {
		log_say(LOG_ERROR, "http: out of memory");
		abort();
	}
	curl_multi_setopt(
	    g->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
	/* Else it keeps four for each call in flight, and closes the rest
	 * whenever it is quiet. */
	curl_multi_setopt(g->multi, CURLMOPT_MAXCONNECTS, (long)l->max);
	curl_multi_setopt(g->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(g->multi, CURLMOPT_SOCKETDATA, g);
	curl_multi_setopt(g->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(g->multi, CURLMOPT_TIMERDATA, g);
	*l->lanes_end = g;
	l->lanes_end = &g->next;
	return g;
}

static struct lane *
lane_find(struct http_loop *l, uint32_t id)
{
	struct lane *g = l->lanes;

	while (g && g->id != id)
		g = g->next;
	return g;
}

static bool
lane_is_done(const struct lane *g, int64_t now_ms)
{
	return g->in_flight == 0 &&
	    (g->over || (!g->end->one_by_one && g->given >= LANE_CALLS) ||
		now_ms - g->idle_ms >= LANE_IDLE_MS);
}

/* Those that are done with close their connections. */
static void
lanes_sweep(struct http_loop *l, int64_t now_ms)
{
	struct lane **link = &l->lanes, *g;

	while ((g = *link)) {
		if (!lane_is_done(g, now_ms)) {
			link = &g->next;
			continue;
		}
		*link = g->next;
		curl_multi_cleanup(g->multi);
		heap_free(g);
	}
	l->lanes_end = link;
}

static bool
lane_is_open(const struct lane *g)
{
	return g->local_port || g->end->one_by_one ||
	    (g->first && g->first->sent);
}

/* For one of those that wait; NULL: they wait on. */
static struct lane *
lane_for(struct http_loop *l, struct far_end *e)
{
	struct lane *g, *late = NULL;
	int opening = 0;

	for (g = l->lanes; g; g = g->next) {
		if (g->end != e || g->over)
			continue;
		if (!lane_is_open(g))
			opening++;
		else if (e->one_by_one ||
		    (g->given < LANE_CALLS && g->in_flight < STREAMS))
			return g;
		else if (g->given < LANE_MOST && g->in_flight < STREAMS)
			late = g;
	}
	return opening * STREAMS < e->nwaiting ? lane_new(l, e) : late;
}

/* --- far ends -------------------------------------------------------------- */

static struct far_end *
end_of(struct http_loop *l, const char *url)
{
	const char *host = strstr(url, "://");
	const size_t len = host ?
	    (size_t)(host - url) + 3 + strcspn(host + 3, "/?#") : strlen(url);
	struct far_end *e = l->ends;

	while (e && (strlen(e->origin) != len || memcmp(e->origin, url, len) != 0))
		e = e->next;
	if (e)
		return e;
	e = heap_alloc(sizeof(*e));
	e->origin = heap_strdup(url);
	e->origin[len] = '\0';
	e->one_by_one = !text_starts(url, "https:");
	e->waiting_end = &e->waiting;
	e->next = l->ends;
	return l->ends = e;
}

static void
wait_begin(struct far_end *e, struct transfer *t)
{
	t->waits = true;
	t->next = NULL;
	*e->waiting_end = t;
	e->waiting_end = &t->next;
	e->nwaiting++;
}

static void
wait_end(struct far_end *e, struct transfer *t)
{
	struct transfer **link = &e->waiting;

	while (*link != t)
		link = &(*link)->next;
	*link = t->next;
	if (!*link)
		e->waiting_end = link;
	e->nwaiting--;
	t->waits = false;
}

static void
serve_waiting(struct http_loop *l, struct far_end *e)
{
	struct transfer *t;
	struct lane *g;
	CURLMcode code;

	while ((t = e->waiting) && (g = lane_for(l, e))) {
		wait_end(e, t);
		code = curl_multi_add_handle(g->multi, t->easy);
		if (code != CURLM_OK) { /* memory is out, or a bug here */
			log_say(LOG_ERROR, "http: %s",
			    curl_multi_strerror(code));
			abort();
		}
		if (g->given++ == 0)
			g->first = t;
		g->in_flight++;
		t->lane = g;
	}
}

/* --- the loop ------------------------------------------------------------- */

struct http_loop *
http_loop_new(int max_in_flight)
{
	struct http_loop *l = heap_alloc(sizeof(*l));
	struct epoll_event ev = { .events = EPOLLIN }; /* of lane 0: the wake */
	int i;

	l->max = max_in_flight;
	l->transfers = heap_alloc(((size_t)l->max + 1) * sizeof(*l->transfers));
	for (i = l->max; i >= 0; i--) {
		l->transfers[i].next = l->free;
		l->free = &l->transfers[i];
	}
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (l->epoll_fd < 0 || l->wake_fd < 0 ||
	    epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, l->wake_fd, &ev) != 0) {
		log_say(LOG_ERROR, "http: no loop (errno %d)", errno);
		abort();
	}
	l->lanes_end = &l->lanes;
	l->share = curl_share_init();
	if (!l->share) {
		log_say(LOG_ERROR, "http: out of memory");
		abort();
	}
	curl_share_setopt(l->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
	curl_share_setopt(
	    l->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
	return l;
}

/* Out of the loop; the response may be read until transfer_put.
 *   well  it ended with an answer */
static void
transfer_take_out(struct http_loop *l, struct transfer *t, bool well)
{
	struct lane *g = t->lane;

	l->in_flight--;
	if (t->waits) {
		wait_end(t->end, t);
		return;
	}
	curl_multi_remove_handle(g->multi, t->easy);
	t->lane = NULL;
	if (g->first == t)
		g->first = NULL;
	if (g->local_port == 0 && t->sent)
		g->local_port = t->local_port;
	/* What failed once may be of no use to others; and a second connection
	 * means that the first one is gone. */
	if (!well || t->local_port != g->local_port)
		g->over |= !g->end->one_by_one;
	if (--g->in_flight == 0)
		g->idle_ms = clock_mono_ms();
}

static void
transfer_put(struct http_loop *l, struct transfer *t)
{
	/* Else libcurl keeps the buffer, if its connection had other calls. */
	curl_easy_setopt(t->easy, CURLOPT_UPLOAD_BUFFERSIZE, HTTP_UPLOAD_BYTES);
	transfer_clear(t);
	buf_done(&t->body);
	t->next = l->free;
	l->free = t;
}

void
http_loop_free(struct http_loop *l)
{
	struct far_end *e;
	int i;

	if (!l)
		return;
	for (i = 0; i <= l->max; i++) {
		if (l->transfers[i].lane || l->transfers[i].waits) {
			transfer_take_out(l, &l->transfers[i], true);
			transfer_put(l, &l->transfers[i]);
		}
		curl_easy_cleanup(l->transfers[i].easy);
	}
	lanes_sweep(l, INT64_MAX);
	while ((e = l->ends)) {
		l->ends = e->next;
		heap_free(e->origin);
		heap_free(e);
	}
	curl_share_cleanup(l->share);
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

	if (!t || l->in_flight == l->max) {
		log_say(LOG_ERROR, "http: more than %d calls at once", l->max);
		abort();
	}
	l->free = t->next;
	t->done = done;
	t->arg = arg;
	buf_init_heap(&t->body, rq->max_bytes);
	transfer_prepare(t, rq);
	curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS, 0L); /* give_up's */
	curl_easy_setopt(t->easy, CURLOPT_SHARE, l->share);
	curl_easy_setopt(t->easy, CURLOPT_BUFFERSIZE, 2048L);
	curl_easy_setopt(t->easy, CURLOPT_UPLOAD_BUFFERSIZE, HTTP_UPLOAD_BYTES);
	t->deadline_ms = clock_mono_ms() + rq->timeout_ms;
	if (l->in_flight++ == 0 || t->deadline_ms < l->deadline_ms)
		l->deadline_ms = t->deadline_ms;
	t->end = end_of(l, rq->url);
	wait_begin(t->end, t);
	serve_waiting(l, t->end);
}

/*
 * libcurl tells the peer that a stream was given up with the next bytes of its
 * connection. Another stream that is told to pause and go on has some.
 */
static void
tell_now(struct http_loop *l, const struct lane *g)
{
	struct transfer *t;

	for (t = l->transfers; g && t <= l->transfers + l->max; t++)
		if (t->lane == g && t->sent) {
			curl_easy_pause(t->easy, CURLPAUSE_RECV);
			curl_easy_pause(t->easy, CURLPAUSE_CONT);
			return;
		}
}

/* Not by libcurl's own limit: that does not know those that wait. */
static void
give_up(struct http_loop *l)
{
	const int64_t now_ms = clock_mono_ms();
	struct http_response rs;
	struct transfer *t;
	struct lane *g;
	int i;

	if (l->in_flight == 0 || now_ms < l->deadline_ms)
		return;
	l->deadline_ms = INT64_MAX;
	for (i = 0; i <= l->max; i++) {
		t = &l->transfers[i];
		if (!t->lane && !t->waits)
			continue;
		if (t->deadline_ms > now_ms) {
			if (t->deadline_ms < l->deadline_ms)
				l->deadline_ms = t->deadline_ms;
			continue;
		}
		transfer_result(t, CURLE_OPERATION_TIMEDOUT, &rs);
		g = t->lane;
		transfer_take_out(l, t, false);
		tell_now(l, g);
		t->done(t->arg, &rs); /* may send the next */
		transfer_put(l, t);
	}
}

static void
give_results(struct http_loop *l, struct lane *g)
{
	struct http_response rs;
	struct transfer *t;
	CURLMsg *msg;
	CURLcode code;
	char *object;
	long version;
	int left;

	while ((msg = curl_multi_info_read(g->multi, &left))) {
		if (msg->msg != CURLMSG_DONE)
			continue;
		code = msg->data.result; /* msg dies with the handle */
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &object);
		t = (struct transfer *)(void *)object;
		transfer_result(t, code, &rs);
		version = 0;
		curl_easy_getinfo(t->easy, CURLINFO_HTTP_VERSION, &version);
		if (version != 0)
			g->end->one_by_one = version < CURL_HTTP_VERSION_2_0;
		transfer_take_out(l, t, code == CURLE_OK);
		t->done(t->arg, &rs); /* may send the next */
		transfer_put(l, t);
	}
}

static int
wait_limit(const struct http_loop *l, int wait_ms)
{
	int64_t left, at_ms = l->in_flight > 0 ? l->deadline_ms : INT64_MAX;
	const struct lane *g;

	for (g = l->lanes; g; g = g->next)
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
	struct lane *g = lane_find(l, (uint32_t)(ev->data.u64 >> 32));
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
	struct far_end *e;
	struct lane *g;
	eventfd_t count;
	int i, n, running;

	n = epoll_wait(l->epoll_fd, ev, EVENTS, wait_limit(l, wait_ms));
	for (i = 0; i < n; i++)
		if (ev[i].data.u64 == 0)
			eventfd_read(l->wake_fd, &count);
		else
			on_event(l, &ev[i]);
	for (g = l->lanes; g; g = g->next) {
		if (g->timer_ms >= 0 && g->timer_ms <= clock_mono_ms()) {
			g->timer_ms = -1;
			curl_multi_socket_action(
			    g->multi, CURL_SOCKET_TIMEOUT, 0, &running);
		}
		give_results(l, g);
	}
	give_up(l);
	for (e = l->ends; e; e = e->next)
		serve_waiting(l, e);
	lanes_sweep(l, clock_mono_ms());
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
