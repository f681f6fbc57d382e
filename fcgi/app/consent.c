/*
 * Admin consent: the redirect proves nothing, so the tenant is the session's
 * and the grant is proved by a call of Graph.
 * Source: learn.microsoft.com/entra/identity-platform/v2-admin-consent
 */
#include <string.h>

#include "app/desk.h"
#include "app/flow.h"
#include "app/handlers.h"
#include "app/who.h"
#include "base/text.h"
#include "sync/statement.h"

/* The session's own hash binds the state to it, not only to the browser. */
static const char *
session_hash(struct request *rq)
{
	return flow_hash(rq, request_cookie(rq, who_cookie(rq)));
}

static enum err
may_consent(struct request *rq, const struct visitor *v)
{
	if (!v->can_consent)
		return fail(&rq->cx, ERR_FORBIDDEN, "only a Global or "
		    "Privileged Role Administrator can grant this consent");
	return ERR_OK;
}

enum err
consent_get(struct request *rq)
{
	const struct desk_shared *shared = desk_of(rq)->shared;
	char *state = flow_random(rq);
	struct visitor *v;
	struct rows *rows;
	enum err e;

	e = who_visitor(rq, &v);
	if (e != ERR_OK)
		return e;
	if (v == NULL) {
		response_redirect(rq,
		    flow_own_url(rq, "/auth/sign-in?next=consent"));
		return ERR_OK;
	}
	e = may_consent(rq, v);
	if (e != ERR_OK)
		return e;
	e = desk_call(rq, ST_OAUTH_BEGIN, (const char *[]){
	    flow_hash(rq, state), session_hash(rq), "consent", NULL, NULL,
	    NULL, v->tenant_id }, &rows);
	if (e != ERR_OK)
		return e;
	response_redirect(rq, entra_consent_url(&rq->cx, shared->entra,
	    v->tenant_id, flow_own_url(rq, "/consent/callback"), state));
	return ERR_OK;
}

/* Checks the answer against the session; nothing has changed when it fails. */
static enum err
consent_check(struct request *rq, struct visitor *v, const char **ret_word)
{
	const char *tenant, *admin_consent;
	struct rows *flow;
	enum err e;

	*ret_word = "state_mismatch";
	if (v == NULL)
		return fail(&rq->cx, ERR_AUTH, "nobody is signed in");
	e = flow_take(rq, "consent", session_hash(rq), &flow);
	if (e != ERR_OK)
		return e;
	*ret_word = "consent_declined";
	e = flow_refused(rq);
	if (e != ERR_OK)
		return e;
	e = request_query(rq, "admin_consent", &admin_consent);
	if (e != ERR_OK)
		return e;
	if (admin_consent == NULL || !text_same_word(admin_consent, "true"))
		return fail(&rq->cx, ERR_FORBIDDEN, "admin_consent is not True");
	*ret_word = "consent_mismatch";
	e = request_query(rq, "tenant", &tenant);
	if (e != ERR_OK)
		return e;
	if (!text_same_word(rows_text(flow, 0, 3), v->tenant_id) ||
	    (tenant != NULL && !text_same_word(tenant, v->tenant_id)))
		return fail(&rq->cx, ERR_FORBIDDEN,
		    "tenant is not the one that is signed in");
	*ret_word = "not_admin";
	return may_consent(rq, v);
}

enum err
consent_callback_get(struct request *rq)
{
	struct visitor *v;
	const char *word = "sign_in_failed", *consent;
	struct rows *rows;
	enum err e;

	e = who_visitor(rq, &v);
	if (e == ERR_OK)
		e = consent_check(rq, v, &word);
	if (e != ERR_OK)
		return flow_failed(rq, word);
	e = desk_publish(rq, ST_CONSENT_BEGIN, (const char *[]){
	    v->tenant_id, v->user_id, v->name }, NULL);
	if (e == ERR_OK)
		e = desk_call(rq, ST_TENANT_CONSENT,
		    (const char *[]){ v->tenant_id }, &rows);
	if (e != ERR_OK)
		return flow_failed(rq, "consent_pending");
	consent = rows_count(rows) == 1 ? rows_text(rows, 0, 0) : "pending";
	request_note(rq, "consent", consent);
	response_redirect(rq, flow_own_url(rq,
	    strcmp(consent, "granted") == 0 ? "/admin/#consent=granted" :
	    "/admin/#consent=pending"));
	return ERR_OK;
}
