/* Recording the requests of a PBX, see capture.h. */
#include "app/capture.h"

#include <stdatomic.h>
#include <string.h>

#include "app/notes.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "pbx/redact.h"
#include "sync/statement.h"

#define BODY_MAX 65536  /* bytes of a body that are stored */
#define QUERY_MAX 16384
#define HEADERS_MAX 20
#define WAITING_MAX 32  /* in this process, at 256 KiB and a little each */

/* One request, with an arena of its own: it outlives the one it was. */
struct capture {
	struct ctx cx;
	struct door *door;
	struct request *rq;     /* until it ends */
	struct caller caller;
	struct redact redact;
	const char *method, *query, *body;
	size_t body_len;
	const char *names[HEADERS_MAX], *values[HEADERS_MAX];
	int nheaders;
	int status;
};

static atomic_int waiting;

static void
capture_free(struct capture *c)
{
	ctx_done(&c->cx);
	heap_free(c);
	atomic_fetch_sub(&waiting, 1);
}

/* At most max bytes, and no half character. */
static char *
cut(struct ctx *cx, char *text, size_t max, bool *ret_cut)
{
	size_t len = strlen(text);

	if (len <= max)
		return text;
	*ret_cut = true;
	for (len = max; len > 0 && !text_is_utf8(text, len); len--)
		;
	return arena_strndup(&cx->arena, text, len);
}

/* ["name: value", ...] of those that may be kept. */
static const char *
headers_json(struct capture *c)
{
	bool first = true;
	struct buf b;
	char *line;
	int i;

	buf_init(&b, &c->cx.arena, 1 << 18);
	buf_text(&b, "[");
	for (i = 0; i < c->nheaders; i++) {
		line = redact_header(&c->cx, &c->redact, c->names[i],
		    c->values[i]);
		if (line == NULL)
			continue;
		if (!first)
			buf_text(&b, ",");
		buf_json(&b, line);
		first = false;
	}
	buf_text(&b, "]");
	return b.overflow ? "[]" : buf_str(&b);
}

static enum err
capture_store(struct ctx *cx, struct db *db, void *item)
{
	struct capture *c = item;
	const struct redact *r = &c->redact;
	bool is_cut = false;
	char *query, *body;
	struct rows *rows;
	enum err e;

	query = cut(&c->cx, redact_text(&c->cx, r, c->query, strlen(c->query)),
	    QUERY_MAX, &is_cut);
	body = cut(&c->cx, redact_text(&c->cx, r, c->body, c->body_len),
	    BODY_MAX, &is_cut);
	e = db_call(cx, db, ST_CAPTURE_ADD, (const char *[]){
	    c->caller.tenant_id, c->caller.pbx_id, r->key, c->method, query,
	    headers_json(c), body, is_cut ? "t" : "f",
	    arena_printf(&c->cx.arena, "%d", c->status),
	    c->cx.detail[0] != '\0' ? redact_text(&c->cx, r, c->cx.detail,
	    strlen(c->cx.detail)) : NULL }, &rows);
	if (!e && !rows_bool(rows, 0, 0))
		door_capture_over(c->door, c->caller.pbx_id);
	capture_free(c);
	return e;
}

/* The request has been answered, well or not. */
static void
capture_end(void *arg)
{
	struct capture *c = arg;
	const struct request *rq = c->rq;

	c->status = rq->status;
	/* What went wrong inside stays inside. */
	if (rq->cx.err != ERR_OK && rq->status < 500)
		fail(&c->cx, rq->cx.err, "%s", rq->cx.detail);
	c->rq = NULL;
	if (!notes_do(door_notes(c->door), capture_store, c))
		capture_free(c);
}

static const char *
copy(struct capture *c, const char *text)
{
	return arena_strdup(&c->cx.arena, text);
}

void
capture_request(struct request *rq, struct door *door,
    const struct caller *caller, const char *secret)
{
	struct capture *c;
	const char *value;
	int i;

	if (caller->capture_key[0] == '\0')
		return;
	if (atomic_fetch_add(&waiting, 1) >= WAITING_MAX) {
		atomic_fetch_sub(&waiting, 1);
		return;
	}
	c = heap_alloc(sizeof(*c));
	ctx_init(&c->cx, rq->cx.id);
	c->door = door;
	c->rq = rq;
	c->caller = *caller;
	c->redact = (struct redact){ .key = c->caller.capture_key,
		.secret = secret ? copy(c, secret) : NULL,
		.now_s = clock_real_s() };
	c->method = copy(c, rq->method);
	c->query = copy(c, rq->query);
	c->body = arena_strndup(&c->cx.arena, rq->body, rq->body_len);
	c->body_len = rq->body_len;
	for (i = 0; redact_headers[i] != NULL && c->nheaders < HEADERS_MAX; i++) {
		value = request_header(rq, redact_headers[i]);
		if (value == NULL || *value == '\0')
			continue;
		c->names[c->nheaders] = redact_headers[i];
		c->values[c->nheaders++] = copy(c, value);
	}
	arena_defer(&rq->cx.arena, capture_end, c);
}
