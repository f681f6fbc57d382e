/* Small questions to text and the encodings that the wire uses. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Decimal, whole, in min..max; no blanks, no plus sign. */
bool text_int64(const char *s, int64_t min, int64_t max, int64_t *ret);
/* Strict: no surrogates, nothing overlong, no NUL. */
bool text_is_utf8(const char *s, size_t len);
bool text_is_uuid(const char *s);  /* 8-4-4-4-12 hex digits, any case */
void text_lower(char *s);          /* ASCII, in place */
bool text_starts(const char *s, const char *prefix);
/* Case-insensitive for ASCII. */
bool text_same_word(const char *a, const char *b);
/* For the buckets of a table: not against who picks keys that meet (FNV-1a). */
unsigned text_hash(const char *s);

/* Lists with commas: how many items; "a,b,c" by 1 -> "b,c,a", in list or in ret,
 * which is as large as list. NULL and one item stay as they are. */
int text_items(const char *list);
const char *text_rotate(const char *list, int by, char *ret, size_t size);

/* RFC 3339 with offset or Z and 0 to 9 decimals -> microseconds since 1970
 * UTC (finer digits are cut off). Years 1970..9999; a leap second 60, which
 * only a day in UTC ends with, counts as the next second. */
bool text_rfc3339_us(const char *s, int64_t *ret_us);

void text_hex(const uint8_t *bytes, size_t len, char *ret_hex); /* 2*len+1 */
bool text_unhex(const char *hex, uint8_t *ret, size_t max, size_t *ret_len);
/* Standard base64 with padding; ret needs 4*((len+2)/3)+1. */
void text_base64(const uint8_t *bytes, size_t len, char *ret);
/* base64url without padding; same room. */
void text_base64url(const uint8_t *bytes, size_t len, char *ret);
/* Accept only the exact alphabet and zeros in the bits left over, so a value
 * has one text only; padding required (standard) or refused (url).
 * *ret_len <= max or false. On failure what ret holds is undefined. */
bool text_unbase64(const char *s, uint8_t *ret, size_t max, size_t *ret_len);
bool text_unbase64url(const char *s, uint8_t *ret, size_t max, size_t *ret_len);

/* Percent-decode in place ('+' is a blank when form). false: a broken escape,
 * a %00, or the result is not UTF-8. */
bool text_urldecode(char *s, bool form);

/* Fills with random bytes; ends the process if the system has none. */
void text_random(uint8_t *ret, size_t len);
void text_uuid_random(char ret[37]); /* lower case, version 4 */

#endif
