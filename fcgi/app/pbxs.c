/* Connecting PBXs: what they are, how they prove themselves, their secrets. */
#include <string.h>

#include "app/desk.h"
#include "app/handlers.h"
#include "app/who.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/text.h"
#include "pbx/platform.h"
#include "sync/statement.h"

#define ALLOW_MAX 50
#define NAME_MAX_BYTES 400 /* 100 characters, which the database counts */

/* What can be connected here: {"items":[{name, title, auth: the default, auths, api}]} */
enum err
platforms_get(struct request *rq)
{
	const struct platform *p;
	struct buf b;
	size_t i;

	buf_init(&b, &rq->cx.arena, 16384);
	buf_text(&b, "{\"items\":[");
	for (i = 0; (p = platform_at(i)) != NULL; i++) {
		buf_printf(&b, "%s{\"name\":\"%s\",\"title\":", i > 0 ? "," : "",
		    p->name);
		buf_json(&b, p->title);
		buf_printf(&b, ",\"auth\":\"%s\",\"auths\":[%s%s%s],"
		    "\"api\":%s}",
		    pbx_auth_name(p->auth),
		    p->auth_signature ? "\"signature\"" : "",
		    p->auth_signature && p->auth_path ? "," : "",
		    p->auth_path ? "\"path\"" : "",
		    p->has_api ? "true" : "false");
	}
	buf_text(&b, "]}\n");
	response_json(rq, 200, &b);
	return ERR_OK;
}

enum err
pbxs_get(struct request *rq)
{
	return desk_answer(rq, 200, ST_PBX_LIST, (const char *[]){
	    visitor_of(rq)->tenant_id,
	    desk_of(rq)->shared->settings->public_url }, "list");
}

enum err
pbx_get(struct request *rq)
{
	char *id = NULL;
	enum err e;

	e = desk_pbx_id(rq, &id);
	if (e != ERR_OK)
		return e;
	return desk_answer(rq, 200, ST_PBX_GET, (const char *[]){
	    visitor_of(rq)->tenant_id, id,
	    desk_of(rq)->shared->settings->public_url }, "PBX");
}

/* Member `allow`: networks as text, checked; *ret_json NULL when absent. */
static enum err
allow_member(struct request *rq, struct json_object *body,
    const char **ret_json)
{
	struct json_object *allow = json_peek(body, "allow");
	struct network network;
	size_t i;

	*ret_json = NULL;
	if (allow == NULL)
		return ERR_OK;
	if (!json_object_is_type(allow, json_type_array) ||
	    json_object_array_length(allow) > ALLOW_MAX)
		return fail(&rq->cx, ERR_INPUT,
		    "allow is not a list of at most %d networks", ALLOW_MAX);
	for (i = 0; i < json_object_array_length(allow); i++) {
		struct json_object *one = json_object_array_get_idx(allow, i);

		if (!json_object_is_type(one, json_type_string) ||
		    !network_parse(json_object_get_string(one), &network))
			return fail(&rq->cx, ERR_INPUT, "allow[%zu] is not an "
			    "address or a network like 192.0.2.0/24", i);
	}
	*ret_json = json_object_to_json_string(allow);
	return ERR_OK;
}

/* The given secret if it can serve, else a new one of the platform's form. */
static enum err
secret_choose(struct request *rq, struct json_object *body,
    const struct platform *platform, enum pbx_auth auth, const char **ret)
{
	enum err e;

	e = json_member_text(&rq->cx, body, "", "secret", false, 1, 512, ret);
	if (e != ERR_OK)
		return e;
	if (*ret != NULL)
		return auth == AUTH_PATH ? path_secret_check(&rq->cx, *ret) :
		    platform->secret_check(&rq->cx, *ret);
	*ret = auth == AUTH_PATH ? path_secret_new(&rq->cx) :
	    platform->secret_new(&rq->cx);
	return ERR_OK;
}

static const char *
sealed(struct request *rq, const char *id, const char *secret)
{
	return seal(&rq->cx, desk_of(rq)->shared->seal_keys,
	    arena_printf(&rq->cx.arena, "pbx-secret/%s/%s",
	    visitor_of(rq)->tenant_id, id), secret, strlen(secret));
}

/* {"id":..,"webhook_url":..,"secret":..}: the only time that it is shown. */
static void
secret_shown(struct request *rq, int status, const char *id,
    enum pbx_auth auth, const char *secret, const char *old_until)
{
	struct buf url, b;

	buf_init(&url, &rq->cx.arena, 4096);
	buf_printf(&url, "%s/webhook/%s",
	    desk_of(rq)->shared->settings->public_url, id);
	if (auth == AUTH_PATH) {
		buf_text(&url, "/");
		buf_urlencode(&url, secret);
	}
	buf_init(&b, &rq->cx.arena, 8192);
	buf_printf(&b, "{\"id\":\"%s\",\"webhook_url\":", id);
	buf_json(&b, buf_str(&url));
	buf_text(&b, ",\"secret\":");
	buf_json(&b, secret);
	buf_text(&b, ",\"secret_expires_at\":");
	buf_json(&b, old_until);
	buf_text(&b, "}");
	response_json(rq, status, &b);
}

