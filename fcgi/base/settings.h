/*
 * The PRESENCE_ settings: one table, read once before threads start. A bad
 * or unknown name stops the start and names every fault at once.
 */
#ifndef BASE_SETTINGS_H
#define BASE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ctx.h"
#include "base/log.h"
#include "base/network.h"
#include "base/secret.h"

struct settings {
	const char *database_url;
	const char *public_url;     /* scheme://host[:port], no slash behind */
	const char *public_host;    /* host[:port] of it */
	bool secure;                /* https */
	const char *client_id;      /* GUID, lower case */
	const char *login_url, *graph_url;     /* no slash at the end */
	const char *graph_scope;    /* https://graph.microsoft.com/.default, or
	                               that of a known national cloud */
	const char *ca_file;        /* NULL: none */
	/* NULL: none. To be read again: a credential is renewed meanwhile. */
	const char *client_cert_path, *client_key_path, *client_secret_path;
	struct secret client_secret;  /* len 0: none */
	struct secret client_cert, client_key;  /* len 0: none */
	struct secret seal_key;
	bool any_tenant;
	const char *const *tenants; /* lower-case GUIDs, ntenants of them */
	size_t ntenants;
	struct network *pbx_networks;
	size_t npbx_networks;
	int answer_ms, lease_s, max_call_s;
	enum log_level log_level;
	struct arena arena;         /* holds all of it but the secrets */
};

/* What a program needs; the others' settings are read but not demanded. */
enum settings_need {
	NEED_DATABASE = 1,
	NEED_MICROSOFT = 2, /* client id, credential, tenants */
	NEED_SEAL = 4,
	NEED_PUBLIC = 8
};

/*
 * Reads the environment. What *ret holds lives until settings_done: usually
 * to the end of the process. When certificate and secret are both given, the
 * certificate is used and client_secret is empty.
 *   errors  INPUT: *ret is untouched, *ret_faults (in cx's arena) has one
 *           fault a line, each naming the setting and the remedy, but no
 *           value except a file's path; warnings (a secret's file that
 *           others may read) are logged
 */
enum err settings_load(struct ctx *cx, unsigned need, struct settings *ret,
    const char **ret_faults) __attribute__((warn_unused_result));
void settings_done(struct settings *s); /* wipes the secrets */

/* The table for --help: name, default or "required", one line. To stdout. */
void settings_help(void);
bool settings_tenant_allowed(const struct settings *s, const char *tenant_id);

#endif
