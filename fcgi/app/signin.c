/*
 * Sign-in of an administrator: OpenID Connect code flow with PKCE, state and
 * nonce, each good for one use in one browser.
 * Source: learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow
 */
#include <string.h>

#include "app/desk.h"
#include "app/flow.h"
#include "app/handlers.h"
#include "app/who.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "sync/statement.h"

enum err
sign_in_get(struct request *rq)
{
	const struct desk_shared *shared = desk_of(rq)->shared;
	const char *next, *browser;
	char *state, *nonce, *verifier;
	uint8_t hash[32];
	char challenge[64];
	struct rows *rows;
	enum err e;

	e = request_query(rq, "next", &next);
	if (e != ERR_OK)
		return e;
	/* Only the places that we know: no open redirect. */
	next = next != NULL && strcmp(next, "consent") == 0 ? "/consent" :
	    "/admin/";
	browser = flow_browser(rq);
	state = flow_random(rq);
	nonce = flow_random(rq);
	verifier = flow_random(rq);
	e = desk_call(rq, ST_OAUTH_BEGIN, (const char *[]){
	    flow_hash(rq, state), flow_hash(rq, browser), "sign_in", nonce,
	    verifier, next, NULL }, &rows);
	if (e != ERR_OK)
		return e;
	secret_sha256(verifier, strlen(verifier), hash);
	text_base64url(hash, sizeof(hash), challenge);
	response_redirect(rq, entra_authorize_url(&rq->cx, shared->entra,
	    flow_own_url(rq, "/auth/callback"), state, nonce, challenge));
	return ERR_OK;
}

/* The roles as a JSON array, and whether one of them is an administrator's. */
static const char *
roles_json(struct request *rq, struct json_object *claims, bool *ret_admin)
{
	struct json_object *wids = json_peek(claims, "wids");
	struct buf b;
	size_t i, n;

	*ret_admin = false;
	buf_init(&b, &rq->cx.arena, 16384);
	buf_text(&b, "[");
	n = json_object_is_type(wids, json_type_array) ?
	    json_object_array_length(wids) : 0;
	for (i = 0; i < n; i++) {
		struct json_object *wid = json_object_array_get_idx(wids, i);
		const char *id = json_object_get_string(wid);

		/* Roles that mean nothing here are not kept. */
		if (!json_object_is_type(wid, json_type_string) ||
		    !role_is_admin(id))
			continue;
		buf_text(&b, *ret_admin ? "," : "");
		buf_json(&b, id);
		*ret_admin = true;
	}
	buf_text(&b, "]");
	return buf_str(&b);
}

/* A new session, a new cookie: an older one of this browser ends. */
static enum err
session_begin(struct request *rq, const char *tenant_id, const char *user_id,
    const char *name, const char *roles)
{
	const char *old = request_cookie(rq, who_cookie(rq));
	char *cookie = flow_random(rq);
	struct rows *rows;
	enum err e;

	if (old != NULL) {
		e = desk_call(rq, ST_SESSION_END,
		    (const char *[]){ flow_hash(rq, old) }, &rows);
		if (e != ERR_OK)
			return e;
	}
	e = desk_call(rq, ST_SESSION_NEW, (const char *[]){
	    flow_hash(rq, cookie), tenant_id, user_id, name, roles,
	    flow_random(rq) }, &rows);
	if (e != ERR_OK)
		return e;
	flow_cookie(rq, who_cookie(rq), cookie, 8 * 3600);
	return ERR_OK;
}

/* Checks what came back and who it is; *ret_word is the page's word for what
 * went wrong when it is not OK. */
static enum err
sign_in_finish(struct request *rq, const char **ret_next,
    const char **ret_word)
{
	const struct desk_shared *shared = desk_of(rq)->shared;
	const char *code, *id_token, *tid, *oid, *nonce, *expected, *upn, *name;
	const char *roles, *at;
	struct json_object *claims;
	struct rows *flow, *rows;
	bool is_admin;
	enum err e;

	*ret_word = "state_mismatch";
	e = flow_take(rq, "sign_in", flow_hash(rq, flow_browser(rq)), &flow);
	if (e != ERR_OK)
		return e;
	*ret_next = rows_text(flow, 0, 2);
	*ret_word = "sign_in_failed";
	e = flow_refused(rq);
	if (e != ERR_OK)
		return e;
	e = request_query(rq, "code", &code);
	if (e != ERR_OK)
		return e;
	if (code == NULL || strlen(code) > 4096)
		return fail(&rq->cx, ERR_INPUT, "code is missing");
	e = entra_redeem(&rq->cx, shared->entra, code,
	    flow_own_url(rq, "/auth/callback"), rows_text(flow, 0, 1),
	    &id_token);
	if (e == ERR_FORBIDDEN) /* nobody can sign in; the operator must act */
		*ret_word = "credential_refused";
	if (e != ERR_OK)
		return e;
	e = entra_verify(&rq->cx, shared->entra, id_token, &claims);
	if (e != ERR_OK)
		return e;
	nonce = json_peek_text(claims, "nonce");
	expected = rows_text(flow, 0, 0);
	if (nonce == NULL || !secret_equal(nonce, strlen(nonce),
	    expected, strlen(expected)))
		return fail(&rq->cx, ERR_AUTH, "the ID token's nonce is not ours");
	oid = json_peek_text(claims, "oid");
	if (oid == NULL || !text_is_uuid(oid))
		return fail(&rq->cx, ERR_AUTH, "the ID token has no oid");
	tid = json_peek_text(claims, "tid");
	*ret_word = "tenant_not_allowed";
	if (!settings_tenant_allowed(shared->settings, tid))
		return fail(&rq->cx, ERR_FORBIDDEN,
		    "this tenant may not use this server");
	roles = roles_json(rq, claims, &is_admin);
	upn = json_peek_text(claims, "preferred_username");
	name = json_peek_text(claims, "name");
	at = upn != NULL ? strchr(upn, '@') : NULL;
	*ret_word = "not_admin";
	if (!is_admin) {
		/* A session all the same, where the tenant is known: the page
		 * says who is signed in and what is missing. */
		e = desk_call(rq, ST_TENANT_CONSENT, (const char *[]){ tid },
		    &rows);
		if (e != ERR_OK)
			return e;
		if (rows_count(rows) == 0)
			return fail(&rq->cx, ERR_FORBIDDEN,
			    "not an administrator of this tenant");
	} else {
		e = desk_call(rq, ST_TENANT_ENSURE, (const char *[]){ tid,
		    at != NULL && at[1] != '\0' ? at + 1 : tid,
		    arena_printf(&rq->cx.arena, "%d",
		    shared->settings->lease_s) }, &rows);
		if (e != ERR_OK)
			return e;
	}
	*ret_word = "sign_in_failed";
	return session_begin(rq, tid, oid, name != NULL ? name :
	    upn != NULL ? upn : "", roles);
}

enum err
sign_in_callback_get(struct request *rq)
{
	const char *next = "/admin/", *word;

	if (sign_in_finish(rq, &next, &word) != ERR_OK)
		return flow_failed(rq, word);
	response_redirect(rq, flow_own_url(rq, next));
	return ERR_OK;
}

enum err
sign_out_post(struct request *rq)
{
	const char *cookie = request_cookie(rq, who_cookie(rq));
	struct rows *rows;
	enum err e;

	e = desk_call(rq, ST_SESSION_END,
	    (const char *[]){ flow_hash(rq, cookie) }, &rows);
	if (e != ERR_OK)
		return e;
	flow_cookie(rq, who_cookie(rq), "", 0);
	response_bytes(rq, 204, NULL, "", 0);
	return ERR_OK;
}
