/* log: no value can forge a field or a line, and each line is one write. */
#include "base/log.c"

#include <setjmp.h>
#include <stddef.h>
#include <sys/socket.h>

#include <cmocka.h>

static int real_stderr, reader;

/* In place of stderr a socket that keeps each write apart. */
static int
begin(void **state)
{
	int pair[2];

	(void)state;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) < 0)
		return -1;
	real_stderr = dup(STDERR_FILENO);
	dup2(pair[1], STDERR_FILENO);
	close(pair[1]);
	reader = pair[0];
	log_init("test", LOG_INFO);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	dup2(real_stderr, STDERR_FILENO);
	close(real_stderr);
	close(reader);
	return 0;
}

/* What one write brought; "" when there was none. */
static const char *
written(void)
{
	static char text[4096];
	ssize_t n = recv(reader, text, sizeof(text) - 1, MSG_DONTWAIT);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void
writes_a_line_with_one_write(void **state)
{
	struct log_line l;

	(void)state;
	log_begin(&l, LOG_INFO);
	log_text(&l, "req", "9f2c1ab4");
	log_text(&l, "route", "POST /webhook/:pbx");
	log_text(&l, "none", NULL);
	log_text(&l, "empty", "");
	log_int(&l, "status", 200);
	log_int(&l, "low", INT64_MIN);
	log_end(&l);
	assert_string_equal(written(),
	    "level=info prog=test req=9f2c1ab4 route=\"POST /webhook/:pbx\" "
	    "empty=\"\" status=200 low=-9223372036854775808\n");
	assert_string_equal(written(), "");
	log_end(&l); /* again: nothing */
	assert_string_equal(written(), "");
}

static void
obeys_the_level(void **state)
{
	struct log_line l;
	enum log_level level;

	(void)state;
	log_begin(&l, LOG_DEBUG);
	log_text(&l, "a", "b");
	log_end(&l);
	log_say(LOG_DEBUG, "quiet");
	assert_string_equal(written(), "");
	log_init("test", LOG_ERROR);
	log_say(LOG_WARN, "quiet");
	assert_string_equal(written(), "");
	log_say(LOG_ERROR, "loud");
	assert_string_equal(written(), "level=error prog=test msg=loud\n");
	assert_true(log_level_parse("debug", &level));
	assert_int_equal(level, LOG_DEBUG);
	assert_true(log_level_parse("warn", &level));
	assert_int_equal(level, LOG_WARN);
	assert_false(log_level_parse("", &level));
	assert_false(log_level_parse("Debug", &level));
	assert_false(log_level_parse("trace", &level));
	assert_int_equal(level, LOG_WARN);
}

static void
escapes_what_could_forge(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "a b", "\"a b\"" },
		{ "a=b", "\"a=b\"" },
		{ "\"", "\"\\\"\"" },
		{ "\\", "\"\\\\\"" },
		{ "x\" level=error", "\"x\\\" level=error\"" },
		{ "x\nlevel=error", "\"x\\nlevel=error\"" },
		{ "x\r\x1b[2J\x7f", "\"x\\x0d\\x1b[2J\\x7f\"" },
		{ "\xc2\x85\xff", "\"\\xc2\\x85\\xff\"" },
		{ "\t", "\"\\x09\"" },
	};
	char expected[200];
	struct log_line l;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		log_begin(&l, LOG_INFO);
		log_text(&l, "v", cases[i].in);
		log_end(&l);
		snprintf(expected, sizeof(expected),
		    "level=info prog=test v=%s\n", cases[i].out);
		assert_string_equal(written(), expected);
	}
}

/* Each byte, at each place: the line has the same two quotes and one end. */
static void
never_breaks_a_line(void **state)
{
	struct log_line l;
	const char *line, *p;
	char value[4] = "a__";
	int c, quotes;

	(void)state;
	for (c = 1; c < 256; c++) {
		value[1] = (char)c;
		log_begin(&l, LOG_INFO);
		log_text(&l, "v", value);
		log_int(&l, "last", 1);
		log_end(&l);
		line = written();
		quotes = 0;
		for (p = line; *p; p++) {
			assert_true((*p >= 0x20 && *p < 0x7f) ||
			    (*p == '\n' && !p[1]));
			quotes += *p == '"' && p[-1] != '\\';
		}
		assert_true(quotes == 0 || quotes == 2);
		assert_non_null(strstr(line, " last=1\n"));
	}
}

static void
cuts_what_is_too_long(void **state)
{
	static char huge[5000];
	struct log_line l;
	const char *line;
	size_t len;
	int i;

	(void)state;
	memset(huge, 'x', sizeof(huge) - 1);
	for (len = 900; len < 1500; len++) { /* around each limit */
		huge[len] = '\0';
		huge[0] = len % 2 ? '\n' : 'x';
		log_begin(&l, LOG_INFO);
		log_text(&l, "v", huge);
		log_text(&l, "w", huge);
		log_int(&l, "last", 1);
		log_end(&l);
		line = written();
		assert_true(strlen(line) <= sizeof(l.text));
		assert_non_null(strstr(line, " last=1 cut=1\n"));
		assert_null(strstr(line, " w="));
		huge[len] = 'x';
	}
	log_begin(&l, LOG_INFO);
	for (i = 0; i < 1000; i++)
		log_int(&l, "n", i);
	log_end(&l);
	line = written();
	assert_true(strlen(line) <= sizeof(l.text));
	assert_non_null(strstr(line, " cut=1\n"));
	log_say(LOG_INFO, "%s", huge);
	line = written();
	assert_int_equal(line[strlen(line) - 1], '\n');
}

static void
keeps_errno_and_prints_it(void **state)
{
	(void)state;
	errno = ENOENT;
	log_say(LOG_WARN, "open: %m");
	assert_int_equal(errno, ENOENT);
	assert_string_equal(written(), "level=warn prog=test "
	    "msg=\"open: No such file or directory\"\n");
}

int
main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		CASE(writes_a_line_with_one_write),
		CASE(obeys_the_level),
		CASE(escapes_what_could_forge),
		CASE(never_breaks_a_line),
		CASE(cuts_what_is_too_long),
		CASE(keeps_errno_and_prints_it),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
