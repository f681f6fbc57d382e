/*
 * The keys that sign people's tokens: fetched by discovery, kept for an hour,
 * and the last good set kept for ever. For entra.c.
 */
#ifndef SYNC_KEYS_H
#define SYNC_KEYS_H

#include "base/ctx.h"
#include "base/settings.h"

struct json_object;
struct keys;
struct keys *keys_new(const struct settings *s); /* borrowed */
void keys_free(struct keys *k);
/* See entra_verify. */
enum err keys_verify(struct ctx *cx, struct keys *k, const char *token,
    struct json_object **ret_claims) __attribute__((warn_unused_result));

#endif
