/* Proves who asks: a person in the Teams tab, a visitor of the dashboard. */
#include "app/who.h"

#include <string.h>

#include "app/desk.h"
#include "base/json.h"
#include "base/text.h"
#include "sync/statement.h"

/* The hosts that may ask for our token. Source: learn.microsoft.com/
 * microsoftteams/platform/tabs/how-to/authentication/tab-sso-register-aad */
static const char *const teams_clients[] = {
	"1fec8e78-bce4-4aaf-ab1b-5451cc387264", /* Teams desktop, mobile */
	"5e3ce6c0-2b1f-4285-8d4b-75ee78787346", /* Teams web */
	"4765445b-32c6-49b0-83e6-1d93765276ca", /* Microsoft 365 web */
	"0ec893e0-5785-4de6-99da-4ed124e5296c", /* Microsoft 365 desktop */
	"d3590ed6-52b3-4102-aeff-aad2292ab01c", /* 365 mobile, Outlook desktop */
	"bc59ab01-8403-45c6-8796-ac3ef710b3e3", /* Outlook web */
	"27922004-5251-4030-b22d-91ecd9a37ea4", /* Outlook mobile */
};

static const struct {
	const char *template_id;
	bool can_consent;
} roles[] = {
	{ "62e90394-69f5-4237-9190-012177145e10", true },  /* Global */
	{ "e8611ab8-c189-46e8-94e1-60213ab1f814", true },  /* Privileged Role */
	{ "158c047a-c907-4556-b7ef-446551a6b5f7", false }, /* Cloud Application */
	{ "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3", false }, /* Application */
	{ "69091246-20e8-4a56-aa4d-066075b2a7a8", false }, /* Teams */
};

bool
role_is_admin(const char *template_id)
{
	size_t i;

	for (i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
		if (text_same_word(template_id, roles[i].template_id))
			return true;
	return false;
}

bool
role_can_consent(const char *template_id)
{
	size_t i;

	for (i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
		if (text_same_word(template_id, roles[i].template_id))
			return roles[i].can_consent;
	return false;
}

struct member *
member_of(const struct request *rq)
{
	return rq->who;
}

struct visitor *
visitor_of(const struct request *rq)
{
	return rq->who;
}

static bool
is_teams_client(const char *client_id)
{
	size_t i;

	for (i = 0; i < sizeof(teams_clients) / sizeof(teams_clients[0]); i++)
		if (text_same_word(client_id, teams_clients[i]))
			return true;
	return false;
}

/* Is `word` one of the blank-separated words of `list`? */
static bool
has_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	while (*list != '\0') {
		size_t n = strcspn(list, " ");

		if (n == len && memcmp(list, word, len) == 0)
			return true;
		list += n;
		list += strspn(list, " ");
	}
	return false;
}

static enum err
prove_member(struct request *rq)
{
	const struct desk_shared *shared = desk_of(rq)->shared;
	const char *header = request_header(rq, "authorization");
	const char *scp, *azp, *oid, *tid;
	struct json_object *claims;
	struct member *m;
	enum err e;

	if (header == NULL || strncasecmp(header, "Bearer ", 7) != 0)
		return fail(&rq->cx, ERR_AUTH,
		    "the Authorization header holds no Bearer token");
	e = entra_verify(&rq->cx, shared->entra, header + 7, &claims);
	if (e != ERR_OK)
		return e;
	scp = json_peek_text(claims, "scp");
	if (scp == NULL || !has_word(scp, "access_as_user"))
		return fail(&rq->cx, ERR_AUTH,
		    "the token's scp is not access_as_user");
	azp = json_peek_text(claims, "azp");
	if (azp == NULL || !is_teams_client(azp))
		return fail(&rq->cx, ERR_AUTH,
		    "the token's azp is no Teams client");
	oid = json_peek_text(claims, "oid");
	if (oid == NULL || !text_is_uuid(oid))
		return fail(&rq->cx, ERR_AUTH, "the token has no oid");
	tid = json_peek_text(claims, "tid");
	if (!settings_tenant_allowed(shared->settings, tid))
		return fail(&rq->cx, ERR_FORBIDDEN,
		    "this tenant may not use this server");
	m = arena_alloc(&rq->cx.arena, sizeof(*m));
	m->tenant_id = tid;
	m->user_id = oid;
	m->name = json_peek_text(claims, "name");
	m->upn = json_peek_text(claims, "preferred_username");
	rq->who = m;
	return ERR_OK;
}

enum err
who_prove_tab(struct request *rq, int who)
{
	enum err e = who == WHO_ANYONE ? ERR_OK : prove_member(rq);

	if (e == ERR_AUTH)
		response_header(rq, "WWW-Authenticate", "Bearer");
	return e;
}

const char *
who_cookie(const struct request *rq)
{
	return desk_of(rq)->shared->settings->secure ? "__Host-presence" :
	    "presence";
}

enum err
who_visitor(struct request *rq, struct visitor **ret)
{
	const char *cookie = request_cookie(rq, who_cookie(rq));
	struct json_object *wids;
	struct visitor *v;
	struct rows *rows;
	uint8_t hash[32];
	char hex[65];
	enum err e;
	size_t i;

	*ret = NULL;
	if (cookie == NULL)
		return ERR_OK;
	secret_sha256(cookie, strlen(cookie), hash);
	text_hex(hash, sizeof(hash), hex);
	e = desk_call(rq, ST_SESSION_FIND, (const char *[]){ hex }, &rows);
	if (e != ERR_OK)
		return e;
	if (rows_count(rows) == 0)
		return ERR_OK;
	v = arena_alloc(&rq->cx.arena, sizeof(*v));
	v->tenant_id = rows_text(rows, 0, 0);
	v->user_id = rows_text(rows, 0, 1);
	v->name = rows_text(rows, 0, 2);
	v->csrf = rows_text(rows, 0, 4);
	e = json_read(&rq->cx, rows_text(rows, 0, 3),
	    strlen(rows_text(rows, 0, 3)), &wids);
	if (e != ERR_OK)
		return e;
	for (i = 0; i < json_object_array_length(wids); i++) {
		const char *id = json_object_get_string(
		    json_object_array_get_idx(wids, i));

		v->is_admin = v->is_admin || role_is_admin(id);
		v->can_consent = v->can_consent || role_can_consent(id);
	}
	if (settings_tenant_allowed(desk_of(rq)->shared->settings,
	    v->tenant_id))
		*ret = v;
	return ERR_OK;
}

enum err
who_prove_admin(struct request *rq, int who)
{
	const char *csrf = request_header(rq, "x-csrf-token");
	struct visitor *v;
	enum err e;

	if (who == WHO_ANYONE)
		return ERR_OK;
	e = who_visitor(rq, &v);
	if (e != ERR_OK)
		return e;
	if (v == NULL)
		return fail(&rq->cx, ERR_AUTH, "nobody is signed in");
	if (strcmp(rq->method, "GET") != 0 && (csrf == NULL ||
	    !secret_equal(csrf, strlen(csrf), v->csrf, strlen(v->csrf))))
		return fail(&rq->cx, ERR_FORBIDDEN,
		    "the X-CSRF-Token header is missing or wrong");
	if (who == WHO_ADMIN && !v->is_admin)
		return fail(&rq->cx, ERR_FORBIDDEN, "only a Global, Privileged "
		    "Role, Application, Cloud Application or Teams "
		    "Administrator may do this");
	rq->who = v;
	return ERR_OK;
}
