/* Proves who asks: a person in the Teams tab, a visitor of the dashboard. */
#ifndef APP_WHO_H
#define APP_WHO_H

#include <stdbool.h>

#include "web/request.h"

/* What a route demands; given to who_prove_tab or who_prove_admin. */
enum who {
	WHO_ANYONE,
	WHO_MEMBER,     /* tab: a person of a tenant, by the Teams SSO token */
	WHO_VISITOR,    /* dashboard: somebody who has signed in */
	WHO_ADMIN       /* and may change the tenant's settings */
};

struct member {         /* rq->who of WHO_MEMBER */
	const char *tenant_id, *user_id;
	const char *name, *upn;         /* for display only; may be NULL */
};

struct visitor {        /* rq->who of WHO_VISITOR and WHO_ADMIN */
	const char *tenant_id, *user_id, *name;
	const char *csrf;
	bool is_admin;          /* may change settings */
	bool can_consent;       /* may grant application permissions */
};

struct member *member_of(const struct request *rq);
struct visitor *visitor_of(const struct request *rq);

/*
 * For server_options.
 *   errors  AUTH       no token or session, or not a good one
 *           FORBIDDEN  the tenant may not use this server; not an administrator; the CSRF header is
 *                      missing or wrong (methods other than GET)
 */
enum err who_prove_tab(struct request *rq, int who);
enum err who_prove_admin(struct request *rq, int who);

/* The visitor of the session cookie, or NULL: for pages that redirect instead
 * of refusing. An error only when the database cannot tell. */
enum err who_visitor(struct request *rq, struct visitor **ret)
    __attribute__((warn_unused_result));

/* The session cookie's name: bound to the host where TLS is there. */
const char *who_cookie(const struct request *rq);

/* Directory roles by their template ids, as the claim wids has them. Source:
 * learn.microsoft.com/entra/identity-platform/access-token-claims-reference */
bool role_is_admin(const char *template_id);
bool role_can_consent(const char *template_id);

#endif
