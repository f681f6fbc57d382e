/* Media types and name=value pairs. */
#include "base/wire.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

bool
wire_media_is(const char *content_type, const char *type)
{
	size_t len = strcspn(content_type, "; \t");

	return len == strlen(type) && strncasecmp(content_type, type, len) == 0;
}

/* Does this still encoded name, len bytes long, mean `name`? */
static bool
is_name(struct ctx *cx, const char *encoded, size_t len, const char *name)
{
	char *decoded;

	if (memchr(encoded, '%', len) == NULL &&
	    memchr(encoded, '+', len) == NULL)
		return len == strlen(name) && memcmp(encoded, name, len) == 0;
	/* An escape only makes a name longer: no copies of long nonsense. */
	if (len > 3 * strlen(name))
		return false;
	decoded = arena_strndup(&cx->arena, encoded, len);
	return text_urldecode(decoded, true) && strcmp(decoded, name) == 0;
}

enum err
wire_pair(struct ctx *cx, const char *pairs, const char *name, const char **ret)
{
	const char *found = NULL;
	size_t found_len = 0;
	char *value;

	while (*pairs != '\0') {
		size_t len = strcspn(pairs, "&");
		size_t name_len = strcspn(pairs, "=&");

		if (is_name(cx, pairs, name_len, name)) {
			if (found != NULL)
				return fail(
				    cx, ERR_INPUT, "%s is given twice", name);
			found = pairs + name_len;
			found_len = len - name_len;
			if (found_len > 0) { /* the "=" */
				found++;
				found_len--;
			}
		}
		pairs += len;
		if (*pairs == '&')
			pairs++;
	}
	if (found == NULL) {
		*ret = NULL;
		return ERR_OK;
	}
	value = arena_strndup(&cx->arena, found, found_len);
	if (!text_urldecode(value, true))
		return fail(cx, ERR_INPUT, "%s is badly encoded", name);
	*ret = value;
	return ERR_OK;
}

bool
wire_next(struct ctx *cx, const char **pairs, const char **ret_name,
    const char **ret_value, enum err *e)
{
	const char *pair = *pairs + strspn(*pairs, "&");
	const size_t len = strcspn(pair, "&");
	const size_t name_len = strcspn(pair, "=&");
	const size_t value_at = name_len < len ? name_len + 1 : len;
	char *name, *value;

	*e = ERR_OK;
	if (len == 0)
		return false;
	name = arena_strndup(&cx->arena, pair, name_len);
	value = arena_strndup(&cx->arena, pair + value_at, len - value_at);
	if (!text_urldecode(name, true) || !text_urldecode(value, true)) {
		*e = fail(cx, ERR_INPUT, "a parameter is badly encoded");
		return false;
	}
	*pairs = pair + len;
	*ret_name = name;
	*ret_value = value;
	return true;
}
