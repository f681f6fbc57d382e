/*
 * When does the certificate end that a host shows? The only question that
 * libcurl does not answer in a form of use, so here OpenSSL is asked itself.
 */
#include "app/doctor_parts.h"

#include <errno.h>
#include <netdb.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"

static bool
wait_for(int fd, short events, int64_t until_ms)
{
	struct pollfd p = { .fd = fd, .events = events };
	int64_t left;
	int n;

	do {
		left = until_ms - clock_mono_ms();
		if (left <= 0)
			return false;
		n = poll(&p, 1, (int)left);
	} while (n < 0 && errno == EINTR);
	return n > 0;
}

/* -1: none of its addresses can be reached. */
static int
connect_to(const char *host, const char *port, int64_t until_ms)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *all, *a;
	socklen_t len = sizeof(int);
	int fd = -1, failed;

	if (getaddrinfo(host, port, &hints, &all))
		return -1;
	for (a = all; a; a = a->ai_next) {
		fd = socket(a->ai_family,
		    a->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC,
		    a->ai_protocol);
		if (fd < 0)
			continue;
		if (connect(fd, a->ai_addr, a->ai_addrlen) == 0)
			break;
		if (errno == EINPROGRESS && wait_for(fd, POLLOUT, until_ms) &&
		    getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &len) == 0 &&
		    failed == 0)
			break;
		close(fd);
		fd = -1;
	}
	freeaddrinfo(all);
	return fd;
}

static bool
shake_hands(SSL *ssl, int fd, int64_t until_ms)
{
	int r, why;

	while ((r = SSL_connect(ssl)) != 1) {
		why = SSL_get_error(ssl, r);
		if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
			return false;
		if (!wait_for(fd, why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT,
			until_ms))
			return false;
	}
	return true;
}

static bool
days_of(SSL *ssl, int *ret_days)
{
	X509 *cert = SSL_get1_peer_certificate(ssl);
	int days = 0, seconds = 0;
	bool ok;

	if (!cert)
		return false;
	ok = ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(cert));
	X509_free(cert);
	if (ok)
		*ret_days = days == 0 && seconds < 0 ? -1 : days;
	return ok;
}

/* Verified is it elsewhere: here an ended one is to be looked at, too. */
bool
tls_days_left(const char *host, const char *port, int timeout_ms, int *ret_days)
{
	const int64_t until_ms = clock_mono_ms() + timeout_ms;
	int fd = connect_to(host, port, until_ms);
	SSL_CTX *context;
	SSL *ssl = NULL;
	bool ok = false;

	if (fd < 0)
		return false;
	context = SSL_CTX_new(TLS_client_method());
	if (context)
		ssl = SSL_new(context);
	if (ssl && SSL_set_tlsext_host_name(ssl, host) && SSL_set_fd(ssl, fd))
		ok = shake_hands(ssl, fd, until_ms) && days_of(ssl, ret_days);
	SSL_free(ssl);
	SSL_CTX_free(context);
	close(fd);
	return ok;
}
