/* A PBX's own API: where it is, what we sign in with, whom it knows. */
#include <stdatomic.h>
#include <string.h>

#include "app/desk.h"
#include "app/handlers.h"
#include "app/who.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "pbx/netsapiens_api.h"
#include "pbx/platform.h"
#include "sync/statement.h"

#define ASKING_MAX 2 /* at the same time: each holds a thread */
#define DOMAIN_MAX 253
#define PEOPLE_MS 9000 /* nginx waits 10 s */

static atomic_int asking;

/* The PBX that the path names, which must have such an API. */
static enum err
pbx_with_api(struct request *rq, char **ret_id)
{
	const struct platform *platform;
	struct rows *rows;
	enum err e;

	e = desk_pbx_id(rq, ret_id);
	if (e != ERR_OK)
		return e;
	e = desk_call(rq, ST_PBX_FORM,
	    (const char *[]){ visitor_of(rq)->tenant_id, *ret_id }, &rows);
	if (e != ERR_OK)
		return e;
	platform = platform_find(rows_text(rows, 0, 0));
	if (platform == NULL || !platform->has_api)
		return fail(&rq->cx, ERR_INPUT,
		    "this platform has no API that is used here");
	return ERR_OK;
}

/* "https://host[:port]", perhaps with the slash behind. */
static enum err
url_member(struct request *rq, struct json_object *body, const char **ret)
{
	static const char host[] = "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";
	const char *url, *p;
	int64_t port;
	size_t len;
	enum err e;

	e = json_member_text(&rq->cx, body, "", "url", true, 1, 300, &url);
	if (e != ERR_OK)
		return e;
	p = url + strlen("https://");
	if (strncmp(url, "https://", strlen("https://")) != 0)
		return fail(&rq->cx, ERR_INPUT, "url does not begin with https://");
	len = strspn(p, host);
	if (len == 0 || len > DOMAIN_MAX || strchr(".-", *p) != NULL)
		return fail(&rq->cx, ERR_INPUT, "url names no host");
	p += len;
	if (*p == ':') {
		len = strcspn(++p, "/");
		if (!text_int64(arena_strndup(&rq->cx.arena, p, len), 1, 65535,
		    &port))
			return fail(&rq->cx, ERR_INPUT, "url: the port is not one");
		p += len;
	}
	if (*p != '\0' && strcmp(p, "/") != 0)
		return fail(&rq->cx, ERR_INPUT, "url has more than https:// and a "
		    "host, perhaps with :port; the path is known here");
	*ret = arena_strndup(&rq->cx.arena, url, (size_t)(p - url));
	return ERR_OK;
}

static enum err
domain_member(struct request *rq, struct json_object *body, const char **ret)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
	enum err e;

	e = json_member_text(&rq->cx, body, "", "domain", true, 1, DOMAIN_MAX,
	    ret);
	if (e == ERR_OK && strspn(*ret, letters) != strlen(*ret))
		return fail(&rq->cx, ERR_INPUT,
		    "domain is not the name of one, like example.service");
	return e;
}

static const char *
purpose(struct request *rq, const char *id)
{
	return arena_printf(&rq->cx.arena, "pbx-api/%s/%s",
	    visitor_of(rq)->tenant_id, id);
}

/* {url, domain, state, problem, checked_at, until}; state "none": none is set */
enum err
pbx_api_get(struct request *rq)
{
	static const char none[] = "{\"url\":null,\"domain\":null,"
	    "\"state\":\"none\",\"problem\":null,\"checked_at\":null,"
	    "\"until\":null}";
	const char *json = none;
	struct rows *rows;
	char *id = NULL;
	enum err e;

	e = pbx_with_api(rq, &id);
	if (e == ERR_OK)
		e = desk_call(rq, ST_PBX_API_GET,
		    (const char *[]){ visitor_of(rq)->tenant_id, id }, &rows);
	if (e != ERR_OK)
		return e;
	if (rows_count(rows) > 0)
		json = rows_text(rows, 0, 0);
	response_bytes(rq, 200, "application/json", json, strlen(json));
	return ERR_OK;
}

