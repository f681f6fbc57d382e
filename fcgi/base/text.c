/* Small questions to text and the encodings that the wire uses. */
#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/log.h"

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static char
lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* -1: no hex digit */
static int
hex_value(char c)
{
	c = lower(c);
	if (is_digit(c))
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool
text_int64(const char *s, int64_t min, int64_t max, int64_t *ret)
{
	const bool minus = *s == '-';
	int64_t n = 0;

	if (minus)
		s++;
	if (!*s)
		return false;
	for (; *s; s++) {
		if (!is_digit(*s))
			return false;
		/* counted downwards, where INT64_MIN has its place */
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_sub_overflow(n, *s - '0', &n))
			return false;
	}
	if (!minus && __builtin_sub_overflow(0, n, &n))
		return false;
	if (n < min || n > max)
		return false;
	*ret = n;
	return true;
}

/* Bytes of the UTF-8 character at p (Unicode table 3-7), 0: none or NUL. */
static size_t
utf8_char(const uint8_t *p, size_t left)
{
	uint8_t least = 0x80, most = 0xbf; /* of the second byte */
	size_t n, i;

	if (p[0] < 0x80)
		return p[0] != 0;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (p[0] == 0xe0)
		least = 0xa0; /* below: overlong */
	else if (p[0] == 0xed)
		most = 0x9f; /* above: surrogates */
	else if (p[0] == 0xf0)
		least = 0x90; /* below: overlong */
	else if (p[0] == 0xf4)
		most = 0x8f; /* above: U+10FFFF passed */
	if (left < n || p[1] < least || p[1] > most)
		return 0;
	for (i = 2; i < n; i++)
		if (p[i] < 0x80 || p[i] > 0xbf)
			return 0;
	return n;
}

bool
text_is_utf8(const char *s, size_t len)
{
	const uint8_t *p = (const uint8_t *)s;
	size_t n;

	while (len) {
		n = utf8_char(p, len);
		if (!n)
			return false;
		p += n;
		len -= n;
	}
	return true;
}

bool
text_is_uuid(const char *s)
{
	int i;

	for (i = 0; i < 36; i++) { /* a NUL is neither dash nor digit */
		if (i == 8 || i == 13 || i == 18 || i == 23) {
			if (s[i] != '-')
				return false;
		} else if (hex_value(s[i]) < 0) {
			return false;
		}
	}
	return s[36] == '\0';
}

void
text_lower(char *s)
{
	for (; *s; s++)
		*s = lower(*s);
}

bool
text_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool
text_same_word(const char *a, const char *b)
{
	while (*a && lower(*a) == lower(*b)) {
		a++;
		b++;
	}
	return lower(*a) == lower(*b);
}

unsigned
text_hash(const char *s)
{
	unsigned hash = 2166136261u;

	for (; *s; s++)
		hash = (hash ^ (unsigned char)*s) * 16777619u;
	return hash;
}

/* Exactly n digits at *s, which moves behind them. */
static bool
digits(const char **s, int n, int min, int max, int *ret)
{
	int value = 0;

	for (; n > 0; n--, (*s)++) {
		if (!is_digit(**s))
			return false;
		value = value * 10 + (**s - '0');
	}
	*ret = value;
	return value >= min && value <= max;
}

static bool
mark(const char **s, char c)
{
	if (lower(**s) != c)
		return false;
	(*s)++;
	return true;
}

