/* What replaces what must not be kept: by the key, so that equals stay equal. */
#include <string.h>

#include "base/secret.h"
#include "pbx/redact_parts.h"

/* n bytes that follow from key and text: HMAC-SHA-256 in counter mode. */
static uint8_t *
keyed_bytes(struct scan *s, const char *text, size_t n)
{
	const size_t key_len = strlen(s->r->key);
	uint8_t *ret = arena_alloc(&s->cx->arena, n + 32);
	uint8_t block[36];
	uint32_t i;
	size_t at;

	secret_hmac(s->r->key, key_len, text, strlen(text), block + 4);
	for (i = 0, at = 0; at < n; i++, at += 32) {
		memcpy(block, &i, 4);
		secret_hmac(s->r->key, key_len, block, sizeof(block), ret + at);
	}
	return ret;
}

static char
lower(unsigned char c)
{
	return (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

/* The units' characters that count, in lower case: what is replaced by the key. */
static char *
meaning(struct scan *s, char kind, size_t from, size_t end)
{
	char *text = arena_alloc(&s->cx->arena, end - from + 2);
	size_t i, n = 0;

	text[n++] = kind;
	for (i = from; i < end; i++)
		if (s->u[i].c != '\0' && (kind != 'n' || is_digit(s->u[i].c)))
			text[n++] = lower(s->u[i].c);
	return text;
}

void
mask_number(struct scan *s, size_t from, size_t end)
{
	const uint8_t *bytes = keyed_bytes(s, meaning(s, 'n', from, end),
	    end - from);
	size_t i, nth = 0;

	for (i = from; i < end; i++) {
		struct unit *u = &s->u[i];

		if (!is_digit(u->c))
			continue;
		/* A number of JSON has no zero in front. */
		if (nth > 0)
			u->becomes = (unsigned char)('0' + bytes[nth] % 10);
		else if (u->c != '0')
			u->becomes = (unsigned char)('1' + bytes[nth] % 9);
		nth++;
	}
}

void
mask_word(struct scan *s, size_t from, size_t end)
{
	const uint8_t *bytes = keyed_bytes(s, meaning(s, 'w', from, end),
	    end - from);
	bool hex = true;
	size_t i;

	for (i = from; i < end; i++)
		hex &= !is_letter(s->u[i].c) || lower(s->u[i].c) <= 'f';
	for (i = from; i < end; i++) {
		struct unit *u = &s->u[i];
		const uint8_t byte = bytes[i - from];

		if (is_digit(u->c))
			u->becomes = (unsigned char)('0' + byte % 10);
		else if (is_letter(u->c))
			u->becomes = (unsigned char)((u->c < 'a' ? 'A' : 'a') +
			    byte % (hex ? 6 : 26));
	}
}

/* How long the character reference (&amp; &#252;) is that begins there; 0: none. */
static size_t
reference_at(const struct scan *s, size_t at, size_t end)
{
	size_t i = at + 1;

	if (s->u[at].c != '&')
		return 0;
	if (i < end && s->u[i].c == '#')
		i++;
	for (; i < end && i - at < 10 &&
	     (is_letter(s->u[i].c) || is_digit(s->u[i].c)); i++)
		;
	return i < end && s->u[i].c == ';' ? i + 1 - at : 0;
}

void
mask_letters(struct scan *s, size_t from, size_t end)
{
	const uint8_t *bytes = keyed_bytes(s, meaning(s, 'l', from, end),
	    end - from);
	size_t i;

	for (i = from; i < end; i++) {
		struct unit *u = &s->u[i];
		const size_t reference = reference_at(s, i, end);

		if (reference > 0)
			i += reference - 1;
		if (reference > 0 || u->becomes != KEPT)
			continue;
		if (is_letter(u->c))
			u->becomes = (unsigned char)((u->c < 'a' ? 'A' : 'a') +
			    bytes[i - from] % 26);
		else if (u->c >= 0x80) /* a character of several bytes is one x */
			u->becomes = u->c >= LEAD ? 'x' : GONE;
	}
}

void
mask_secret(struct scan *s, size_t from, size_t end)
{
	size_t i;

	for (i = from; i < end; i++)
		s->u[i].becomes = i == from ? SECRET_TEXT : GONE;
}
