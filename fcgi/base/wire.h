/*
 * Small parts of HTTP that several layers read: media types, and the
 * name=value pairs of queries and forms.
 */
#ifndef BASE_WIRE_H
#define BASE_WIRE_H

#include <stdbool.h>

#include "base/ctx.h"

/* "application/json; charset=utf-8" is "application/json": parameters and
 * case do not count. */
bool wire_media_is(const char *content_type, const char *type);

/*
 * One value out of "a=1&b=2" (application/x-www-form-urlencoded), decoded, in
 * cx's arena; NULL when the name is not there. Names that cannot be decoded
 * are nobody's and passed over.
 *   errors  INPUT: the name is there twice, its value is badly encoded, not
 *           UTF-8 or holds %00; the detail names it
 */
enum err wire_pair(struct ctx *cx, const char *pairs, const char *name,
    const char **ret) __attribute__((warn_unused_result));

/*
 * All of them, one a call, decoded, in cx's arena: *pairs moves behind the one
 * that was read. Empty ones ("&&") are passed over.
 *   returns false at the end, *e is ERR_OK; or *e is INPUT: badly encoded, not
 *           UTF-8, %00
 */
bool wire_next(struct ctx *cx, const char **pairs, const char **ret_name,
    const char **ret_value, enum err *e);

#endif
