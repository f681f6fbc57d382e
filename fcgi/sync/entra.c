/* Microsoft Entra, see entra.h: our credential, and who is asked for what. */
#include "sync/entra.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "sync/credential.h"
#include "sync/keys.h"
#include "sync/token.h"

#define TENANTS_MAX 10000
#define TOKEN_MS 10000
#define REPLY_MAX 131072
#define FORM_MAX 65536
#define PATIENCE_MS 10000 /* of the blocking form */
#define SIGN_IN "organizations"

struct entra {
	const struct settings *settings;
	struct credential *credential;
	struct tokens *tokens;
	struct keys *keys;
};

enum err
entra_new(struct ctx *cx, const struct settings *s, struct entra **ret)
{
	struct credential *credential;
	struct entra *e;
	enum err err;

	err = credential_new(cx, s, &credential);
	if (err)
		return err;
	e = heap_alloc(sizeof(*e));
	e->settings = s;
	e->credential = credential;
	e->tokens = tokens_new(TENANTS_MAX);
	e->keys = keys_new(s);
	*ret = e;
	return ERR_OK;
}

void
entra_free(struct entra *e)
{
	if (!e)
		return;
	credential_free(e->credential);
	tokens_free(e->tokens);
	keys_free(e->keys);
	heap_free(e);
}

/* Before each use; a new one ends the pauses that the old one's failures made. */
static bool
look(struct entra *e)
{
	if (!credential_look(e->credential))
		return false;
	tokens_resume(e->tokens);
	return true;
}

int64_t
entra_credential_expires_s(struct entra *e)
{
	look(e);
	return credential_expires_s(e->credential);
}

const char *
entra_credential_kind(const struct entra *e)
{
	return credential_kind(e->credential);
}

/* --- the token endpoint ----------------------------------------------------- */

static void
wipe_buf(void *object)
{
	struct buf *b = object;

	if (b->data)
		explicit_bzero(b->data, b->cap);
}

/* The form grows in the arena; the copies that growing leaves behind would
 * hold the secret, so all of it is allocated at once. */
static struct buf *
form_new(struct ctx *cx)
{
	struct buf *b = arena_alloc(&cx->arena, sizeof(*b));
	char *room = arena_alloc(&cx->arena, FORM_MAX / 4);

	buf_init(b, &cx->arena, FORM_MAX);
	buf_add(b, room, FORM_MAX / 4);
	buf_clear(b);
	arena_defer(&cx->arena, wipe_buf, b);
	return b;
}

static void
pair(struct buf *form, const char *name, const char *value)
{
	buf_printf(form, "%s%s=", form->len ? "&" : "", name);
	buf_urlencode(form, value);
}

static char *
token_url(struct ctx *cx, const struct entra *e, const char *where)
{
	return arena_printf(&cx->arena, "%s/%s/oauth2/v2.0/token",
	    e->settings->login_url, where);
}

