/*
 * Microsoft Entra: our app-only tokens (cached per tenant, one request at a time each), and
 * the keys that sign people's tokens. Shared by all threads; own locks.
 */
#ifndef SYNC_ENTRA_H
#define SYNC_ENTRA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/ctx.h"
#include "base/http.h"
#include "base/jwt.h"
#include "base/settings.h"
#include "sync/job.h"

struct entra;
enum err entra_new(struct ctx *cx, const struct settings *s, struct entra **ret)
    __attribute__((warn_unused_result)); /* INPUT: certificate, key */
void entra_free(struct entra *e);
int64_t entra_credential_expires_s(struct entra *e); /* certificate's
    notAfter; 0: a secret, whose end we cannot know */
const char *entra_credential_kind(const struct entra *e); /* certificate, secret */

struct graph_token {
	char *text;             /* in the asker's arena */
	uint64_t serial;        /* names this very token */
};

/* How a token can be missing. */
struct token_problem {
	enum result result;     /* LOST, CREDENTIAL, UNSENT, FAILED */
	char why[64];           /* LOST: not_consented, disabled_by_admin, blocked_by_policy,
	                           tenant_not_found; CREDENTIAL: the AADSTS number */
	int retry_after_s;      /* 0: none */
};

/*
 * In the cache? Else begins a request (fetch is filled, the caller sends it
 * and gives the answer to entra_token_answer), or tells that one is under way
 * (the caller asks again later). After a failure none is begun for a growing
 * pause (1 s to 30 s): then the problem is told at once.
 *   since_ms  a token that was asked for before this (clock_mono_ms) will not do
 */
enum token_state { TOKEN_READY, TOKEN_FETCH, TOKEN_UNDER_WAY, TOKEN_PROBLEM };
enum token_state entra_token_ask(struct ctx *cx, struct entra *e,
    const char *tenant_id, int64_t since_ms, struct graph_token *ret,
    struct http_request *ret_fetch, struct token_problem *ret_problem);
/* The answer to that request (also when it failed); wakes whoever waits. */
void entra_token_answer(struct entra *e, const char *tenant_id,
    const struct http_response *rs);
/* Graph did not like it: forget this token (and not a newer one). */
void entra_token_drop(struct entra *e, const char *tenant_id, uint64_t serial);
/* For a probe, which must see what holds now: the next one to ask fetches anew,
 * without a pause after a failure; until the new one is there, others get the
 * old one. */
void entra_token_renew(struct entra *e, const char *tenant_id);

/* Blocking form of the same, for the dashboard: errors UPSTREAM, BUSY, FORBIDDEN (lost). */
enum err entra_token(struct ctx *cx, struct entra *e, const char *tenant_id,
    struct graph_token *ret) __attribute__((warn_unused_result));

/*
 * A person's token (ID token, Teams SSO token): signature and the claims of
 * jwt_verify. Unknown kid: keys are fetched again, at most 3 times in a row
 * and one more each 100 s, by one thread; two more wait for it, the others are
 * refused.
 *   errors  AUTH, BUSY (no keys could be had yet)
 */
enum err entra_verify(struct ctx *cx, struct entra *e, const char *token,
    struct json_object **ret_claims) __attribute__((warn_unused_result));

/* The code of a sign-in for an ID token. errors UPSTREAM, AUTH, BUSY;
 * FORBIDDEN: Microsoft refuses our credential */
enum err entra_redeem(struct ctx *cx, struct entra *e, const char *code,
    const char *redirect_uri, const char *verifier, const char **ret_id_token)
    __attribute__((warn_unused_result));

/* Where to send the browser. In cx's arena. */
char *entra_authorize_url(struct ctx *cx, const struct entra *e,
    const char *redirect_uri, const char *state, const char *nonce,
    const char *challenge);
char *entra_consent_url(struct ctx *cx, const struct entra *e,
    const char *tenant_id, const char *redirect_uri, const char *state);

#endif
