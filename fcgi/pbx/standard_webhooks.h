/*
 * Signatures as in Standard Webhooks: HMAC-SHA-256 over id, time and body.
 * Source: github.com/standard-webhooks/standard-webhooks, spec.
 */
#ifndef PBX_STANDARD_WEBHOOKS_H
#define PBX_STANDARD_WEBHOOKS_H

#include "pbx/event.h"

#define WEBHOOK_TOLERANCE_S 300

struct webhook_headers {
	const char *id;        /* 1..200 printable bytes, no full stop */
	const char *timestamp; /* as sent: that text is signed */
	int64_t timestamp_s;   /* of this attempt, the sender's clock */
	const char *signature; /* a list, not yet looked into */
};

/* false: one is missing or has not its form. */
bool standard_webhooks_headers(
    const struct pbx_request *rq, struct webhook_headers *ret);

/* See struct platform. A clock that is off is told only to who knows the
 * secret. */
enum err standard_webhooks_verify(struct ctx *cx, const struct pbx_request *rq,
    const struct pbx_secret *secrets, int n, int64_t now_s)
    __attribute__((warn_unused_result));

/* The value of webhook-signature, in cx's arena, for sending.
 *   errors  INPUT: the secret, the id or the time has not its form */
enum err standard_webhooks_sign(struct ctx *cx, const char *secret,
    const char *id, int64_t timestamp_s, const char *body, size_t len,
    char **ret) __attribute__((warn_unused_result));

char *standard_webhooks_secret_new(struct ctx *cx);
enum err standard_webhooks_secret_check(struct ctx *cx, const char *secret)
    __attribute__((warn_unused_result));

#endif
