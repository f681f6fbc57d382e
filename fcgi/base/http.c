/*
 * HTTP to others, see http.h: what is the same for every call (trust, options,
 * what an end means), then the blocking call, then the loop.
 *
 * One thing libcurl does by itself: when a kept connection turns out to have
 * been closed before one byte of answer, it sends the request again on a new
 * one, inside the same time limit.
 */
#include "base/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

#define SYSTEM_ROOTS "/etc/ssl/certs/ca-certificates.crt"
#define CONNECT_MS 5000L
#define RETRY_AFTER_MAX_S 86400
/* Streams on one HTTP/2 connection: libcurl's own limit, and what servers
 * usually allow. */
#define STREAMS 100
#define SPARE_CONNECTIONS 6
#define EVENTS 64

/* One call on one easy handle, which is kept for the next. */
struct transfer {
	CURL *easy;
	struct curl_slist *headers;
	struct buf body;
	bool sent; /* a connection was ready: from here on bytes may be out */
	int local_port; /* that connection's */
	int64_t started_ms;
	char error[CURL_ERROR_SIZE];
	/* the loop's */
	bool in_flight;
	int64_t deadline_ms;
	void (*done)(void *arg, const struct http_response *rs);
	void *arg;
	struct transfer *next_free;
};

struct http_loop {
	CURLM *multi;
	int epoll_fd, wake_fd;
	int64_t timer_ms; /* when libcurl wants to be called; -1: never */
	int64_t deadline_ms; /* no call ends before; while some are in flight */
	int max, in_flight;
	bool one_by_one; /* the far end speaks HTTP/1.1: no streams */
	struct transfer *transfers; /* max, and one whose end is being told */
	struct transfer *free;
};

static X509_STORE *trust;
static pthread_key_t fetch_key; /* each thread's transfer of http_fetch */

/* --- trust ---------------------------------------------------------------- */

static void
transfer_free(void *object)
{
	struct transfer *t = object;

	if (!t)
		return;
	curl_slist_free_all(t->headers);
	curl_easy_cleanup(t->easy);
	heap_free(t);
}

enum err
http_init(struct ctx *cx, const char *ca_file)
{
	bool system_roots = access(SYSTEM_ROOTS, R_OK) == 0;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return fail(cx, ERR_INTERNAL, "http: libcurl does not start");
	trust = X509_STORE_new();
	if (!trust || pthread_key_create(&fetch_key, transfer_free) != 0)
		return fail(cx, ERR_INTERNAL, "http: out of memory");
	if (system_roots && !X509_STORE_load_file(trust, SYSTEM_ROOTS))
		return fail(
		    cx, ERR_INPUT, "http: no certificates in %s", SYSTEM_ROOTS);
	if (ca_file && !X509_STORE_load_file(trust, ca_file))
		return fail(cx, ERR_INPUT,
		    "http: no certificates in the CA file %s", ca_file);
	if (!system_roots && !ca_file)
		return fail(cx, ERR_INPUT,
		    "http: nobody to trust: %s is "
		    "missing (package ca-certificates) and no CA file is set",
		    SYSTEM_ROOTS);
	return ERR_OK;
}

void
http_done(void)
{
	if (!trust)
		return;
	transfer_free(pthread_getspecific(fetch_key));
	pthread_key_delete(fetch_key);
	X509_STORE_free(trust);
	trust = NULL;
	curl_global_cleanup();
}

static CURLcode
on_ssl_ctx(CURL *easy, void *ssl_ctx, void *arg)
{
	(void)easy;
	(void)arg;
	SSL_CTX_set1_cert_store(ssl_ctx, trust);
	return CURLE_OK;
}

/* --- one call ------------------------------------------------------------- */

static size_t
on_body(char *bytes, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;

	return buf_add(&t->body, bytes, size * n) ? size * n : 0;
}

static int
on_connected(void *arg, char *ip, char *local_ip, int port, int local_port)
{
	struct transfer *t = arg;

	(void)ip, (void)local_ip, (void)port;
	t->local_port = local_port;
	t->sent = true;
	return CURL_PREREQFUNC_OK;
}

static void
set_method(CURL *easy, const struct http_request *rq)
{
	if (rq->body || strcmp(rq->method, "POST") == 0) {
		curl_easy_setopt(easy, CURLOPT_POST, 1L);
		curl_easy_setopt(
		    easy, CURLOPT_POSTFIELDS, rq->body ? rq->body : "");
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
		    (curl_off_t)(rq->body ? rq->body_len : 0));
	}
	if (strcmp(rq->method, "HEAD") == 0)
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	else
		curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, rq->method);
}