enum err
pbx_api_put(struct request *rq)
{
	const struct visitor *v = visitor_of(rq);
	const char *url = NULL, *domain = NULL, *plain = NULL, *sealed = NULL;
	struct json_object *body;
	struct rows *rows;
	char *id = NULL;
	enum err e;

	e = pbx_with_api(rq, &id);
	if (e == ERR_OK)
		e = desk_body(rq, &body);
	if (e == ERR_OK)
		e = url_member(rq, body, &url);
	if (e == ERR_OK)
		e = domain_member(rq, body, &domain);
	if (e == ERR_OK)
		e = netsapiens_credentials(&rq->cx, body, &plain);
	if (e != ERR_OK)
		return e;
	if (plain != NULL)
		sealed = seal(&rq->cx, desk_of(rq)->shared->seal_keys,
		    purpose(rq, id), plain, strlen(plain));
	e = desk_call(rq, ST_PBX_API_SET, (const char *[]){ v->tenant_id, id,
	    url, domain, sealed, v->user_id }, &rows);
	if (e != ERR_OK)
		return e;
	return pbx_api_get(rq);
}

enum err
pbx_api_delete(struct request *rq)
{
	const struct visitor *v = visitor_of(rq);
	struct rows *rows;
	char *id = NULL;
	enum err e;

	e = pbx_with_api(rq, &id);
	if (e == ERR_OK)
		e = desk_call(rq, ST_PBX_API_DELETE,
		    (const char *[]){ v->tenant_id, id, v->user_id }, &rows);
	if (e != ERR_OK)
		return e;
	response_bytes(rq, 204, NULL, "", 0);
	return ERR_OK;
}

/* {"csv": the list as it is uploaded, "listed": n, "counted": n or null} */
static enum err
people(struct request *rq, struct rows *row, const char *id)
{
	const struct settings *settings = desk_of(rq)->shared->settings;
	const struct http_fence fence = { settings->pbx_networks,
		settings->npbx_networks };
	struct netsapiens ns = { .url = rows_text(row, 0, 2),
		.domain = rows_text(row, 0, 3), .fence = &fence,
		.until_ms = clock_mono_ms() + PEOPLE_MS };
	int listed, counted;
	const char *csv;
	uint8_t *plain;
	struct buf b;
	size_t len;
	enum err e;

	e = unseal(&rq->cx, desk_of(rq)->shared->seal_keys, purpose(rq, id),
	    rows_text(row, 0, 1), &plain, &len);
	if (e == ERR_OK)
		e = netsapiens_sign_in(&rq->cx, &ns, (const char *)plain);
	if (e == ERR_OK)
		e = netsapiens_people(&rq->cx, &ns, &csv, &listed, &counted);
	/* For the admin to read. */
	if (e == ERR_UPSTREAM || e == ERR_NOT_FOUND || e == ERR_TIMEOUT) {
		const char *why = arena_strdup(&rq->cx.arena, rq->cx.detail);

		fail_forget(&rq->cx);
		return fail(&rq->cx, ERR_CONFLICT, "%s", why);
	}
	if (e != ERR_OK)
		return e;
	request_note_int(rq, "listed", listed);
	buf_init(&b, &rq->cx.arena, 24u << 20);
	buf_text(&b, "{\"csv\":");
	buf_json(&b, csv);
	buf_printf(&b, ",\"listed\":%d,\"counted\":", listed);
	if (counted < 0)
		buf_text(&b, "null}");
	else
		buf_printf(&b, "%d}", counted);
	response_json(rq, 200, &b);
	return ERR_OK;
}

enum err
pbx_api_people_get(struct request *rq)
{
	struct rows *row;
	char *id = NULL;
	enum err e;

	e = pbx_with_api(rq, &id);
	if (e == ERR_OK)
		e = desk_call(rq, ST_PBX_API_GET,
		    (const char *[]){ visitor_of(rq)->tenant_id, id }, &row);
	if (e != ERR_OK)
		return e;
	if (rows_count(row) == 0)
		return fail(&rq->cx, ERR_NOT_FOUND,
		    "there is no such API of this PBX");
	if (atomic_fetch_add(&asking, 1) >= ASKING_MAX) {
		rq->cx.retry_after_s = 10;
		e = fail(&rq->cx, ERR_BUSY, "two PBXs are being asked");
	} else {
		e = people(rq, row, id);
	}
	atomic_fetch_sub(&asking, 1);
	return e;
}
