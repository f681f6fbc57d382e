/*
 * JSON in, strictly. json-c accepts more than JSON even when it is strict
 * (single quotes, NaN, control bytes, comments), keeps U+0000 in names where
 * nobody would see it, and clamps numbers. So the grammar of RFC 8259 is
 * checked here first, and json-c only builds the tree of what passed.
 */
#include "base/json.h"

#include <string.h>

#include "base/text.h"

#define DEPTH_MAX 32

struct reader {
	const char *at, *end;
	const char *why; /* what is wrong at `at`, once something is */
};

static bool
refuse(struct reader *r, const char *why)
{
	r->why = why;
	return false;
}

static void
skip_blanks(struct reader *r)
{
	while (r->at < r->end && (*r->at == ' ' || *r->at == '\t' ||
	        *r->at == '\n' || *r->at == '\r'))
		r->at++;
}

static bool
next_is(const struct reader *r, char c)
{
	return r->at < r->end && *r->at == c;
}

static bool
skip(struct reader *r, char c)
{
	if (!next_is(r, c))
		return false;
	r->at++;
	return true;
}

/* The four digits of "\uXXXX" at s; -1: it is none. */
static int
unit(const char *s, const char *end)
{
	int i, value = 0;
	char c;

	if (end - s < 6 || s[0] != '\\' || s[1] != 'u')
		return -1;
	for (i = 2; i < 6; i++) {
		c = s[i];
		if (c >= '0' && c <= '9')
			value = value * 16 + (c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			value = value * 16 + ((c | 0x20) - 'a' + 10);
		else
			return -1;
	}
	return value;
}

static bool
skip_escape(struct reader *r)
{
	int high, low;

	if (r->end - r->at >= 2 && r->at[1] != '\0' &&
	    strchr("\"\\/bfnrt", r->at[1])) {
		r->at += 2;
		return true;
	}
	high = unit(r->at, r->end);
	if (high < 0)
		return refuse(r, "a broken escape in a string");
	if (high == 0)
		return refuse(r, "U+0000 in a string");
	if (high < 0xd800 || high > 0xdfff) {
		r->at += 6;
		return true;
	}
	low = high <= 0xdbff ? unit(r->at + 6, r->end) : -1;
	if (low < 0xdc00 || low > 0xdfff)
		return refuse(r, "half of a surrogate pair");
	r->at += 12;
	return true;
}

static bool
skip_string(struct reader *r)
{
	unsigned char c;

	if (!skip(r, '"'))
		return refuse(r, "a string was expected");
	while (r->at < r->end) {
		c = (unsigned char)*r->at;
		if (c == '\\') {
			if (!skip_escape(r))
				return false;
			continue;
		}
		if (c < 0x20)
			return refuse(r, "a control character in a string");
		r->at++;
		if (c == '"')
			return true;
	}
	return refuse(r, "the string has no end");
}

static bool
skip_digits(struct reader *r)
{
	const char *start = r->at;

	while (r->at < r->end && *r->at >= '0' && *r->at <= '9')
		r->at++;
	return r->at > start ? true : refuse(r, "a digit was expected");
}

static bool
skip_number(struct reader *r)
{
	skip(r, '-');
	if (!skip(r, '0') && !skip_digits(r))
		return false;
	if (skip(r, '.') && !skip_digits(r))
		return false;
	if (skip(r, 'e') || skip(r, 'E')) {
		if (!skip(r, '+'))
			skip(r, '-');
		return skip_digits(r);
	}
	return true;
}

static bool
skip_literal(struct reader *r, const char *word)
{
	const size_t len = strlen(word);

	if ((size_t)(r->end - r->at) < len || memcmp(r->at, word, len) != 0)
		return refuse(r, "a value was expected");
	r->at += len;
	return true;
}

static bool skip_value(struct reader *r, int depth);

/* What stands in [] or {}, the opening bracket being behind us. */
static bool
skip_container(struct reader *r, int depth, bool named, char close)
{
	if (depth > DEPTH_MAX)
		return refuse(r, "nested too deep (32 levels are allowed)");
	skip_blanks(r);
	if (skip(r, close))
		return true;
	do {
		skip_blanks(r);
		if (named) {
			if (!skip_string(r))
				return false;
			skip_blanks(r);
			if (!skip(r, ':'))
				return refuse(r, "a colon was expected");
		}
		if (!skip_value(r, depth))
			return false;
		skip_blanks(r);
	} while (skip(r, ','));
	if (!skip(r, close))
		return refuse(r, "a comma or closing bracket was expected");
	return true;
}

static bool
skip_value(struct reader *r, int depth)
{
	skip_blanks(r);
	if (r->at == r->end)
		return refuse(r, "a value was expected");
	switch (*r->at) {
	case '{':
		r->at++;
		return skip_container(r, depth + 1, true, '}');
	case '[':
		r->at++;
		return skip_container(r, depth + 1, false, ']');
	case '"':
		return skip_string(r);
	case 't':
		return skip_literal(r, "true");
	case 'f':
		return skip_literal(r, "false");
	case 'n':
		return skip_literal(r, "null");
	default:
		if (*r->at != '-' && (*r->at < '0' || *r->at > '9'))
			return refuse(r, "a value was expected");
		return skip_number(r);
	}
}

static bool
is_json(struct reader *r)
{
	if (!skip_value(r, 0))
		return false;
	skip_blanks(r);
	return r->at == r->end ? true :
	                         refuse(r, "something follows the value");
}

static void
put(void *tree)
{
	json_object_put(tree);
}

/* Not JSON_TOKENER_STRICT: it would refuse whole bodies for one number that
 * is too large, in a member that nobody asks for. */
static bool
build(const char *text, int len, struct json_object **ret)
{
	/* json-c counts the value inside the innermost container as a level,
	 * and wants one to spare. */
	struct json_tokener *tok = json_tokener_new_ex(DEPTH_MAX + 2);
	struct json_object *tree;
	bool ok;

	if (!tok)
		return false;
	tree = json_tokener_parse_ex(tok, text, len);
	if (json_tokener_get_error(tok) == json_tokener_continue)
		tree = json_tokener_parse_ex(tok, " ", 1); /* ends a number */
	ok = json_tokener_get_error(tok) == json_tokener_success;
	json_tokener_free(tok);
	if (ok)
		*ret = tree;
	return ok;
}

enum err
json_read(struct ctx *cx, const char *text, size_t len,
    struct json_object **ret)
{
	struct reader r = { text, text + len, NULL };
	struct json_object *tree = NULL;

	if (len > INT32_MAX)
		return fail(cx, ERR_INPUT, "JSON: too long");
	if (!text_is_utf8(text, len))
		return fail(cx, ERR_INPUT,
		    "JSON: not UTF-8, or it holds a NUL byte");
	if (!is_json(&r))
		return fail(cx, ERR_INPUT, "JSON: at byte %zu: %s",
		    (size_t)(r.at - text), r.why);
	if (!build(text, (int)len, &tree))
		return fail(cx, ERR_INTERNAL, "JSON: json-c refused it");
	if (tree)
		arena_defer(&cx->arena, put, tree);
	*ret = tree;
	return ERR_OK;
}

struct json_object *
json_peek(struct json_object *o, const char *name)
{
	struct json_object *member = NULL;

	if (!json_object_is_type(o, json_type_object))
		return NULL;
	json_object_object_get_ex(o, name, &member);
	return member;
}

const char *
json_peek_text(struct json_object *o, const char *name)
{
	struct json_object *member = json_peek(o, name);

	return json_object_is_type(member, json_type_string) ?
	    json_object_get_string(member) : NULL;
}

/* json-c clamps what does not fit into 64 bits. INT64_MIN is refused itself:
 * it cannot be told from what was clamped to it. */
static bool
whole_number(struct json_object *o, int64_t *ret)
{
	int64_t n;

	if (!json_object_is_type(o, json_type_int))
		return false;
	n = json_object_get_int64(o);
	if (n == INT64_MIN ||
	    (n == INT64_MAX && json_object_get_uint64(o) != INT64_MAX))
		return false;
	*ret = n;
	return true;
}

int64_t
json_peek_int(struct json_object *o, const char *name, int64_t absent)
{
	int64_t n = absent;

	whole_number(json_peek(o, name), &n);
	return n;
}

/* *ret NULL: absent or null, which is well unless required. */
static enum err
json_member(struct ctx *cx, struct json_object *o, const char *where,
    const char *name, bool required, struct json_object **ret)
{
	*ret = NULL;
	if (o && !json_object_is_type(o, json_type_object))
		return fail(cx, ERR_INPUT,
		    "%s%s: what should hold it is not an object", where, name);
	*ret = json_peek(o, name);
	if (!*ret && required)
		return fail(cx, ERR_INPUT, "%s%s is missing", where, name);
	return ERR_OK;
}

enum err
json_member_text(struct ctx *cx, struct json_object *o, const char *where,
    const char *name, bool required, size_t min_bytes, size_t max_bytes,
    const char **ret)
{
	struct json_object *m;
	enum err e;
	size_t len;

	e = json_member(cx, o, where, name, required, &m);
	if (e)
		return e;
	if (!m) {
		*ret = NULL;
		return ERR_OK;
	}
	if (!json_object_is_type(m, json_type_string))
		return fail(cx, ERR_INPUT, "%s%s must be a string", where,
		    name);
	len = (size_t)json_object_get_string_len(m);
	if (len < min_bytes || len > max_bytes)
		return fail(cx, ERR_INPUT,
		    "%s%s must have %zu to %zu bytes", where, name, min_bytes,
		    max_bytes);
	*ret = json_object_get_string(m);
	return ERR_OK;
}

enum err
json_member_bool(struct ctx *cx, struct json_object *o, const char *where,
    const char *name, bool required, bool *ret)
{
	struct json_object *m;
	enum err e;

	e = json_member(cx, o, where, name, required, &m);
	if (e || !m)
		return e;
	if (!json_object_is_type(m, json_type_boolean))
		return fail(cx, ERR_INPUT, "%s%s must be true or false", where,
		    name);
	*ret = json_object_get_boolean(m);
	return ERR_OK;
}

enum err
json_member_int(struct ctx *cx, struct json_object *o, const char *where,
    const char *name, bool required, int64_t min, int64_t max, int64_t *ret)
{
	struct json_object *m;
	enum err e;
	int64_t n;

	e = json_member(cx, o, where, name, required, &m);
	if (e || !m)
		return e;
	if (!whole_number(m, &n) || n < min || n > max)
		return fail(cx, ERR_INPUT,
		    "%s%s must be a whole number from %lld to %lld", where,
		    name, (long long)min, (long long)max);
	*ret = n;
	return ERR_OK;
}