/* Who we are: a fresh assertion for this very endpoint, or the secret. */
static enum err
credential(struct ctx *cx, struct entra *e, const char *url, struct buf *form)
{
	struct proof proof;
	enum err err;

	look(e);
	err = credential_prove(cx, e->credential, url, clock_real_s(), &proof);
	if (err)
		return err;
	if (proof.secret) {
		pair(form, "client_secret", proof.secret);
		return ERR_OK;
	}
	pair(form, "client_assertion_type",
	    "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
	pair(form, "client_assertion", proof.assertion);
	return ERR_OK;
}

static void
post_form(struct ctx *cx, const char *url, const struct buf *form,
    struct http_request *ret)
{
	const char **headers = arena_array(&cx->arena, 3, sizeof(*headers));

	headers[0] = "Content-Type: application/x-www-form-urlencoded";
	headers[1] = "Accept: application/json";
	*ret = (struct http_request){
		.method = "POST", .url = url, .headers = headers,
		.body = buf_str(form), .body_len = form->len,
		.timeout_ms = TOKEN_MS, .max_bytes = REPLY_MAX,
	};
}

static enum err
app_token_request(struct ctx *cx, struct entra *e,
    const char *tenant_id, struct http_request *ret)
{
	struct buf *form = form_new(cx);
	char *url = token_url(cx, e, tenant_id);
	enum err err;

	pair(form, "client_id", e->settings->client_id);
	pair(form, "scope", e->settings->graph_scope);
	pair(form, "grant_type", "client_credentials");
	err = credential(cx, e, url, form);
	if (err)
		return err;
	post_form(cx, url, form, ret);
	return ERR_OK;
}

enum token_state
entra_token_ask(struct ctx *cx, struct entra *e, const char *tenant_id,
    int64_t since_ms, struct graph_token *ret,
    struct http_request *ret_fetch, struct token_problem *ret_problem)
{
	struct http_response none = { .result = HTTP_UNREACHABLE,
		.why = "no assertion could be made" };
	enum token_state state;

	state = tokens_ask(cx, e->tokens, tenant_id, since_ms,
	    clock_mono_ms(), ret, ret_problem);
	/* Refused a moment ago; but it may have been renewed since. */
	if (state == TOKEN_PROBLEM &&
	    ret_problem->result == RESULT_CREDENTIAL && look(e))
		state = tokens_ask(cx, e->tokens, tenant_id, since_ms,
		    clock_mono_ms(), ret, ret_problem);
	if (state != TOKEN_FETCH ||
	    !app_token_request(cx, e, tenant_id, ret_fetch))
		return state;
	log_say(LOG_ERROR, "%s", cx->detail);
	fail_forget(cx);
	tokens_answer(e->tokens, tenant_id, clock_mono_ms(), &none);
	token_problem_read(&none, ret_problem);
	return TOKEN_PROBLEM;
}

void
entra_token_answer(struct entra *e, const char *tenant_id,
    const struct http_response *rs)
{
	tokens_answer(e->tokens, tenant_id, clock_mono_ms(), rs);
}

void
entra_token_drop(struct entra *e, const char *tenant_id, uint64_t serial)
{
	tokens_drop(e->tokens, tenant_id, serial);
}

void
entra_token_renew(struct entra *e, const char *tenant_id)
{
	tokens_renew(e->tokens, tenant_id);
}

static enum err
problem_error(struct ctx *cx, const struct token_problem *p)
{
	if (p->result == RESULT_LOST)
		return fail(cx, ERR_FORBIDDEN,
		    "Microsoft Entra gives no token for this tenant: %s",
		    p->why);
	if (p->result == RESULT_CREDENTIAL)
		return fail(cx, ERR_UPSTREAM,
		    "token: our credential is refused: AADSTS%s", p->why);
	cx->retry_after_s = p->retry_after_s;
	return fail(cx, ERR_BUSY, "%s", p->why);
}

enum err
entra_token(struct ctx *cx, struct entra *e, const char *tenant_id,
    struct graph_token *ret)
{
	const int64_t until_ms = clock_mono_ms() + PATIENCE_MS;
	struct token_problem problem;
	struct http_response rs;
	struct http_request rq;

	for (;;) {
		switch (entra_token_ask(cx, e, tenant_id, 0, ret, &rq,
		    &problem)) {
		case TOKEN_READY:
			return ERR_OK;
		case TOKEN_PROBLEM:
			return problem_error(cx, &problem);
		case TOKEN_FETCH:
			http_fetch(cx, &rq, &rs);
			entra_token_answer(e, tenant_id, &rs);
			break;
		case TOKEN_UNDER_WAY:
			tokens_wait(e->tokens, 200);
			break;
		}
		if (clock_mono_ms() >= until_ms)
			return fail(cx, ERR_BUSY, "token: no answer in time");
	}
}

/* --- people ----------------------------------------------------------------- */

enum err
entra_verify(struct ctx *cx, struct entra *e, const char *token,
    struct json_object **ret_claims)
{
	return keys_verify(cx, e->keys, token, ret_claims);
}

/* A refused code is the browser's matter, all else is ours. */
static enum err
redeem_error(struct ctx *cx, const struct http_response *rs)
{
	struct token_problem p;
	struct json_object *o;
	const char *error;

	token_problem_read(rs, &p);
	if (rs->result != HTTP_ANSWERED || rs->status == 429 ||
	    rs->status >= 500)
		return fail(cx, ERR_BUSY, "%s", p.why);
	if (json_read(cx, rs->body, rs->len, &o)) {
		fail_forget(cx);
		return fail(cx, ERR_UPSTREAM, "token: http %d", rs->status);
	}
	error = json_peek_text(o, "error");
	if (p.result == RESULT_CREDENTIAL)
		return fail(cx, ERR_FORBIDDEN,
		    "token: our credential is refused: AADSTS%s", p.why);
	if (error && strcmp(error, "invalid_grant") == 0)
		return fail(cx, ERR_AUTH,
		    "Microsoft does not accept this sign-in any more");
	return fail(cx, ERR_UPSTREAM, "%s", p.why);
}

enum err
entra_redeem(struct ctx *cx, struct entra *e, const char *code,
    const char *redirect_uri, const char *verifier, const char **ret_id_token)
{
	struct buf *form = form_new(cx);
	char *url = token_url(cx, e, SIGN_IN);
	struct http_response rs;
	struct http_request rq;
	struct json_object *o;
	const char *id_token;
	enum err err;

	pair(form, "client_id", e->settings->client_id);
	pair(form, "grant_type", "authorization_code");
	pair(form, "code", code);
	pair(form, "redirect_uri", redirect_uri);
	pair(form, "code_verifier", verifier);
	err = credential(cx, e, url, form);
	if (err)
		return err;
	if (form->overflow)
		return fail(cx, ERR_AUTH, "the code is too long");
	post_form(cx, url, form, &rq);
	http_fetch(cx, &rq, &rs);
	if (rs.result != HTTP_ANSWERED || rs.status != 200)
		return redeem_error(cx, &rs);
	if (json_read(cx, rs.body, rs.len, &o)) {
		fail_forget(cx);
		return fail(cx, ERR_UPSTREAM, "token: the answer is not JSON");
	}
	id_token = json_peek_text(o, "id_token");
	if (!id_token)
		return fail(cx, ERR_UPSTREAM, "token: no id_token");
	*ret_id_token = id_token;
	return ERR_OK;
}

static void
query(struct buf *url, const char *name, const char *value)
{
	buf_printf(url, "%c%s=", strchr(buf_str(url), '?') ? '&' : '?', name);
	buf_urlencode(url, value);
}

char *
entra_authorize_url(struct ctx *cx, const struct entra *e,
    const char *redirect_uri, const char *state, const char *nonce,
    const char *challenge)
{
	struct buf url;

	buf_init(&url, &cx->arena, FORM_MAX);
	buf_printf(&url, "%s/" SIGN_IN "/oauth2/v2.0/authorize",
	    e->settings->login_url);
	query(&url, "client_id", e->settings->client_id);
	query(&url, "response_type", "code");
	query(&url, "redirect_uri", redirect_uri);
	query(&url, "response_mode", "query");
	query(&url, "scope", "openid profile");
	query(&url, "state", state);
	query(&url, "nonce", nonce);
	query(&url, "code_challenge", challenge);
	query(&url, "code_challenge_method", "S256");
	query(&url, "prompt", "select_account");
	return arena_strdup(&cx->arena, buf_str(&url));
}

char *
entra_consent_url(struct ctx *cx, const struct entra *e,
    const char *tenant_id, const char *redirect_uri, const char *state)
{
	struct buf url;

	buf_init(&url, &cx->arena, FORM_MAX);
	buf_printf(&url, "%s/%s/v2.0/adminconsent", e->settings->login_url,
	    tenant_id);
	query(&url, "client_id", e->settings->client_id);
	query(&url, "scope", e->settings->graph_scope);
	query(&url, "redirect_uri", redirect_uri);
	query(&url, "state", state);
	return arena_strdup(&cx->arena, buf_str(&url));
}
