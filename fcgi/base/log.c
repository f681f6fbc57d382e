/* One logfmt line a unit of work, escaped, written whole. */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A line below PIPE_BUF (4096) is never mixed with another program's. */
#define VALUE_MAX 1024 /* escaped bytes of one value; the rest is cut off */
#define LINE_END 8     /* kept free for " cut=1\n" */

static const char *const level_words[] = {
	[LOG_DEBUG] = "debug", [LOG_INFO] = "info",
	[LOG_WARN] = "warn", [LOG_ERROR] = "error",
};

/* Set once, before threads. */
static char log_program[32] = "presence";
static enum log_level log_least = LOG_INFO;

void
log_init(const char *program, enum log_level least)
{
	snprintf(log_program, sizeof(log_program), "%s", program);
	log_least = least;
}

bool
log_level_parse(const char *word, enum log_level *ret)
{
	int i;

	for (i = LOG_DEBUG; i <= LOG_ERROR; i++) {
		if (strcmp(word, level_words[i]) == 0) {
			*ret = (enum log_level)i;
			return true;
		}
	}
	return false;
}

/* false: no room; the line is then as it was but for len, which the caller
 * sets back. */
static bool
add(struct log_line *l, const char *bytes, size_t len)
{
	if (len > sizeof(l->text) - LINE_END - l->len)
		return false;
	memcpy(l->text + l->len, bytes, len);
	l->len += (unsigned)len;
	return true;
}

/* How c stands between quotes. Only printable ASCII stands for itself: a line
 * break, a terminal's control sequence or half a character never gets out. */
static size_t
escape(unsigned char c, char ret[4])
{
	static const char digits[] = "0123456789abcdef";

	if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\') {
		ret[0] = (char)c;
		return 1;
	}
	ret[0] = '\\';
	ret[1] = c == '\n' ? 'n' : (char)c;
	if (c == '"' || c == '\\' || c == '\n')
		return 2;
	ret[1] = 'x';
	ret[2] = digits[c >> 4];
	ret[3] = digits[c & 15];
	return 4;
}

static bool
is_bare(const char *value)
{
	static const char safe[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	    "0123456789-_.:/@+,*";
	const size_t len = strlen(value);

	return len > 0 && len <= VALUE_MAX && strspn(value, safe) == len;
}

static bool
add_quoted(struct log_line *l, const char *value)
{
	const unsigned start = l->len;
	char piece[4];
	size_t n;

	if (!add(l, "\"", 1))
		return false;
	for (; *value; value++) {
		n = escape((unsigned char)*value, piece);
		if (l->len - start + n > VALUE_MAX)
			return add(l, "...\"", 4);
		if (!add(l, piece, n))
			return false;
	}
	return add(l, "\"", 1);
}

/* A field is in the line whole or not at all. */
static void
field(struct log_line *l, const char *name, const char *value)
{
	const unsigned before = l->len;
	bool fits;

	fits = (before == 0 || add(l, " ", 1)) &&
	    add(l, name, strlen(name)) && add(l, "=", 1) &&
	    (is_bare(value) ? add(l, value, strlen(value)) :
	                      add_quoted(l, value));
	if (!fits) {
		l->len = before;
		l->cut = true;
	}
}

void
log_begin(struct log_line *l, enum log_level level)
{
	l->wanted = level >= log_least;
	l->cut = false;
	l->len = 0;
	if (!l->wanted)
		return;
	field(l, "level", level_words[level]);
	field(l, "prog", log_program);
}

void
log_text(struct log_line *l, const char *name, const char *value)
{
	if (l->wanted && value)
		field(l, name, value);
}

void
log_int(struct log_line *l, const char *name, int64_t value)
{
	char digits[24];

	if (!l->wanted)
		return;
	snprintf(digits, sizeof(digits), "%lld", (long long)value);
	field(l, name, digits);
}

void
log_end(struct log_line *l)
{
	const int kept = errno;
	ssize_t n;

	if (!l->wanted)
		return;
	l->wanted = false; /* once */
	if (l->cut) { /* LINE_END bytes are free */
		memcpy(l->text + l->len, " cut=1", 6);
		l->len += 6;
	}
	l->text[l->len++] = '\n';
	do /* a log that cannot be written is no reason to stop */
		n = write(STDERR_FILENO, l->text, l->len);
	while (n < 0 && errno == EINTR);
	errno = kept;
}

void
log_say(enum log_level level, const char *format, ...)
{
	const int kept = errno;
	char message[VALUE_MAX];
	struct log_line l;
	va_list args;

	log_begin(&l, level);
	if (!l.wanted)
		return;
	errno = kept; /* for %m */
	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	log_text(&l, "msg", message);
	log_end(&l);
	errno = kept;
}