enum err
pbxs_post(struct request *rq)
{
	const struct settings *settings = desk_of(rq)->shared->settings;
	const struct visitor *v = visitor_of(rq);
	const char *name, *platform_name, *auth_name, *allow, *secret;
	const struct platform *platform;
	struct json_object *body;
	enum pbx_auth auth;
	int64_t max_call_s = settings->max_call_s;
	struct rows *rows;
	char id[37];
	enum err e;

	e = desk_body(rq, &body);
	if (e == ERR_OK)
		e = json_member_text(&rq->cx, body, "", "name", true, 1,
		    NAME_MAX_BYTES, &name);
	if (e == ERR_OK)
		e = json_member_text(&rq->cx, body, "", "platform", true, 1,
		    32, &platform_name);
	if (e == ERR_OK)
		e = json_member_text(&rq->cx, body, "", "auth", false, 1, 32,
		    &auth_name);
	if (e == ERR_OK)
		e = json_member_int(&rq->cx, body, "", "max_call_s", false,
		    600, 86400, &max_call_s);
	if (e == ERR_OK)
		e = allow_member(rq, body, &allow);
	if (e != ERR_OK)
		return e;
	platform = platform_find(platform_name);
	if (platform == NULL)
		return fail(&rq->cx, ERR_INPUT, "platform is not known here");
	auth = platform->auth;
	if (auth_name != NULL && !pbx_auth_parse(auth_name, &auth))
		return fail(&rq->cx, ERR_INPUT,
		    "auth is neither \"signature\" nor \"path\"");
	if (!(auth == AUTH_PATH ? platform->auth_path :
	    platform->auth_signature))
		return fail(&rq->cx, ERR_INPUT, "auth: %s cannot do %s",
		    platform->name, pbx_auth_name(auth));
	e = secret_choose(rq, body, platform, auth, &secret);
	if (e != ERR_OK)
		return e;
	text_uuid_random(id);
	e = desk_call(rq, ST_PBX_NEW, (const char *[]){ v->tenant_id, id, name,
	    platform->name, pbx_auth_name(auth), sealed(rq, id, secret),
	    arena_printf(&rq->cx.arena, "%d", (int)max_call_s),
	    allow != NULL ? allow : "[]", v->user_id }, &rows);
	if (e != ERR_OK)
		return e;
	request_note(rq, "pbx", arena_strdup(&rq->cx.arena, id));
	secret_shown(rq, 201, id, auth, secret, NULL);
	return ERR_OK;
}

enum err
pbx_patch(struct request *rq)
{
	const struct visitor *v = visitor_of(rq);
	const char *name, *allow;
	struct json_object *body;
	int64_t max_call_s = 0;
	struct rows *rows;
	char *id = NULL;
	enum err e;

	e = desk_pbx_id(rq, &id);
	if (e == ERR_OK)
		e = desk_body(rq, &body);
	if (e == ERR_OK)
		e = json_member_text(&rq->cx, body, "", "name", false, 1,
		    NAME_MAX_BYTES, &name);
	if (e == ERR_OK)
		e = json_member_int(&rq->cx, body, "", "max_call_s", false,
		    600, 86400, &max_call_s);
	if (e == ERR_OK)
		e = allow_member(rq, body, &allow);
	if (e != ERR_OK)
		return e;
	e = desk_call(rq, ST_PBX_CHANGE, (const char *[]){ v->tenant_id, id,
	    name, max_call_s == 0 ? NULL :
	    arena_printf(&rq->cx.arena, "%d", (int)max_call_s), allow,
	    v->user_id }, &rows);
	if (e != ERR_OK)
		return e;
	return pbx_get(rq);
}

enum err
pbx_delete(struct request *rq)
{
	const struct visitor *v = visitor_of(rq);
	char *id = NULL;
	enum err e;

	e = desk_pbx_id(rq, &id);
	if (e == ERR_OK)
		e = desk_publish(rq, ST_PBX_DELETE,
		    (const char *[]){ v->tenant_id, id, v->user_id }, NULL);
	if (e != ERR_OK)
		return e;
	response_bytes(rq, 204, NULL, "", 0);
	return ERR_OK;
}

enum err
pbx_secret_post(struct request *rq)
{
	const struct visitor *v = visitor_of(rq);
	const struct platform *platform;
	struct json_object *body = NULL;
	enum pbx_auth auth;
	const char *secret;
	struct rows *rows;
	char *id = NULL;
	enum err e;

	e = desk_pbx_id(rq, &id);
	if (e == ERR_OK && rq->body_len > 0)
		e = desk_body(rq, &body);
	if (e == ERR_OK)
		e = desk_call(rq, ST_PBX_FORM,
		    (const char *[]){ v->tenant_id, id }, &rows);
	if (e != ERR_OK)
		return e;
	if (rows_count(rows) == 0)
		return fail(&rq->cx, ERR_NOT_FOUND, "there is no such PBX");
	platform = platform_find(rows_text(rows, 0, 0));
	if (platform == NULL || !pbx_auth_parse(rows_text(rows, 0, 1), &auth))
		return fail(&rq->cx, ERR_INTERNAL, "pbx: platform %s",
		    rows_text(rows, 0, 0));
	e = secret_choose(rq, body, platform, auth, &secret);
	if (e != ERR_OK)
		return e;
	e = desk_call(rq, ST_PBX_SECRET, (const char *[]){ v->tenant_id, id,
	    sealed(rq, id, secret), v->user_id }, &rows);
	if (e != ERR_OK)
		return e;
	secret_shown(rq, 200, id, auth, secret, rows_text(rows, 0, 0));
	return ERR_OK;
}
