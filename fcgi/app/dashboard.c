/* The dashboard's data: who is here, the tenant, its people, what happened. */
#include <string.h>

#include "app/desk.h"
#include "app/handlers.h"
#include "app/who.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "sync/statement.h"

#define PAGE "50"
#define DAY_S 86400
#define SOON_S (30LL * DAY_S) /* a certificate is to be renewed */

enum err
session_get(struct request *rq)
{
	const struct visitor *v = visitor_of(rq);
	struct buf b;

	buf_init(&b, &rq->cx.arena, 8192);
	buf_printf(&b, "{\"tenant_id\":\"%s\",\"name\":", v->tenant_id);
	buf_json(&b, v->name);
	buf_printf(&b, ",\"is_admin\":%s,\"can_consent\":%s,\"csrf\":",
	    v->is_admin ? "true" : "false", v->can_consent ? "true" : "false");
	buf_json(&b, v->csrf);
	buf_text(&b, "}");
	response_json(rq, 200, &b);
	return ERR_OK;
}

/* Of a certificate we know the end; of a secret only Microsoft does. */
static const char *
credential_item(struct request *rq)
{
	const int64_t ends_s =
	    entra_credential_expires_s(desk_of(rq)->shared->entra);
	const int64_t now_s = clock_real_s();

	if (ends_s == 0 || ends_s - now_s >= SOON_S)
		return "done";
	return ends_s > now_s ? "todo" : "problem";
}

enum err
tenant_get(struct request *rq)
{
	return desk_answer(rq, 200, ST_TENANT_VIEW, (const char *[]){
	    visitor_of(rq)->tenant_id, credential_item(rq) }, "tenant");
}

enum err
tenant_patch(struct request *rq)
{
	const struct visitor *v = visitor_of(rq);
	struct json_object *body, *settings;
	const char *after_call;
	int64_t lease_s = 0;
	bool ringing = false;
	struct rows *rows;
	enum err e;

	e = desk_body(rq, &body);
	if (e != ERR_OK)
		return e;
	settings = json_peek(body, "settings");
	if (!json_object_is_type(settings, json_type_object))
		return fail(&rq->cx, ERR_INPUT, "settings is not an object");
	e = json_member_text(&rq->cx, settings, "settings.", "after_call",
	    false, 1, 32, &after_call);
	if (e == ERR_OK)
		e = json_member_bool(&rq->cx, settings, "settings.",
		    "ringing_is_busy", false, &ringing);
	if (e == ERR_OK)
		e = json_member_int(&rq->cx, settings, "settings.", "lease_s",
		    false, 300, 14400, &lease_s);
	if (e != ERR_OK)
		return e;
	if (after_call != NULL && strcmp(after_call, "available") != 0 &&
	    strcmp(after_call, "clear") != 0)
		return fail(&rq->cx, ERR_INPUT, "settings.after_call is "
		    "neither \"available\" nor \"clear\"");
	e = desk_call(rq, ST_TENANT_SETTINGS, (const char *[]){ v->tenant_id,
	    after_call,
	    json_peek(settings, "ringing_is_busy") == NULL ? NULL :
	    ringing ? "t" : "f",
	    lease_s == 0 ? NULL :
	    arena_printf(&rq->cx.arena, "%d", (int)lease_s), v->user_id },
	    &rows);
	if (e != ERR_OK)
		return e;
	return tenant_get(rq);
}

enum err
people_get(struct request *rq)
{
	const char *after, *q;
	enum err e;

	e = request_query(rq, "after", &after);
	if (e == ERR_OK)
		e = request_query(rq, "q", &q);
	if (e != ERR_OK)
		return e;
	if (q != NULL && strlen(q) > 200)
		return fail(&rq->cx, ERR_INPUT, "q is longer than 200 bytes");
	if (after != NULL && *after != '\0' && !text_is_uuid(after))
		return fail(&rq->cx, ERR_INPUT, "after is not a cursor");
	return desk_answer(rq, 200, ST_PEOPLE_LIST, (const char *[]){
	    visitor_of(rq)->tenant_id, after, q, PAGE }, "list");
}

enum err
people_clear_post(struct request *rq)
{
	const struct visitor *v = visitor_of(rq);
	const char *oid = rq->params[0];
	enum err e;

	if (!text_is_uuid(oid))
		return fail(&rq->cx, ERR_NOT_FOUND, "there is no such person");
	e = desk_publish(rq, ST_PERSON_CLEAR, (const char *[]){ v->tenant_id,
	    oid, "cleared_by_admin" }, NULL);
	if (e != ERR_OK)
		return e;
	return desk_answer(rq, 200, ST_PERSON_ONE,
	    (const char *[]){ v->tenant_id, oid }, "person");
}

enum err
activity_get(struct request *rq)
{
	const char *after;
	int64_t before_id = INT64_MAX;
	enum err e;

	e = request_query(rq, "after", &after);
	if (e != ERR_OK)
		return e;
	if (after != NULL && !text_int64(after, 1, INT64_MAX, &before_id))
		return fail(&rq->cx, ERR_INPUT, "after is not a cursor");
	return desk_answer(rq, 200, ST_ACTIVITY_LIST, (const char *[]){
	    visitor_of(rq)->tenant_id,
	    arena_printf(&rq->cx.arena, "%lld", (long long)before_id), PAGE },
	    "list");
}

enum err
health_get(struct request *rq)
{
	const struct desk_shared *shared = desk_of(rq)->shared;
	const int64_t ends_s = entra_credential_expires_s(shared->entra);
	int64_t left_s = ends_s - clock_real_s();
	char at[21] = "";
	enum err e;

	if (ends_s != 0)
		clock_rfc3339(ends_s, at);
	if (left_s < 0) /* whole days, also of one that has ended */
		left_s -= DAY_S - 1;
	e = desk_answer(rq, 200, ST_HEALTH_VIEW, (const char *[]){
	    visitor_of(rq)->tenant_id,
	    entra_credential_kind(shared->entra),
	    ends_s == 0 ? NULL : at,
	    ends_s == 0 ? NULL : arena_printf(&rq->cx.arena, "%lld",
	    (long long)(left_s / DAY_S)) }, "tenant");
	return e;
}
