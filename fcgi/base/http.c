/*
 * HTTP to others, see http.h: what is the same for every call (trust, options,
 * what an end means), then the blocking call. The loop is http_loop.c.
 *
 * One thing libcurl does by itself: when a kept connection turns out to have
 * been closed before one byte of answer, it sends the request again on a new
 * one, inside the same time limit.
 */
#include "base/http.h"

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/http_memory.h"
#include "base/http_transfer.h"
#include "base/log.h"
#include "base/text.h"

#define SYSTEM_ROOTS "/etc/ssl/certs/ca-certificates.crt"
#define CONNECT_MS 5000L
#define RETRY_AFTER_MAX_S 86400

static X509_STORE *trust;
/* Each thread's transfers of http_fetch: those behind a fence have connections
 * of their own, as a kept one is not checked again. */
static pthread_key_t fetch_keys[2];

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

	if (!http_memory_init() ||
	    curl_global_init_mem(CURL_GLOBAL_DEFAULT, http_memory_alloc,
	    http_memory_free, http_memory_grow, strdup, calloc) != CURLE_OK)
		return fail(cx, ERR_INTERNAL, "http: libcurl does not start");
	trust = X509_STORE_new();
	if (!trust || pthread_key_create(&fetch_keys[0], transfer_free) != 0 ||
	    pthread_key_create(&fetch_keys[1], transfer_free) != 0)
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
	int i;

	if (!trust)
		return;
	for (i = 0; i < 2; i++) {
		transfer_free(pthread_getspecific(fetch_keys[i]));
		pthread_key_delete(fetch_keys[i]);
	}
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

/* The last look before connecting, at the address that it goes to. */
static curl_socket_t
on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *to)
{
	struct transfer *t = arg;
	const struct http_fence *fence = t->fence;
	char address[INET6_ADDRSTRLEN] = "";

	(void)purpose;
	if (fence) {
		if (to->family == AF_INET)
			inet_ntop(AF_INET,
			    &((const struct sockaddr_in *)&to->addr)->sin_addr,
			    address, sizeof(address));
		else if (to->family == AF_INET6)
			inet_ntop(AF_INET6,
			    &((const struct sockaddr_in6 *)&to->addr)->sin6_addr,
			    address, sizeof(address));
		if (!network_is_public(address) &&
		    !network_has(fence->inside, fence->ninside, address)) {
			t->fenced = true;
			return CURL_SOCKET_BAD;
		}
	}
	return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

static void
set_method(CURL *easy, const struct http_request *rq)
{
	const bool head = strcmp(rq->method, "HEAD") == 0;

	curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L); /* nothing of the last */
	if (rq->body || strcmp(rq->method, "POST") == 0) {
		curl_easy_setopt(easy, CURLOPT_POST, 1L);
		curl_easy_setopt(
		    easy, CURLOPT_POSTFIELDS, rq->body ? rq->body : "");
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
		    (curl_off_t)(rq->body ? rq->body_len : 0));
	}
	if (head)
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	curl_easy_setopt(
	    easy, CURLOPT_CUSTOMREQUEST, head ? NULL : rq->method);
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

/* What is the same for all its calls. */
static CURL *
easy_new(struct transfer *t)
{
	CURL *easy = curl_easy_init();

	if (!easy) {
		log_say(LOG_ERROR, "http: out of memory");
		abort();
	}
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
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, t);
	curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_connected);
	curl_easy_setopt(easy, CURLOPT_PREREQDATA, t);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t->error);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, t);
	return easy;
}

void
transfer_prepare(struct transfer *t, const struct http_request *rq)
{
	if (!t->easy)
		t->easy = easy_new(t);
	t->sent = false;
	t->local_port = 0;
	t->error[0] = '\0';
	t->started_ms = clock_mono_ms();
	t->fence = rq->fence;
	t->fenced = false;
	curl_easy_setopt(t->easy, CURLOPT_PROTOCOLS_STR,
	    rq->fence ? "https" : "http,https");
	curl_easy_setopt(t->easy, CURLOPT_URL, rq->url);
	curl_easy_setopt(t->easy, CURLOPT_TIMEOUT_MS, (long)rq->timeout_ms);
	curl_easy_setopt(t->easy, CURLOPT_CONNECTTIMEOUT_MS,
	    rq->timeout_ms < CONNECT_MS ? (long)rq->timeout_ms : CONNECT_MS);
	set_method(t->easy, rq);
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

void
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
	if (t->fenced)
		words = "its name leads to an address that is not public";
	if (t->body.overflow)
		words = "the answer is larger than its limit";
	snprintf(ret->why, sizeof(ret->why), "%.*s", (int)sizeof(ret->why) - 1,
	    words);
}

void
transfer_clear(struct transfer *t)
{
	/* It would point to what its caller frees. */
	curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, NULL);
	curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(t->headers);
	t->headers = NULL;
}

void
http_fetch(
    struct ctx *cx, const struct http_request *rq, struct http_response *ret)
{
	const pthread_key_t key = fetch_keys[rq->fence ? 1 : 0];
	struct transfer *t = pthread_getspecific(key);

	if (!t) {
		t = heap_alloc(sizeof(*t));
		pthread_setspecific(key, t);
	}
	buf_init(&t->body, &cx->arena, rq->max_bytes);
	transfer_prepare(t, rq);
	transfer_result(t, curl_easy_perform(t->easy), ret);
	transfer_clear(t);
}
