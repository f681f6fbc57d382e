/* What may be kept of a request, see redact.h. */
#include "pbx/redact.h"

#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "pbx/redact_parts.h"

/* --- reading and writing ------------------------------------------------------- */

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The hex digits' value; -1: not all are. */
static int
hex_read(const char *s, size_t len)
{
	int value = 0;
	size_t i;

	for (i = 0; i < len; i++) {
		if (hex_value(s[i]) < 0)
			return -1;
		value = value * 16 + hex_value(s[i]);
	}
	return value;
}

/* One character as it is meant: %41, \u0041 and A are the same. */
static struct unit
unit_read(const char *s, size_t left)
{
	struct unit u = { .c = (unsigned char)*s, .raw = 1 };
	int value;

	if (*s == '%' && left >= 3 && (value = hex_read(s + 1, 2)) >= 0) {
		u.c = (unsigned char)value;
		u.raw = 3;
	} else if (*s == '\\' && left >= 6 && s[1] == 'u' &&
	    (value = hex_read(s + 2, 4)) >= 0) {
		u.c = (unsigned char)(value < 0x80 ? value : LEAD);
		u.raw = 6;
	} else if (*s == '\\' && left >= 2 && strchr("\"\\/", s[1]) != NULL &&
	    s[1] != '\0') {
		u.c = (unsigned char)s[1];
		u.raw = 2;
	} else if (*s == '\\' && left >= 2 && s[1] != '\0' &&
	    strchr("bfnrt", s[1]) != NULL) {
		u.c = s[1] == 'n' || s[1] == 'r' ? '\n' : ' ';
		u.raw = 2;
	}
	return u;
}

static void
units_read(struct scan *s, const char *text, size_t len)
{
	size_t at = 0;

	s->u = arena_array(&s->cx->arena, len + 1, sizeof(*s->u));
	while (at < len) {
		struct unit *u = &s->u[s->n++];

		*u = unit_read(text + at, len - at);
		u->at = (uint32_t)at;
		at += u->raw;
	}
}

/* The other character in the spelling of the one that it replaces. */
static void
unit_write(struct buf *b, const struct unit *u, const char *text)
{
	switch (u->becomes) {
	case KEPT:
		buf_add(b, text + u->at, u->raw);
		break;
	case GONE:
		break;
	case SECRET_TEXT:
		buf_text(b, "redacted");
		break;
	default:
		if (u->raw == 3)
			buf_printf(b, "%%%02X", u->becomes);
		else if (u->raw == 6)
			buf_printf(b, "\\u%04x", u->becomes);
		else
			buf_add(b, &(char){ (char)u->becomes }, 1);
	}
}

/* How many bytes at s are one character; 0: none. */
static size_t
utf8_len(const char *s, size_t left)
{
	const unsigned char lead = (unsigned char)*s;
	const size_t len = lead < 0x80 ? 1 : lead < 0xe0 ? 2 :
	    lead < 0xf0 ? 3 : 4;

	return len <= left && text_is_utf8(s, len) ? len : 0;
}

static char *
as_utf8(struct ctx *cx, const char *text, size_t len)
{
	struct buf b;
	size_t i = 0, n;

	if (text_is_utf8(text, len))
		return arena_strndup(&cx->arena, text, len);
	buf_init(&b, &cx->arena, 3 * len + 1);
	while (i < len) {
		n = utf8_len(text + i, len - i);
		if (n > 0)
			buf_add(&b, text + i, n);
		else
			buf_text(&b, "\xef\xbf\xbd");
		i += n > 0 ? n : 1;
	}
	return arena_strdup(&cx->arena, buf_str(&b));
}

/* --- the whole -------------------------------------------------------------------- */

static char *
plain_text(struct ctx *cx, const struct redact *r, const char *text, size_t len)
{
	struct scan s = { .cx = cx, .r = r };
	struct buf b;
	size_t i;

	units_read(&s, text, len);
	redact_members(&s);
	redact_words(&s);
	redact_numbers(&s);
	/* No unit becomes longer than six bytes, but secrets. */
	buf_init(&b, &cx->arena, 16 * len + 1);
	for (i = 0; i < s.n; i++)
		unit_write(&b, &s.u[i], text);
	return as_utf8(cx, buf_str(&b), b.len);
}

/* One part of a JWT, redacted and encoded again; NULL: it is none. */
static char *
token_part(struct ctx *cx, const struct redact *r, const char *part)
{
	const size_t max = strlen(part);
	uint8_t *bytes = arena_alloc(&cx->arena, max + 1);
	char *text, *ret;
	size_t len;

	if (max == 0 || !text_unbase64url(part, bytes, max, &len))
		return NULL;
	text = plain_text(cx, r, (const char *)bytes, len);
	ret = arena_alloc(&cx->arena, 4 * ((strlen(text) + 2) / 3) + 1);
	text_base64url((const uint8_t *)text, strlen(text), ret);
	return ret;
}

/* A body that is one compact JWT: its claims are what it says. NULL: it is none. */
static char *
token_text(struct ctx *cx, const struct redact *r, const char *text, size_t len)
{
	char *head, *claims, *mac;

	while (len > 0 && strchr(" \t\r\n", text[len - 1]) != NULL)
		len--;
	if (len < 5 || strncmp(text, "eyJ", 3) != 0)
		return NULL;
	head = arena_strndup(&cx->arena, text, len);
	claims = strchr(head, '.');
	mac = claims != NULL ? strchr(claims + 1, '.') : NULL;
	if (mac == NULL || strchr(mac + 1, '.') != NULL)
		return NULL;
	*claims++ = '\0';
	*mac = '\0';
	head = token_part(cx, r, head);
	claims = token_part(cx, r, claims);
	if (head == NULL || claims == NULL)
		return NULL;
	return arena_printf(&cx->arena, "%s.%s.redacted", head, claims);
}

char *
redact_text(struct ctx *cx, const struct redact *r, const char *text,
    size_t len)
{
	char *token = token_text(cx, r, text, len);

	return token != NULL ? token : plain_text(cx, r, text, len);
}

const char *const redact_headers[] = {
	"content-type", "content-encoding", "user-agent", "webhook-id",
	"webhook-timestamp", "x-zm-request-timestamp",
	/* only that they are there */
	"authorization", "validation-token", "webhook-signature",
	"x-placetel-signature", "x-signature", "x-spark-signature",
	"x-twilio-signature", "x-zm-signature", NULL
};

char *
redact_header(struct ctx *cx, const struct redact *r, const char *name,
    const char *value)
{
	size_t i;

	for (i = 0; redact_headers[i] != NULL; i++)
		if (strcmp(redact_headers[i], name) == 0)
			break;
	if (redact_headers[i] == NULL)
		return NULL;
	if (redact_name_kind(name, strlen(name)) == NAME_SECRET)
		return arena_printf(&cx->arena, "%s: redacted", name);
	return arena_printf(&cx->arena, "%s: %s", name,
	    redact_text(cx, r, value, strlen(value)));
}
