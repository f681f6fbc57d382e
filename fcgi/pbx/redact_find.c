/* What in a text must not be kept: members by their names, and words. */
#include <string.h>
#include <strings.h>

#include "pbx/redact_parts.h"

#define NAME_MAX_CHARS 64
#define TAG_MAX 1024       /* characters of one start tag */
#define PERSON_MAX 4096    /* characters of a value that names somebody */
#define WORD_MIN 20        /* from here on letters with digits are an id */

/* --- names ------------------------------------------------------------------------ */

static bool
is_one_of(const char *name, const char *const *list)
{
	for (; *list != NULL; list++)
		if (strcmp(name, *list) == 0)
			return true;
	return false;
}

static bool
holds_one_of(const char *name, const char *const *list)
{
	for (; *list != NULL; list++)
		if (strstr(name, *list) != NULL)
			return true;
	return false;
}

static bool
ends_with(const char *name, const char *end)
{
	const size_t len = strlen(name), end_len = strlen(end);

	return len >= end_len && strcmp(name + len - end_len, end) == 0;
}

enum name_kind
redact_name_kind(const char *name, size_t len)
{
	static const char *const secret_parts[] = { "secret", "password",
		"passwd", "passphrase", "passcode", "token", "authorization",
		"credential", "cookie", "signature", "apikey", "accesskey",
		"privatekey", "sharedkey", "signingkey", "hmac", "bearer", NULL };
	static const char *const secrets[] = { "key", "pwd", "pass", "pin",
		"auth", "sig", "jwt", NULL };
	static const char *const people[] = { "first", "last", "surname",
		"cnam", "names", "displayremote", "displaylocal", NULL };
	static const char *const things[] = { "hostname", "eventname",
		"domainname", "filename", "queuename", "realmname", "typename",
		"statename", "statusname", "hookname", "appname", NULL };
	char text[NAME_MAX_CHARS + 1];
	size_t i, n = 0;

	for (i = 0; i < len && n < NAME_MAX_CHARS; i++)
		if (is_letter((unsigned char)name[i]))
			text[n++] = (char)(name[i] | 0x20);
		else if (is_digit((unsigned char)name[i]))
			text[n++] = name[i];
	text[n] = '\0';
	for (i = n; i > 0 && is_digit((unsigned char)text[i - 1]); i--)
		text[i - 1] = '\0'; /* name1 */
	if (holds_one_of(text, secret_parts) || is_one_of(text, secrets))
		return NAME_SECRET;
	if (is_one_of(text, people))
		return NAME_PERSON;
	return ends_with(text, "name") && !is_one_of(text, things)
	    ? NAME_PERSON : NAME_PLAIN;
}

static bool
is_name_char(unsigned char c)
{
	return is_letter(c) || is_digit(c) || c == '_' || c == '-' || c == '.';
}

