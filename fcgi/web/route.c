/* Finds the route of a request: the path in parts, then decoded. */
#include "web/route.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "web/request.h"

#define PARTS_MAX 12 /* our longest path has 6 */

/* "/a/b%2Fc" -> "a", "b/c"; false when a part cannot be decoded. More parts
 * than any route has are no error: *ret_n is 0 and nothing matches. */
static bool
path_split(struct ctx *cx, const char *path, const char **parts, int *ret_n)
{
	bool more = *path == '/';
	int n = 0;

	while (more) {
		size_t len = strcspn(++path, "/");
		char *part = arena_strndup(&cx->arena, path, len);

		if (!text_urldecode(part, false))
			return false;
		if (n == PARTS_MAX) {
			n = 0;
			break;
		}
		parts[n++] = part;
		path += len;
		more = *path == '/';
	}
	*ret_n = n;
	return true;
}

static bool
pattern_matches(
    const char *pattern, const char *const *parts, int n, const char **params)
{
	int i, nparams = 0;

	for (i = 0; i < n && *pattern == '/'; i++) {
		size_t len = strcspn(++pattern, "/");

		if (*pattern == ':') {
			if (*parts[i] == '\0' || nparams == REQUEST_PARAMS)
				return false;
			params[nparams++] = parts[i];
		} else if (strlen(parts[i]) != len ||
		    memcmp(parts[i], pattern, len) != 0) {
			return false;
		}
		pattern += len;
	}
	return i == n && n > 0 && *pattern == '\0';
}

/* "GET" and "GET" again is one word in Allow. */
static void
allow_add(char *allow, size_t room, const char *method)
{
	size_t len = strlen(allow);

	if (strstr(allow, method) != NULL || len + strlen(method) + 3 > room)
		return;
	snprintf(allow + len, room - len, "%s%s", len > 0 ? ", " : "", method);
}

enum err
route_find(struct request *rq, const struct route *routes, size_t n)
{
	const char *parts[PARTS_MAX];
	char allow[64] = "";
	int nparts;
	size_t i;

	if (!path_split(&rq->cx, rq->path, parts, &nparts))
		return fail(&rq->cx, ERR_INPUT, "the path is badly encoded");
	for (i = 0; i < n; i++) {
		const char *params[REQUEST_PARAMS] = { NULL };

		if (!pattern_matches(routes[i].path, parts, nparts, params))
			continue;
		if (strcmp(routes[i].method, rq->method) == 0) {
			rq->route = &routes[i];
			memcpy(rq->params, params, sizeof(params));
			return ERR_OK;
		}
		allow_add(allow, sizeof(allow), routes[i].method);
	}
	if (*allow == '\0')
		return fail(&rq->cx, ERR_NOT_FOUND, "there is nothing here");
	response_header(rq, "Allow", allow);
	return fail(&rq->cx, ERR_METHOD, "allowed here: %s", allow);
}
