/*
 * The cache of our app-only tokens, one entry a tenant, and what an answer of
 * the token endpoint means. No I/O; time is an argument (clock_mono_ms). For
 * entra.c; the rest of the program asks entra.h.
 */
#ifndef SYNC_TOKEN_H
#define SYNC_TOKEN_H

#include "sync/entra.h"

struct tokens;
/* most: tenants; beyond, the one that was not used for longest goes. */
struct tokens *tokens_new(size_t most);
void tokens_free(struct tokens *t);

/* As entra_token_ask; after TOKEN_FETCH the tenant counts as under way until
 * tokens_answer, 20 s at most. */
enum token_state tokens_ask(struct ctx *cx, struct tokens *t,
    const char *tenant_id, int64_t since_ms, int64_t now_ms,
    struct graph_token *ret, struct token_problem *ret_problem);
void tokens_answer(struct tokens *t, const char *tenant_id, int64_t now_ms,
    const struct http_response *rs);
void tokens_drop(struct tokens *t, const char *tenant_id, uint64_t serial);
void tokens_renew(struct tokens *t, const char *tenant_id);
/* We have a new credential: who was refused for the old one asks again now. */
void tokens_resume(struct tokens *t);
/* Until some answer has come, or wait_ms have passed. */
void tokens_wait(struct tokens *t, int wait_ms);
size_t tokens_count(struct tokens *t);

/* What the endpoint's refusal means. Source: learn.microsoft.com/entra/
 * identity-platform/reference-error-codes */
void token_problem_read(const struct http_response *rs,
    struct token_problem *ret);

#endif
