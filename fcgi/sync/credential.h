/*
 * Who we are to Microsoft: a certificate and its key, or a client secret. The
 * files are read again before each use, so a new credential is taken up
 * without a restart. For entra.c; shared by all threads, own lock.
 */
#ifndef SYNC_CREDENTIAL_H
#define SYNC_CREDENTIAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/ctx.h"
#include "base/settings.h"

struct credential;
/* Starts with what the settings hold. errors INPUT: certificate, key */
enum err credential_new(struct ctx *cx, const struct settings *s,
    struct credential **ret) __attribute__((warn_unused_result));
void credential_free(struct credential *c);

/*
 * Have the files changed, and is what they hold good? Then it is used from now
 * on, and true is returned. A file that is missing or half written, or a key
 * that does not belong to the certificate (yet), changes nothing: the old one
 * goes on, and the log says so once.
 */
bool credential_look(struct credential *c);

/* For one request to `audience`, the token endpoint; one of the two is NULL.
 * In cx's arena, wiped at its end. */
struct proof {
	char *assertion;
	char *secret;
};
enum err credential_prove(struct ctx *cx, struct credential *c,
    const char *audience, int64_t now_s, struct proof *ret)
    __attribute__((warn_unused_result));

int64_t credential_expires_s(struct credential *c); /* certificate's
    notAfter; 0: a secret, whose end we cannot know */
const char *credential_kind(const struct credential *c); /* certificate, secret */

#endif
