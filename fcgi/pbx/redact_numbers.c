/* Numbers of telephones, and the times that are none. */
#include <string.h>

#include "pbx/redact_parts.h"

#define NUMBER_MIN 7       /* digits; fewer are an extension */
#define SEPARATORS_MAX 3   /* between two digits of a number */
#define NEAR_S 172800      /* a time of this request is so near */

static bool
is_kept(const struct scan *s, size_t at)
{
	return at < s->n && s->u[at].becomes == KEPT;
}

static size_t
digits_at(const struct scan *s, size_t at)
{
	size_t n = 0;

	while (is_kept(s, at + n) && is_digit(s->u[at + n].c))
		n++;
	return n;
}

/* The value of n digits, which stand there; n <= 18. */
static int64_t
value_at(const struct scan *s, size_t at, size_t n)
{
	int64_t value = 0;

	for (; n > 0; at++, n--)
		value = value * 10 + (s->u[at].c - '0');
	return value;
}

static bool
is_within(const struct scan *s, size_t at, size_t n, int64_t min, int64_t max)
{
	return value_at(s, at, n) >= min && value_at(s, at, n) <= max;
}

static unsigned char
char_at(const struct scan *s, size_t at)
{
	return is_kept(s, at) ? s->u[at].c : 0;
}

/* A full stop and digits behind seconds: how long. */
static size_t
fraction_at(const struct scan *s, size_t at)
{
	const unsigned char c = char_at(s, at);
	const size_t n = c == '.' || c == ',' ? digits_at(s, at + 1) : 0;

	return n >= 1 && n <= 9 ? n + 1 : 0;
}

/* HH:MM, perhaps :SS, a fraction and a zone. */
static size_t
clock_at(const struct scan *s, size_t at)
{
	size_t end = at + 5;
	unsigned char c;

	if (digits_at(s, at) != 2 || char_at(s, at + 2) != ':' ||
	    digits_at(s, at + 3) != 2)
		return 0;
	if (char_at(s, end) == ':' && digits_at(s, end + 1) == 2) {
		end += 3;
		end += fraction_at(s, end);
	}
	c = char_at(s, end);
	if (c == '+' || c == '-') {
		if (digits_at(s, end + 1) == 4)
			end += 5;
		else if (digits_at(s, end + 1) == 2 &&
		    char_at(s, end + 3) == ':' && digits_at(s, end + 4) == 2)
			end += 6;
	}
	return end - at;
}

/* YYYY-MM-DD or DD.MM.YYYY, also with the others of -/. between. */
static size_t
date_at(const struct scan *s, size_t at)
{
	const bool first = digits_at(s, at) == 4;
	const size_t middle = at + (first ? 5 : 3), last = middle + 3;
	const size_t year = first ? at : last, day = first ? last : at;
	const unsigned char c = char_at(s, middle - 1);

	if ((!first && digits_at(s, at) != 2) ||
	    (c != '-' && c != '/' && c != '.') || char_at(s, last - 1) != c ||
	    digits_at(s, middle) != 2 || digits_at(s, year) != 4 ||
	    digits_at(s, day) != 2)
		return 0;
	/* Which of the two is the month depends on the country. */
	if (!is_within(s, year, 4, 1970, 2099) ||
	    !is_within(s, middle, 2, 1, first ? 12 : 31) ||
	    !is_within(s, day, 2, 1, 31))
		return 0;
	return 10;
}

/* Seconds since 1970 or the like, near the time of the request. */
static size_t
epoch_at(const struct scan *s, size_t at, size_t n)
{
	int64_t value;

	if (n != 10 && n != 13 && n != 16)
		return 0;
	value = value_at(s, at, 10);
	if (value < s->r->now_s - NEAR_S || value > s->r->now_s + NEAR_S)
		return 0;
	return n + fraction_at(s, at + n);
}

/* YYYYMMDDhhmmss */
static bool
is_stamp(const struct scan *s, size_t at, size_t n)
{
	return n == 14 && is_within(s, at, 4, 1970, 2099) &&
	    is_within(s, at + 4, 2, 1, 12) && is_within(s, at + 6, 2, 1, 31) &&
	    is_within(s, at + 8, 2, 0, 23) && is_within(s, at + 10, 2, 0, 59) &&
	    is_within(s, at + 12, 2, 0, 60);
}

/* How long the time is that begins at the digit there; 0: it is none. */
static size_t
time_at(const struct scan *s, size_t at)
{
	const size_t n = digits_at(s, at);
	size_t len = date_at(s, at), clock;
	unsigned char c;

	if (len > 0) {
		c = char_at(s, at + len);
		clock = c == 'T' || c == 't' || c == ' ' || c == '+' || c == '_'
		    ? clock_at(s, at + len + 1) : 0;
		return clock > 0 ? len + 1 + clock : len;
	}
	len = clock_at(s, at);
	if (len > 0)
		return len;
	return is_stamp(s, at, n) ? n : epoch_at(s, at, n);
}

/* What stands between two digits of one number: how many units, 0: no more digits. */
static size_t
gap_at(const struct scan *s, size_t at)
{
	size_t n;

	for (n = 0; n <= SEPARATORS_MAX && is_kept(s, at + n); n++) {
		const unsigned char c = s->u[at + n].c;

		if (is_digit(c))
			return n;
		/* Beyond ASCII: blanks and dashes of typographers. */
		if (c < 0x80 && (c == '\0' || strchr(" .-()/+_", c) == NULL))
			return 0;
	}
	return 0;
}

/* The number that begins at the digit there, or the time, is done with. */
static size_t
number_mask(struct scan *s, size_t at)
{
	size_t end = at, n = 0, gap, len = time_at(s, at);

	if (len > 0)
		return at + len;
	for (;;) {
		len = digits_at(s, end);
		n += len;
		end += len;
		gap = gap_at(s, end);
		if (gap == 0 || time_at(s, end + gap) > 0)
			break;
		end += gap;
	}
	if (n >= NUMBER_MIN)
		mask_number(s, at, end);
	return end;
}

void
redact_numbers(struct scan *s)
{
	size_t i = 0;

	while (i < s->n)
		if (is_kept(s, i) && is_digit(s->u[i].c))
			i = number_mask(s, i);
		else
			i++;
}
