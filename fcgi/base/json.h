/* JSON in, strictly: json-c with limits, and questions that name the field. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ctx.h"

/*
 * One whole value (RFC 8259), nothing behind it but white space; at most 32
 * containers deep. The value null gives NULL.
 *   errors  INPUT: not JSON (with the offset), not UTF-8, a string or member
 *           name holding U+0000 or half a surrogate pair, too deep, trailing
 *           bytes
 *   memory  the tree lives as long as cx
 */
enum err json_read(struct ctx *cx, const char *text, size_t len,
    struct json_object **ret) __attribute__((warn_unused_result));

/*
 * A member of an object. `where` is the words before the name in an error,
 * "" or "[3].data." ; a wrong type or length is INPUT and names it.
 * Absent and null are the same: *ret = NULL (or the default) when !required.
 */
enum err json_member_text(struct ctx *cx, struct json_object *o,
    const char *where, const char *name, bool required, size_t min_bytes,
    size_t max_bytes, const char **ret) __attribute__((warn_unused_result));
enum err json_member_bool(struct ctx *cx, struct json_object *o,
    const char *where, const char *name, bool required, bool *ret)
    __attribute__((warn_unused_result)); /* untouched when absent */
enum err json_member_int(struct ctx *cx, struct json_object *o,
    const char *where, const char *name, bool required, int64_t min,
    int64_t max, int64_t *ret)
    __attribute__((warn_unused_result)); /* untouched when absent */
/* No error: NULL when absent, null, or not of that type. For peers' answers. */
const char *json_peek_text(struct json_object *o, const char *name);
struct json_object *json_peek(struct json_object *o, const char *name);
int64_t json_peek_int(struct json_object *o, const char *name, int64_t absent);

#endif
