/*
 * The PRESENCE_ settings: one table says what there is, one pass reads it.
 * The only file that looks into the environment.
 */
#include "base/settings.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/text.h"

#define PREFIX "PRESENCE_"
#define FAULTS_MAX ((size_t)65536)

/* The table's order is that of --help. */
#define SETTING_TABLE(X)                                                       \
	X(DATABASE_URL, NEED_DATABASE, NULL,                                   \
	    "PostgreSQL: a libpq connection string or URI")                    \
	X(PUBLIC_URL, NEED_PUBLIC, NULL,                                       \
	    "where browsers and PBXs reach us: https://host[:port], or "       \
	    "http on localhost")                                               \
	X(CLIENT_ID, NEED_MICROSOFT, NULL,                                     \
	    "application (client) id of the registration in Entra")            \
	X(CLIENT_CERT_FILE, 0, NULL,                                           \
	    "its certificate, PEM; preferred to a client secret")              \
	X(CLIENT_KEY_FILE, 0, NULL, "the certificate's private key, PEM")      \
	X(CLIENT_SECRET_FILE, 0, NULL,                                         \
	    "its client secret, when there is no certificate")                 \
	X(SEAL_KEY_FILE, NEED_SEAL, NULL,                                      \
	    "64 hex digits that seal secrets at rest; a second line: the key " \
	    "before")                                                          \
	X(TENANTS, NEED_MICROSOFT, NULL,                                       \
	    "which tenants may use us: any, or their ids")                     \
	X(LOGIN_URL, 0, "https://login.microsoftonline.com",                   \
	    "Entra; issuers and assertion audiences are built from it")        \
	X(GRAPH_URL, 0, "https://graph.microsoft.com", "Microsoft Graph")      \
	X(CA_FILE, 0, NULL,                                                    \
	    "certificates to trust beside the system's, PEM")                 \
	X(PBX_NETWORKS, 0, NULL,                                               \
	    "private networks that PBX addresses may lie in: 10.1.0.0/16 ...") \
	X(ANSWER_MS, 0, "2500",                                                \
	    "answer to a PBX at the latest after, 100 to 9000")                \
	X(LEASE_S, 0, "900",                                                   \
	    "a published presence lasts without us, 300 to 14400")             \
	X(MAX_CALL_S, 0, "14400",                                              \
	    "a call without news ends after, 600 to 86400")                    \
	X(LOG_LEVEL, 0, "info", "debug, info, warn or error")

enum setting {
#define X(name, need, otherwise, help) name,
	SETTING_TABLE(X)
#undef X
	SETTING__MAX
};

