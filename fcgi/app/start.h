/*
 * How every program begins: its options, the settings, signals, trust, Entra,
 * and whether the database fits.
 */
#ifndef APP_START_H
#define APP_START_H

#include "base/settings.h"
#include "sync/entra.h"

/* The Makefile gives it to the main files. */
#ifndef PRESENCE_VERSION
#define PRESENCE_VERSION "unknown"
#endif

struct program {
	const char *name;       /* "webhook", for log lines */
	const char *command;    /* "presence-webhook" */
	const char *about;      /* one sentence for --help */
	const char *version;
	unsigned need;          /* NEED_... */
};

struct started {
	const char *name;       /* for the database: "presence-webhook" */
	struct settings settings;
	struct entra *entra;    /* NULL without NEED_MICROSOFT */
	struct seal_keys *seal_keys; /* NULL without NEED_SEAL */
};

/*
 * Reads options and settings, blocks the signals, starts libcurl, makes
 * Entra, checks the schema's level. Before any thread. Ends the process when
 * it cannot go on (1), or when an option asked for text only (0). A database
 * that cannot be reached is no reason: it may come later.
 */
void start(const struct program *p, int argc, char **argv,
    struct started *ret);
void start_done(struct started *s);

#endif
