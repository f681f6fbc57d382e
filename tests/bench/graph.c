/*
 * The Microsoft of the benchmark: Graph's presence calls over TLS 1.3 (HTTP/2
 * with 100 streams a connection, HTTP/1.1 for who wants it), answered after a
 * delay, and Entra's token endpoint over plain HTTP. One thread, so that it
 * costs as little as it can of the machine that it shares.
 *
 *   graph HTTPS_PORT HTTP_PORT DELAY_MS CERT KEY      on 127.0.0.1; until
 * SIGTERM
 *
 * GET /counts on the plain port: calls, changes of state, calls at once for one
 * person, requests over a tenant's budget. GET /people: each one's state.
 * POST /reset: counts from 0; the people stay as they are.
 */
#include "graph.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNS_MAX 8192

static struct conn conns[CONNS_MAX];
static struct conn *dirty;
static struct call *waiting[CALLS_MAX]; /* in the order of their time */
static uint64_t waiting_in, waiting_out;
static int epoll_fd, delay_ms;
static SSL_CTX *tls;
static volatile sig_atomic_t stop;

static int64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void
die(const char *why)
{
	fprintf(stderr, "graph: %s: %s\n", why, strerror(errno));
	exit(1);
}

/* --- out --------------------------------------------------------------------
 */

static void
conn_dirty(struct conn *c)
{
	if (c->dirty)
		return;
	c->dirty = true;
	c->next_dirty = dirty;
	dirty = c;
}

void
out_add(struct conn *c, const void *bytes, size_t len)
{
	if (c->out_len + len > c->out_size) {
		c->out_size = (c->out_len + len) * 2;
		c->out = realloc(c->out, c->out_size);
		if (!c->out)
			die("memory");
	}
	memcpy(c->out + c->out_len, bytes, len);
	c->out_len += len;
}

static void
conn_close(struct conn *c, const char *where)
{
	if (c->calls)
		fprintf(stderr, "graph: a connection ends with calls: %s, %s\n",
		    where, ERR_reason_error_string(ERR_peek_last_error()));
	if (c->ssl) {
		SSL_free(c->ssl);
		graph_connections--;
	}
	nghttp2_session_del(c->h2);
	calls_leave(c);
	close(c->fd);
	c->fd = -1;
	c->ssl = NULL;
	c->h2 = NULL;
	ERR_clear_error();
	c->out_len = c->out_done = c->in_len = 0;
	c->writing = false;
}

static void
conn_watch(struct conn *c, bool writing)
{
	struct epoll_event e = { .events = EPOLLIN | (writing ? EPOLLOUT : 0),
		.data.ptr = c };

	if (c->writing == writing)
		return;
	c->writing = writing;
	epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &e);
}

/* Writes what there is; false: the connection is gone. */
static bool
conn_flush(struct conn *c)
{
	const uint8_t *bytes;
	ssize_t n;

	while (c->h2 && (n = nghttp2_session_mem_send(c->h2, &bytes)) > 0)
		out_add(c, bytes, (size_t)n);
	while (c->out_done < c->out_len) {
		if (c->ssl) {
			n = SSL_write(c->ssl, c->out + c->out_done,
			    (int)(c->out_len - c->out_done));
			if (n <= 0 &&
			    SSL_get_error(c->ssl, (int)n) ==
				SSL_ERROR_WANT_WRITE)
				break;
		} else {
			n = send(c->fd, c->out + c->out_done,
			    c->out_len - c->out_done, MSG_NOSIGNAL);
			if (n < 0 && errno == EAGAIN)
				break;
		}
		if (n <= 0)
			return false;
		c->out_done += (size_t)n;
	}
	conn_watch(c, c->out_done < c->out_len);
	if (c->out_done == c->out_len)
		c->out_done = c->out_len = 0;
	return !c->h2 || nghttp2_session_want_read(c->h2) ||
	    nghttp2_session_want_write(c->h2);
}

static void
call_answer(struct call *call)
{
	struct conn *c = call->conn;

	if (!c) {
		call_free(call);
		return;
	}
	http_answer(c, call);
	conn_dirty(c);
}

void
call_whole(struct call *call)
{
	const int64_t now = now_us();

	call->body[call->len] = '\0';
	if (!call_begin(call, now)) {
		call_answer(call);
		return;
	}
	call->due_us = now + delay_ms * 1000;
	waiting[waiting_in++ % CALLS_MAX] = call;
}

/* --- connections ------------------------------------------------------------
 */

