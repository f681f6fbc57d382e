/*
 * Secrets: bytes that are wiped, never printed; compared in constant time;
 * sealed at rest with AES-256-GCM.
 */
#ifndef BASE_SECRET_H
#define BASE_SECRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ctx.h"

struct secret {
	uint8_t *bytes;  /* own memory, NUL behind, wiped by secret_done */
	size_t len;
};

/* Copies. What s held before is not looked at: secret_done it first. */
void secret_set(struct secret *s, const void *bytes, size_t len);
void secret_done(struct secret *s);
/* A file of at most 64 KiB, one trailing newline cut off; empty is an error.
 * *ret_open_to_others tells that others may read it, or a group, unless it is
 * root's file: root gives it to a service by its group.
 * errors INPUT, naming the path */
enum err secret_read_file(struct ctx *cx, const char *path, struct secret *ret,
    bool *ret_open_to_others) __attribute__((warn_unused_result));

bool secret_equal(const void *a, size_t a_len, const void *b, size_t b_len);

/* HMAC-SHA-256 */
void secret_hmac(const void *key, size_t key_len, const void *text,
    size_t len, uint8_t ret_mac[32]);
void secret_sha256(const void *text, size_t len, uint8_t ret[32]);

/*
 * Seal keys: text of one or two lines of 64 hex digits; the first seals, both
 * open (rotation). A sealed text is "1.KEYID.NONCE.BODY" in base64url, KEYID
 * the first 8 hex digits of the key's SHA-256; aad names tenant, row, purpose.
 */
struct seal_keys;
enum err seal_keys_parse(struct ctx *cx, const struct secret *text,
    struct seal_keys **ret) __attribute__((warn_unused_result));
void seal_keys_free(struct seal_keys *k);
char *seal(struct ctx *cx, const struct seal_keys *k, const char *aad,
    const void *plain, size_t len); /* in cx's arena */
/* errors: INTERNAL when the key is not known or the text was changed.
 * memory: *ret is in cx's arena and wiped at its end, NUL-terminated. */
enum err unseal(struct ctx *cx, const struct seal_keys *k, const char *aad,
    const char *sealed, uint8_t **ret, size_t *ret_len)
    __attribute__((warn_unused_result));

#endif
