/* libfcgi: one connection, one request, bounded waits. */
#include "web/fastcgi.h"

#include <fcgiapp.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/arena.h"

#define WAIT_S 10 /* for a peer in the middle of a request */

struct fastcgi {
	FCGX_Request request;
};

static atomic_size_t count;

void
fastcgi_init(void)
{
	/* Else each close waits up to 2 s for the peer to close first. */
	setenv("LIBFCGI_OS_CLOSE_POLL_TIMEOUT", "0", 1);
	FCGX_Init();
}

struct fastcgi *
fastcgi_open(int fd)
{
	const struct timeval wait = { .tv_sec = WAIT_S };
	struct fastcgi *f = heap_alloc(sizeof(*f));

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	/*
	 * libfcgi could accept by itself, but then it reads without a limit,
	 * and cannot be woken without losing the connection it just accepted.
	 * So it gets the connection as one it has kept open: it reads the
	 * next request from that. Should this be none, libfcgi closes it and
	 * tries to accept another one, from -1, which fails at once.
	 */
	FCGX_InitRequest(&f->request, -1, 0);
	f->request.ipcFd = fd;
	f->request.keepConnection = 1;
	if (FCGX_Accept_r(&f->request) != 0) {
		heap_free(f);
		return NULL;
	}
	atomic_fetch_add(&count, 1);
	/* It takes parameters that were cut off for whole ones. */
	if (fastcgi_is_broken(f)) {
		fastcgi_close(f);
		return NULL;
	}
	return f;
}

const char *
fastcgi_param(const struct fastcgi *f, const char *name)
{
	return FCGX_GetParam(name, f->request.envp);
}

size_t
fastcgi_read(struct fastcgi *f, char *ret, size_t max)
{
	int n;

	n = FCGX_GetStr(ret, max > INT_MAX ? INT_MAX : (int)max, f->request.in);
	return n > 0 ? (size_t)n : 0;
}

bool
fastcgi_is_broken(const struct fastcgi *f)
{
	return FCGX_GetError(f->request.in) != 0;
}

void
fastcgi_write(struct fastcgi *f, const char *bytes, size_t len)
{
	while (len > 0) {
		int part = len > 65536 ? 65536 : (int)len;

		if (FCGX_PutStr(bytes, part, f->request.out) != part)
			return; /* the peer is gone: nobody to tell */
		bytes += part;
		len -= (size_t)part;
	}
}

void
fastcgi_end_reading(struct fastcgi *f)
{
	FCGX_FreeStream(&f->request.in);
}

void
fastcgi_close(struct fastcgi *f)
{
	/* What FCGX_Finish_r does, but without the stream that was read; and
	 * closed whatever the peer asked for: a kept connection would pin a
	 * thread. */
	FCGX_FClose(f->request.err);
	FCGX_FClose(f->request.out);
	FCGX_Free(&f->request, 1);
	heap_free(f);
	atomic_fetch_sub(&count, 1);
}

size_t
fastcgi_count(void)
{
	return atomic_load(&count);
}