static void
conn_accept(int listen_fd, bool secure)
{
	const int on = 1;
	struct conn *c;
	int fd, i;

	while ((fd = accept4(listen_fd, NULL, NULL,
		    SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct epoll_event e = { .events = EPOLLIN };

		for (i = 0; i < CONNS_MAX && conns[i].fd >= 0; i++)
			;
		if (i == CONNS_MAX) {
			close(fd);
			continue;
		}
		c = &conns[i];
		c->fd = fd;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		e.data.ptr = c;
		epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e);
		if (!secure)
			continue;
		c->ssl = SSL_new(tls);
		c->shaking = true;
		if (!c->ssl || !SSL_set_fd(c->ssl, fd))
			die("TLS");
		SSL_set_accept_state(c->ssl);
		graph_accepted++;
		if (++graph_connections > graph_connections_most)
			graph_connections_most = graph_connections;
	}
}

/* False: the connection is gone. */
static bool
conn_shake(struct conn *c)
{
	const unsigned char *name;
	unsigned len;
	const int r = SSL_do_handshake(c->ssl);

	if (r <= 0)
		return SSL_get_error(c->ssl, r) == SSL_ERROR_WANT_READ;
	c->shaking = false;
	SSL_get0_alpn_selected(c->ssl, &name, &len);
	return len != 2 || memcmp(name, "h2", 2) != 0 || h2_begin(c);
}

static bool
conn_in(struct conn *c)
{
	char bytes[16384];
	ssize_t n;

	for (;;) {
		char *to = c->h2 ? bytes : c->in + c->in_len;
		const size_t size =
		    c->h2 ? sizeof(bytes) : sizeof(c->in) - 1 - c->in_len;

		if (size == 0)
			return false;
		if (c->ssl) {
			n = SSL_read(c->ssl, to, (int)size);
			if (n <= 0)
				return SSL_get_error(c->ssl, (int)n) ==
				    SSL_ERROR_WANT_READ;
		} else {
			n = recv(c->fd, to, size, 0);
			if (n <= 0)
				return n < 0 && errno == EAGAIN;
		}
		if (c->h2) {
			if (nghttp2_session_mem_recv(
				c->h2, (uint8_t *)bytes, (size_t)n) != n)
				return false;
		} else {
			c->in_len += (size_t)n;
			if (!h1_read(c))
				return false;
		}
		conn_dirty(c);
	}
}

static void
conn_event(struct conn *c, uint32_t what)
{
	if (c->fd < 0)
		return;
	if (c->shaking && !conn_shake(c)) {
		conn_close(c, "handshake");
		return;
	}
	if (c->shaking)
		return;
	conn_dirty(c);
	if ((what & (EPOLLIN | EPOLLHUP | EPOLLERR)) && !conn_in(c))
		conn_close(c, "reading");
}

/* Answers whose time has come; one write for each connection. */
static void
due(void)
{
	const int64_t now = now_us();
	struct conn *c;

	while (waiting_out < waiting_in &&
	    waiting[waiting_out % CALLS_MAX]->due_us <= now) {
		struct call *call = waiting[waiting_out++ % CALLS_MAX];

		call_end(call);
		call_answer(call);
	}
	while ((c = dirty)) {
		dirty = c->next_dirty;
		c->dirty = false;
		if (c->fd >= 0 && !c->shaking && !conn_flush(c))
			conn_close(c, "writing");
	}
}

/* --- start ------------------------------------------------------------------
 */

static int
alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len,
    const unsigned char *in, unsigned in_len, void *arg)
{
	(void)ssl;
	(void)arg;
	return SSL_select_next_proto((unsigned char **)out, out_len,
		   (const unsigned char *)"\x02h2\x08http/1.1", 12, in,
		   in_len) == OPENSSL_NPN_NEGOTIATED
	    ? SSL_TLSEXT_ERR_OK
	    : SSL_TLSEXT_ERR_NOACK;
}

static int
listen_on(const char *port)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)strtol(port, NULL, 10)),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const int fd = socket(
		      AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
		  on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 ||
	    listen(fd, 4096) < 0)
		die(port);
	return fd;
}

static void
on_signal(int n)
{
	(void)n;
	stop = 1;
}

static void
begin(char **argv)
{
	struct rlimit files;
	int i;

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, on_signal);
	signal(SIGINT, on_signal);
	for (i = 0; i < CONNS_MAX; i++)
		conns[i].fd = -1;
	delay_ms = (int)strtol(argv[3], NULL, 10);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	tls = SSL_CTX_new(TLS_server_method());
	if (!tls || !SSL_CTX_set_min_proto_version(tls, TLS1_3_VERSION) ||
	    SSL_CTX_use_certificate_chain_file(tls, argv[4]) != 1 ||
	    SSL_CTX_use_PrivateKey_file(tls, argv[5], SSL_FILETYPE_PEM) != 1)
		die("certificate");
	SSL_CTX_set_mode(tls,
	    SSL_MODE_ENABLE_PARTIAL_WRITE |
		SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(tls, 1); /* one read for many records */
	SSL_CTX_set_alpn_select_cb(tls, alpn, NULL);
	http_init();
}

int
main(int argc, char **argv)
{
	static int listeners[2];
	struct epoll_event list[256];
	int i, n;

	if (argc != 6) {
		fprintf(
		    stderr, "graph: HTTPS_PORT HTTP_PORT DELAY_MS CERT KEY\n");
		return 2;
	}
	begin(argv);
	for (i = 0; i < 2; i++) {
		struct epoll_event e = { .events = EPOLLIN,
			.data.ptr = &listeners[i] };

		listeners[i] = listen_on(argv[1 + i]);
		epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listeners[i], &e);
	}
	while (!stop) {
		int64_t wait = 1000000;
		struct timespec t;

		if (waiting_out < waiting_in)
			wait =
			    waiting[waiting_out % CALLS_MAX]->due_us - now_us();
		wait = wait < 0 ? 0 : wait;
		t = (struct timespec){ wait / 1000000, wait % 1000000 * 1000 };
		n = epoll_pwait2(epoll_fd, list, 256, &t, NULL);
		for (i = 0; i < n; i++)
			if (list[i].data.ptr == &listeners[0] ||
			    list[i].data.ptr == &listeners[1])
				conn_accept(*(int *)list[i].data.ptr,
				    list[i].data.ptr == &listeners[0]);
			else
				conn_event(list[i].data.ptr, list[i].events);
		due();
	}
	return 0;
}
