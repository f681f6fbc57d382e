/*
 * Microsoft Graph, v1.0: presence and users. Sources: learn.microsoft.com/graph/
 * api/presence-setpresence, api/user-get, throttling-limits
 */
#ifndef SYNC_GRAPH_H
#define SYNC_GRAPH_H

#include "base/http.h"
#include "base/settings.h"
#include "sync/entra.h"
#include "sync/job.h"

/* The request of a job, in cx's arena: setPresence, clearPresence, or for a
 * probe getPresencesByUserId. client-request-id is cx->id as a GUID. */
void graph_request(struct ctx *cx, const struct settings *s,
    const struct job *job, const char *token, struct http_request *ret);
/* What the answer means; detail gets "graph: http 429, code TooManyRequests". */
enum result graph_result(const struct job *job, const struct http_response *rs,
    char detail[128]);

struct graph_user { const char *id, *upn, *name; };
/* One person by UPN or object id. errors NOT_FOUND, UPSTREAM, BUSY (retry_after_s), FORBIDDEN */
enum err graph_user_find(struct ctx *cx, struct entra *e,
    const struct settings *s, const char *tenant_id, const char *who,
    struct graph_user *ret) __attribute__((warn_unused_result));
/* All of the tenant, page by page (at most 1,000 pages); each is given to fn, whose strings live as
 * long as the call. Same errors. */
enum err graph_users_each(struct ctx *cx, struct entra *e,
    const struct settings *s, const char *tenant_id,
    void (*fn)(void *arg, const struct graph_user *u), void *arg)
    __attribute__((warn_unused_result));

#endif
