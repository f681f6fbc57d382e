/* presence-tab: what the PBX Soft Keys tab asks. */
#include <stdlib.h>

#include "app/desk.h"
#include "app/handlers.h"
#include "app/inside.h"
#include "app/start.h"
#include "app/who.h"
#include "web/server.h"

#define THREADS 6
#define IN_FLIGHT_MAX 512
#define GRAPH_MAX 64
#define DRAIN_MS 3000

static const struct program program = {
	.name = "tab", .command = "presence-tab",
	.about = "Answers the Teams tab: Presence Monitoring on or off, and what "
	    "Teams was last told.",
	.version = PRESENCE_VERSION,
	.need = NEED_DATABASE | NEED_MICROSOFT,
};

static const struct route routes[] = {
	/* method  path              who       max_bytes  handler */
	{ "GET",  "/tab/api/me",         WHO_MEMBER,   0, tab_me_get },
	{ "PUT",  "/tab/api/monitoring", WHO_MEMBER, 256, tab_monitoring_put },
	{ "POST", "/tab/api/clear",      WHO_MEMBER, 256, tab_clear_post },
	INSIDE_ROUTES,
};

int
main(int argc, char **argv)
{
	struct started s;

	start(&program, argc, argv, &s);
	return desk_serve(&s, &(struct desk_options){
		.routes = routes, .nroutes = sizeof(routes) / sizeof(routes[0]),
		.threads = THREADS, .max_in_flight = IN_FLIGHT_MAX,
		.graph_max = GRAPH_MAX, .drain_ms = DRAIN_MS,
		.prove = who_prove_tab });
}
