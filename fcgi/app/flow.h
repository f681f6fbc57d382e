/* What sign-in and consent share: one-time states, cookies, the way back. */
#ifndef APP_FLOW_H
#define APP_FLOW_H

#include "base/db.h"
#include "web/request.h"

/* 32 random bytes in base64url, in the request's arena. */
char *flow_random(struct request *rq);
/* SHA-256 in hex: what the database keeps of a state, browser or session. */
const char *flow_hash(struct request *rq, const char *text);
/* PRESENCE_PUBLIC_URL + path */
const char *flow_own_url(struct request *rq, const char *path);

/* The cookie that binds a sign-in to this browser; set when it is not there. */
const char *flow_browser(struct request *rq);
/* HttpOnly, SameSite=Lax, Secure where there is TLS; max_age_s 0 deletes. */
void flow_cookie(struct request *rq, const char *name, const char *value,
    int max_age_s);

/*
 * Takes the state of the query, once and for all.
 *   errors  FORBIDDEN: none, not ours, used, too old, another browser's
 *   rows    nonce, verifier, next, tenant_id
 */
enum err flow_take(struct request *rq, const char *purpose,
    const char *browser_hash, struct rows **ret)
    __attribute__((warn_unused_result));
/* FORBIDDEN when the answer holds `error`, whatever else it says. */
enum err flow_refused(struct request *rq) __attribute__((warn_unused_result));

/* Back to the dashboard with #error=WORD; always OK. The error stays in the
 * log line of the request. */
enum err flow_failed(struct request *rq, const char *word);

#endif
