/* Microsoft Graph, see graph.h: what is sent, and what an answer means. */
#include "sync/graph.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/text.h"

#define CALL_MS 15000    /* design: one Graph call, from its sending */
#define REPLY_MAX 65536  /* of presence calls: errors, one presence */
#define FIND_MS 10000
#define PAGE_MAX ((size_t)8 << 20)
#define PAGES_MAX 1000
#define PAGE_USERS 999   /* what Graph gives at most */
#define SELECT "$select=id,displayName,userPrincipalName"

/* --- requests --------------------------------------------------------------- */

/* The unit's id as a GUID: what Microsoft's support asks for. */
static char *
request_guid(struct ctx *cx)
{
	const char *id = cx->id;

	return arena_printf(&cx->arena, "%.8s-%.4s-%.4s-%.4s-%.12s", id,
	    id + 8, id + 12, id + 16, id + 20);
}

static void
wipe(void *text)
{
	explicit_bzero(text, strlen(text));
}

static const char *const *
headers(struct ctx *cx, const char *token, bool has_body)
{
	const char **list = arena_array(&cx->arena, 5, sizeof(*list));
	char *bearer = arena_printf(&cx->arena, "Authorization: Bearer %s",
	    token);
	int n = 0;

	arena_defer(&cx->arena, wipe, bearer);
	list[n++] = bearer;
	list[n++] = "Accept: application/json";
	list[n++] = arena_printf(&cx->arena, "client-request-id: %s",
	    request_guid(cx));
	if (has_body)
		list[n++] = "Content-Type: application/json";
	return list;
}

/* As Microsoft writes them: PT5M, PT4H, PT1H30M. */
static void
duration(struct buf *b, int s)
{
	buf_text(b, "PT");
	if (s >= 3600)
		buf_printf(b, "%dH", s / 3600);
	if (s / 60 % 60)
		buf_printf(b, "%dM", s / 60 % 60);
	if (s % 60)
		buf_printf(b, "%dS", s % 60);
}

/* sessionId is the application's id and nothing else (facts 0.2). */
static void
job_body(struct buf *b, const struct settings *s, const struct job *job)
{
	if (job->probe) {
		buf_printf(b, "{\"ids\":[\"%s\"]}", job->user_id);
		return;
	}
	buf_printf(b, "{\"sessionId\":\"%s\"", s->client_id);
	if (job->goal != GOAL_CLEAR) {
		buf_printf(b, ",\"availability\":\"%s\",\"activity\":\"%s\","
		    "\"expirationDuration\":\"",
		    goal_availability(job->goal), goal_activity(job->goal));
		duration(b, job->expires_s);
		buf_text(b, "\"");
	}
	buf_text(b, "}");
}

void
graph_request(struct ctx *cx, const struct settings *s,
    const struct job *job, const char *token, struct http_request *ret)
{
	struct buf body;

	buf_init(&body, &cx->arena, 512);
	job_body(&body, s, job);
	memset(ret, 0, sizeof(*ret));
	ret->method = "POST";
	if (job->probe)
		ret->url = arena_printf(&cx->arena,
		    "%s/v1.0/communications/getPresencesByUserId",
		    s->graph_url);
	else
		ret->url = arena_printf(&cx->arena,
		    "%s/v1.0/users/%s/presence/%s", s->graph_url,
		    job->user_id, job->goal == GOAL_CLEAR ? "clearPresence" :
		    "setPresence");
	ret->headers = headers(cx, token, true);
	ret->body = buf_str(&body);
	ret->body_len = body.len;
	ret->timeout_ms = CALL_MS;
	ret->max_bytes = REPLY_MAX;
}

/* --- answers ---------------------------------------------------------------- */

/* error.code of an answer, as a word for logs: cut, and free of anything but
 * letters, digits and a few marks, because a peer wrote it. */