static bool
is_blank(unsigned char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool
is_quote(unsigned char c)
{
	return c == '"' || c == '\'';
}

/* Units from..end as a name. *ret_generic: it is "name" and no more. */
static enum name_kind
kind_of(const struct scan *s, size_t from, size_t end, bool *ret_generic)
{
	char name[NAME_MAX_CHARS];
	size_t i, n = 0;

	if (end - from > NAME_MAX_CHARS)
		from = end - NAME_MAX_CHARS;
	for (i = from; i < end; i++)
		name[n++] = (char)s->u[i].c;
	*ret_generic = n == 4 && strncasecmp(name, "name", 4) == 0;
	return redact_name_kind(name, n);
}

/* --- members ------------------------------------------------------------------------ */

/* How deep a quote is nested: as it is spelt, and the backslashes before it. */
static size_t
backslashes(const struct scan *s, size_t at)
{
	size_t n = 0;

	while (at > n && s->u[at - n - 1].c == '\\')
		n++;
	return n;
}

/* How far a value is read: a secret to its end. */
static size_t
most_of(const struct scan *s, enum name_kind kind, size_t from)
{
	return kind == NAME_SECRET || s->n - from < PERSON_MAX ? s->n :
	    from + PERSON_MAX;
}

/* Where the value that begins behind the quote at `open` ends; at most at `most`. */
static size_t
quoted_end(const struct scan *s, size_t open, size_t most)
{
	const struct unit *quote = &s->u[open];
	const size_t deep = backslashes(s, open);
	size_t i;

	for (i = open + 1; i < most; i++) {
		if (s->u[i].c != quote->c)
			continue;
		if (s->u[i].raw == 1 && quote->c == '"')
			return i; /* it ends whatever is nested in it */
		if (s->u[i].raw == quote->raw && backslashes(s, i) == deep)
			return i;
	}
	return most;
}

/* Behind the bracket that closes the one at `open`. */
static size_t
block_end(const struct scan *s, size_t open)
{
	size_t i, depth = 0;

	for (i = open; i < s->n; i++) {
		if (s->u[i].c == '{' || s->u[i].c == '[')
			depth++;
		else if ((s->u[i].c == '}' || s->u[i].c == ']') && --depth == 0)
			return i + 1;
	}
	return s->n;
}

/* All texts and numbers in a list or object that is a secret, and the names too. */
static void
mask_block(struct scan *s, size_t from, size_t end)
{
	size_t i, stop;

	for (i = from; i < end; i++) {
		if (s->u[i].c == '"') {
			stop = quoted_end(s, i, end);
			if (stop > i + 1)
				mask_secret(s, i + 1, stop);
			i = stop;
		} else if (is_digit(s->u[i].c)) {
			s->u[i].becomes = '1';
		}
	}
}

/* A word of a program, as the name of a state or an event: nobody is called so. */
static bool
is_technical(const struct scan *s, size_t from, size_t end)
{
	bool marked = false;
	size_t i;

	for (i = from; i < end; i++) {
		const unsigned char c = s->u[i].c;

		if (is_blank(c) || c == '+' || c == '@' || c == '.' || c >= 0x80)
			return false;
		marked |= c == '_' || c == ':';
	}
	return marked;
}

static void
mask_value(struct scan *s, enum name_kind kind, bool generic, size_t from,
    size_t end)
{
	size_t i;

	if (from >= end)
		return;
	if (kind == NAME_PERSON) {
		/* Values within values are done once, however many there are. */
		if (from < s->people_to)
			from = s->people_to;
		if (from < end && (!generic || !is_technical(s, from, end)))
			mask_letters(s, from, end);
		if (s->people_to < end)
			s->people_to = end;
		return;
	}
	for (i = from; i < end && (is_digit(s->u[i].c) || s->u[i].c == '.'); i++)
		;
	if (i < end) {
		mask_secret(s, from, end);
		return;
	}
	for (i = from; i < end; i++) /* JSON has numbers that are no text */
		if (is_digit(s->u[i].c))
			s->u[i].becomes = '1';
}

/* Texts in a list that names people. */
static void
mask_list(struct scan *s, enum name_kind kind, bool generic, size_t from)
{
	const size_t most = most_of(s, kind, from);
	size_t i, stop;

	for (i = from < s->people_to ? s->people_to : from; i < most &&
	     s->u[i].c != ']' && s->u[i].c != '{'; i++) {
		if (!is_quote(s->u[i].c))
			continue;
		stop = quoted_end(s, i, most);
		mask_value(s, kind, generic, i + 1, stop);
		i = stop;
	}
}

/* Where a value without quotes ends. */
static size_t
bare_end(const struct scan *s, size_t from, const struct unit *binder,
    size_t most)
{
	size_t i;

	for (i = from; i < most; i++) {
		const unsigned char c = s->u[i].c;

		if (c == '\n' || c == '"' || c == '<' ||
		    (c == '&' && s->u[i].raw <= binder->raw))
			break;
		if (binder->c == ':' && (c == ',' || c == '}' || c == ']'))
			break;
	}
	return i;
}

static bool
is_literal(const struct scan *s, size_t from, size_t end)
{
	static const char *const words[] = { "null", "true", "false", NULL };
	char text[8];
	size_t i, n = 0;

	while (end > from && is_blank(s->u[end - 1].c))
		end--;
	if (end - from >= sizeof(text))
		return false;
	for (i = from; i < end; i++)
		text[n++] = (char)s->u[i].c;
	text[n] = '\0';
	return is_one_of(text, words);
}

/* The value behind the binder (: or =) at `at`. Returns where to go on: behind a
 * secret, of which nothing is left. */
static size_t
value_mask(struct scan *s, size_t at, enum name_kind kind, bool generic)
{
	size_t from = at + 1, end;

	while (from < s->n && is_blank(s->u[from].c))
		from++;
	end = from;
	while (end < s->n && s->u[end].c == '\\') /* of a quote that is nested */
		end++;
	if (end < s->n && is_quote(s->u[end].c)) {
		from = end + 1;
		end = quoted_end(s, end, most_of(s, kind, end));
		mask_value(s, kind, generic, from, end);
	} else if (from < s->n && (s->u[from].c == '{' || s->u[from].c == '[')) {
		if (kind != NAME_SECRET) {
			if (s->u[from].c == '[')
				mask_list(s, kind, generic, from);
			return at;
		}
		end = block_end(s, from);
		mask_block(s, from, end);
	} else {
		if (kind == NAME_PERSON && from < s->people_to)
			from = s->people_to;
		end = bare_end(s, from, &s->u[at], most_of(s, kind, from));
		if (s->u[at].c != ':' || !is_literal(s, from, end))
			mask_value(s, kind, generic, from, end);
	}
	return kind == NAME_SECRET && end > at ? end - 1 : at;
}

/* The name before the binder at `at`. */
static enum name_kind
binder_kind(const struct scan *s, size_t at, bool *ret_generic)
{
	size_t end = at, from;

	while (end > 0 && is_blank(s->u[end - 1].c))
		end--;
	if (end > 0 && is_quote(s->u[end - 1].c)) {
		const unsigned char quote = s->u[--end].c;

		while (end > 0 && s->u[end - 1].c == '\\')
			end--;
		for (from = end; from > 0 && end - from < NAME_MAX_CHARS &&
		     s->u[from - 1].c != quote; from--)
			;
	} else {
		while (end > 0 && s->u[end - 1].c == ']')
			end--;
		for (from = end; from > 0 && is_name_char(s->u[from - 1].c);
		     from--)
			;
	}
	return kind_of(s, from, end, ret_generic);
}

/* <name ...>value<: the element that begins at `at`. Returns where to go on. */
static size_t
element_mask(struct scan *s, size_t at)
{
	size_t from = at + 1, end, i, most;
	enum name_kind kind;
	bool generic;

	for (end = from; end < s->n && end - at < NAME_MAX_CHARS &&
	     (is_name_char(s->u[end].c) || s->u[end].c == ':'); end++)
		if (s->u[end].c == ':')
			from = end + 1;
	if (end == from)
		return at;
	kind = kind_of(s, from, end, &generic);
	if (kind == NAME_PLAIN)
		return at;
	most = s->n - end < TAG_MAX ? s->n : end + TAG_MAX;
	for (i = end; i < most && s->u[i].c != '>'; i++)
		if (is_quote(s->u[i].c))
			i = quoted_end(s, i, most);
	if (i >= most || s->u[i - 1].c == '/')
		return at;
	from = ++i;
	most = most_of(s, kind, from);
	if (i + 9 < most && s->u[i].c == '<' && s->u[i + 1].c == '!')
		for (i += 9, from = i; i < most && s->u[i].c != ']'; i++)
			; /* CDATA */
	else
		while (i < most && s->u[i].c != '<')
			i++;
	mask_value(s, kind, generic, from, i);
	return kind == NAME_SECRET && i > from ? i - 1 : at;
}

static bool
stands_at(const struct scan *s, size_t at, const char *words)
{
	size_t i;

	for (i = 0; words[i] != '\0'; i++)
		if (at + i >= s->n || s->u[at + i].c != (unsigned char)words[i])
			return false;
	return true;
}

/* "Anna Berg" <sip:1001@...>, Anna Berg <1001>: the name before the bracket at `at`. */
static void
display_mask(struct scan *s, size_t at)
{
	size_t end = at, from;

	if (!stands_at(s, at + 1, "sip") && !stands_at(s, at + 1, "tel") &&
	    (at + 1 == s->n || (s->u[at + 1].c != '+' && !is_digit(s->u[at + 1].c))))
		return;
	while (end > 0 && (is_blank(s->u[end - 1].c) || s->u[end - 1].c == '+' ||
	    s->u[end - 1].c == '\\' || is_quote(s->u[end - 1].c)))
		end--;
	for (from = end; from > 0 && strchr("\"':=&<>,;", s->u[from - 1].c) == NULL;
	     from--)
		;
	if (from < end)
		mask_letters(s, from, end);
}

void
redact_members(struct scan *s)
{
	const size_t known = s->r->secret ? strlen(s->r->secret) : 0;
	enum name_kind kind;
	bool generic;
	size_t i;

	for (i = 0; i < s->n; i++) {
		const unsigned char c = s->u[i].c;

		if (known > 0 && stands_at(s, i, s->r->secret))
			mask_secret(s, i, i + known);
		if (c == '<') {
			display_mask(s, i);
			i = element_mask(s, i);
		} else if ((c == ':' || c == '=') &&
		    (kind = binder_kind(s, i, &generic)) != NAME_PLAIN) {
			i = value_mask(s, i, kind, generic);
		}
	}
}

/* --- words --------------------------------------------------------------------------- */

static bool
is_kept(const struct scan *s, size_t at)
{
	return at < s->n && s->u[at].becomes == KEPT;
}

static bool
is_word_char(unsigned char c)
{
	return is_letter(c) || is_digit(c) || c == '_' || c == '-';
}

/* Letters and digits that nobody chose by hand. */
static bool
is_id(const struct scan *s, size_t from, size_t end)
{
	size_t i, letters = 0, digits = 0;

	for (i = from; i < end; i++) {
		letters += is_letter(s->u[i].c);
		digits += is_digit(s->u[i].c);
	}
	return end - from >= WORD_MIN && letters >= 2 && digits >= 2;
}

/* Local parts of queues and the like: adapters tell them from people by the word. */
static bool
is_machine(const struct scan *s, size_t from, size_t end)
{
	static const char *const words[] = { "queue", "attendant", "vmail",
		"bridge", "monitor", "prompt", "recordaccount", NULL };
	char text[NAME_MAX_CHARS + 1];
	size_t n = 0;

	for (; from < end && n < NAME_MAX_CHARS; from++)
		if (is_letter(s->u[from].c))
			text[n++] = (char)(s->u[from].c | 0x20);
	text[n] = '\0';
	return holds_one_of(text, words);
}

void
redact_words(struct scan *s)
{
	size_t i, end, first;

	for (i = 0; i < s->n; i = end > i ? end : i + 1) {
		for (end = i; is_kept(s, end) && is_word_char(s->u[end].c); end++)
			;
		if (is_id(s, i, end))
			mask_word(s, i, end);
	}
	for (i = 1; i < s->n; i++) {
		if (s->u[i].c != '@')
			continue;
		for (first = i; first > 0 && is_kept(s, first - 1) &&
		     (is_word_char(s->u[first - 1].c) ||
		     s->u[first - 1].c == '.' || s->u[first - 1].c >= 0x80);
		     first--)
			;
		if (first < i && !is_machine(s, first, i))
			mask_letters(s, first, i);
	}
}