static int
days_in_month(int year, int month)
{
	static const int8_t days[] = {
		31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31,
	};
	const bool leap =
	    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

/* Since 1970-01-01; year from 1970. */
static int64_t
days_before(int year, int month, int day)
{
	const int y = year - 1; /* leap days in the years before this one */
	int64_t days = (int64_t)(year - 1970) * 365 + (y / 4 - y / 100 +
	    y / 400) - (1969 / 4 - 1969 / 100 + 1969 / 400);
	int m;

	for (m = 1; m < month; m++)
		days += days_in_month(year, m);
	return days + day - 1;
}

/* ".5" -> 500000; digits beyond the sixth are cut off. */
static bool
decimals(const char **s, int64_t *ret_us)
{
	int n;

	*ret_us = 0;
	if (**s != '.')
		return true;
	(*s)++;
	for (n = 0; is_digit(**s); n++, (*s)++)
		if (n < 6)
			*ret_us = *ret_us * 10 + (**s - '0');
	if (n < 1 || n > 9)
		return false;
	for (; n < 6; n++)
		*ret_us *= 10;
	return true;
}

bool
text_rfc3339_us(const char *s, int64_t *ret_us)
{
	const int64_t end_s = INT64_C(253402300800); /* year 10000 */
	int year, month, day, hour, minute, second;
	int off_hour = 0, off_minute = 0, sign = 1, clock_s;
	int64_t us, t;

	if (!digits(&s, 4, 1970, 9999, &year) || !mark(&s, '-') ||
	    !digits(&s, 2, 1, 12, &month) || !mark(&s, '-') ||
	    !digits(&s, 2, 1, days_in_month(year, month), &day) ||
	    !mark(&s, 't') ||
	    !digits(&s, 2, 0, 23, &hour) || !mark(&s, ':') ||
	    !digits(&s, 2, 0, 59, &minute) || !mark(&s, ':') ||
	    !digits(&s, 2, 0, 60, &second) || !decimals(&s, &us))
		return false;
	if (!mark(&s, 'z')) {
		sign = *s == '-' ? -1 : 1;
		if (!mark(&s, sign < 0 ? '-' : '+') ||
		    !digits(&s, 2, 0, 23, &off_hour) || !mark(&s, ':') ||
		    !digits(&s, 2, 0, 59, &off_minute))
			return false;
	}
	if (*s)
		return false;
	clock_s = hour * 3600 + minute * 60 + second -
	    sign * (off_hour * 3600 + off_minute * 60);
	t = days_before(year, month, day) * 86400 + clock_s;
	/* A leap second exists only at the end of a day in UTC. */
	if (second == 60 && t % 86400 != 0)
		return false;
	if (t < 0 || t >= end_s)
		return false;
	*ret_us = t * 1000000 + us;
	return true;
}

void
text_hex(const uint8_t *bytes, size_t len, char *ret_hex)
{
	static const char table[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < len; i++) {
		*ret_hex++ = table[bytes[i] >> 4];
		*ret_hex++ = table[bytes[i] & 15];
	}
	*ret_hex = '\0';
}

bool
text_unhex(const char *hex, uint8_t *ret, size_t max, size_t *ret_len)
{
	const size_t len = strlen(hex);
	int high, low;
	size_t i;

	if (len % 2 || len / 2 > max)
		return false;
	for (i = 0; i < len / 2; i++) {
		high = hex_value(hex[2 * i]);
		low = hex_value(hex[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		ret[i] = (uint8_t)(high << 4 | low);
	}
	*ret_len = len / 2;
	return true;
}

/* RFC 4648 tables 1 and 2 */
static const char base64_standard[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char base64_url[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void
encode64(const char *table, bool padded, const uint8_t *p, size_t len,
    char *ret)
{
	uint32_t bits;

	for (; len; p += 3, len -= len < 3 ? len : 3) {
		bits = (uint32_t)p[0] << 16;
		if (len > 1)
			bits |= (uint32_t)p[1] << 8;
		if (len > 2)
			bits |= p[2];
		*ret++ = table[bits >> 18];
		*ret++ = table[bits >> 12 & 63];
		if (len > 1)
			*ret++ = table[bits >> 6 & 63];
		else if (padded)
			*ret++ = '=';
		if (len > 2)
			*ret++ = table[bits & 63];
		else if (padded)
			*ret++ = '=';
	}
	*ret = '\0';
}

void
text_base64(const uint8_t *bytes, size_t len, char *ret)
{
	encode64(base64_standard, true, bytes, len, ret);
}

void
text_base64url(const uint8_t *bytes, size_t len, char *ret)
{
	encode64(base64_url, false, bytes, len, ret);
}

/* Computed, not looked up: this also reads keys, and a table's cache lines
 * would depend on them. */
static int
value64(char c, char c62, char c63)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (is_digit(c))
		return c - '0' + 52;
	return c == c62 ? 62 : c == c63 ? 63 : -1;
}

/* len digits without padding. Bits left over must be zero, so that one value
 * has one text only (RFC 4648 section 3.5). */
static bool
decode64(const char *table, const char *s, size_t len, uint8_t *ret,
    size_t max, size_t *ret_len)
{
	uint32_t bits = 0;
	size_t i, out = 0;
	int nbits = 0, v;

	if (len % 4 == 1 || len / 4 * 3 + len % 4 * 3 / 4 > max)
		return false;
	for (i = 0; i < len; i++) {
		v = value64(s[i], table[62], table[63]);
		if (v < 0)
			return false;
		bits = bits << 6 | (uint32_t)v;
		nbits += 6;
		if (nbits >= 8) {
			nbits -= 8;
			ret[out++] = (uint8_t)(bits >> nbits);
			bits &= (1u << nbits) - 1;
		}
	}
	if (bits)
		return false;
	*ret_len = out;
	return true;
}

bool
text_unbase64(const char *s, uint8_t *ret, size_t max, size_t *ret_len)
{
	size_t len = strlen(s);

	if (len % 4)
		return false;
	if (len && s[len - 1] == '=')
		len -= s[len - 2] == '=' ? 2 : 1;
	return decode64(base64_standard, s, len, ret, max, ret_len);
}

bool
text_unbase64url(const char *s, uint8_t *ret, size_t max, size_t *ret_len)
{
	return decode64(base64_url, s, strlen(s), ret, max, ret_len);
}

bool
text_urldecode(char *s, bool form)
{
	char *const start = s;
	char *to = s;
	int high, low;

	for (; *s; s++) {
		if (*s == '+' && form) {
			*to++ = ' ';
			continue;
		}
		if (*s != '%') {
			*to++ = *s;
			continue;
		}
		high = hex_value(s[1]);
		low = high < 0 ? -1 : hex_value(s[2]);
		if (low < 0 || (high == 0 && low == 0))
			return false;
		*to++ = (char)(high << 4 | low);
		s += 2;
	}
	*to = '\0';
	return text_is_utf8(start, (size_t)(to - start));
}

int
text_items(const char *list)
{
	int n = 1;

	for (; list && *list; list++)
		n += *list == ',';
	return n;
}

const char *
text_rotate(const char *list, int by, char *ret, size_t size)
{
	const char *cut = list, *next;

	if (text_items(list) == 1)
		return list;
	for (; by > 0 && (next = strchr(cut, ',')); by--)
		cut = next + 1;
	if (cut == list)
		return list;
	snprintf(ret, size, "%s,%.*s", cut, (int)(cut - list - 1), list);
	return ret;
}

void
text_random(uint8_t *ret, size_t len)
{
	ssize_t n;

	while (len) {
		n = getrandom(ret, len, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) { /* nothing safe can be done without */
			log_say(LOG_ERROR, "getrandom: %m");
			_exit(71); /* EX_OSERR */
		}
		ret += n;
		len -= (size_t)n;
	}
}

void
text_uuid_random(char ret[37])
{
	uint8_t b[16];
	char hex[33];

	text_random(b, sizeof(b));
	b[6] = (b[6] & 0x0f) | 0x40; /* RFC 9562: version 4 */
	b[8] = (b[8] & 0x3f) | 0x80; /* its variant */
	text_hex(b, sizeof(b), hex);
	memcpy(ret, hex, 8);
	memcpy(ret + 9, hex + 8, 4);
	memcpy(ret + 14, hex + 12, 4);
	memcpy(ret + 19, hex + 16, 4);
	memcpy(ret + 24, hex + 20, 12);
	ret[8] = ret[13] = ret[18] = ret[23] = '-';
	ret[36] = '\0';
}
