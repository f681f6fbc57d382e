/* Comma-separated values as spreadsheets write them (RFC 4180). Pure. */
#include "app/csv.h"

#include <stdbool.h>
#include <string.h>

void
csv_init(struct csv *c, char *text, size_t len)
{
	size_t first;

	c->at = text;
	c->end = text + len;
	c->line = 0;
	c->next_line = 1;
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		c->at += 3;
	/* Spreadsheets of many countries write semicolons. */
	first = strcspn(c->at, "\r\n");
	c->separator = memchr(c->at, ',', first) == NULL &&
	    memchr(c->at, ';', first) != NULL ? ';' : ',';
}

static void
skip_line(struct csv *c)
{
	while (c->at < c->end && *c->at != '\n' && *c->at != '\r')
		c->at++;
}

/* Over one line's end: CR LF, LF or CR. */
static void
end_line(struct csv *c)
{
	if (c->at < c->end && *c->at == '\r')
		c->at++;
	if (c->at < c->end && *c->at == '\n')
		c->at++;
	c->next_line++;
}

/* A quoted field; c->at is on the opening quote. */
static enum err
quoted(struct ctx *cx, struct csv *c, char **ret)
{
	char *from = ++c->at, *to = from;

	*ret = from;
	for (; c->at < c->end; c->at++) {
		if (*c->at == '"') {
			if (c->at + 1 == c->end || c->at[1] != '"')
				break;
			c->at++;
		} else if (*c->at == '\n' || *c->at == '\r') {
			/* No extension or user name holds a line's end: the
			 * quote was forgotten. */
			break;
		}
		*to++ = *c->at;
	}
	if (c->at == c->end || *c->at != '"') {
		skip_line(c);
		return fail(cx, ERR_INPUT, "a quote is not closed");
	}
	c->at++;
	if (c->at < c->end && *c->at != c->separator && *c->at != '\n' &&
	    *c->at != '\r') {
		skip_line(c);
		return fail(cx, ERR_INPUT, "there is text behind a quote");
	}
	*to = '\0'; /* at the closing quote or before it */
	return ERR_OK;
}

enum err
csv_next(struct ctx *cx, struct csv *c, char *ret[CSV_FIELDS], int *ret_n)
{
	char *field, *stop;
	enum err e = ERR_OK;
	int n = 0;

	while (c->at < c->end && (*c->at == '\r' || *c->at == '\n'))
		end_line(c);
	c->line = c->next_line;
	while (c->at < c->end) {
		bool more;

		field = c->at;
		if (*c->at == '"') {
			e = quoted(cx, c, &field);
			if (e != ERR_OK)
				break;
		} else {
			while (c->at < c->end && *c->at != c->separator &&
			    *c->at != '\n' && *c->at != '\r')
				c->at++;
		}
		stop = c->at;
		more = c->at < c->end && *c->at == c->separator;
		if (more)
			c->at++;
		else
			end_line(c);
		*stop = '\0'; /* text[len] is the owner's NUL */
		if (n < CSV_FIELDS)
			ret[n++] = field;
		if (!more)
			break;
	}
	if (e != ERR_OK)
		end_line(c);
	*ret_n = n;
	return e;
}
