/* NetSapiens' own API, see netsapiens_api.h. */
#include "pbx/netsapiens_api.h"

#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"

#define TIMEOUT_MS 5000
#define ANSWER_MAX (8u << 20)
#define BODY_MAX 8192
#define KEEP_S 604800  /* 7 days: what is asked for */
#define RENEW_S 518400 /* 6 days: when less is left */
#define PEOPLE_MAX 100000
#define REMOVE_MAX 10

/* --- one request ---------------------------------------------------------- */

static enum err
ask(struct ctx *cx, const struct netsapiens *ns, const char *method,
    const char *path, const struct buf *body, struct http_response *rs)
{
	const int64_t left_ms =
	    ns->until_ms ? ns->until_ms - clock_mono_ms() : TIMEOUT_MS;
	const char *headers[4] = { "Accept: application/json" };
	size_t n = 1;
	const struct http_request rq = {
		.method = method,
		.url = arena_printf(&cx->arena, "%s/ns-api/v2%s", ns->url, path),
		.headers = headers,
		.body = body ? buf_str(body) : NULL,
		.body_len = body ? body->len : 0,
		.timeout_ms = left_ms < TIMEOUT_MS ? (int)left_ms : TIMEOUT_MS,
		.max_bytes = ANSWER_MAX,
		.fence = ns->fence,
	};

	if (ns->stop && atomic_load(ns->stop))
		return fail(cx, ERR_BUSY, "the program stops");
	if (left_ms <= 0)
		return fail(cx, ERR_TIMEOUT, "The PBX's API at %s takes too long.",
		    ns->url);
	if (ns->token)
		headers[n++] = arena_printf(
		    &cx->arena, "Authorization: Bearer %s", ns->token);
	if (body)
		headers[n] = "Content-Type: application/json";
	http_fetch(cx, &rq, rs);
	if (rs->result != HTTP_ANSWERED)
		return fail(cx, ERR_TIMEOUT, "The PBX's API at %s does not "
		    "answer: %s.", ns->url, rs->why);
	return ERR_OK;
}

/* What a status that was not hoped for means to who set it up. */
static enum err
refused(struct ctx *cx, const struct http_response *rs, const char *what)
{
	const char *why = rs->status == 401 ?
	    "the credentials are not right, or have ended" :
	    rs->status == 403 ? "these credentials may not do that" :
	    rs->status == 404 ? "it knows no such domain or user, or no such API" :
				"that was not expected";

	return fail(cx, rs->status == 404 ? ERR_NOT_FOUND : ERR_UPSTREAM,
	    "Asked for %s, the PBX's API answers %d: %s.", what, rs->status, why);
}

static enum err
ask_json(struct ctx *cx, const struct netsapiens *ns, const char *path,
    const char *what, struct json_object **ret)
{
	struct http_response rs = { 0 };
	enum err e;

	e = ask(cx, ns, "GET", path, NULL, &rs);
	if (e)
		return e;
	if (rs.status != 200)
		return refused(cx, &rs, what);
	if (json_read(cx, rs.body, rs.len, ret)) {
		fail_forget(cx);
		return fail(cx, ERR_UPSTREAM,
		    "Asked for %s, the PBX's API answers no JSON.", what);
	}
	return ERR_OK;
}

static enum err
ask_list(struct ctx *cx, const struct netsapiens *ns, const char *path,
    const char *what, struct json_object **ret)
{
	size_t i;
	enum err e;

	e = ask_json(cx, ns, path, what, ret);
	if (e)
		return e;
	if (!json_object_is_type(*ret, json_type_array))
		return fail(cx, ERR_UPSTREAM,
		    "Asked for %s, the PBX's API answers no list.", what);
	for (i = 0; i < json_object_array_length(*ret); i++)
		if (!json_object_is_type(
			json_object_array_get_idx(*ret, i), json_type_object))
			return fail(cx, ERR_UPSTREAM, "Asked for %s, the "
			    "PBX's API lists what is no record.", what);
	return ERR_OK;
}

/* By the name of the documentation, or by the one of its example. */
static const char *
either(struct json_object *o, const char *name, const char *old)
{
	const char *text = json_peek_text(o, name);

	if (!text)
		text = json_peek_text(o, old);
	return text && *text ? text : NULL;
}

static void
member(struct buf *b, const char *before, const char *name, const char *value)
{
	buf_printf(b, "%s\"%s\":", before, name);
	buf_json(b, value);
}

/* --- signing in ----------------------------------------------------------- */

