/* One connection: HTTP/1.1, kept open, one request at a time. */
#include "load.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

int64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void
watch(struct conn *c, int epoll_fd, int op, uint32_t what)
{
	struct epoll_event e = { .events = what, .data.ptr = c };

	epoll_ctl(epoll_fd, op, c->fd, &e);
}

bool
conn_open(struct conn *c, const struct plan *p, int epoll_fd)
{
	const struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = p->port,
		.sin_addr.s_addr = p->address };
	const int on = 1;

	c->began_us = now_us();
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		return false;
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(c->fd, (const struct sockaddr *)&to, sizeof(to)) < 0 &&
	    errno != EINPROGRESS) {
		close(c->fd);
		return false;
	}
	c->state = CONN_CONNECTING;
	c->in_len = 0;
	watch(c, epoll_fd, EPOLL_CTL_ADD, EPOLLOUT);
	return true;
}

void
conn_close(struct conn *c)
{
	if (c->state != CONN_CLOSED)
		close(c->fd);
	c->state = CONN_CLOSED;
	c->fd = -1;
}

bool
conn_send(struct conn *c, int epoll_fd)
{
	ssize_t n;

	n = send(c->fd, c->out + c->out_done, c->out_len - c->out_done,
	    MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN)
		return false;
	if (n > 0)
		c->out_done += (size_t)n;
	if (c->out_done < c->out_len)
		watch(c, epoll_fd, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
	else if ((size_t)n < c->out_len)
		watch(c, epoll_fd, EPOLL_CTL_MOD, EPOLLIN);
	return true;
}

/* The value of a header between two lines, or NULL. */
static const char *
header(const char *head, const char *end, const char *name)
{
	const size_t n = strlen(name);
	const char *p = head;

	while ((p = memchr(p, '\n', (size_t)(end - p))) && ++p + n < end)
		if (strncasecmp(p, name, n) == 0) {
			for (p += n; *p == ' '; p++)
				;
			return p;
		}
	return NULL;
}

/* Joins the chunks where they stand; 1: whole, 0: not yet, -3: garbled. */
static int
chunks(char *body, char *end, size_t *ret_len)
{
	char *from = body, *to = body, *line;
	size_t size;

	for (;;) {
		size = strtoul(from, &line, 16);
		if (!memchr(from, '\n', (size_t)(end - from)))
			return 0;
		if (line == from || line[0] != '\r' || line[1] != '\n')
			return -3;
		line += 2;
		if ((size_t)(end - line) < size + 2)
			return 0;
		memmove(to, line, size);
		to += size;
		from = line + size + 2;
		if (size == 0) {
			*ret_len = (size_t)(to - body);
			return 1;
		}
	}
}

/* Chunks must be whole before they are joined, because that moves them. */
static bool
chunks_end(const char *body, const char *end)
{
	return (end - body == 5 && memcmp(body, "0\r\n\r\n", 5) == 0) ||
	    (end - body > 7 && memcmp(end - 7, "\r\n0\r\n\r\n", 7) == 0);
}

static int
answer_read(struct conn *c, struct answer *ret)
{
	char *end = c->in + c->in_len, *head_end;
	const char *v;

	*end = '\0';
	head_end = memmem(c->in, c->in_len, "\r\n\r\n", 4);
	if (!head_end)
		return c->in_len < ANSWER_MAX ? 0 : -3;
	if (memcmp(c->in, "HTTP/1.1 ", 9) != 0)
		return -3;
	ret->status = (int)strtol(c->in + 9, NULL, 10);
	ret->body = head_end + 4;
	v = header(c->in, head_end, "connection:");
	ret->last = v && strncasecmp(v, "close", 5) == 0;
	v = header(c->in, head_end, "retry-after:");
	ret->retry_after_s = v ? (int)strtol(v, NULL, 10) : -1;
	v = header(c->in, head_end, "content-length:");
	if (v) {
		ret->len = strtoul(v, NULL, 10);
		if (ret->len > ANSWER_MAX - (size_t)(ret->body - c->in))
			return -3;
		return (size_t)(end - ret->body) >= ret->len;
	}
	v = header(c->in, head_end, "transfer-encoding:");
	if (!v || strncasecmp(v, "chunked", 7) != 0)
		return -3;
	if (!chunks_end(ret->body, end))
		return c->in_len < ANSWER_MAX ? 0 : -3;
	return chunks(head_end + 4, end, &ret->len);
}

int
conn_read(struct conn *c, struct answer *ret)
{
	ssize_t n;
	int r;

	n = recv(c->fd, c->in + c->in_len, ANSWER_MAX - c->in_len, 0);
	if (n < 0)
		return errno == EAGAIN ? 0 : -2;
	if (n == 0)
		return -1;
	c->in_len += (size_t)n;
	if (c->state != CONN_WAITING)
		return -3; /* an answer that nobody asked for */
	r = answer_read(c, ret);
	if (r == 1 && (ret->status < 100 || ret->status > 599))
		return -3;
	return r;
}
