/*
 * NetSapiens' own API (v2): the subscription that sends us events, the calls a
 * user has now, and who the users are. Blocks; each request has 5 s.
 * Source: docs.ns-api.com, "Event subscriptions" and the API's reference; the OpenAPI
 * of v2 (repos dszp/n8n-nodes-netsapiens and spectrumvoip/netsapiens-openapi-php).
 */
#ifndef PBX_NETSAPIENS_API_H
#define PBX_NETSAPIENS_API_H

#include <stdatomic.h>

#include "base/http.h"

struct json_object;

struct netsapiens {
	const char *url;    /* "https://host[:port]", the customer's */
	const char *domain; /* "example.service" */
	const struct http_fence *fence;
	const atomic_bool *stop; /* NULL, or: set, no request begins any more */
	int64_t until_ms; /* clock_mono_ms(): nor does one after this; 0: no limit */
	const char *token; /* of netsapiens_sign_in */
};

/*
 * What is kept, sealed, to sign in with: {"key":..}, or {"client_id":..,
 * "client_secret":..,"username":..,"password":..}, each 1 to 512 bytes.
 *   body    the admin's, that may hold more
 *   *ret    NULL: none of them is there; in cx's arena
 *   errors  INPUT: some are missing, both kinds are there; the member is named
 */
enum err netsapiens_credentials(struct ctx *cx, struct json_object *body,
    const char **ret) __attribute__((warn_unused_result));

/*
 * All of these: errors BUSY (stop is set), TIMEOUT (no answer), NOT_FOUND (it
 * answers 404), UPSTREAM (anything else), whose detail says in a sentence for the
 * dashboard what the PBX answered or that it did not; never a secret. Whatever is
 * returned lives in cx's arena.
 */

/* An API key is the token; otherwise one is asked for. Sets ns->token. */
enum err netsapiens_sign_in(struct ctx *cx, struct netsapiens *ns,
    const char *credentials) __attribute__((warn_unused_result));

struct netsapiens_subscription {
	const char *state; /* "pending": nothing was sent yet; "active"; "error" */
	const char *problem;  /* of "error", for the dashboard; else NULL */
	int left_s;           /* until it ends; -1: not known */
};
/*
 * There shall be one subscription of ours, for the domain's calls, to this
 * address, that lasts for at least 6 days: makes or renews it. Then removes ours
 * that post elsewhere (an earlier secret), or are of another domain, 10 at most;
 * where that is refused they end by themselves.
 *   *ret     untouched when it fails
 *   address  where it shall post to; ours are those that begin with `ours`
 *   now_s    the wall clock
 */
enum err netsapiens_subscribe(struct ctx *cx, const struct netsapiens *ns,
    const char *ours, const char *address, int64_t now_s,
    struct netsapiens_subscription *ret) __attribute__((warn_unused_result));

/*
 * The calls of a user ("1001" or "1001@domain") as JSON [{"c": call id, "l": leg id
 * or null}], in the words of the events.
 */
enum err netsapiens_calls(struct ctx *cx, const struct netsapiens *ns,
    const char *user, const char **ret_json)
    __attribute__((warn_unused_result));

/*
 * The domain's people, as a list of extensions is uploaded: lines "user@domain,
 * e-mail" under a header. Left out: whom the PBX has for itself; without an
 * e-mail the field is empty.
 *   *ret_listed   how many users the PBX listed
 *   *ret_counted  how many it says to have; -1: not told
 */
enum err netsapiens_people(struct ctx *cx, const struct netsapiens *ns,
    const char **ret_csv, int *ret_listed, int *ret_counted)
    __attribute__((warn_unused_result));

#endif
