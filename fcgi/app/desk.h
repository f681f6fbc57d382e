/*
 * What a thread of the blocking programs (tab, dashboard) works with: its own
 * database connection, and what all threads share.
 */
#ifndef APP_DESK_H
#define APP_DESK_H

#include <stdbool.h>

#include "base/db.h"
#include "base/secret.h"
#include "base/settings.h"
#include "sync/entra.h"
#include "sync/publisher.h"
#include "app/start.h"
#include "web/request.h"
#include "web/route.h"

struct desk_shared {
	const char *program;
	const struct settings *settings;
	struct entra *entra;
	struct publisher *publisher;
	const struct seal_keys *seal_keys;      /* NULL: the tab needs none */
};

struct desk {
	const struct desk_shared *shared;
	struct db *db;
};

struct desk_options {
	const struct route *routes;
	size_t nroutes;
	int threads;
	size_t max_in_flight;
	int graph_max;          /* calls of Graph at once */
	int drain_ms;           /* how long a stop waits for them */
	enum err (*prove)(struct request *rq, int who);
};

/* Everything that such a program does between its start and its end: the
 * value is main's. */
int desk_serve(struct started *s, const struct desk_options *o);

struct desk *desk_of(const struct request *rq);

/* One database call of a handler. */
enum err desk_call(struct request *rq, int which, const char *const *args,
    struct rows **ret) __attribute__((warn_unused_result));

/*
 * A call whose one column is the JSON of the answer: it becomes the response.
 * No row, or NULL, is NOT_FOUND "there is no such NAME".
 */
enum err desk_answer(struct request *rq, int status, int which,
    const char *const *args, const char *name)
    __attribute__((warn_unused_result));

/*
 * A call that returns jobs: they are published before we go on, for at most
 * 2 s; what is left is carried by the rooms or the reconciler.
 */
enum err desk_publish(struct request *rq, int which, const char *const *args,
    bool *ret_all_told) __attribute__((warn_unused_result));

/* The PBX that the path's first parameter names, in lower case. errors NOT_FOUND */
enum err desk_pbx_id(struct request *rq, char **ret)
    __attribute__((warn_unused_result));

/* The body as one JSON object. errors MEDIA, INPUT */
struct json_object;
enum err desk_body(struct request *rq, struct json_object **ret)
    __attribute__((warn_unused_result));

#endif
