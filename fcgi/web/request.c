/* Reads a request, makes its answer, sends it, and logs its one line. */
#include "web/request.h"

#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "base/wire.h"
#include "web/fastcgi.h"
#include "web/route.h"

#define HEADERS_MAX 16384
#define BODY_CHUNK 16384
#define BODY_MOST 1073741824 /* nginx allows far less */

static const char *
param(struct request *rq, const char *name)
{
	const char *value = fastcgi_param(rq->fastcgi, name);

	return value != NULL ? value : "";
}

struct request *
request_new(int fd)
{
	struct fastcgi *f = fastcgi_open(fd);
	struct request *rq;
	const char *uri;

	if (f == NULL)
		return NULL;
	rq = heap_alloc(sizeof(*rq));
	rq->fastcgi = f;
	ctx_init(&rq->cx, fastcgi_param(f, "REQUEST_ID"));
	rq->method = param(rq, "REQUEST_METHOD");
	uri = param(rq, "REQUEST_URI");
	rq->path = arena_strndup(&rq->cx.arena, uri, strcspn(uri, "?#"));
	rq->query = param(rq, "QUERY_STRING");
	rq->remote = param(rq, "REMOTE_ADDR");
	rq->content_type = param(rq, "CONTENT_TYPE");
	rq->body = "";
	buf_init(&rq->headers, &rq->cx.arena, HEADERS_MAX);
	return rq;
}

enum err
request_read_body(struct request *rq, size_t max_bytes)
{
	char chunk[BODY_CHUNK];
	size_t n, total = 0;
	int64_t promised;
	struct buf body;
	bool fits = true, broken;

	buf_init(&body, &rq->cx.arena, max_bytes);
	while ((n = fastcgi_read(rq->fastcgi, chunk, sizeof(chunk))) > 0) {
		total += n;
		/* Only whole bodies count: what cannot be kept goes at once. */
		if (fits && !buf_add(&body, chunk, n)) {
			fits = false;
			buf_done(&body);
		}
		if (total > BODY_MOST)
			break;
	}
	broken = fastcgi_is_broken(rq->fastcgi);
	fastcgi_end_reading(rq->fastcgi);
	if (broken)
		return fail(&rq->cx, ERR_INPUT, "the request ended early");
	if (!fits)
		return fail(&rq->cx, ERR_TOO_LARGE,
		    "the body is longer than %zu bytes", max_bytes);
	if (*param(rq, "CONTENT_LENGTH") != '\0' &&
	    (!text_int64(
		 param(rq, "CONTENT_LENGTH"), 0, BODY_MOST, &promised) ||
		(size_t)promised != total))
		return fail(&rq->cx, ERR_INPUT,
		    "the body has not the length of Content-Length");
	rq->body = buf_str(&body);
	rq->body_len = body.len;
	return ERR_OK;
}

const char *
request_header(struct request *rq, const char *name)
{
	char cgi[80] = "HTTP_";
	const char *value;
	size_t i, at = strlen(cgi);

	if (text_same_word(name, "content-type") ||
	    text_same_word(name, "content-length"))
		at = 0;
	if (at + strlen(name) >= sizeof(cgi))
		return NULL;
	for (i = 0; name[i] != '\0'; i++) {
		char c = name[i];

		if (c >= 'a' && c <= 'z')
			c = (char)(c - 'a' + 'A');
		cgi[at++] = c == '-' ? '_' : c;
	}
	cgi[at] = '\0';
	value = fastcgi_param(rq->fastcgi, cgi);
	if (value != NULL && !text_is_utf8(value, strlen(value)))
		return NULL;
	return value;
}

const char *
request_cookie(struct request *rq, const char *name)
{
	const char *at = request_header(rq, "cookie");
	size_t len = strlen(name);

	while (at != NULL && *at != '\0') {
		size_t pair = strcspn(at, ";");

		if (pair > len && strncmp(at, name, len) == 0 && at[len] == '=')
			return arena_strndup(
			    &rq->cx.arena, at + len + 1, pair - len - 1);
		at += pair;
		at += strspn(at, "; ");
	}
	return NULL;
}

enum err
request_query(struct request *rq, const char *name, const char **ret)
{
	return wire_pair(&rq->cx, rq->query, name, ret);
}

enum err
request_media(struct request *rq, const char *type)
{
	if (!wire_media_is(rq->content_type, type))
		return fail(
		    &rq->cx, ERR_MEDIA, "the content type is not %s", type);
	return ERR_OK;
}

static void
note(struct request *rq, const char *name, const char *text, int64_t number)
{
	if (rq->nnotes == REQUEST_NOTES)
		return;
	rq->notes[rq->nnotes].name = name;
	rq->notes[rq->nnotes].text = text;
	rq->notes[rq->nnotes].number = number;
	rq->nnotes++;
}

void
request_note(struct request *rq, const char *name, const char *text)
{
	if (text != NULL)
		note(rq, name, text, 0);
}

void
request_note_int(struct request *rq, const char *name, int64_t number)
{
	note(rq, name, NULL, number);
}

/* One line of the answer's head; control bytes would end it or forge one. */
static void
head_line(struct buf *b, const char *name, const char *value)
{
	buf_printf(b, "%s: ", name);
	for (; *value != '\0'; value++)
		if ((unsigned char)*value >= 0x20 && *value != 0x7f)
			buf_add(b, value, 1);
	buf_text(b, "\r\n");
}