static void
set_headers(struct transfer *t, const struct http_request *rq)
{
	const char *const *h;

	/* No "Expect: 100-continue", which costs a round trip. */
	t->headers = curl_slist_append(NULL, "Expect:");
	for (h = rq->headers; h && *h; h++)
		t->headers = curl_slist_append(t->headers, *h);
	curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->headers);
}

/* t->body is ready; t->easy may be missing and is else as after a reset. */
static void
transfer_prepare(struct transfer *t, const struct http_request *rq)
{
	CURL *easy = t->easy ? t->easy : curl_easy_init();

	if (!easy) {
		log_say(LOG_ERROR, "http: out of memory");
		abort();
	}
	t->easy = easy;
	t->sent = false;
	t->error[0] = '\0';
	t->started_ms = clock_mono_ms();
	curl_easy_setopt(easy, CURLOPT_URL, rq->url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* not the environment's */
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	/* With both NULL libcurl reads no files: the store below is all. */
	curl_easy_setopt(easy, CURLOPT_CAINFO, NULL);
	curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, on_ssl_ctx);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)rq->timeout_ms);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
	    rq->timeout_ms < CONNECT_MS ? (long)rq->timeout_ms : CONNECT_MS);
	curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_connected);
	curl_easy_setopt(easy, CURLOPT_PREREQDATA, t);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t->error);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, t);
	set_method(easy, rq);
	set_headers(t, rq);
}

static const char *
header_value(CURL *easy, const char *name)
{
	struct curl_header *h;

	if (curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &h) != CURLHE_OK)
		return NULL;
	return h->value;
}

/* Seconds, or a date; -1 when there is none that makes sense. */
static int
read_retry_after(const char *value)
{
	int64_t s;

	if (!value)
		return -1;
	if (value[0] && strspn(value, "0123456789") == strlen(value)) {
		if (!text_int64(value, 0, RETRY_AFTER_MAX_S, &s))
			s = RETRY_AFTER_MAX_S;
		return (int)s;
	}
	s = curl_getdate(value, NULL);
	if (s < 0)
		return -1;
	s -= clock_real_s();
	if (s < 0)
		return 0;
	return s > RETRY_AFTER_MAX_S ? RETRY_AFTER_MAX_S : (int)s;
}

/*
 * What the end of a call means. `sent` decides, because it is kept over
 * libcurl's own repetitions: the last attempt may fail to connect although
 * an earlier one was sent.
 */
static void
transfer_result(struct transfer *t, CURLcode code, struct http_response *ret)
{
	const char *words = t->error[0] ? t->error : curl_easy_strerror(code);
	const char *id;
	long status = 0;

	memset(ret, 0, sizeof(*ret));
	ret->body = "";
	ret->retry_after_s = -1;
	ret->ms = (int)(clock_mono_ms() - t->started_ms);
	if (code == CURLE_OK) {
		curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
		ret->result = HTTP_ANSWERED;
		ret->status = (int)status;
		ret->body = buf_str(&t->body);
		ret->len = t->body.len;
		ret->retry_after_s =
		    read_retry_after(header_value(t->easy, "retry-after"));
		id = header_value(t->easy, "request-id");
		if (id && strlen(id) < sizeof(ret->request_id))
			memcpy(ret->request_id, id, strlen(id) + 1);
		return;
	}
	if (!t->sent)
		ret->result = HTTP_UNREACHABLE;
	else if (code == CURLE_OPERATION_TIMEDOUT)
		ret->result = HTTP_TIMEOUT;
	else
		ret->result = HTTP_BROKEN;
	if (t->body.overflow)
		words = "the answer is larger than its limit";
	snprintf(ret->why, sizeof(ret->why), "%.*s", (int)sizeof(ret->why) - 1,
	    words);
}

/* The handle is kept with its connections, the request is forgotten. */
static void
transfer_clear(struct transfer *t)
{
	curl_easy_reset(t->easy);
	curl_slist_free_all(t->headers);
	t->headers = NULL;
}

void
http_fetch(
    struct ctx *cx, const struct http_request *rq, struct http_response *ret)
{
	struct transfer *t = pthread_getspecific(fetch_key);

	if (!t) {
		t = heap_alloc(sizeof(*t));
		pthread_setspecific(fetch_key, t);
	}
	buf_init(&t->body, &cx->arena, rq->max_bytes);
	transfer_prepare(t, rq);
	transfer_result(t, curl_easy_perform(t->easy), ret);
	transfer_clear(t);
}

/* --- many at once --------------------------------------------------------- */

static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *unused)
{
	struct http_loop *l = arg;
	struct epoll_event ev = { .data.fd = fd };

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
	struct http_loop *l = arg;

	(void)multi;
	l->timer_ms = ms < 0 ? -1 : clock_mono_ms() + ms;
	return 0;
}

