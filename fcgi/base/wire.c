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