static void
error_code(const struct http_response *rs, char ret[48])
{
	struct json_object *o;
	const char *code;
	struct ctx cx;
	size_t n = 0;

	ctx_init(&cx, NULL);
	if (rs->len && !json_read(&cx, rs->body, rs->len, &o)) {
		code = json_peek_text(json_peek(o, "error"), "code");
		for (; code && *code && n < 47; code++)
			if (strchr("_.-", *code) || ((*code | 32) >= 'a' &&
			    (*code | 32) <= 'z') ||
			    (*code >= '0' && *code <= '9'))
				ret[n++] = *code;
	}
	ret[n] = '\0';
	ctx_done(&cx);
}

/* By the status first, never by the message (facts 1.7). */
static enum result
meaning(const struct job *job, const struct http_response *rs)
{
	const int status = rs->status;

	if (status >= 200 && status < 300)
		return RESULT_OK;
	switch (status) {
	case 401:
		return RESULT_UNAUTHORIZED;
	case 403:
		return RESULT_FORBIDDEN;
	case 404: /* clear: there is no session of ours any more */
		if (job->probe)
			return RESULT_FAILED;
		return job->goal == GOAL_CLEAR ? RESULT_OK : RESULT_NOT_FOUND;
	case 429:
		return RESULT_THROTTLED;
	case 503:
		return rs->retry_after_s >= 0 ? RESULT_THROTTLED :
		    RESULT_FAILED;
	case 408:
	case 425:
		return RESULT_FAILED;
	}
	return status >= 400 && status < 500 ? RESULT_REJECTED :
	    RESULT_FAILED;
}

enum result
graph_result(const struct job *job, const struct http_response *rs,
    char detail[128])
{
	char code[48];
	enum result r;

	detail[0] = '\0';
	if (rs->result != HTTP_ANSWERED) {
		snprintf(detail, 128, "graph: %.100s", rs->why);
		return rs->result == HTTP_UNREACHABLE ? RESULT_UNSENT :
		    RESULT_UNKNOWN;
	}
	r = meaning(job, rs);
	if (r == RESULT_OK)
		return r;
	error_code(rs, code);
	snprintf(detail, 128, "graph: http %d%s%s", rs->status,
	    code[0] ? ", code " : "", code);
	return r;
}

/* --- users ------------------------------------------------------------------ */

static enum err
users_error(struct ctx *cx, const struct http_response *rs)
{
	char code[48];

	if (rs->result != HTTP_ANSWERED)
		return fail(cx, ERR_BUSY, "graph: %.100s", rs->why);
	error_code(rs, code);
	if (rs->status == 429 || rs->status == 503) {
		cx->retry_after_s = rs->retry_after_s > 0 ?
		    rs->retry_after_s : 5;
		return fail(cx, ERR_BUSY, "graph: http %d, code %s",
		    rs->status, code);
	}
	if (rs->status == 404 || rs->status == 400)
		return fail(cx, ERR_NOT_FOUND, "no such user");
	if (rs->status == 401 || rs->status == 403)
		return fail(cx, ERR_FORBIDDEN, "Microsoft Graph refused to "
		    "tell the users: code %s", code);
	return fail(cx, ERR_UPSTREAM, "graph: http %d, code %s", rs->status,
	    code);
}

/* A GET; when the token is refused it may be old: once more with a new one. */
static enum err
users_get(struct ctx *cx, struct entra *e, const char *tenant_id,
    const char *url, struct json_object **ret)
{
	struct http_request rq = {
		.method = "GET", .url = url, .timeout_ms = FIND_MS,
		.max_bytes = PAGE_MAX,
	};
	struct http_response rs;
	struct graph_token token;
	enum err err;
	int i;

	for (i = 0; i < 2; i++) {
		err = entra_token(cx, e, tenant_id, &token);
		if (err)
			return err;
		rq.headers = headers(cx, token.text, false);
		http_fetch(cx, &rq, &rs);
		if (rs.result != HTTP_ANSWERED ||
		    (rs.status != 401 && rs.status != 403))
			break;
		entra_token_drop(e, tenant_id, token.serial);
	}
	if (rs.result != HTTP_ANSWERED || rs.status != 200)
		return users_error(cx, &rs);
	if (json_read(cx, rs.body, rs.len, ret)) {
		fail_forget(cx);
		return fail(cx, ERR_UPSTREAM, "graph: the answer is not JSON");
	}
	return ERR_OK;
}