static const struct {
	const char *name;
	unsigned need;         /* programs with one of these must have it */
	const char *otherwise; /* the value when it is not given */
	const char *help;
} table[SETTING__MAX] = {
#define X(name, need, otherwise, help) \
	{ PREFIX #name, need, otherwise, help },
	SETTING_TABLE(X)
#undef X
};

/* National clouds: facts from learn.microsoft.com/en-us/graph/deployments. A
 * token is asked for the resource of the Graph it is meant for. */
static const struct {
	const char *login, *graph; /* host names */
} clouds[] = {
	{ "login.microsoftonline.com", "graph.microsoft.com" },
	{ "login.microsoftonline.us", "graph.microsoft.us" },
	{ "login.microsoftonline.us", "dod-graph.microsoft.us" },
	{ "login.chinacloudapi.cn", "microsoftgraph.chinacloudapi.cn" },
};
#define NCLOUDS (sizeof(clouds) / sizeof(clouds[0]))

/* What one load needs to know. */
struct load {
	struct settings *to;
	const char *value[SETTING__MAX]; /* NULL: not given */
	struct buf faults;               /* a line each */
};

static void
fault(struct load *l, enum setting which, const char *words)
{
	buf_printf(&l->faults, "%s%s %s", l->faults.len ? "\n" : "",
	    table[which].name, words);
}

/* The parts of https://host[:port], host in lower case. */
struct origin {
	bool secure;
	char *host; /* IPv6 in brackets */
	int port;   /* 0: the scheme's own */
};

static bool
is_host(const char *host)
{
	char inner[INET6_ADDRSTRLEN];
	struct in6_addr v6;
	const size_t len = strlen(host);

	if (host[0] != '[')
		return len > 0 && len <= 253 && host[0] != '.' &&
		    strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789-.") ==
		    len;
	if (len < 4 || len - 2 >= sizeof(inner) || host[len - 1] != ']')
		return false;
	memcpy(inner, host + 1, len - 2);
	inner[len - 2] = '\0';
	return inet_pton(AF_INET6, inner, &v6) == 1;
}

static bool
origin_parse(struct arena *a, const char *url, struct origin *ret)
{
	struct origin o = { 0 };
	char *rest = arena_strdup(a, url);
	size_t len;
	int64_t port;

	text_lower(rest);
	o.secure = text_starts(rest, "https://");
	if (!o.secure && !text_starts(rest, "http://"))
		return false;
	o.host = rest + (o.secure ? 8 : 7);
	len = strlen(o.host);
	if (len && o.host[len - 1] == '/')
		o.host[len - 1] = '\0';
	rest = o.host[0] == '[' ? strchr(o.host, ']') : o.host;
	rest = rest ? strchr(rest, ':') : NULL;
	if (rest) {
		*rest++ = '\0';
		if (!text_int64(rest, 1, 65535, &port))
			return false;
		o.port = port == (o.secure ? 443 : 80) ? 0 : (int)port;
	}
	if (!is_host(o.host))
		return false;
	*ret = o;
	return true;
}

/* Reading each kind of value */

/* NULL after a fault, or when there is no value. */
static const char *
read_url(struct load *l, enum setting which, struct origin *ret)
{
	struct arena *a = &l->to->arena;
	const char *host;

	if (!l->value[which])
		return NULL;
	if (!origin_parse(a, l->value[which], ret)) {
		fault(l, which, "must be https://host or https://host:port, "
		    "without user, path or query");
		return NULL;
	}
	if (!ret->secure && !network_is_loopback(ret->host)) {
		fault(l, which, "may be http only on localhost, 127.0.0.1 or "
		    "[::1]; use https");
		return NULL;
	}
	host = ret->port ? arena_printf(a, "%s:%d", ret->host, ret->port) :
	                   ret->host;
	return arena_printf(a, "%s://%s", ret->secure ? "https" : "http",
	    host);
}

static void
read_urls(struct load *l)
{
	struct settings *s = l->to;
	struct origin public = { 0 }, login = { 0 }, graph = { 0 };
	bool login_known = false, together = false;
	const char *scope_host = clouds[0].graph;
	size_t i;

	s->public_url = read_url(l, PUBLIC_URL, &public);
	if (s->public_url) {
		s->public_host = strstr(s->public_url, "://") + 3;
		s->secure = public.secure;
	}
	s->login_url = read_url(l, LOGIN_URL, &login);
	s->graph_url = read_url(l, GRAPH_URL, &graph);
	if (!login.host || !graph.host)
		return; /* after a fault */
	for (i = 0; i < NCLOUDS; i++) {
		if (strcmp(login.host, clouds[i].login) == 0)
			login_known = true;
		if (strcmp(graph.host, clouds[i].graph) != 0)
			continue;
		scope_host = clouds[i].graph;
		together = strcmp(login.host, clouds[i].login) == 0;
		if (together)
			break;
	}
	/* Tokens of one cloud are worth nothing in another. */
	for (i = 0; login_known && !together && i < NCLOUDS; i++)
		if (strcmp(graph.host, clouds[i].graph) == 0)
			fault(l, GRAPH_URL, "belongs to another national cloud "
			    "than PRESENCE_LOGIN_URL");
	s->graph_scope =
	    arena_printf(&s->arena, "https://%s/.default", scope_host);
}

static int
read_int(struct load *l, enum setting which, int min, int max)
{
	char words[80];
	int64_t n = min;

	if (!text_int64(l->value[which], min, max, &n)) {
		snprintf(words, sizeof(words),
		    "must be a whole number from %d to %d", min, max);
		fault(l, which, words);
	}
	return (int)n;
}

static void
read_file(struct load *l, enum setting which, bool is_secret,
    struct secret *ret)
{
	const char *path = l->value[which];
	struct ctx look; /* one of its own: each file's fault is wanted */
	bool open_to_others = false;
	bool is_path;

	if (!path)
		return;
	ctx_init(&look, NULL);
	if (!secret_read_file(&look, path, ret, &open_to_others)) {
		if (is_secret && open_to_others)
			log_say(LOG_WARN, "%s: others may read the file; give "
			    "it to the service's user alone (chmod 600)",
			    table[which].name);
	} else {
		/* Who put the secret itself there must not see it logged. */
		is_path = *path == '/' || *path == '.';
		fault(l, which, is_path ? arena_printf(&l->to->arena,
		    "names a file that is of no use: %s", look.detail) :
		    "must be the path of a file that can be read, and that "
		    "holds the secret");
	}
	ctx_done(&look);
}

static void
read_credential(struct load *l, unsigned need)
{
	struct settings *s = l->to;
	const bool cert = l->value[CLIENT_CERT_FILE] != NULL;
	const bool key = l->value[CLIENT_KEY_FILE] != NULL;

	read_file(l, CLIENT_CERT_FILE, false, &s->client_cert);
	read_file(l, CLIENT_KEY_FILE, true, &s->client_key);
	read_file(l, CLIENT_SECRET_FILE, true, &s->client_secret);
	s->client_cert_path = l->value[CLIENT_CERT_FILE];
	s->client_key_path = l->value[CLIENT_KEY_FILE];
	s->client_secret_path = l->value[CLIENT_SECRET_FILE];
	if (cert && !key)
		fault(l, CLIENT_KEY_FILE, "is missing: the certificate of "
		    "PRESENCE_CLIENT_CERT_FILE needs its key");
	if (key && !cert)
		fault(l, CLIENT_CERT_FILE, "is missing: the key of "
		    "PRESENCE_CLIENT_KEY_FILE needs its certificate");
	if ((need & NEED_MICROSOFT) && !cert && !key &&
	    !l->value[CLIENT_SECRET_FILE])
		fault(l, CLIENT_CERT_FILE, "and PRESENCE_CLIENT_KEY_FILE are "
		    "missing: set both, or PRESENCE_CLIENT_SECRET_FILE");
	if (cert && s->client_secret.len) {
		log_say(LOG_INFO, "certificate and client secret are both "
		    "given: the certificate is used");
		secret_done(&s->client_secret);
	}
}

/* The words of a list that commas or blanks separate, in place; NULL ends it.
 * *ret_n is their number. */
static char **
split(struct arena *a, const char *list, size_t *ret_n)
{
	static const char separators[] = ", \t\r\n";
	char *s = arena_strdup(a, list);
	char **words = arena_array(a, strlen(s) / 2 + 2, sizeof(*words));
	size_t n = 0;

	while (*(s += strspn(s, separators))) {
		words[n++] = s;
		s += strcspn(s, separators);
		if (*s)
			*s++ = '\0';
	}
	*ret_n = n;
	return words;
}

static void
read_tenants(struct load *l)
{
	struct settings *s = l->to;
	char **words;
	size_t i, n;

	if (!l->value[TENANTS])
		return;
	words = split(&s->arena, l->value[TENANTS], &n);
	if (n == 1 && text_same_word(words[0], "any")) {
		s->any_tenant = true;
		return;
	}
	for (i = 0; i < n && text_is_uuid(words[i]); i++)
		text_lower(words[i]);
	if (i < n || n == 0) {
		fault(l, TENANTS, "must be the word any, or tenant ids "
		    "(8-4-4-4-12 hex digits) separated by commas");
		return;
	}
	s->tenants = (const char *const *)words;
	s->ntenants = n;
}

static void
read_networks(struct load *l)
{
	struct settings *s = l->to;
	char **words;
	size_t i, n;

	if (!l->value[PBX_NETWORKS])
		return;
	words = split(&s->arena, l->value[PBX_NETWORKS], &n);
	s->pbx_networks =
	    arena_array(&s->arena, n, sizeof(*s->pbx_networks));
	for (i = 0; i < n && network_parse(words[i], &s->pbx_networks[i]);
	     i++)
		;
	if (i < n) {
		fault(l, PBX_NETWORKS, "must be networks such as 10.1.0.0/16 "
		    "or fd00::/8, separated by commas");
		return;
	}
	s->npbx_networks = n;
}

static void
read_client_id(struct load *l)
{
	char *id;

	if (!l->value[CLIENT_ID])
		return;
	id = arena_strdup(&l->to->arena, l->value[CLIENT_ID]);
	text_lower(id);
	if (!text_is_uuid(id))
		fault(l, CLIENT_ID, "must be the application's id: "
		    "8-4-4-4-12 hex digits");
	l->to->client_id = id;
}

static void
read_values(struct load *l, unsigned need)
{
	struct settings *s = l->to;

	s->database_url = l->value[DATABASE_URL];
	read_urls(l);
	read_client_id(l);
	read_credential(l, need);
	read_file(l, SEAL_KEY_FILE, true, &s->seal_key);
	read_tenants(l);
	s->ca_file = l->value[CA_FILE];
	if (s->ca_file && access(s->ca_file, R_OK) < 0)
		fault(l, CA_FILE, "names a file that cannot be read");
	read_networks(l);
	s->answer_ms = read_int(l, ANSWER_MS, 100, 9000);
	s->lease_s = read_int(l, LEASE_S, 300, 14400);
	s->max_call_s = read_int(l, MAX_CALL_S, 600, 86400);
	if (!log_level_parse(l->value[LOG_LEVEL], &s->log_level))
		fault(l, LOG_LEVEL, "must be debug, info, warn or error");
}

/* The environment */

/* How many letters must be changed, added or taken (Levenshtein), up to 99. */
static int
distance(const char *a, const char *b)
{
	enum { MOST = 48 };
	int row[MOST + 1];
	const int na = (int)strlen(a), nb = (int)strlen(b);
	int i, j, corner, above, best;

	if (na > MOST || nb > MOST)
		return 99;
	for (j = 0; j <= nb; j++)
		row[j] = j;
	for (i = 1; i <= na; i++) {
		corner = row[0];
		row[0] = i;
		for (j = 1; j <= nb; j++) {
			above = row[j];
			best = corner + (a[i - 1] != b[j - 1]);
			if (above + 1 < best)
				best = above + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			corner = above;
			row[j] = best;
		}
	}
	return row[nb];
}

/* A name nobody knows is a setting that someone believes is in force. */
static void
fault_unknown(struct load *l, const char *name, size_t len)
{
	const char *nearest = NULL;
	char shown[64];
	int i, d, least = 4; /* from four letters on it is another word */

	if (len >= sizeof(shown))
		len = sizeof(shown) - 1;
	memcpy(shown, name, len);
	shown[len] = '\0';
	for (i = 0; i < SETTING__MAX; i++) {
		d = distance(shown, table[i].name);
		if (text_starts(table[i].name, shown) &&
		    strcmp(table[i].name + len, "_FILE") == 0)
			d = 0; /* the secret itself instead of its file */
		if (d < least) {
			least = d;
			nearest = table[i].name;
		}
	}
	for (i = 0; shown[i]; i++) /* it goes to a terminal */
		if ((unsigned char)shown[i] < 0x21 ||
		    (unsigned char)shown[i] > 0x7e)
			shown[i] = '?';
	buf_printf(&l->faults, "%s%s is not known%s%s%s",
	    l->faults.len ? "\n" : "", shown,
	    nearest ? "; did you mean " : "", nearest ? nearest : "",
	    nearest ? "?" : "; take it out, or see --help");
}

static void
read_environment(struct load *l)
{
	const char *entry, *equals;
	char **e;
	size_t len;
	int i;

	for (e = environ; e && *e; e++) {
		entry = *e;
		equals = strchr(entry, '=');
		if (!equals || !text_starts(entry, PREFIX))
			continue;
		len = (size_t)(equals - entry);
		for (i = 0; i < SETTING__MAX; i++)
			if (strlen(table[i].name) == len &&
			    memcmp(entry, table[i].name, len) == 0)
				break;
		if (i == SETTING__MAX)
			fault_unknown(l, entry, len);
		else if (equals[1]) /* empty is as good as not there */
			l->value[i] = arena_strdup(&l->to->arena, equals + 1);
	}
}

static void
demand(struct load *l, unsigned need)
{
	char words[200];
	int i;

	for (i = 0; i < SETTING__MAX; i++) {
		if (l->value[i])
			continue;
		l->value[i] = table[i].otherwise;
		if (!(table[i].need & need))
			continue;
		snprintf(words, sizeof(words), "is missing: %s",
		    table[i].help);
		fault(l, (enum setting)i, words);
	}
}

enum err
settings_load(struct ctx *cx, unsigned need, struct settings *ret,
    const char **ret_faults)
{
	struct settings s;
	struct load l = { .to = &s };

	memset(&s, 0, sizeof(s));
	arena_init(&s.arena);
	buf_init(&l.faults, &cx->arena, FAULTS_MAX);
	read_environment(&l);
	demand(&l, need);
	read_values(&l, need);
	if (l.faults.len || l.faults.overflow) {
		settings_done(&s);
		*ret_faults = buf_str(&l.faults);
		return fail(cx, ERR_INPUT, "the settings have faults");
	}
	*ret = s;
	return ERR_OK;
}

void
settings_done(struct settings *s)
{
	secret_done(&s->client_secret);
	secret_done(&s->client_cert);
	secret_done(&s->client_key);
	secret_done(&s->seal_key);
	arena_reset(&s->arena);
	memset(s, 0, sizeof(*s));
}

void
settings_help(void)
{
	const char *otherwise;
	int i;

	for (i = 0; i < SETTING__MAX; i++) {
		otherwise = table[i].otherwise ? table[i].otherwise :
		    table[i].need              ? "required" :
		                                 "none";
		printf("%-29s %-34s %s\n", table[i].name, otherwise,
		    table[i].help);
	}
}

bool
settings_tenant_allowed(const struct settings *s, const char *tenant_id)
{
	size_t i;

	if (s->any_tenant)
		return true;
	for (i = 0; i < s->ntenants; i++)
		if (text_same_word(s->tenants[i], tenant_id))
			return true;
	return false;
}
