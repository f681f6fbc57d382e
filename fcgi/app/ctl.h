/* What the commands of presencectl share. */
#ifndef APP_CTL_H
#define APP_CTL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/db.h"
#include "base/settings.h"

/* The SQL that this build brings along; a NULL name is the end. */
struct sql_file {
	const char *name; /* "0001_tables.sql", "api/event.sql", "roles.sql" */
	const char *text;
};
extern const struct sql_file sql_files[]; /* made by sql/embed.sh */

struct ctl {
	struct ctx cx;
	struct settings s;
	int argc; /* what stands behind the command */
	char **argv;
};

/* Commands: the exit code is 0, 1 (it failed, said on stderr) or CTL_USAGE. */
#define CTL_USAGE 2
int ctl_migrate(struct ctl *c);
int ctl_doctor(struct ctl *c);
int ctl_send(struct ctl *c);
int ctl_tenant_add(struct ctl *c);
int ctl_tenant_list(struct ctl *c);
int ctl_pbx_add(struct ctl *c);
int ctl_link(struct ctl *c);
int ctl_monitoring(struct ctl *c);
int ctl_consent_check(struct ctl *c);

/* "presencectl: WORDS" on stderr. Returns 1. */
int ctl_die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Takes `--name VALUE` and `--name=VALUE` out of c's arguments; what is left
 * are the others. false (said on stderr): a name that is not in the list, or
 * no value.
 */
struct ctl_option {
	const char *name;   /* "--url" */
	const char **value; /* untouched when it is not given */
};
bool ctl_options(struct ctl *c, const struct ctl_option *list, int n);

/* Argument i as a GUID in lower case; NULL (said on stderr): it is none. */
const char *ctl_uuid(struct ctl *c, int i, const char *what);

#endif
