/* The recorded requests of a PBX: seen, run through its adapter, taken along. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "app/desk.h"
#include "app/handlers.h"
#include "app/who.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "pbx/platform.h"
#include "sync/statement.h"

#define EVENTS_BYTES (4u << 20) /* JSON of one request's events */
#define FILE_BYTES (64u << 20)

/* The columns of ST_CAPTURE_ROWS. */
enum { NO, AT, METHOD, QUERY, HEADERS, BODY, IS_CUT, STATUS, DETAIL, PLATFORM,
	AUTH };

enum err
capture_get(struct request *rq)
{
	char *id = NULL;
	enum err e = desk_pbx_id(rq, &id);

	if (e != ERR_OK)
		return e;
	return desk_answer(rq, 200, ST_CAPTURE_VIEW,
	    (const char *[]){ visitor_of(rq)->tenant_id, id }, "PBX");
}

/* Begins anew, with a key that nothing before was redacted with. */
enum err
capture_post(struct request *rq)
{
	const struct visitor *v = visitor_of(rq);
	uint8_t bytes[32];
	char key[2 * sizeof(bytes) + 1];
	struct rows *rows;
	char *id = NULL;
	enum err e;

	text_random(bytes, sizeof(bytes));
	text_hex(bytes, sizeof(bytes), key);
	e = desk_pbx_id(rq, &id);
	if (e == ERR_OK)
		e = desk_call(rq, ST_CAPTURE_START,
		    (const char *[]){ v->tenant_id, id, key, v->user_id },
		    &rows);
	if (e != ERR_OK)
		return e;
	return capture_get(rq);
}

enum err
capture_delete(struct request *rq)
{
	const struct visitor *v = visitor_of(rq);
	struct rows *rows;
	char *id = NULL;
	enum err e;

	e = desk_pbx_id(rq, &id);
	if (e == ERR_OK)
		e = desk_call(rq, ST_CAPTURE_DELETE,
		    (const char *[]){ v->tenant_id, id, v->user_id }, &rows);
	if (e != ERR_OK)
		return e;
	response_bytes(rq, 204, NULL, "", 0);
	return ERR_OK;
}

/* --- through the adapter -------------------------------------------------------- */

/* arg: the JSON list ["name: value", ...] */
static const char *
header_of(void *arg, const char *name)
{
	struct json_object *lines = arg;
	const size_t len = strlen(name);
	const char *line;
	size_t i;

	for (i = 0; i < json_object_array_length(lines); i++) {
		line = json_object_get_string(
		    json_object_array_get_idx(lines, i));
		if (line && strncasecmp(line, name, len) == 0 &&
		    text_starts(line + len, ": "))
			return line + len + 2;
	}
	return NULL;
}

/* "at": the sender's time as RFC 3339 with microseconds, or null. */
static void
time_json(struct buf *b, const char *name, bool known, int64_t at_us)
{
	char text[21] = "";
	int64_t s = at_us / 1000000, us = at_us % 1000000;

	if (us < 0) {
		us += 1000000;
		s--;
	}
	buf_printf(b, ",\"%s\":", name);
	if (!known) {
		buf_text(b, "null");
		return;
	}
	clock_rfc3339(s, text);
	text[19] = '\0'; /* the Z comes behind the fraction */
	buf_printf(b, "\"%s.%06dZ\"", text, (int)us);
}

static void
text_json(struct buf *b, const char *name, const char *value)
{
	buf_printf(b, ",\"%s\":", name);
	buf_json(b, value);
}

/* {"events":[...],"sent_at":..} or {"error":"..","kind":"input"}, which is an answer. */
static void
events_json(struct ctx *cx, struct buf *b, enum err e,
    const struct pbx_events *events)
{
	int i;

	if (e != ERR_OK) {
		buf_text(b, "{\"error\":");
		buf_json(b, cx->detail);
		text_json(b, "kind", err_word(e));
		buf_text(b, "}");
		return;
	}
	buf_text(b, "{\"events\":[");
	for (i = 0; i < events->n; i++) {
		const struct call_event *v = &events->list[i];

		buf_printf(b, "%s{\"type\":\"%s\"", i > 0 ? "," : "",
		    event_type_name(v->type));
		text_json(b, "extension", v->extension);
		text_json(b, "call_id", v->call_id);
		text_json(b, "leg_id", v->leg_id);
		text_json(b, "line", v->line);
		time_json(b, "at", v->has_at, v->at_us);
		text_json(b, "key", v->key);
		buf_text(b, "}");
	}
	buf_text(b, "]");
	time_json(b, "sent_at", events->has_attempt, events->attempt_us);
	buf_text(b, "}");
}

