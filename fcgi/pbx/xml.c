/* XML in, see xml.h. The only file that names expat's functions. */
#include "pbx/xml.h"

#include <expat.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/text.h"

struct reader {
	XML_Parser parser;
	struct arena *arena;
	struct xml_element *root, *at; /* at: the innermost open element */
	int depth, nparts;
	char text[XML_TEXT_MAX]; /* of `at`, so far */
	size_t text_len;
	const char *why;    /* what is refused, once something is */
	unsigned long line; /* where */
};

/* expat may still tell of a thing or two after it was stopped. */
static void
refuse(struct reader *r, const char *why)
{
	if (r->why != NULL)
		return;
	r->why = why;
	r->line = XML_GetCurrentLineNumber(r->parser);
	XML_StopParser(r->parser, XML_FALSE);
}

/* Counted first, so that what is kept has a bound. */
static bool
another_part(struct reader *r)
{
	if (r->why == NULL && ++r->nparts > XML_PARTS_MAX)
		refuse(r, "too many elements and attributes");
	return r->why == NULL;
}

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Senders pick their prefixes as they like: what follows it is the name. */
static const char *
without_prefix(const char *name)
{
	const char *colon = strrchr(name, ':');

	return colon != NULL ? colon + 1 : name;
}

static const struct xml_attribute *
attributes_read(struct reader *r, const XML_Char **pairs)
{
	const struct xml_attribute *first = NULL, **end = &first;
	struct xml_attribute *one;

	for (; pairs[0] != NULL && another_part(r); pairs += 2) {
		if (text_starts(pairs[0], "xmlns"))
			continue; /* tells of prefixes: xmlns:type is no type */
		one = arena_alloc(r->arena, sizeof(*one));
		one->name = arena_strdup(r->arena, without_prefix(pairs[0]));
		one->value = arena_strdup(r->arena, pairs[1]);
		*end = one;
		end = &one->next;
	}
	return first;
}

static void XMLCALL
on_start(void *arg, const XML_Char *name, const XML_Char **pairs)
{
	struct reader *r = arg;
	struct xml_element *e;

	if (!another_part(r))
		return;
	if (r->depth == XML_DEPTH_MAX) {
		refuse(r, "elements are nested too deep");
		return;
	}
	e = arena_alloc(r->arena, sizeof(*e));
	e->name = arena_strdup(r->arena, without_prefix(name));
	e->attributes = attributes_read(r, pairs);
	e->parent = r->at;
	if (r->at == NULL)
		r->root = e;
	else if (r->at->last == NULL)
		r->at->first = e;
	else
		r->at->last->next = e;
	if (r->at != NULL)
		r->at->last = e;
	r->at = e;
	r->depth++;
	r->text_len = 0;
}

static void XMLCALL
on_end(void *arg, const XML_Char *name)
{
	struct reader *r = arg;

	(void)name;
	if (r->why != NULL)
		return;
	while (r->text_len > 0 && is_blank(r->text[r->text_len - 1]))
		r->text_len--;
	if (r->at->first == NULL && r->text_len > 0)
		r->at->text =
		    arena_strndup(r->arena, r->text, r->text_len);
	r->text_len = 0;
	r->at = r->at->parent;
	r->depth--;
}

/* Comes in pieces: at each line, each reference. Never outside the root. */
static void XMLCALL
on_text(void *arg, const XML_Char *piece, int piece_len)
{
	struct reader *r = arg;
	size_t len = (size_t)piece_len;

	for (; r->text_len == 0 && len > 0 && is_blank(*piece); len--)
		piece++;
	if (r->why != NULL || len == 0)
		return;
	if (len > sizeof(r->text) - r->text_len) {
		refuse(r, "the text of an element is too long");
		return;
	}
	memcpy(r->text + r->text_len, piece, len);
	r->text_len += len;
}

/* Comes before anything is declared, so nothing ever is. */
static void XMLCALL
on_doctype(void *arg, const XML_Char *name, const XML_Char *system_id,
    const XML_Char *public_id, int has_subset)
{
	struct reader *r = arg;

	(void)name;
	(void)system_id;
	(void)public_id;
	(void)has_subset;
	refuse(r, "a DOCTYPE is not allowed");
}

static enum err
parse(struct ctx *cx, struct reader *r, const char *bytes, size_t len)
{
	unsigned long salt;

	/* Else names could be made that meet in expat's tables. */
	text_random((uint8_t *)&salt, sizeof(salt));
	XML_SetHashSalt(r->parser, salt | 1); /* 0: it would pick its own */
	XML_SetUserData(r->parser, r);
	XML_SetElementHandler(r->parser, on_start, on_end);
	XML_SetCharacterDataHandler(r->parser, on_text);
	XML_SetStartDoctypeDeclHandler(r->parser, on_doctype);
	/* At once: in parts, a long token would be scanned again and again. */
	if (XML_Parse(r->parser, bytes, (int)len, XML_TRUE) == XML_STATUS_OK)
		return ERR_OK;
	if (r->why != NULL)
		return fail(cx, ERR_INPUT, "line %lu of the body: %s", r->line,
		    r->why);
	return fail(cx, ERR_INPUT, "the body is not XML: line %lu: %s",
	    (unsigned long)XML_GetCurrentLineNumber(r->parser),
	    XML_ErrorString(XML_GetErrorCode(r->parser)));
}

enum err
xml_read(struct ctx *cx, const char *bytes, size_t len,
    const struct xml_element **ret)
{
	struct reader r = { .arena = &cx->arena };
	enum err e;

	if (len > INT_MAX)
		return fail(cx, ERR_INPUT, "the body is too long");
	r.parser = XML_ParserCreate(NULL);
	if (r.parser == NULL)
		return fail(cx, ERR_INTERNAL, "expat: no parser");
	e = parse(cx, &r, bytes, len);
	XML_ParserFree(r.parser);
	if (!e)
		*ret = r.root;
	return e;
}

/* --- questions ---------------------------------------------------------------- */

static const struct xml_element *
named(const struct xml_element *e, const char *name, size_t len)
{
	while (e != NULL &&
	    (strncmp(e->name, name, len) != 0 || e->name[len] != '\0'))
		e = e->next;
	return e;
}

const struct xml_element *
xml_find(const struct xml_element *below, const char *path)
{
	const struct xml_element *e = below;
	size_t len;

	while (e != NULL && *path != '\0') {
		len = strcspn(path, "/");
		e = named(e->first, path, len);
		path += len;
		path += *path == '/';
	}
	return e;
}

const struct xml_element *
xml_again(const struct xml_element *e)
{
	return named(e->next, e->name, strlen(e->name));
}

const char *
xml_text(const struct xml_element *below, const char *path)
{
	const struct xml_element *e = xml_find(below, path);

	return e != NULL ? e->text : NULL;
}

const char *
xml_attribute(const struct xml_element *e, const char *name)
{
	const struct xml_attribute *a = e != NULL ? e->attributes : NULL;

	while (a != NULL && strcmp(a->name, name) != 0)
		a = a->next;
	return a != NULL && *a->value != '\0' ? a->value : NULL;
}