static const char *const login_members[] = { "client_id", "client_secret",
	"username", "password" };
#define NLOGIN (sizeof(login_members) / sizeof(login_members[0]))

enum err
netsapiens_credentials(
    struct ctx *cx, struct json_object *body, const char **ret)
{
	const char *key, *value[NLOGIN];
	struct buf b;
	size_t i, n = 0;
	enum err e;

	*ret = NULL;
	e = json_member_text(cx, body, "", "key", false, 1, 512, &key);
	for (i = 0; !e && i < NLOGIN; i++) {
		e = json_member_text(cx, body, "", login_members[i], false, 1,
		    512, &value[i]);
		n += !e && value[i] != NULL;
	}
	if (e)
		return e;
	if (key && n > 0)
		return fail(cx, ERR_INPUT,
		    "key and %s are two ways to sign in: give one",
		    value[0] ? "client_id" : "a login");
	buf_init(&b, &cx->arena, BODY_MAX);
	if (key) {
		if (strpbrk(key, "\r\n"))
			return fail(cx, ERR_INPUT, "key is more than one line");
		member(&b, "{", "key", key);
	} else if (n > 0) {
		for (i = 0; i < NLOGIN; i++) {
			if (!value[i])
				return fail(cx, ERR_INPUT, "%s is missing",
				    login_members[i]);
			member(&b, i ? "," : "{", login_members[i], value[i]);
		}
	} else {
		return ERR_OK;
	}
	buf_text(&b, "}");
	*ret = buf_str(&b);
	return ERR_OK;
}

enum err
netsapiens_sign_in(
    struct ctx *cx, struct netsapiens *ns, const char *credentials)
{
	struct json_object *o = NULL;
	struct http_response rs = { 0 };
	struct buf b;
	size_t i;
	enum err e;

	e = json_read(cx, credentials, strlen(credentials), &o);
	if (e)
		return fail(cx, ERR_INTERNAL, "netsapiens: credentials");
	ns->token = json_peek_text(o, "key");
	if (ns->token)
		return ERR_OK;
	buf_init(&b, &cx->arena, BODY_MAX);
	member(&b, "{", "grant_type", "password");
	for (i = 0; i < NLOGIN; i++)
		member(&b, ",", login_members[i],
		    json_peek_text(o, login_members[i]));
	buf_text(&b, "}");
	e = ask(cx, ns, "POST", "/tokens", &b, &rs);
	if (e)
		return e;
	if (rs.status != 200)
		return refused(cx, &rs, "an access token");
	if (json_read(cx, rs.body, rs.len, &o))
		fail_forget(cx);
	else
		ns->token = json_peek_text(o, "access_token");
	if (!ns->token || strpbrk(ns->token, "\r\n"))
		return fail(cx, ERR_UPSTREAM,
		    "The PBX's API lets us in but gives no access_token.");
	return ERR_OK;
}

/* --- the subscription ----------------------------------------------------- */

/* "2022-01-19 00:48:25" -> seconds until then, as GMT; -1: unreadable */
static int
left_s(struct ctx *cx, const char *text, int64_t now_s)
{
	int64_t us;

	if (!text || strlen(text) < 19 ||
	    !text_rfc3339_us(arena_printf(&cx->arena, "%.10sT%.8sZ", text,
				 text + 11), &us))
		return -1;
	us = us / 1000000 - now_s;
	return us < 0 ? 0 : us > INT32_MAX ? INT32_MAX : (int)us;
}

static const char *
expires(struct ctx *cx, int64_t now_s)
{
	const time_t at = (time_t)(now_s + KEEP_S);
	char text[32];
	struct tm tm;

	gmtime_r(&at, &tm);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
	return arena_strdup(&cx->arena, text);
}

static const char *
subscription_path(struct ctx *cx, const char *id)
{
	struct buf b;

	buf_init(&b, &cx->arena, BODY_MAX);
	buf_text(&b, "/subscriptions/");
	buf_urlencode(&b, id);
	return buf_str(&b);
}

/* *ret_gone: it is not there any more. */
static enum err
subscription_renew(struct ctx *cx, const struct netsapiens *ns, const char *id,
    int64_t now_s, bool *ret_gone)
{
	struct http_response rs = { 0 };
	struct buf b;
	enum err e;

	buf_init(&b, &cx->arena, BODY_MAX);
	member(&b, "{", "subscription-expires-datetime", expires(cx, now_s));
	buf_text(&b, "}");
	e = ask(cx, ns, "PUT", subscription_path(cx, id), &b, &rs);
	*ret_gone = !e && rs.status == 404;
	if (!e && !*ret_gone && rs.status != 200 && rs.status != 202)
		e = refused(cx, &rs, "the renewal of our subscription");
	return e;
}

