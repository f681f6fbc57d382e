/* presencectl: what an operator does by hand. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "app/ctl.h"
#include "app/start.h"
#include "base/http.h"
#include "base/log.h"
#include "base/text.h"

#define OWN_SETTINGS ~0u /* the command reads them itself */

static const struct command {
	const char *name;
	int (*run)(struct ctl *c);
	unsigned need;
	int min, max; /* arguments, options not counted */
	const char *arguments, *help;
} commands[] = {
	{ "migrate", ctl_migrate, NEED_DATABASE, 0, 0, "",
	    "make or renew the database's tables, functions and roles" },
	{ "doctor", ctl_doctor, OWN_SETTINGS, 0, 0, "",
	    "look for what is wrong, and say how to mend it" },
	{ "send", ctl_send, 0, 0, 1,
	    "--url URL [--secret S | --secret-file F] TYPE [--extension E]\n"
	    "       [--call C] [--leg L] [--line N] [--timestamp T] [--id I]\n"
	    "  send --url URL [--secret S | --secret-file F] --body F",
	    "post an event as a PBX does, signed when there is a secret\n"
	    "       (--secret-file - reads it from standard input)" },
	{ "tenant-add", ctl_tenant_add, NEED_DATABASE, 2, 2, "TENANT_ID NAME",
	    "make a tenant known before its administrator signs in" },
	{ "tenant-list", ctl_tenant_list, NEED_DATABASE, 0, 0, "",
	    "tenants with their consent, people and PBXs" },
	{ "pbx-add", ctl_pbx_add, NEED_DATABASE | NEED_SEAL | NEED_PUBLIC, 2, 2,
	    "TENANT_ID NAME [--platform generic] [--auth signature|path]",
	    "connect a PBX; prints its address and secret" },
	{ "link", ctl_link, NEED_DATABASE, 4, 4,
	    "TENANT_ID PBX_ID EXTENSION OBJECT_ID [--name N] [--upn U]",
	    "link an extension to a person" },
	{ "monitoring", ctl_monitoring, NEED_DATABASE, 3, 3,
	    "TENANT_ID OBJECT_ID on|off",
	    "a person's own switch, Presence Monitoring" },
	{ "consent-check", ctl_consent_check, NEED_DATABASE | NEED_MICROSOFT, 1,
	    1, "TENANT_ID",
	    "ask Microsoft whether the tenant's consent holds, and store it" },
};
#define NCOMMANDS (sizeof(commands) / sizeof(commands[0]))

int
ctl_die(const char *format, ...)
{
	va_list ap;

	fflush(stdout);
	fputs("presencectl: ", stderr);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	return 1;
}

static const struct ctl_option *
option_find(const struct ctl_option *list, int n, const char *arg, size_t len)
{
	int i;

	for (i = 0; i < n; i++)
		if (strlen(list[i].name) == len &&
		    memcmp(list[i].name, arg, len) == 0)
			return &list[i];
	return NULL;
}

bool
ctl_options(struct ctl *c, const struct ctl_option *list, int n)
{
	const struct ctl_option *option;
	const char *arg;
	size_t len;
	int i, left = 0;

	for (i = 0; i < c->argc; i++) {
		arg = c->argv[i];
		if (!text_starts(arg, "--")) {
			c->argv[left++] = c->argv[i];
			continue;
		}
		len = strcspn(arg, "=");
		option = option_find(list, n, arg, len);
		if (!option) {
			ctl_die(
			    "%.*s is no option of this command", (int)len, arg);
			return false;
		}
		if (!arg[len] && i + 1 == c->argc) {
			ctl_die("%s has no value", option->name);
			return false;
		}
		*option->value = arg[len] ? arg + len + 1 : c->argv[++i];
	}
	c->argc = left;
	return true;
}

const char *
ctl_uuid(struct ctl *c, int i, const char *what)
{
	char *id = arena_strdup(&c->cx.arena, c->argv[i]);

	if (!text_is_uuid(id)) {
		ctl_die("%s must be a GUID (8-4-4-4-12 hex digits)", what);
		return NULL;
	}
	text_lower(id);
	return id;
}

static void
usage(FILE *to, const struct command *one)
{
	fprintf(to, "  %s%s%s\n       %s\n", one->name,
	    *one->arguments ? " " : "", one->arguments, one->help);
}

static int
help(void)
{
	size_t i;

	printf("presencectl %s: what an operator of Presence Sync does by "
	       "hand\n\n",
	    PRESENCE_VERSION);
	for (i = 0; i < NCOMMANDS; i++)
		usage(stdout, &commands[i]);
	printf("\nThe settings are in the environment:\n\n");
	settings_help();
	return 0;
}

static int
run(struct ctl *c, const struct command *one)
{
	const char *faults;
	int code;

	if (one->need != OWN_SETTINGS) {
		if (settings_load(&c->cx, one->need, &c->s, &faults))
			return ctl_die("the settings have faults:\n%s", faults);
		/* What a person asked for is said on stdout; of the log only
		 * what is wrong. */
		log_init(
		    "ctl", c->s.log_level == LOG_DEBUG ? LOG_DEBUG : LOG_WARN);
		if (http_init(&c->cx, c->s.ca_file))
			return ctl_die("%s", c->cx.detail);
	}
	code = one->run(c);
	if (one->need != OWN_SETTINGS) {
		http_done();
		settings_done(&c->s);
	}
	if (code == CTL_USAGE) {
		fputs("Usage: presencectl\n", stderr);
		usage(stderr, one);
	}
	return code;
}

/* Options that are followed by a value do not count as arguments. */
static int
count_arguments(int argc, char **argv)
{
	int i, n = 0;

	for (i = 0; i < argc; i++) {
		if (!text_starts(argv[i], "--"))
			n++;
		else if (!strchr(argv[i], '='))
			i++;
	}
	return n;
}

int
main(int argc, char **argv)
{
	const struct command *one = NULL;
	struct ctl c = { .argc = argc - 2, .argv = argv + 2 };
	size_t i;
	int code, n;

	if (argc < 2 || strcmp(argv[1], "help") == 0 ||
	    strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
		return argc < 2 ? (help(), CTL_USAGE) : help();
	if (strcmp(argv[1], "--version") == 0) {
		printf("presencectl %s\n", PRESENCE_VERSION);
		return 0;
	}
	for (i = 0; i < NCOMMANDS; i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			one = &commands[i];
	if (!one) {
		ctl_die("%s is no command; see presencectl help", argv[1]);
		return CTL_USAGE;
	}
	n = count_arguments(c.argc, c.argv);
	if (n < one->min || n > one->max) {
		fputs("Usage: presencectl\n", stderr);
		usage(stderr, one);
		return CTL_USAGE;
	}
	log_init("ctl", LOG_WARN);
	ctx_init(&c.cx, NULL);
	code = run(&c, one);
	ctx_done(&c.cx);
	return fflush(stdout) ? 1 : code;
}
