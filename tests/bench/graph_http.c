/* HTTP/2 and HTTP/1.1 of the fake Graph: bytes to calls, calls to bytes. */
#include "graph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static struct call *free_calls;
static int ncalls;
static nghttp2_session_callbacks *callbacks;
static nghttp2_option *options;

/* --- calls ------------------------------------------------------------------
 */

static struct call *
call_new(struct conn *c, int32_t stream)
{
	struct call *call = free_calls;

	if (call)
		free_calls = call->next;
	else if (ncalls < CALLS_MAX && (call = malloc(sizeof(*call))))
		ncalls++;
	else
		return NULL;
	call->conn = c;
	call->next = c->calls;
	call->at = &c->calls;
	if (call->next)
		call->next->at = &call->next;
	c->calls = call;
	call->due_us = -1;
	call->stream = stream;
	call->is_post = false;
	call->path[0] = call->tenant[0] = '\0';
	call->len = call->text_done = 0;
	call->person = NULL;
	return call;
}

/* Out of its connection's list. */
static void
call_leave(struct call *call)
{
	if (!call->conn)
		return;
	*call->at = call->next;
	if (call->next)
		call->next->at = call->at;
	call->conn = NULL;
}

void
call_free(struct call *call)
{
	call_leave(call);
	call->next = free_calls;
	free_calls = call;
}

static void
token_read(struct call *call, const char *value, size_t len)
{
	if (len == 7 + 6 + 36 && strncasecmp(value, "Bearer bench.", 13) == 0) {
		memcpy(call->tenant, value + 13, 36);
		call->tenant[36] = '\0';
	}
}

/* Nobody waits for it any more. */
static void
call_abandon(struct call *call)
{
	if (call->due_us <= 0) {
		call_free(call);
		return;
	}
	graph_given_up++;
	call_leave(call);
}

void
calls_leave(struct conn *c)
{
	while (c->calls)
		call_abandon(c->calls);
}

/* --- answers ---------------------------------------------------------------
 */

static ssize_t
text_read(nghttp2_session *h2, int32_t stream, uint8_t *to, size_t size,
    uint32_t *flags, nghttp2_data_source *source, void *arg)
{
	struct call *call = source->ptr;
	size_t n = strlen(call->text) - call->text_done;

	(void)h2;
	(void)stream;
	(void)arg;
	if (n > size)
		n = size;
	memcpy(to, call->text + call->text_done, n);
	call->text_done += n;
	if (!call->text[call->text_done])
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	return (ssize_t)n;
}

static void
h2_answer(struct conn *c, struct call *call)
{
	char status[12], length[24];
	nghttp2_nv nv[] = {
		{ (uint8_t *)":status", (uint8_t *)status, 7, 3,
		    NGHTTP2_NV_FLAG_NO_COPY_NAME },
		{ (uint8_t *)"content-length", (uint8_t *)length, 14, 0,
		    NGHTTP2_NV_FLAG_NO_COPY_NAME },
	};
	const nghttp2_data_provider data = { .source.ptr = call,
		.read_callback = text_read };

	snprintf(status, sizeof(status), "%03d", call->status);
	nv[1].valuelen =
	    (size_t)snprintf(length, sizeof(length), "%zu", strlen(call->text));
	nghttp2_submit_response(
	    c->h2, call->stream, nv, 2, call->text[0] ? &data : NULL);
}

static void
h1_answer(struct conn *c, struct call *call)
{
	const bool list = strcmp(call->path, "/people") == 0;
	size_t len = strlen(call->text);
	char *text = list ? people_list(&len) : NULL;
	char head[128];

	if (text)
		call->status = 200;
	out_add(c, head,
	    (size_t)snprintf(head, sizeof(head),
		"HTTP/1.1 %d %s\r\n"
		"Content-Length: %zu\r\nContent-Type: application/json\r\n\r\n",
		call->status, call->status < 300 ? "OK" : "Error",
		text ? len : strlen(call->text)));
	out_add(c, text ? text : call->text, len);
	free(text);
	call_free(call);
}

void
http_answer(struct conn *c, struct call *call)
{
	call->due_us = 0;
	if (c->h2)
		h2_answer(c, call); /* freed when its stream is closed */
	else
		h1_answer(c, call);
}

/* --- HTTP/2 -----------------------------------------------------------------
 */