/* What the adapter makes of a row, as JSON in b. Nobody's presence changes. */
static enum err
replay(struct request *rq, const struct rows *rows, int row, struct buf *b)
{
	const struct platform *p = platform_find(rows_text(rows, row, PLATFORM));
	struct pbx_events events = { 0 };
	struct pbx_request in;
	struct json_object *headers = NULL;
	const char *type;
	enum err e, parsed;
	struct ctx cx;

	if (p == NULL)
		return fail(&rq->cx, ERR_INTERNAL, "pbx: platform %s",
		    rows_text(rows, row, PLATFORM));
	e = json_read(&rq->cx, rows_text(rows, row, HEADERS),
	    strlen(rows_text(rows, row, HEADERS)), &headers);
	if (e != ERR_OK)
		return e;
	type = header_of(headers, "content-type");
	ctx_init(&cx, rq->cx.id); /* its errors are part of the answer */
	in = (struct pbx_request){
	    .method = rows_text(rows, row, METHOD),
	    .url = "", .content_type = type != NULL ? type : "",
	    .query = rows_text(rows, row, QUERY),
	    .body = rows_text(rows, row, BODY),
	    .body_len = strlen(rows_text(rows, row, BODY)),
	    .by_path = strcmp(rows_text(rows, row, AUTH), "path") == 0,
	    .header = header_of, .arg = headers };
	parsed = rows_bool(rows, row, IS_CUT) ? fail(&cx, ERR_INPUT,
	    "the request was too long to be recorded to its end") :
	    p->parse(&cx, &in, &events);
	events_json(&cx, b, parsed, &events);
	ctx_done(&cx);
	return ERR_OK;
}

enum err
capture_replay_post(struct request *rq)
{
	struct rows *rows;
	char *id = NULL;
	struct buf b;
	int64_t no;
	enum err e;

	e = desk_pbx_id(rq, &id);
	if (e == ERR_OK && !text_int64(rq->params[1], 1, 1000, &no))
		e = fail(&rq->cx, ERR_NOT_FOUND,
		    "there is no recorded request of this number");
	if (e == ERR_OK)
		e = desk_call(rq, ST_CAPTURE_ROWS, (const char *[]){
		    visitor_of(rq)->tenant_id, id, rq->params[1] }, &rows);
	if (e != ERR_OK)
		return e;
	buf_init(&b, &rq->cx.arena, EVENTS_BYTES);
	e = replay(rq, rows, 0, &b);
	if (e == ERR_OK)
		response_json(rq, 200, &b);
	return e;
}

/* {"platform":..,"auth":..,"requests":[{no, at, method, query, headers, body, cut,
 * status, detail, result: as of a replay}]}: tests/pbx/from-capture.mjs reads it. */
enum err
capture_download_get(struct request *rq)
{
	struct rows *rows;
	char *id = NULL;
	struct buf b;
	enum err e;
	int i;

	e = desk_pbx_id(rq, &id);
	if (e == ERR_OK)
		e = desk_call(rq, ST_CAPTURE_ROWS, (const char *[]){
		    visitor_of(rq)->tenant_id, id, NULL }, &rows);
	if (e != ERR_OK)
		return e;
	if (rows_count(rows) == 0)
		return fail(&rq->cx, ERR_NOT_FOUND, "nothing is recorded yet");
	buf_init(&b, &rq->cx.arena, FILE_BYTES);
	buf_printf(&b, "{\"platform\":\"%s\",\"auth\":\"%s\",\"requests\":[",
	    rows_text(rows, 0, PLATFORM), rows_text(rows, 0, AUTH));
	for (i = 0; e == ERR_OK && i < rows_count(rows); i++) {
		buf_printf(&b, "%s\n{\"no\":%s", i > 0 ? "," : "",
		    rows_text(rows, i, NO));
		text_json(&b, "at", rows_text(rows, i, AT));
		text_json(&b, "method", rows_text(rows, i, METHOD));
		text_json(&b, "query", rows_text(rows, i, QUERY));
		buf_printf(&b, ",\"headers\":%s", rows_text(rows, i, HEADERS));
		text_json(&b, "body", rows_text(rows, i, BODY));
		buf_printf(&b, ",\"cut\":%s,\"status\":%s",
		    rows_bool(rows, i, IS_CUT) ? "true" : "false",
		    rows_text(rows, i, STATUS));
		text_json(&b, "detail", rows_text(rows, i, DETAIL));
		buf_text(&b, ",\"result\":");
		e = replay(rq, rows, i, &b);
		buf_text(&b, "}");
	}
	buf_text(&b, "\n]}\n");
	if (e != ERR_OK)
		return e;
	response_header(rq, "Content-Disposition",
	    "attachment; filename=\"recorded-requests.json\"");
	response_json(rq, 200, &b);
	return ERR_OK;
}