/* *ret_there: 409, one with the same parameters is there already. */
static enum err
subscription_make(struct ctx *cx, const struct netsapiens *ns,
    const char *address, int64_t now_s, bool *ret_there)
{
	struct http_response rs = { 0 };
	struct buf b;
	enum err e;

	buf_init(&b, &cx->arena, BODY_MAX);
	member(&b, "{", "model", "call");
	member(&b, ",", "post-url", address);
	/* Where it is left out, it does not move when a server fails. */
	member(&b, ",", "subscription-geo-support", "yes");
	member(&b, ",", "domain", ns->domain);
	member(&b, ",", "user", "*");
	member(&b, ",", "subscription-expires-datetime", expires(cx, now_s));
	buf_text(&b, "}");
	e = ask(cx, ns, "POST", "/subscriptions", &b, &rs);
	*ret_there = !e && rs.status == 409;
	if (!e && (rs.status < 200 || rs.status > 202) && !*ret_there)
		e = refused(cx, &rs, "a subscription to calls");
	return e;
}

/* Those of ours that are not the one, as far as the PBX answers. */
static void
subscriptions_remove(struct ctx *cx, const struct netsapiens *ns,
    struct json_object *list, const char *ours, const struct json_object *mine)
{
	struct http_response rs = { 0 };
	struct json_object *o;
	const char *id, *to, *domain;
	struct buf b;
	int removed = 0;
	size_t i;

	for (i = 0; i < json_object_array_length(list); i++) {
		o = json_object_array_get_idx(list, i);
		id = json_peek_text(o, "id");
		to = json_peek_text(o, "post-url");
		domain = json_peek_text(o, "domain");
		if (o == mine || !id || !to ||
		    strncmp(to, ours, strlen(ours)) != 0)
			continue;
		buf_init(&b, &cx->arena, BODY_MAX);
		member(&b, "{", "subscription_id", id);
		member(&b, ",", "domain", domain ? domain : ns->domain);
		buf_text(&b, "}");
		if (++removed > REMOVE_MAX)
			return;
		if (ask(cx, ns, "DELETE", subscription_path(cx, id), &b, &rs)) {
			fail_forget(cx);
			return;
		}
	}
}

static void
subscription_judge(struct ctx *cx, struct json_object *o, int64_t now_s,
    struct netsapiens_subscription *ret)
{
	const char *status = json_peek_text(o, "status");

	ret->left_s =
	    left_s(cx, json_peek_text(o, "subscription-expires-datetime"), now_s);
	if (status && strcmp(status, "active") == 0)
		ret->state = "active";
	if (!status || strcmp(status, "error") != 0)
		return;
	ret->state = "error";
	ret->problem = "The PBX reports that it cannot post events to us. Can it "
		       "reach this server, and does it trust its certificate?";
}

static struct json_object *
subscription_find(struct json_object *list, const struct netsapiens *ns,
    const char *address)
{
	const char *to, *model, *domain;
	struct json_object *o;
	size_t i;

	for (i = 0; i < json_object_array_length(list); i++) {
		o = json_object_array_get_idx(list, i);
		to = json_peek_text(o, "post-url");
		model = json_peek_text(o, "model");
		domain = json_peek_text(o, "domain");
		if (json_peek_text(o, "id") && to && strcmp(to, address) == 0 &&
		    (!model || strcmp(model, "call") == 0) &&
		    (!domain || strcasecmp(domain, ns->domain) == 0))
			return o;
	}
	return NULL;
}

enum err
netsapiens_subscribe(struct ctx *cx, const struct netsapiens *ns,
    const char *ours, const char *address, int64_t now_s,
    struct netsapiens_subscription *ret)
{
	struct netsapiens_subscription now = { "pending", NULL, -1 };
	struct json_object *list = NULL, *mine;
	bool gone = false, there = false;
	enum err e;

	e = ask_list(cx, ns, "/subscriptions", "its subscriptions", &list);
	if (e)
		return e;
	mine = subscription_find(list, ns, address);
	if (mine) {
		subscription_judge(cx, mine, now_s, &now);
		if (now.left_s < RENEW_S) {
			e = subscription_renew(cx, ns,
			    json_peek_text(mine, "id"), now_s, &gone);
			now.left_s = KEEP_S;
		}
	}
	if (!e && (!mine || gone)) {
		e = subscription_make(cx, ns, address, now_s, &there);
		now = (struct netsapiens_subscription){ "pending", NULL, KEEP_S };
	}
	if (e)
		return e;
	*ret = now;
	if (!there) /* or it is one of them, that we did not know again */
		subscriptions_remove(cx, ns, list, ours, mine);
	return ERR_OK;
}

