/*
 * A far end for the tests of http: a server in a thread that answers well,
 * badly or not at all, with and without TLS. Each test includes it whole,
 * after base/http.c.
 */
#ifndef UNIT_HTTP_PEER_H
#define UNIT_HTTP_PEER_H

#include <errno.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>

#include <cmocka.h>

static struct ctx cx;
static char folder[] = "/tmp/test_http.XXXXXX";
static SSL_CTX *known, *unknown; /* trusted by ca.pem, or by nobody */

/* --- a server in a thread ------------------------------------------------- */

struct server {
	int fd, port;
	SSL_CTX *tls;
	atomic_int connections, requests;
	pthread_t thread;
};

struct talk {
	struct server *s;
	int fd;
	SSL *ssl;
};

static bool
put(struct talk *t, const char *bytes, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = t->ssl ? SSL_write(t->ssl, bytes, (int)len)
			   : send(t->fd, bytes, len, MSG_NOSIGNAL);
		if (n <= 0)
			return false;
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

static ssize_t
get(struct talk *t, char *ret, size_t max)
{
	return t->ssl ? SSL_read(t->ssl, ret, (int)max)
		      : recv(t->fd, ret, max, 0);
}

static bool
answer(struct talk *t, const char *status, const char *headers,
    const char *body, size_t len)
{
	char head[1024];
	int n = snprintf(head, sizeof(head),
	    "HTTP/1.1 %s\r\n%s"
	    "Content-Length: %zu\r\n\r\n",
	    status, headers, len);

	return put(t, head, (size_t)n) && put(t, body, len);
}

/* What the path asks for; false ends the connection. */
static bool
react(struct talk *t, const char *path, const char *request)
{
	static char big[100000];
	struct linger now = { 1, 0 };
	char line[600];

	if (strncmp(path, "/header/", 8) == 0) {
		snprintf(line, sizeof(line), "%.500s\r\n", path + 8);
		for (char *s = line; *s; s++)
			*s = *s == '_' ? ' ' : *s;
		return answer(t, "429 Too Many Requests", line, "", 0);
	}
	if (strcmp(path, "/echo") == 0)
		return answer(t, "200 OK", "", request, strlen(request));
	if (strcmp(path, "/big") == 0)
		return answer(t, "200 OK", "", big, sizeof(big));
	if (strcmp(path, "/redirect") == 0)
		return answer(t, "302 Found", "Location: /echo\r\n", "", 0);
	if (strcmp(path, "/cut") == 0)
		put(t, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", 42);
	else if (strcmp(path, "/junk") == 0)
		put(t, "what?\r\n\r\n", 9);
	else if (strcmp(path, "/hang") == 0)
		get(t, line, 1); /* until the other end closes */
	else if (strcmp(path, "/reset") == 0)
		setsockopt(t->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	else if (strcmp(path, "/vanish") == 0)
		shutdown(t->s->fd, SHUT_RDWR); /* nobody listens any more */
	else
		return answer(t, "200 OK", "", "hello", 5);
	return false;
}

static void *
serve_one(void *arg)
{
	struct talk *t = arg;
	char in[20000], path[600], *end, *length;
	size_t len = 0, want;
	ssize_t n;
	bool more = true;

	if (t->s->tls) {
		t->ssl = SSL_new(t->s->tls);
		SSL_set_fd(t->ssl, t->fd);
		more = SSL_accept(t->ssl) == 1;
	}
	while (more) {
		in[len] = '\0';
		end = strstr(in, "\r\n\r\n");
		want = sizeof(in);
		if (end) {
			length = strcasestr(in, "content-length: ");
			want = (size_t)(end + 4 - in);
			if (length && length < end)
				want += (size_t)strtol(length + 16, NULL, 10);
		}
		if (end && len >= want) {
			t->s->requests++;
			n = (ssize_t)strcspn(strchr(in, ' ') + 1, " ");
			snprintf(path, sizeof(path), "%.*s", (int)n,
			    strchr(in, ' ') + 1);
			more = react(t, path, in);
			len = 0;
			continue;
		}
		n = get(t, in + len, sizeof(in) - 1 - len);
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	if (t->ssl)
		SSL_free(t->ssl);
	close(t->fd);
	free(t);
	return NULL;
}

static void *
serve(void *arg)
{
	struct server *s = arg;
	struct talk *t;
	pthread_t thread;
	int fd;

	while ((fd = accept(s->fd, NULL, NULL)) >= 0) {
		s->connections++;
		t = calloc(1, sizeof(*t));
		t->s = s;
		t->fd = fd;
		pthread_create(&thread, NULL, serve_one, t);
		pthread_detach(thread);
	}
	return NULL;
}

static int
listen_somewhere(int *ret_port, int backlog)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
	assert_int_equal(listen(fd, backlog), 0);
	getsockname(fd, (struct sockaddr *)&a, &len);
	*ret_port = ntohs(a.sin_port);
	return fd;
}

/* Lives to the end of the program: connections may outlive a test. */
static struct server *
start_server(SSL_CTX *tls)
{
	static struct server all[32];
	static int n;
	struct server *s = &all[n++];

	s->fd = listen_somewhere(&s->port, 128);
	s->tls = tls;
	pthread_create(&s->thread, NULL, serve, s);
	return s;
}

static void
stop_server(struct server *s)
{
	shutdown(s->fd, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	close(s->fd);
}

static char *
url_of(const struct server *s, const char *path)
{
	return arena_printf(&cx.arena, "%s://localhost:%d%s",
	    s->tls ? "https" : "http", s->port, path);
}

/* --- certificates, start and end ------------------------------------------ */

static SSL_CTX *
make_tls(const char *cert_file, const char *key_file)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *c = X509_new();
	X509_NAME *name = X509_get_subject_name(c);
	X509_EXTENSION *ext = X509V3_EXT_conf_nid(
	    NULL, NULL, NID_subject_alt_name, "DNS:localhost");
	SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
	FILE *f;

	X509_set_version(c, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(c), 1);
	X509_gmtime_adj(X509_getm_notBefore(c), -3600);
	X509_gmtime_adj(X509_getm_notAfter(c), 86400);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
	    (const unsigned char *)"localhost", -1, -1, 0);
	X509_set_issuer_name(c, name);
	X509_set_pubkey(c, key);
	X509_add_ext(c, ext, -1);
	X509_EXTENSION_free(ext);
	X509_sign(c, key, EVP_sha256());
	SSL_CTX_use_certificate(tls, c);
	SSL_CTX_use_PrivateKey(tls, key);
	f = fopen(cert_file, "w");
	PEM_write_X509(f, c);
	fclose(f);
	f = fopen(key_file, "w");
	PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
	fclose(f);
	X509_free(c);
	EVP_PKEY_free(key);
	return tls;
}

static int
make_all(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	if (!mkdtemp(folder) || chdir(folder) != 0)
		return -1;
	unknown = make_tls("other.pem", "other-key.pem");
	known = make_tls("ca.pem", "key.pem");
	ctx_init(&cx, NULL);
	return http_init(&cx, "ca.pem");
}

static int
drop_all(void **state)
{
	static const char *const files[] = { "ca.pem", "key.pem", "other.pem",
		"other-key.pem" };
	size_t i;

	(void)state;
	ctx_done(&cx);
	http_done();
	http_done();
	SSL_CTX_free(known);
	SSL_CTX_free(unknown);
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		unlink(files[i]);
	return rmdir(folder);
}

#endif