static bool
user_read(struct json_object *o, struct graph_user *ret)
{
	ret->id = json_peek_text(o, "id");
	ret->upn = json_peek_text(o, "userPrincipalName");
	ret->name = json_peek_text(o, "displayName");
	return ret->id && text_is_uuid(ret->id);
}

enum err
graph_user_find(struct ctx *cx, struct entra *e, const struct settings *s,
    const char *tenant_id, const char *who, struct graph_user *ret)
{
	struct json_object *o = NULL;
	struct buf url;
	enum err err;

	buf_init(&url, &cx->arena, 4096);
	buf_printf(&url, "%s/v1.0/users/", s->graph_url);
	/* A name that begins with $ would be taken for an option of OData. */
	if (who[0] == '$') {
		buf_text(&url, "('");
		buf_urlencode(&url, who);
		buf_text(&url, "')");
	} else {
		buf_urlencode(&url, who);
	}
	buf_text(&url, "?" SELECT);
	if (url.overflow || !*who)
		return fail(cx, ERR_NOT_FOUND, "no such user");
	err = users_get(cx, e, tenant_id, buf_str(&url), &o);
	if (err)
		return err;
	if (!user_read(o, ret))
		return fail(cx, ERR_UPSTREAM, "graph: a user without an id");
	return ERR_OK;
}

/* One page in a unit of its own, so that its memory goes with it. */
static enum err
users_page(struct ctx *cx, struct entra *e, const struct settings *s,
    const char *tenant_id, struct buf *url,
    void (*fn)(void *arg, const struct graph_user *u), void *arg)
{
	struct json_object *o = NULL, *list;
	struct graph_user u;
	const char *next;
	enum err err;
	size_t i, n;

	err = users_get(cx, e, tenant_id, buf_str(url), &o);
	if (err)
		return err;
	list = json_peek(o, "value");
	if (!json_object_is_type(list, json_type_array))
		return fail(cx, ERR_UPSTREAM, "graph: users without a list");
	n = json_object_array_length(list);
	for (i = 0; i < n; i++)
		if (user_read(json_object_array_get_idx(list, i), &u))
			fn(arg, &u);
	next = json_peek_text(o, "@odata.nextLink");
	buf_clear(url);
	if (!next)
		return ERR_OK;
	/* The token must go nowhere else. */
	if (!text_starts(next, s->graph_url) ||
	    next[strlen(s->graph_url)] != '/' || !buf_text(url, next))
		return fail(cx, ERR_UPSTREAM,
		    "graph: the next page is somewhere else");
	return ERR_OK;
}

enum err
graph_users_each(struct ctx *cx, struct entra *e, const struct settings *s,
    const char *tenant_id, void (*fn)(void *arg, const struct graph_user *u),
    void *arg)
{
	struct ctx page;
	struct buf url;
	enum err err = ERR_OK;
	int i;

	buf_init(&url, &cx->arena, 16384);
	buf_printf(&url, "%s/v1.0/users?" SELECT "&$top=%d", s->graph_url,
	    PAGE_USERS);
	for (i = 0; !err && url.len; i++) {
		if (i == PAGES_MAX)
			return fail(cx, ERR_UPSTREAM,
			    "graph: more than %d pages of users", PAGES_MAX);
		ctx_init(&page, cx->id);
		err = users_page(&page, e, s, tenant_id, &url, fn, arg);
		if (err) {
			cx->retry_after_s = page.retry_after_s;
			fail(cx, err, "%s", page.detail);
		}
		ctx_done(&page);
	}
	return err;
}
