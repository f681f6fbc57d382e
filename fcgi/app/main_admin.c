/* presence-admin: sign-in, consent and the dashboard's data. */
#include <stdlib.h>

#include "app/desk.h"
#include "app/handlers.h"
#include "app/inside.h"
#include "app/start.h"
#include "app/who.h"
#include "web/server.h"

#define THREADS 8           /* an import holds one for up to two minutes */
#define IN_FLIGHT_MAX 512
#define GRAPH_MAX 64
#define DRAIN_MS 3000
#define CSV_MAX (8u << 20)
#define JSON_MAX 16384

static const struct program program = {
	.name = "admin", .command = "presence-admin",
	.about = "Serves the dashboard: sign-in, consent, PBXs, people.",
	.version = PRESENCE_VERSION,
	.need = NEED_DATABASE | NEED_MICROSOFT | NEED_SEAL,
};

#define API "/admin/api/"

static const struct route routes[] = {
	/* method  path                who  max_bytes  handler */
	{ "GET",    "/auth/sign-in",    WHO_ANYONE,  0, sign_in_get },
	{ "GET",    "/auth/callback",   WHO_ANYONE,  0, sign_in_callback_get },
	{ "POST",   "/auth/sign-out",   WHO_VISITOR, 256, sign_out_post },
	{ "GET",    "/consent",         WHO_ANYONE,  0, consent_get },
	{ "GET",    "/consent/callback", WHO_ANYONE, 0, consent_callback_get },

	{ "GET",    API "session",      WHO_VISITOR, 0, session_get },
	{ "GET",    API "tenant",       WHO_ADMIN, 0, tenant_get },
	{ "PATCH",  API "tenant",       WHO_ADMIN, JSON_MAX, tenant_patch },
	{ "GET",    API "platforms",    WHO_ADMIN, 0, platforms_get },
	{ "GET",    API "pbxs",         WHO_ADMIN, 0, pbxs_get },
	{ "POST",   API "pbxs",         WHO_ADMIN, JSON_MAX, pbxs_post },
	{ "GET",    API "pbxs/:id",     WHO_ADMIN, 0, pbx_get },
	{ "PATCH",  API "pbxs/:id",     WHO_ADMIN, JSON_MAX, pbx_patch },
	{ "DELETE", API "pbxs/:id",     WHO_ADMIN, 256, pbx_delete },
	{ "POST",   API "pbxs/:id/secret", WHO_ADMIN, JSON_MAX,
	    pbx_secret_post },
	{ "GET",    API "pbxs/:id/api", WHO_ADMIN, 0, pbx_api_get },
	{ "PUT",    API "pbxs/:id/api", WHO_ADMIN, JSON_MAX, pbx_api_put },
	{ "DELETE", API "pbxs/:id/api", WHO_ADMIN, 256, pbx_api_delete },
	{ "GET",    API "pbxs/:id/api/people", WHO_ADMIN, 0,
	    pbx_api_people_get },
	{ "GET",    API "pbxs/:id/capture", WHO_ADMIN, 0, capture_get },
	{ "POST",   API "pbxs/:id/capture", WHO_ADMIN, 256, capture_post },
	{ "DELETE", API "pbxs/:id/capture", WHO_ADMIN, 256, capture_delete },
	{ "POST",   API "pbxs/:id/capture/:no/replay", WHO_ADMIN, 256,
	    capture_replay_post },
	{ "GET",    API "pbxs/:id/capture/download", WHO_ADMIN, 0,
	    capture_download_get },
	{ "GET",    API "pbxs/:id/extensions", WHO_ADMIN, 0, extensions_get },
	{ "PUT",    API "pbxs/:id/extensions", WHO_ADMIN, CSV_MAX,
	    extensions_put },
	{ "DELETE", API "pbxs/:id/extensions/:extension", WHO_ADMIN, 256,
	    extension_delete },
	{ "GET",    API "people",       WHO_ADMIN, 0, people_get },
	{ "POST",   API "people/:oid/clear", WHO_ADMIN, 256,
	    people_clear_post },
	{ "GET",    API "activity",     WHO_ADMIN, 0, activity_get },
	{ "GET",    API "health",       WHO_ADMIN, 0, health_get },
	{ "GET",    API "app-package",  WHO_ADMIN, 0, app_package_get },
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
		.prove = who_prove_admin });
}
