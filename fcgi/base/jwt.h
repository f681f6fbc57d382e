/*
 * JSON Web Tokens by libcjose: RS256 in, PS256 out. Pure: keys and time are
 * arguments. Claims of one use (nonce, scp, azp, oid) are for who asks.
 */
#ifndef BASE_JWT_H
#define BASE_JWT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/ctx.h"
#include "base/secret.h"

/* A JWKS, parsed. Entries that are no RSA signing key of at least 2048 bits
 * are left out; at most 64 keys. */
struct jwt_keys;
enum err jwt_keys_parse(struct ctx *cx, const char *json, size_t len,
    struct jwt_keys **ret) __attribute__((warn_unused_result)); /* UPSTREAM */
void jwt_keys_free(struct jwt_keys *k);
bool jwt_keys_has(const struct jwt_keys *k, const char *kid);

/* The kid in the header, for asking whether the set must be renewed.
 * errors: AUTH: not a compact JWS, alg not RS256, crit present, no kid */
enum err jwt_kid(struct ctx *cx, const char *token, const char **ret_kid)
    __attribute__((warn_unused_result));

/*
 * Signature, then the claims every token of Entra must have: ver 2.0, tid a
 * GUID and not the personal accounts' one, iss == login_url/tid/v2.0, the
 * key's own issuer member (template, equal, or absent), aud == client_id,
 * exp, nbf and iat with 300 s of tolerance against now_s.
 *   errors  AUTH; the detail says which claim, never its value
 *   memory  *ret_claims is a json-c object that lives as long as cx
 */
struct json_object;
enum err jwt_verify(struct ctx *cx, const struct jwt_keys *keys,
    const char *token, const char *login_url, const char *client_id,
    int64_t now_s, struct json_object **ret_claims)
    __attribute__((warn_unused_result));

/* The application's certificate and key: for client assertions. */
struct jwt_signer;
/* errors INPUT: not PEM, no RSA, the key does not fit the certificate */
enum err jwt_signer_new(struct ctx *cx, const struct secret *cert_pem,
    const struct secret *key_pem, struct jwt_signer **ret)
    __attribute__((warn_unused_result));
void jwt_signer_free(struct jwt_signer *s);
int64_t jwt_signer_expires_s(const struct jwt_signer *s); /* notAfter */
/* PS256, x5t#S256, fresh jti, exp = now + 300 s. In cx's arena. */
enum err jwt_assertion(struct ctx *cx, const struct jwt_signer *s,
    const char *audience, const char *client_id, int64_t now_s, char **ret)
    __attribute__((warn_unused_result));

#endif
