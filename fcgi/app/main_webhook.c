/* presence-webhook: PBX events in, presence out. */
#include <stdlib.h>

#include "app/inside.h"
#include "app/start.h"
#include "app/webhook.h"
#include "base/log.h"
#include "sync/statement.h"
#include "web/server.h"

#define BODY_MAX 262144
#define ACCEPT_THREADS 4
#define IN_FLIGHT_MAX 6144
#define GRAPH_MAX 1024    /* calls at once */
#define DRAIN_MS 3000

static const struct program program = {
	.name = "webhook", .command = "presence-webhook",
	.about = "Takes the events of PBXs and tells Microsoft Teams who is "
	    "on a call.",
	.version = PRESENCE_VERSION,
	.need = NEED_DATABASE | NEED_MICROSOFT | NEED_SEAL,
};

/* Who asks is proved by the handlers: each PBX has a way of its own. */
static const struct route routes[] = {
	{ "POST", "/webhook/:pbx", 0, BODY_MAX, webhook_signed },
	{ "POST", "/webhook/:pbx/:secret", 0, BODY_MAX, webhook_path },
	{ "GET", "/webhook/:pbx/:secret", 0, 0, webhook_path },
	INSIDE_ROUTES,
};

static void *
thread_new(void *arg)
{
	struct webhook *w = arg;
	struct webhook_thread *t = heap_alloc(sizeof(*t));

	t->shared = w;
	t->db = db_new(w->settings->database_url, program.command, statements,
	    ST__MAX);
	return t;
}

static void
thread_free(void *thread)
{
	struct webhook_thread *t = thread;

	db_free(t->db);
	heap_free(t);
}

static struct db *
thread_db(const struct request *rq)
{
	const struct webhook_thread *t = rq->thread;

	return t->db;
}

static struct publisher *
start_rooms(struct webhook *w, struct started *s)
{
	const struct publisher_options publishing = {
		.settings = &s->settings, .entra = s->entra,
		.program = s->name, .max_in_flight = GRAPH_MAX,
		.settled = webhook_settled, .arg = w,
	};
	struct apply_options applying = {
		.settings = &s->settings, .program = s->name,
		.tell = webhook_tell, .fail = webhook_fail, .arg = w,
	};
	struct ctx cx;

	ctx_init(&cx, NULL);
	w->settings = &s->settings;
	if (door_new(&cx, &s->settings, s->name, &w->door)) {
		log_say(LOG_ERROR, "%s", cx.detail);
		exit(1);
	}
	ctx_done(&cx);
	w->answer = answer_start(webhook_finish);
	if (!w->answer) {
		log_say(LOG_ERROR, "answer: a thread cannot be started");
		exit(1);
	}
	applying.publisher = publisher_start(&publishing);
	w->apply = apply_start(&applying);
	return applying.publisher;
}

int
main(int argc, char **argv)
{
	struct publisher *publisher;
	struct server *server;
	struct webhook w;
	struct started s;

	heap_share();
	start(&program, argc, argv, &s);
	publisher = start_rooms(&w, &s);
	inside_init(thread_db);
	server = server_start(&(struct server_options){
		.routes = routes,
		.nroutes = sizeof(routes) / sizeof(routes[0]),
		.threads = ACCEPT_THREADS, .max_in_flight = IN_FLIGHT_MAX,
		.thread_new = thread_new, .thread_free = thread_free,
		.arg = &w });
	if (!server)
		exit(1);
	server_wait_signal();
	/* From the front to the back: what was accepted is stored, told to
	 * Microsoft and answered. */
	server_stop(server);
	apply_stop(w.apply);
	publisher_stop(publisher, DRAIN_MS);
	answer_stop(w.answer);
	door_free(w.door);
	start_done(&s);
	return 0;
}
