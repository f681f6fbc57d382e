/* The table of PBX platforms: name, how it proves itself, its adapter. */
#ifndef PBX_PLATFORM_H
#define PBX_PLATFORM_H

#include "pbx/event.h"

enum pbx_auth { AUTH_SIGNATURE, AUTH_PATH };

struct platform {
	const char *name;               /* "generic" */
	const char *title;              /* for people: "Generic webhook" */
	enum pbx_auth auth;             /* the default */
	bool auth_signature, auth_path; /* what it can do */
	bool has_api;                   /* that of netsapiens_api.h */
	/*
	 * Proves a request of auth `signature` by any of the secrets (n of
	 * them, 1 or 2). NULL when the platform cannot sign.
	 *   now_s   the wall clock, for the tolerance of 300 s
	 *   errors  AUTH; the detail tells a sender what to mend (a wrong
	 * clock: by how many seconds), never anything of the secret
	 */
	enum err (*verify)(struct ctx *cx, const struct pbx_request *rq,
	    const struct pbx_secret *secrets, int n, int64_t now_s);
	/*
	 * A handshake: the sender wants to know who is here before it sends
	 * events. true: *ret is the whole answer, in cx's arena. It comes
	 * before the signature (a path's secret is proved already), so the
	 * answer must not help to make one. NULL: the platform has none.
	 */
	bool (*hello)(struct ctx *cx, const struct pbx_request *rq,
	    const struct pbx_secret *secrets, int n, struct pbx_reply *ret);
	/* *ret is empty before; what is no event leaves it so.
	 * errors INPUT (names the member; over EVENTS_MAX), MEDIA */
	enum err (*parse)(struct ctx *cx, const struct pbx_request *rq,
	    struct pbx_events *ret);
	/* For auth `signature`: a secret in the form the platform wants, in
	 * cx's arena ("whsec_..."). */
	char *(*secret_new)(struct ctx *cx);
	/* INPUT when the admin's own secret cannot serve for `signature`. */
	enum err (*secret_check)(struct ctx *cx, const char *secret);
};

const struct platform *platform_find(const char *name);    /* NULL: unknown */
const struct platform *platform_at(size_t i);              /* NULL: no more */
bool pbx_auth_parse(const char *word, enum pbx_auth *ret); /* "signature" */
const char *pbx_auth_name(enum pbx_auth a);

/*
 * Auth `path` is the same on every platform: the last part of the address is
 * the secret. A new one is 32 random bytes in base64url.
 *   check   INPUT: empty, over 256 bytes, not UTF-8, control characters
 *   verify  AUTH; `given` is the decoded part of the path
 */
char *path_secret_new(struct ctx *cx);
enum err path_secret_check(struct ctx *cx, const char *secret)
    __attribute__((warn_unused_result));
enum err path_secret_verify(
    struct ctx *cx, const char *given, const struct pbx_secret *secrets, int n)
    __attribute__((warn_unused_result));

#endif
