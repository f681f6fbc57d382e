/* The table of a program's routes: its contents page and its access list. */
#ifndef WEB_ROUTE_H
#define WEB_ROUTE_H

#include <stddef.h>

#include "base/err.h"

struct request;

struct route {
	const char *method;
	const char *path; /* "/webhook/:pbx/:secret"; ":x" is one part */
	int who;          /* the program's own list; given to prove() */
	size_t max_bytes; /* of the body; 0: a body is 413 */
	enum err (*handler)(struct request *rq);
};

/*
 * Finds the route by rq->method and rq->path, fills rq->route and rq->params;
 * the first in the table wins. The path is parted at its slashes first and
 * decoded then, so a %2F belongs to its part. A ":x" takes no empty part.
 *   errors  NOT_FOUND: no such path; METHOD: the path, but not so (Allow is
 *           set as a header); INPUT: a part is badly encoded, not UTF-8 or
 *           holds %00
 */
enum err route_find(struct request *rq, const struct route *routes, size_t n)
    __attribute__((warn_unused_result));

#endif