struct http_loop *
http_loop_new(int max_in_flight)
{
	struct http_loop *l = heap_alloc(sizeof(*l));
	struct epoll_event ev = { .events = EPOLLIN };
	long connections =
	    (max_in_flight + STREAMS - 1) / STREAMS + SPARE_CONNECTIONS;
	int i;

	l->max = max_in_flight;
	l->timer_ms = -1;
	l->transfers = heap_alloc(((size_t)l->max + 1) * sizeof(*l->transfers));
	for (i = l->max; i >= 0; i--) {
		l->transfers[i].next_free = l->free;
		l->free = &l->transfers[i];
	}
	l->multi = curl_multi_init();
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ev.data.fd = l->wake_fd;
	if (!l->multi || l->epoll_fd < 0 || l->wake_fd < 0 ||
	    epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, l->wake_fd, &ev) != 0) {
		log_say(LOG_ERROR, "http: no loop (errno %d)", errno);
		abort();
	}
	curl_multi_setopt(
	    l->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
	curl_multi_setopt(l->multi, CURLMOPT_MAX_HOST_CONNECTIONS, connections);
	/* Else it keeps four for each call in flight, and closes the rest
	 * whenever it is quiet. */
	curl_multi_setopt(
	    l->multi, CURLMOPT_MAXCONNECTS, connections + SPARE_CONNECTIONS);
	curl_multi_setopt(l->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	curl_multi_setopt(l->multi, CURLMOPT_SOCKETDATA, l);
	curl_multi_setopt(l->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	curl_multi_setopt(l->multi, CURLMOPT_TIMERDATA, l);
	return l;
}

/* Out of the loop; the response may be read until transfer_put. */
static void
transfer_take_out(struct http_loop *l, struct transfer *t)
{
	curl_multi_remove_handle(l->multi, t->easy);
	t->in_flight = false;
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
		if (l->transfers[i].in_flight) {
			transfer_take_out(l, &l->transfers[i]);
			transfer_put(l, &l->transfers[i]);
		}
		curl_easy_cleanup(l->transfers[i].easy);
	}
	curl_multi_cleanup(l->multi);
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
	code = curl_multi_add_handle(l->multi, t->easy);
	if (code != CURLM_OK) { /* memory is out, or a bug here */
		log_say(LOG_ERROR, "http: %s", curl_multi_strerror(code));
		abort();
	}
	t->in_flight = true;
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
		if (t->in_flight && t->sent && t->local_port == gone->local_port) {
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
		if (!t->in_flight)
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
	long version = 0;

	curl_easy_getinfo(t->easy, CURLINFO_HTTP_VERSION, &version);
	if (l->one_by_one || version == 0 || version >= CURL_HTTP_VERSION_2_0)
		return;
	l->one_by_one = true;
	curl_multi_setopt(
	    l->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)l->max);
	curl_multi_setopt(l->multi, CURLMOPT_MAXCONNECTS, (long)l->max);
}

static void
give_results(struct http_loop *l)
{
	struct http_response rs;
	struct transfer *t;
	CURLMsg *msg;
	CURLcode code;
	char *object;
	int left;

	while ((msg = curl_multi_info_read(l->multi, &left))) {
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
	int64_t left, at_ms = l->timer_ms < 0 ? INT64_MAX : l->timer_ms;

	if (l->in_flight > 0 && l->deadline_ms < at_ms)
		at_ms = l->deadline_ms;
	if (at_ms == INT64_MAX)
		return wait_ms;
	left = at_ms - clock_mono_ms();
	if (left < 0)
		left = 0;
	return wait_ms < 0 || left < wait_ms ? (int)left : wait_ms;
}

void
http_loop_run(struct http_loop *l, int wait_ms)
{
	struct epoll_event ev[EVENTS];
	eventfd_t count;
	int i, n, mask, running;

	n = epoll_wait(l->epoll_fd, ev, EVENTS, wait_limit(l, wait_ms));
	for (i = 0; i < n; i++) {
		if (ev[i].data.fd == l->wake_fd) {
			eventfd_read(l->wake_fd, &count);
			continue;
		}
		mask = ev[i].events & EPOLLIN ? CURL_CSELECT_IN : 0;
		mask |= ev[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0;
		/* Reading tells what is wrong; ERR alone would not. */
		if (ev[i].events & (EPOLLERR | EPOLLHUP))
			mask |= CURL_CSELECT_IN | CURL_CSELECT_ERR;
		curl_multi_socket_action(
		    l->multi, ev[i].data.fd, mask, &running);
	}
	if (l->timer_ms >= 0 && l->timer_ms <= clock_mono_ms()) {
		l->timer_ms = -1;
		curl_multi_socket_action(
		    l->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	}
	give_results(l);
	give_up(l);
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
