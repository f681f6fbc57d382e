/* How every program begins, see start.h. */
#include "app/start.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/db.h"
#include "base/http.h"
#include "base/log.h"
#include "sync/statement.h"
#include "web/server.h"

static void
options(const struct program *p, int argc, char **argv)
{
	if (argc == 1)
		return;
	if (argc == 2 && strcmp(argv[1], "--version") == 0) {
		printf("%s %s\n", p->command, p->version);
		exit(0);
	}
	if (argc == 2 && (strcmp(argv[1], "--help") == 0 ||
	    strcmp(argv[1], "-h") == 0)) {
		printf("Usage: %s [--help | --version]\n\n%s\n"
		    "Its listening socket is standard input; its settings "
		    "are in the environment:\n\n", p->command, p->about);
		settings_help();
		exit(0);
	}
	fprintf(stderr, "%s: no such option; see --help\n", p->command);
	exit(1);
}

/* One line for each fault, so that all can be mended at once. */
static void
log_faults(const char *faults)
{
	size_t len;

	for (; *faults; faults += len + (faults[len] != '\0')) {
		len = strcspn(faults, "\n");
		log_say(LOG_ERROR, "%.*s", (int)len, faults);
	}
}

static void
must(struct ctx *cx, enum err e)
{
	if (!e)
		return;
	log_say(LOG_ERROR, "%s", cx->detail);
	exit(1);
}

/* C and SQL belong together: with another schema nothing would be right. */
static void
check_schema(struct ctx *cx, const struct program *p,
    const struct settings *s)
{
	struct db *db = db_new(s->database_url, p->command, statements,
	    ST__MAX);
	struct rows *rows;
	enum err e;

	e = db_call(cx, db, ST_SCHEMA_LEVEL, NULL, &rows);
	if (e == ERR_BUSY) {
		log_say(LOG_WARN, "%s; going on, it may come", cx->detail);
		fail_forget(cx);
	} else if (e) {
		log_say(LOG_ERROR, "the database has no schema of ours (%s): "
		    "run presencectl migrate", cx->detail);
		exit(1);
	} else if (rows_int(rows, 0, 0) != SCHEMA_LEVEL) {
		log_say(LOG_ERROR, "the database's schema has level %lld, "
		    "this program needs %d: run presencectl migrate, or the "
		    "program of that level", (long long)rows_int(rows, 0, 0),
		    SCHEMA_LEVEL);
		exit(1);
	}
	db_free(db);
}

void
start(const struct program *p, int argc, char **argv, struct started *ret)
{
	const char *faults;
	struct ctx cx;

	options(p, argc, argv);
	memset(ret, 0, sizeof(*ret));
	ret->name = p->command;
	server_block_signals();
	log_init(p->name, LOG_INFO);
	ctx_init(&cx, NULL);
	if (settings_load(&cx, p->need, &ret->settings, &faults)) {
		log_faults(faults);
		exit(1);
	}
	log_init(p->name, ret->settings.log_level);
	must(&cx, http_init(&cx, ret->settings.ca_file));
	if (p->need & NEED_MICROSOFT)
		must(&cx, entra_new(&cx, &ret->settings, &ret->entra));
	if (p->need & NEED_SEAL)
		must(&cx, seal_keys_parse(&cx, &ret->settings.seal_key,
		    &ret->seal_keys));
	if (p->need & NEED_DATABASE)
		check_schema(&cx, p, &ret->settings);
	ctx_done(&cx);
	log_say(LOG_INFO, "%s %s started", p->command, p->version);
}

void
start_done(struct started *s)
{
	entra_free(s->entra);
	seal_keys_free(s->seal_keys);
	http_done();
	settings_done(&s->settings);
	log_say(LOG_INFO, "stopped");
}
