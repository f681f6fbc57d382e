/* What a thread of the blocking programs works with. */
#include "app/desk.h"

#include <stdlib.h>
#include <string.h>

#include "app/inside.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "sync/statement.h"
#include "web/server.h"

#define TOLD_WITHIN_MS 2000

static void *
desk_new(void *arg)
{
	const struct desk_shared *shared = arg;
	struct desk *desk = heap_alloc(sizeof(*desk));

	desk->shared = shared;
	desk->db = db_new(shared->settings->database_url, shared->program,
	    statements, ST__MAX);
	return desk;
}

static void
desk_free(void *arg)
{
	struct desk *desk = arg;

	db_free(desk->db);
	heap_free(desk);
}

static struct db *
desk_db(const struct request *rq)
{
	return desk_of(rq)->db;
}

int
desk_serve(struct started *s, const struct desk_options *o)
{
	struct desk_shared shared = {
		.program = s->name, .settings = &s->settings,
		.entra = s->entra, .seal_keys = s->seal_keys,
	};
	struct server *server;

	shared.publisher = publisher_start(&(struct publisher_options){
	    .settings = &s->settings, .entra = s->entra, .program = s->name,
	    .max_in_flight = o->graph_max });
	inside_init(desk_db);
	server = server_start(&(struct server_options){
	    .routes = o->routes, .nroutes = o->nroutes,
	    .threads = o->threads, .max_in_flight = o->max_in_flight,
	    .prove = o->prove, .thread_new = desk_new,
	    .thread_free = desk_free, .arg = &shared });
	if (server == NULL)
		exit(1); /* the rooms' threads look at what is ours */
	server_wait_signal();
	server_stop(server);
	publisher_stop(shared.publisher, o->drain_ms);
	start_done(s);
	return 0;
}

struct desk *
desk_of(const struct request *rq)
{
	return rq->thread;
}

enum err
desk_call(struct request *rq, int which, const char *const *args,
    struct rows **ret)
{
	return db_call(&rq->cx, desk_of(rq)->db, which, args, ret);
}

enum err
desk_answer(struct request *rq, int status, int which,
    const char *const *args, const char *name)
{
	struct rows *rows;
	const char *json;
	enum err e;

	e = desk_call(rq, which, args, &rows);
	if (e != ERR_OK)
		return e;
	json = rows_count(rows) == 0 ? NULL : rows_text(rows, 0, 0);
	if (json == NULL)
		return fail(&rq->cx, ERR_NOT_FOUND, "there is no such %s",
		    name);
	response_bytes(rq, status, "application/json", json, strlen(json));
	return ERR_OK;
}

enum err
desk_publish(struct request *rq, int which, const char *const *args,
    bool *ret_all_told)
{
	int64_t claimed_ms = clock_mono_ms();
	struct rows *rows;
	struct job *jobs;
	bool all_told;
	enum err e;
	int n;

	e = desk_call(rq, which, args, &rows);
	if (e != ERR_OK)
		return e;
	n = jobs_from_rows(&rq->cx, rows, claimed_ms, &jobs);
	all_told = n == 0 || publisher_run(desk_of(rq)->shared->publisher,
	    jobs, n, TOLD_WITHIN_MS);
	if (ret_all_told != NULL)
		*ret_all_told = all_told;
	return ERR_OK;
}

enum err
desk_pbx_id(struct request *rq, char **ret)
{
	if (!text_is_uuid(rq->params[0]))
		return fail(&rq->cx, ERR_NOT_FOUND, "there is no such PBX");
	*ret = arena_strdup(&rq->cx.arena, rq->params[0]);
	text_lower(*ret);
	return ERR_OK;
}

enum err
desk_body(struct request *rq, struct json_object **ret)
{
	enum err e;

	e = request_media(rq, "application/json");
	if (e != ERR_OK)
		return e;
	e = json_read(&rq->cx, rq->body, rq->body_len, ret);
	if (e != ERR_OK)
		return e;
	if (!json_object_is_type(*ret, json_type_object))
		return fail(&rq->cx, ERR_INPUT, "the body is not a JSON object");
	return ERR_OK;
}
