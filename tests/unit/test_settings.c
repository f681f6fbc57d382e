/* settings and network: each kind of value, and every fault at once. */
#include "base/settings.c"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cmocka.h>

#undef fail /* cmocka's; ours is a function */

#define ALL (NEED_DATABASE | NEED_MICROSOFT | NEED_SEAL | NEED_PUBLIC)
#define ID "11111111-2222-4333-8444-555555555555"
#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

static struct ctx cx;
static struct settings s; /* of the last load() that went well */
static const char *faults;
static char secret_path[64], key_path[64];

static void
set(const char *name, const char *value)
{
	char full[64];

	snprintf(full, sizeof(full), PREFIX "%s", name);
	if (value)
		setenv(full, value, 1);
	else
		unsetenv(full);
}

static void
file_make(char path[64], const char *content)
{
	int fd;

	snprintf(path, 64, "/tmp/test_settings_XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, strlen(content)), strlen(content));
	close(fd);
}

static int
begin(void **state)
{
	size_t i;

	(void)state;
	log_init("test", LOG_ERROR); /* warnings are expected here */
	for (i = 0; i < SETTING__MAX; i++)
		unsetenv(table[i].name);
	file_make(secret_path, "client-secret\n");
	file_make(key_path, "seal-key\n");
	set("DATABASE_URL", "postgresql://u:hidden@/presence");
	set("PUBLIC_URL", "https://ps.example.com");
	set("CLIENT_ID", ID);
	set("CLIENT_SECRET_FILE", secret_path);
	set("SEAL_KEY_FILE", key_path);
	set("TENANTS", "any");
	ctx_init(&cx, NULL);
	return 0;
}

static int
end(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < SETTING__MAX; i++)
		unsetenv(table[i].name);
	unlink(secret_path);
	unlink(key_path);
	settings_done(&s);
	ctx_done(&cx);
	return 0;
}

static bool
load(unsigned need)
{
	struct settings fresh;

	faults = NULL;
	if (settings_load(&cx, need, &fresh, &faults)) {
		assert_non_null(faults);
		fail_forget(&cx);
		return false;
	}
	settings_done(&s);
	s = fresh;
	return true;
}

/* The value is refused, by a line that names it. */
static void
assert_fault(const char *name, const char *value)
{
	char line[64];
	bool refused;

	set(name, value);
	refused = !load(ALL);
	if (!refused)
		print_error("PRESENCE_%s=%s was accepted\n", name, value);
	assert_true(refused);
	snprintf(line, sizeof(line), PREFIX "%s ", name);
	assert_non_null(strstr(faults, line));
	set(name, NULL);
}

static void
has_the_defaults(void **state)
{
	(void)state;
	assert_true(load(ALL));
	assert_string_equal(s.database_url, "postgresql://u:hidden@/presence");
	assert_string_equal(s.public_url, "https://ps.example.com");
	assert_string_equal(s.public_host, "ps.example.com");
	assert_true(s.secure);
	assert_string_equal(s.client_id, ID);
	assert_string_equal(s.login_url, "https://login.microsoftonline.com");
	assert_string_equal(s.graph_url, "https://graph.microsoft.com");
	assert_string_equal(s.graph_scope,
	    "https://graph.microsoft.com/.default");
	assert_null(s.ca_file);
	assert_null(s.client_cert_path);
	assert_null(s.client_key_path);
	assert_string_equal(s.client_secret_path, secret_path);
	assert_string_equal((char *)s.client_secret.bytes, "client-secret");
	assert_string_equal((char *)s.seal_key.bytes, "seal-key");
	assert_true(s.any_tenant);
	assert_int_equal(s.npbx_networks, 0);
	assert_int_equal(s.answer_ms, 2500);
	assert_int_equal(s.lease_s, 900);
	assert_int_equal(s.max_call_s, 14400);
	assert_int_equal(s.log_level, LOG_INFO);
}

