/* What redact.c and redact_find.c share: a text as characters that are meant. */
#ifndef PBX_REDACT_PARTS_H
#define PBX_REDACT_PARTS_H

#include <stdbool.h>

#include "pbx/redact.h"

#define LEAD 0xc0 /* from here on: a character beyond ASCII begins */

/* What a unit becomes beside another character. */
#define KEPT 0
#define GONE 1
#define SECRET_TEXT 2 /* the word that stands for a secret */

/* One character, however it is spelt: A, %41, \u0041. */
struct unit {
	uint32_t at;            /* in the text */
	uint8_t raw;            /* bytes there */
	unsigned char c;        /* ASCII; from 0x80: a byte of something else */
	unsigned char becomes;
};

struct scan {
	struct ctx *cx;
	const struct redact *r;
	struct unit *u;
	size_t n;
	size_t people_to; /* up to here names of people are masked */
};

static inline bool
is_digit(unsigned char c)
{
	return c >= '0' && c <= '9';
}

static inline bool
is_letter(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Units from..end, each by the key and by all of them together. */
void mask_number(struct scan *s, size_t from, size_t end);  /* its digits */
void mask_word(struct scan *s, size_t from, size_t end);    /* letters, digits */
void mask_letters(struct scan *s, size_t from, size_t end); /* and no digits */
void mask_secret(struct scan *s, size_t from, size_t end);

enum name_kind { NAME_PLAIN, NAME_SECRET, NAME_PERSON };
/* What the name of a member, parameter, element or header says of its value. */
enum name_kind redact_name_kind(const char *name, size_t len);

/* In this order; each leaves alone what one before it replaced. */
void redact_members(struct scan *s);
void redact_words(struct scan *s);
void redact_numbers(struct scan *s);

#endif