static int
on_begin(nghttp2_session *h2, const nghttp2_frame *f, void *arg)
{
	struct call *call;

	if (f->hd.type != NGHTTP2_HEADERS ||
	    f->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	call = call_new(arg, f->hd.stream_id);
	if (!call)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	nghttp2_session_set_stream_user_data(h2, f->hd.stream_id, call);
	return 0;
}

static int
on_header(nghttp2_session *h2, const nghttp2_frame *f, const uint8_t *name,
    size_t name_len, const uint8_t *value, size_t len, uint8_t flags, void *arg)
{
	struct call *call =
	    nghttp2_session_get_stream_user_data(h2, f->hd.stream_id);

	(void)flags;
	(void)arg;
	if (!call)
		return 0;
	if (name_len == 5 && memcmp(name, ":path", 5) == 0)
		snprintf(call->path, sizeof(call->path), "%.*s", (int)len,
		    (const char *)value);
	else if (name_len == 7 && memcmp(name, ":method", 7) == 0)
		call->is_post = len == 4 && memcmp(value, "POST", 4) == 0;
	else if (name_len == 13 && memcmp(name, "authorization", 13) == 0)
		token_read(call, (const char *)value, len);
	return 0;
}

static int
on_data(nghttp2_session *h2, uint8_t flags, int32_t stream, const uint8_t *data,
    size_t len, void *arg)
{
	struct call *call = nghttp2_session_get_stream_user_data(h2, stream);

	(void)flags;
	(void)arg;
	if (!call)
		return 0;
	if (len > BODY_MAX_BYTES - call->len)
		len = BODY_MAX_BYTES - call->len;
	memcpy(call->body + call->len, data, len);
	call->len += len;
	return 0;
}

static int
on_frame(nghttp2_session *h2, const nghttp2_frame *f, void *arg)
{
	struct call *call;

	(void)arg;
	if (f->hd.type == NGHTTP2_RST_STREAM)
		graph_resets++;
	if ((f->hd.type != NGHTTP2_HEADERS && f->hd.type != NGHTTP2_DATA) ||
	    !(f->hd.flags & NGHTTP2_FLAG_END_STREAM))
		return 0;
	call = nghttp2_session_get_stream_user_data(h2, f->hd.stream_id);
	if (call)
		call_whole(call);
	return 0;
}

static int
on_close(nghttp2_session *h2, int32_t stream, uint32_t code, void *arg)
{
	struct call *call = nghttp2_session_get_stream_user_data(h2, stream);

	(void)code;
	(void)arg;
	if (!call)
		return 0;
	call_abandon(call);
	return 0;
}

bool
h2_begin(struct conn *c)
{
	const nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, STREAMS },
	};

	return nghttp2_session_server_new2(&c->h2, callbacks, c, options) ==
	    0 &&
	    nghttp2_submit_settings(c->h2, NGHTTP2_FLAG_NONE, settings, 1) == 0;
}

/* --- HTTP/1.1 ---------------------------------------------------------------
 */

/* One request at a time; false: not HTTP. */
bool
h1_read(struct conn *c)
{
	char *end, *body, *line, *path, *sp;
	struct call *call;
	size_t len = 0;

	c->in[c->in_len] = '\0';
	if (c->calls)
		return true;
	end = strstr(c->in, "\r\n\r\n");
	if (!end)
		return c->in_len < sizeof(c->in) - 1;
	body = end + 4;
	for (line = c->in; line && line < end;
	     line = strstr(line, "\r\n"), line += line ? 2 : 0)
		if (strncasecmp(line, "content-length:", 15) == 0)
			len = strtoul(line + 15, NULL, 10);
	if (len > sizeof(c->in) - 1 - (size_t)(body - c->in))
		return false;
	if ((size_t)(c->in + c->in_len - body) < len)
		return true;
	call = call_new(c, 0);
	path = strchr(c->in, ' ');
	sp = path ? strchr(path + 1, ' ') : NULL;
	if (!call || !sp)
		return false;
	call->is_post = strncmp(c->in, "POST ", 5) == 0;
	snprintf(call->path, sizeof(call->path), "%.*s", (int)(sp - path - 1),
	    path + 1);
	for (line = c->in; line && line < end;
	     line = strstr(line, "\r\n"), line += line ? 2 : 0)
		if (strncasecmp(line, "authorization: ", 15) == 0)
			token_read(call, line + 15, strcspn(line + 15, "\r"));
	call->len = len < BODY_MAX_BYTES ? len : BODY_MAX_BYTES;
	memcpy(call->body, body, call->len);
	c->in_len -= (size_t)(body - c->in) + len;
	memmove(c->in, body + len, c->in_len);
	call_whole(call);
	return true;
}

/* --- start ------------------------------------------------------------------
 */

void
http_init(void)
{
	/* libcurl 7.88 resets each stream that ends with its headers, also
	 * when all is done. nghttp2's own limit (1,000, then 33 a second) would
	 * end a connection every second or two. */
	nghttp2_option_new(&options);
	nghttp2_option_set_stream_reset_rate_limit(options, 1 << 30, 1 << 20);
	nghttp2_session_callbacks_new(&callbacks);
	nghttp2_session_callbacks_set_on_begin_headers_callback(
	    callbacks, on_begin);
	nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
	    callbacks, on_data);
	nghttp2_session_callbacks_set_on_frame_recv_callback(
	    callbacks, on_frame);
	nghttp2_session_callbacks_set_on_stream_close_callback(
	    callbacks, on_close);
}