/* As head_line, unless a line of that name is there already. */
static void
head_default(struct buf *b, const char *name, const char *value)
{
	const char *at = buf_str(b);
	size_t len = strlen(name);

	if (b->overflow) /* no whole lines; response_send sees to it */
		return;
	while (*at != '\0') {
		if (strncasecmp(at, name, len) == 0 && at[len] == ':')
			return;
		at = strchr(at, '\n') + 1;
	}
	head_line(b, name, value);
}

void
response_bytes(struct request *rq, int status, const char *type,
    const char *bytes, size_t len)
{
	rq->status = status;
	rq->type = type;
	rq->out = bytes;
	rq->out_len = len;
	rq->location = NULL;
}

void
response_json(struct request *rq, int status, const struct buf *json)
{
	if (json->overflow) {
		fail(&rq->cx, ERR_INTERNAL, "the answer is too large");
		response_error(rq);
		return;
	}
	response_bytes(
	    rq, status, "application/json", buf_str(json), json->len);
}

void
response_redirect(struct request *rq, const char *url)
{
	response_bytes(rq, 302, NULL, "", 0);
	rq->location = url;
}

void
response_header(struct request *rq, const char *name, const char *value)
{
	head_line(&rq->headers, name, value);
}

static const char *const titles[ERR__MAX] = {
	[ERR_INPUT] = "The request is not as it must be",
	[ERR_AUTH] = "It is not proved who asks",
	[ERR_FORBIDDEN] = "This is not allowed",
	[ERR_NOT_FOUND] = "There is no such thing",
	[ERR_METHOD] = "Not with this method",
	[ERR_CONFLICT] = "This does not fit with what is there",
	[ERR_TOO_LARGE] = "The request is too large",
	[ERR_MEDIA] = "Not with this content type",
	[ERR_LIMIT] = "Too many requests",
	[ERR_INTERNAL] = "Something went wrong here",
	[ERR_UPSTREAM] = "Another service gave no good answer",
	[ERR_BUSY] = "Not now, try again soon",
	[ERR_TIMEOUT] = "It took too long",
};

void
response_error(struct request *rq)
{
	struct ctx *cx = &rq->cx;
	enum err e = cx->err != ERR_OK ? cx->err : ERR_INTERNAL;
	int status = err_status(e);
	struct buf b;

	buf_init(&b, &cx->arena, 4096);
	buf_printf(&b,
	    "{\"type\":\"urn:presence:problem:%s\",\"title\":", err_word(e));
	buf_json(&b, titles[e]);
	buf_printf(&b, ",\"status\":%d,\"detail\":", status);
	/* What went wrong inside stays inside. */
	buf_json(&b, status < 500 && *cx->detail != '\0' ? cx->detail : NULL);
	buf_text(&b, ",\"request_id\":");
	buf_json(&b, cx->id);
	buf_text(&b, "}\n");
	response_bytes(
	    rq, status, "application/problem+json", buf_str(&b), b.len);
	if (e == ERR_BUSY || e == ERR_LIMIT)
		response_header(rq, "Retry-After",
		    arena_printf(&cx->arena, "%d",
			cx->retry_after_s > 0 ? cx->retry_after_s : 1));
}

static void
response_send(struct request *rq)
{
	struct buf *h = &rq->headers;
	struct buf head;

	if (rq->type != NULL)
		head_default(h, "Content-Type", rq->type);
	if (rq->location != NULL)
		head_default(h, "Location", rq->location);
	head_default(h, "Cache-Control", "no-store");
	head_default(h, "X-Content-Type-Options", "nosniff");
	if (h->overflow) { /* a head with lines missing may be unsafe */
		buf_clear(h);
		fail(&rq->cx, ERR_INTERNAL, "the head is too large");
		response_error(rq);
		head_line(h, "Content-Type", rq->type);
	}
	buf_init(&head, &rq->cx.arena, HEADERS_MAX + 256);
	buf_printf(&head, "Status: %d\r\nContent-Length: %zu\r\n", rq->status,
	    rq->out_len);
	buf_add(&head, buf_str(h), h->len);
	buf_text(&head, "\r\n");
	fastcgi_write(rq->fastcgi, buf_str(&head), head.len);
	fastcgi_write(rq->fastcgi, rq->out, rq->out_len);
}

static void
log_request(struct request *rq)
{
	const struct route *route = rq->route;
	struct log_line l;
	int i;

	log_begin(&l, rq->status >= 500 ? LOG_WARN : LOG_INFO);
	log_text(&l, "req", rq->cx.id);
	log_text(&l, "route",
	    route == NULL ? "none"
			  : arena_printf(&rq->cx.arena, "%s %s", route->method,
				route->path));
	log_int(&l, "status", rq->status);
	log_int(&l, "ms", clock_mono_ms() - rq->cx.started_ms);
	log_text(&l, "err", err_word(rq->cx.err));
	if (rq->cx.err != ERR_OK)
		log_text(&l, "detail", rq->cx.detail);
	for (i = 0; i < rq->nnotes; i++) {
		if (rq->notes[i].text != NULL)
			log_text(&l, rq->notes[i].name, rq->notes[i].text);
		else
			log_int(&l, rq->notes[i].name, rq->notes[i].number);
	}
	log_end(&l);
}

void
request_finish(struct request *rq)
{
	if (rq->status == 0) {
		fail(&rq->cx, ERR_INTERNAL, "nobody made an answer");
		response_error(rq);
	}
	response_send(rq);
	log_request(rq);
	fastcgi_close(rq->fastcgi);
	ctx_done(&rq->cx);
	heap_free(rq);
}
