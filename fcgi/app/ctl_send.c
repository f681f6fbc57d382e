/*
 * presencectl send: posts one event as a PBX of the generic platform does,
 * for trying out a connection without a PBX.
 */
#include <stdio.h>
#include <string.h>

#include "app/ctl.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/http.h"
#include "base/text.h"
#include "pbx/standard_webhooks.h"

#define BODY_MAX ((size_t)256 * 1024) /* what the server takes */
#define ANSWER_MAX ((size_t)1024 * 1024)
#define TIMEOUT_MS 30000

struct event_options {
	const char *url, *secret, *secret_file, *body, *id, *timestamp;
	const char *extension, *call, *leg, *line;
};

static void
member(struct buf *b, const char *name, const char *value, int *n)
{
	if (!value)
		return;
	buf_printf(b, "%s\"%s\":", (*n)++ ? "," : "", name);
	buf_json(b, value);
}

static void
event_json(struct buf *b, const char *type, const struct event_options *o)
{
	char now[21];
	int n = 0;

	clock_rfc3339(clock_real_s(), now);
	buf_text(b, "{\"type\":");
	buf_json(b, type);
	buf_text(b, ",\"timestamp\":");
	buf_json(b, o->timestamp ? o->timestamp : now);
	buf_text(b, ",\"data\":{");
	member(b, "extension", o->extension, &n);
	member(b, "call_id", o->call, &n);
	member(b, "leg_id", o->leg, &n);
	member(b, "line", o->line, &n);
	buf_text(b, "}}");
}

static bool
file_read(const char *path, struct buf *b)
{
	char part[8192];
	FILE *f = fopen(path, "rb");
	size_t n;
	bool ok;

	if (!f)
		return false;
	while ((n = fread(part, 1, sizeof(part), f)) > 0 && buf_add(b, part, n))
		;
	ok = !ferror(f) && !b->overflow;
	fclose(f);
	return ok;
}

static bool
are_utf8(const struct event_options *o, const char *type)
{
	const char *const all[] = { type, o->timestamp, o->extension, o->call,
		o->leg, o->line, o->id };
	size_t i;

	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i] && !text_is_utf8(all[i], strlen(all[i])))
			return false;
	return true;
}

/* The secret; NULL: none is given. false: it cannot be read. */
static bool
secret_choose(struct ctl *c, const struct event_options *o, struct secret *s)
{
	bool open_to_others;

	if (o->secret)
		secret_set(s, o->secret, strlen(o->secret));
	else if (o->secret_file)
		return !secret_read_file(&c->cx,
		    strcmp(o->secret_file, "-") == 0 ? "/dev/stdin"
						     : o->secret_file,
		    s, &open_to_others);
	return true;
}

/* The headers that prove us; none without a secret. */
static bool
sign(struct ctl *c, const struct secret *s, const char *id,
    const struct buf *body, const char *headers[5])
{
	struct arena *a = &c->cx.arena;
	const int64_t now_s = clock_real_s();
	char *signature;

	headers[0] = "Content-Type: application/json";
	if (!s->len)
		return true;
	if (standard_webhooks_sign(&c->cx, (const char *)s->bytes, id, now_s,
		buf_str(body), body->len, &signature))
		return false;
	headers[1] = arena_printf(a, "webhook-id: %s", id);
	headers[2] =
	    arena_printf(a, "webhook-timestamp: %lld", (long long)now_s);
	headers[3] = arena_printf(a, "webhook-signature: %s", signature);
	return true;
}

static int
post(struct ctl *c, const char *url, const char *const *headers,
    const struct buf *body)
{
	const struct http_request rq = { .method = "POST",
		.url = url,
		.headers = headers,
		.body = buf_str(body),
		.body_len = body->len,
		.timeout_ms = TIMEOUT_MS,
		.max_bytes = ANSWER_MAX };
	struct http_response rs;

	http_fetch(&c->cx, &rq, &rs);
	if (rs.result != HTTP_ANSWERED)
		return ctl_die("no answer: %s", rs.why);
	printf("status %d, after %d ms\n", rs.status, rs.ms);
	if (rs.len)
		printf(
		    "%s%s", rs.body, rs.body[rs.len - 1] == '\n' ? "" : "\n");
	return rs.status >= 200 && rs.status < 300 ? 0 : 1;
}

int
ctl_send(struct ctl *c)
{
	struct event_options o = { 0 };
	const struct ctl_option list[] = {
		{ "--url", &o.url },
		{ "--secret", &o.secret },
		{ "--secret-file", &o.secret_file },
		{ "--body", &o.body },
		{ "--id", &o.id },
		{ "--timestamp", &o.timestamp },
		{ "--extension", &o.extension },
		{ "--call", &o.call },
		{ "--leg", &o.leg },
		{ "--line", &o.line },
	};
	const char *headers[5] = { NULL };
	struct secret secret = { 0 };
	char id[37];
	struct buf body;
	bool ok;

	if (!ctl_options(c, list, sizeof(list) / sizeof(list[0])) || !o.url ||
	    (c->argc == 0) == (o.body == NULL))
		return CTL_USAGE;
	if (!text_starts(o.url, "https://") && !text_starts(o.url, "http://"))
		return ctl_die("--url must begin with https:// or http://");
	if (!are_utf8(&o, c->argc ? c->argv[0] : NULL))
		return ctl_die("the arguments are not UTF-8");
	buf_init(&body, &c->cx.arena, BODY_MAX);
	if (!o.body)
		event_json(&body, c->argv[0], &o);
	else if (!file_read(o.body, &body))
		return ctl_die(
		    "%s cannot be read, or is longer than 256 KiB", o.body);
	text_uuid_random(id);
	ok = secret_choose(c, &o, &secret) &&
	    sign(c, &secret, o.id ? o.id : id, &body, headers);
	secret_done(&secret);
	return ok ? post(c, o.url, headers, &body)
		  : ctl_die("%s", c->cx.detail);
}