/* --- calls ---------------------------------------------------------------- */

/* "/domains/D/users", and behind it the user "U" or "U@D" */
static const char *
domain_path(struct ctx *cx, const struct netsapiens *ns, const char *user)
{
	struct buf b;
	const char *at = user ? strrchr(user, '@') : NULL;

	buf_init(&b, &cx->arena, BODY_MAX);
	buf_text(&b, "/domains/");
	buf_urlencode(&b, at ? at + 1 : ns->domain);
	buf_text(&b, "/users");
	if (user) {
		buf_text(&b, "/");
		buf_urlencode(&b,
		    at ? arena_strndup(&cx->arena, user, (size_t)(at - user))
		       : user);
	}
	return buf_str(&b);
}

enum err
netsapiens_calls(struct ctx *cx, const struct netsapiens *ns, const char *user,
    const char **ret_json)
{
	struct json_object *list = NULL, *o = NULL;
	const char *call;
	struct buf b;
	enum err e;
	size_t i;

	e = ask_list(cx, ns,
	    arena_printf(&cx->arena, "%s/calls", domain_path(cx, ns, user)),
	    "a user's calls", &list);
	if (e)
		return e;
	buf_init(&b, &cx->arena, ANSWER_MAX);
	for (i = 0; i < json_object_array_length(list); i++) {
		o = json_object_array_get_idx(list, i);
		call = either(o, "call-orig-call-id", "orig_callid");
		/* Nobody is freed by a list that is not understood. */
		if (!call)
			return fail(cx, ERR_UPSTREAM, "The PBX's API lists a call "
			    "without its id (call-orig-call-id).");
		member(&b, i ? ",{" : "[{", "c", call);
		member(&b, ",", "l",
		    either(o, "call-term-call-id", "term_callid"));
		buf_text(&b, "}");
	}
	buf_text(&b, i ? "]" : "[]");
	*ret_json = buf_str(&b);
	return ERR_OK;
}

/* --- people --------------------------------------------------------------- */

/* A field of CSV: what could end it is put in quotes. */
static void
csv_field(struct buf *b, const char *text, size_t len)
{
	size_t i;

	if (strcspn(text, ",\"\r\n") >= len) {
		buf_add(b, text, len);
		return;
	}
	buf_text(b, "\"");
	for (i = 0; i < len; i++) {
		if (text[i] == '"')
			buf_text(b, "\"");
		buf_add(b, text + i, 1);
	}
	buf_text(b, "\"");
}

enum err
netsapiens_people(struct ctx *cx, const struct netsapiens *ns,
    const char **ret_csv, int *ret_listed, int *ret_counted)
{
	struct json_object *list = NULL, *o = NULL;
	const char *user, *domain, *mail, *code;
	const char *path = domain_path(cx, ns, NULL);
	struct buf b;
	enum err e;
	size_t i;

	e = ask_list(cx, ns,
	    arena_printf(&cx->arena, "%s?limit=%d", path, PEOPLE_MAX),
	    "its users", &list);
	if (e)
		return e;
	buf_init(&b, &cx->arena, ANSWER_MAX);
	buf_text(&b, "extension,user\n");
	for (i = 0; i < json_object_array_length(list); i++) {
		o = json_object_array_get_idx(list, i);
		user = json_peek_text(o, "user");
		domain = json_peek_text(o, "domain");
		mail = either(o, "email-address", "email");
		code = json_peek_text(o, "service-code");
		if (!user || (code && strncmp(code, "system-", 7) == 0))
			continue;
		user = arena_printf(&cx->arena, "%s@%s", user,
		    domain ? domain : ns->domain);
		csv_field(&b, user, strlen(user));
		buf_text(&b, ",");
		if (mail) /* several are parted by ";" */
			csv_field(&b, mail, strcspn(mail, "; "));
		buf_text(&b, "\n");
	}
	*ret_csv = buf_str(&b);
	*ret_listed = (int)i;
	*ret_counted = -1;
	if (ask_json(cx, ns, arena_printf(&cx->arena, "%s/count", path),
		"the number of its users", &o))
		fail_forget(cx);
	else
		*ret_counted = (int)json_peek_int(o, "total", -1);
	return ERR_OK;
}