static void
demands_what_the_program_needs(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < SETTING__MAX; i++)
		unsetenv(table[i].name);
	assert_true(load(0));
	assert_false(load(NEED_DATABASE));
	assert_non_null(strstr(faults, "PRESENCE_DATABASE_URL is missing"));
	assert_null(strchr(faults, '\n'));
	assert_false(load(ALL)); /* all at once */
	assert_non_null(strstr(faults, "PRESENCE_DATABASE_URL is missing"));
	assert_non_null(strstr(faults, "PRESENCE_PUBLIC_URL is missing"));
	assert_non_null(strstr(faults, "PRESENCE_CLIENT_ID is missing"));
	assert_non_null(strstr(faults, "PRESENCE_CLIENT_SECRET_FILE"));
	assert_non_null(strstr(faults, "PRESENCE_SEAL_KEY_FILE is missing"));
	assert_non_null(strstr(faults, "PRESENCE_TENANTS is missing"));
	set("DATABASE_URL", ""); /* empty is missing */
	assert_false(load(NEED_DATABASE));
}

static void
names_unknown_settings(void **state)
{
	static const struct {
		const char *name, *hint;
	} cases[] = {
		{ "PRESENCE_LEASE", "did you mean PRESENCE_LEASE_S?" },
		{ "PRESENCE_TENANT", "did you mean PRESENCE_TENANTS?" },
		{ "PRESENCE_PUBLIC_URI", "did you mean PRESENCE_PUBLIC_URL?" },
		{ "PRESENCE_CLIENT_SECRET",
		    "did you mean PRESENCE_CLIENT_SECRET_FILE?" },
		{ "PRESENCE_SOMETHING_ELSE", "see --help" },
		{ "PRESENCE_", "see --help" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		setenv(cases[i].name, "do-not-show", 1);
		assert_false(load(0));
		assert_true(text_starts(faults, cases[i].name));
		assert_non_null(strstr(faults, cases[i].hint));
		assert_null(strstr(faults, "do-not-show"));
		unsetenv(cases[i].name);
	}
	setenv("PRESENCE_A\nB", "1", 1); /* forges no line */
	assert_false(load(0));
	assert_null(strchr(faults, '\n'));
	unsetenv("PRESENCE_A\nB");
	setenv("OTHER_PRESENCE_X", "1", 1);
	assert_true(load(0));
}

static void
reads_urls(void **state)
{
	static const struct {
		const char *in, *out, *host;
	} good[] = {
		{ "https://h/", "https://h", "h" },
		{ "HTTPS://PS.Example.COM:8443", "https://ps.example.com:8443",
		    "ps.example.com:8443" },
		{ "https://h:443", "https://h", "h" },
		{ "http://localhost:8080/", "http://localhost:8080",
		    "localhost:8080" },
		{ "http://127.0.0.1", "http://127.0.0.1", "127.0.0.1" },
		{ "http://[::1]:80", "http://[::1]", "[::1]" },
		{ "https://[fd00::5]:9", "https://[fd00::5]:9",
		    "[fd00::5]:9" },
	};
	static const char *const bad[] = {
		"ps.example.com", "ftp://h", "https://", "https:///", "//h",
		"http://h", "http://10.0.0.1", "http://localhost.evil.example",
		"http://127.0.0.1.evil.example", "http://128.0.0.1",
		"https://h/path", "https://h//", "https://h?q", "https://h#f",
		"https://user@h", "https://u:p@h", "https://h:", "https://h:0",
		"https://h:65536", "https://h:x", "https://h: 1", "https://h h",
		"https://[::1", "https://::1", "https://[]", "https://[::g]",
		"https://[::1]x", "https://.h", "https://h\n",
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(good); i++) {
		set("PUBLIC_URL", good[i].in);
		set("LOGIN_URL", good[i].in);
		set("GRAPH_URL", good[i].in);
		assert_true(load(ALL));
		assert_string_equal(s.public_url, good[i].out);
		assert_string_equal(s.public_host, good[i].host);
		assert_int_equal(s.secure, good[i].out[4] == 's');
		assert_string_equal(s.login_url, good[i].out);
		assert_string_equal(s.graph_url, good[i].out);
		/* the simulator gets the global cloud's scope */
		assert_string_equal(s.graph_scope,
		    "https://graph.microsoft.com/.default");
	}
	for (i = 0; i < COUNT(bad); i++) {
		assert_fault("PUBLIC_URL", bad[i]);
		assert_fault("LOGIN_URL", bad[i]);
		assert_fault("GRAPH_URL", bad[i]);
	}
}

/* facts: learn.microsoft.com/en-us/graph/deployments */
static void
knows_national_clouds(void **state)
{
	static const struct {
		const char *login, *graph, *scope; /* NULL: they do not fit */
	} cases[] = {
		{ "https://login.microsoftonline.us",
		    "https://graph.microsoft.us",
		    "https://graph.microsoft.us/.default" },
		{ "https://login.microsoftonline.us",
		    "https://dod-graph.microsoft.us/",
		    "https://dod-graph.microsoft.us/.default" },
		{ "https://login.chinacloudapi.cn",
		    "https://microsoftgraph.chinacloudapi.cn",
		    "https://microsoftgraph.chinacloudapi.cn/.default" },
		{ "http://localhost:1", "https://graph.microsoft.us",
		    "https://graph.microsoft.us/.default" },
		{ "https://login.microsoftonline.com",
		    "https://localhost:2",
		    "https://graph.microsoft.com/.default" },
		{ "https://login.microsoftonline.com",
		    "https://graph.microsoft.us", NULL },
		{ "https://login.microsoftonline.us",
		    "https://graph.microsoft.com", NULL },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		set("LOGIN_URL", cases[i].login);
		set("GRAPH_URL", cases[i].graph);
		assert_int_equal(load(ALL), cases[i].scope != NULL);
		if (cases[i].scope)
			assert_string_equal(s.graph_scope, cases[i].scope);
		else
			assert_non_null(strstr(faults, "PRESENCE_GRAPH_URL "));
	}
}

static void
takes_one_credential(void **state)
{
	char cert[64], key[64];

	(void)state;
	file_make(cert, "CERT");
	file_make(key, "KEY");
	set("CLIENT_CERT_FILE", cert);
	assert_false(load(ALL));
	assert_non_null(strstr(faults, "PRESENCE_CLIENT_KEY_FILE is missing"));
	set("CLIENT_KEY_FILE", key);
	assert_true(load(ALL)); /* and the secret is given too */
	assert_string_equal((char *)s.client_cert.bytes, "CERT");
	assert_string_equal((char *)s.client_key.bytes, "KEY");
	assert_string_equal(s.client_cert_path, cert);
	assert_string_equal(s.client_key_path, key);
	assert_int_equal(s.client_secret.len, 0);
	set("CLIENT_SECRET_FILE", NULL);
	assert_true(load(ALL));
	set("CLIENT_CERT_FILE", NULL);
	assert_false(load(ALL));
	assert_non_null(strstr(faults, "PRESENCE_CLIENT_CERT_FILE is missing"));
	set("CLIENT_KEY_FILE", NULL);
	assert_false(load(ALL));
	assert_true(load(ALL & ~(unsigned)NEED_MICROSOFT));
	unlink(cert);
	unlink(key);
}

static void
reads_files_and_never_shows_a_secret(void **state)
{
	char empty[64];

	(void)state;
	file_make(empty, "\n");
	assert_fault("SEAL_KEY_FILE", empty);
	assert_fault("SEAL_KEY_FILE", "/does/not/exist");
	assert_non_null(strstr(faults, "/does/not/exist"));
	assert_fault("CLIENT_SECRET_FILE", "Abc8Q~TheSecretItself");
	assert_null(strstr(faults, "TheSecretItself"));
	assert_fault("CA_FILE", "/does/not/exist");
	set("SEAL_KEY_FILE", key_path);
	set("CLIENT_SECRET_FILE", secret_path);
	set("CA_FILE", empty);
	assert_true(load(ALL));
	assert_string_equal(s.ca_file, empty);
	unlink(empty);
}

static void
warns_of_files_that_others_may_read(void **state)
{
	char text[1000];
	int pair[2], kept = dup(STDERR_FILENO);
	ssize_t n;

	(void)state;
	log_init("test", LOG_WARN);
	assert_int_equal(pipe(pair), 0);
	assert_int_equal(chmod(secret_path, 0644), 0);
	dup2(pair[1], STDERR_FILENO);
	assert_true(load(ALL));
	dup2(kept, STDERR_FILENO);
	close(pair[1]);
	close(kept);
	n = read(pair[0], text, sizeof(text) - 1);
	close(pair[0]);
	assert_true(n > 0);
	text[n] = '\0';
	assert_true(text_starts(text, "level=warn "));
	assert_non_null(strstr(text, "PRESENCE_CLIENT_SECRET_FILE"));
	assert_null(strstr(text, "SEAL_KEY"));
	assert_null(strstr(text, "client-secret"));
}

static void
reads_ids_and_tenants(void **state)
{
	(void)state;
	set("CLIENT_ID", "ABCDEF01-2222-4333-8444-555555555555");
	set("TENANTS", ID ", ABCDEF01-2222-4333-8444-555555555555\n");
	assert_true(load(ALL));
	assert_string_equal(s.client_id,
	    "abcdef01-2222-4333-8444-555555555555");
	assert_false(s.any_tenant);
	assert_int_equal(s.ntenants, 2);
	assert_string_equal(s.tenants[1], s.client_id);
	assert_true(settings_tenant_allowed(&s, ID));
	assert_true(settings_tenant_allowed(&s,
	    "AbcDef01-2222-4333-8444-555555555555"));
	assert_false(settings_tenant_allowed(&s,
	    "00000000-2222-4333-8444-555555555555"));
	assert_false(settings_tenant_allowed(&s, ""));
	set("TENANTS", "Any");
	assert_true(load(ALL));
	assert_true(settings_tenant_allowed(&s, ID));
	assert_fault("CLIENT_ID", "nobody");
	assert_fault("TENANTS", "any," ID);
	assert_fault("TENANTS", ID ",x");
	assert_fault("TENANTS", ",");
	assert_fault("TENANTS", "all");
}

static void
reads_numbers_and_words(void **state)
{
	static const struct {
		const char *name, *least, *most, *below, *above;
	} cases[] = {
		{ "ANSWER_MS", "100", "9000", "99", "9001" },
		{ "LEASE_S", "300", "14400", "299", "14401" },
		{ "MAX_CALL_S", "600", "86400", "599", "86401" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		assert_fault(cases[i].name, cases[i].below);
		assert_fault(cases[i].name, cases[i].above);
		assert_fault(cases[i].name, "many");
		assert_fault(cases[i].name, "1e3");
		set(cases[i].name, cases[i].most);
		assert_true(load(ALL));
		set(cases[i].name, cases[i].least);
		assert_true(load(ALL));
	}
	assert_int_equal(s.answer_ms, 100);
	assert_int_equal(s.lease_s, 300);
	assert_int_equal(s.max_call_s, 600);
	assert_fault("LOG_LEVEL", "loud");
	set("LOG_LEVEL", "debug");
	assert_true(load(ALL));
	assert_int_equal(s.log_level, LOG_DEBUG);
}

static void
reads_networks(void **state)
{
	static const char *const bad[] = {
		"10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0/8", "/8",
		"10.0.0.0/8x", "10.0.0.0 /8", "::1/129", "::g", "host",
		"10.0.0.0/8/8", "fe80::1%eth0", "10.0.0.0/-0", "010.0.0.1",
	};
	static const struct {
		const char *network, *inside, *outside;
	} cases[] = {
		{ "10.0.0.0/8", "10.255.255.255", "11.0.0.0" },
		{ "10.1.2.3", "10.1.2.3", "10.1.2.2" },
		{ "192.168.4.0/23", "192.168.5.9", "192.168.6.0" },
		{ "10.1.2.3/8", "10.9.9.9", "9.1.2.3" },
		{ "0.0.0.0/0", "203.0.113.7", "::1" },
		{ "10.0.0.0/8", "::ffff:10.1.1.1", "::10.1.1.1" },
		{ "::1", "::1", "127.0.0.1" },
		{ "fd00::/8", "fdff::1", "fc00::1" },
		{ "2001:db8::/33", "2001:db8:7fff::", "2001:db8:8000::" },
		{ "::/0", "10.0.0.1", "nonsense" },
		{ "::ffff:10.0.0.0/104", "10.1.1.1", "11.1.1.1" },
	};
	struct network n;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(bad); i++)
		assert_false(network_parse(bad[i], &n));
	for (i = 0; i < COUNT(cases); i++) {
		assert_true(network_parse(cases[i].network, &n));
		assert_true(network_has(&n, 1, cases[i].inside));
		assert_false(network_has(&n, 1, cases[i].outside));
	}
	assert_false(network_has(NULL, 0, "10.0.0.1"));
	assert_false(network_has(&n, 1, "10.0.0.1/32")); /* no address */
	set("PBX_NETWORKS", "10.1.0.0/16, fd00::/8");
	assert_true(load(ALL));
	assert_int_equal(s.npbx_networks, 2);
	assert_true(network_has(s.pbx_networks, 2, "fd12::1"));
	assert_true(network_has(s.pbx_networks, 2, "10.1.9.9"));
	assert_false(network_has(s.pbx_networks, 2, "10.2.0.1"));
	assert_fault("PBX_NETWORKS", "10.1.0.0/16 nonsense");
}

static void
measures_distance(void **state)
{
	(void)state;
	assert_int_equal(distance("", ""), 0);
	assert_int_equal(distance("kitten", "sitting"), 3);
	assert_int_equal(distance("abc", ""), 3);
	assert_int_equal(distance("LEASE_S", "LEASE_MS"), 1);
}

static void
tells_public_addresses(void **state)
{
	static const char *const outside[] = { "8.8.8.8", "1.0.0.1",
		"100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0",
		"192.167.255.255", "192.169.0.0", "198.17.255.255",
		"223.255.255.255", "::ffff:8.8.8.8", "2a00:1450::1",
		"2606:4700::1" };
	static const char *const inside[] = { "0.0.0.0", "10.1.2.3",
		"100.64.0.1", "100.127.255.255", "127.0.0.1", "127.255.255.255",
		"169.254.169.254", "172.16.0.1", "172.31.255.255", "192.0.0.8",
		"192.0.2.1", "192.168.1.1", "198.18.0.1", "198.19.255.255",
		"198.51.100.1", "203.0.113.9", "224.0.0.1", "240.0.0.1",
		"255.255.255.255", "::", "::1", "::ffff:127.0.0.1",
		"::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1",
		"64:ff9b::a00:1", "fe80::1", "fc00::1", "fd12:3456::1",
		"ff02::1", "fec0::1", "2001::1", "2001:db8::1", "2002:a00:1::",
		"3fff::1", "", "host", "8.8.8.8/8" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(outside) / sizeof(outside[0]); i++)
		assert_string_equal(
		    network_is_public(outside[i]) ? outside[i] : "inside", outside[i]);
	for (i = 0; i < sizeof(inside) / sizeof(inside[0]); i++)
		assert_string_equal(
		    network_is_public(inside[i]) ? "public" : inside[i], inside[i]);
}

int
main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		CASE(has_the_defaults),
		CASE(demands_what_the_program_needs),
		CASE(names_unknown_settings),
		CASE(reads_urls),
		CASE(knows_national_clouds),
		CASE(takes_one_credential),
		CASE(reads_files_and_never_shows_a_secret),
		CASE(warns_of_files_that_others_may_read),
		CASE(reads_ids_and_tenants),
		CASE(reads_numbers_and_words),
		CASE(reads_networks),
		CASE(measures_distance),
		CASE(tells_public_addresses),
	};

	return cmocka_run_group_tests_name("settings", tests, NULL, NULL);
}
