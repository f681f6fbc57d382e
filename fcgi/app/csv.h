/* Comma-separated values as spreadsheets write them (RFC 4180). Pure. */
#ifndef APP_CSV_H
#define APP_CSV_H

#include <stddef.h>

#include "base/ctx.h"

struct csv {
	char *at;       /* next byte; the text is changed in place */
	char *end;
	int line;       /* of the record that csv_next gave, from 1 */
	int next_line;
	char separator; /* ',' or, where the first line has none, ';' */
};

#define CSV_FIELDS 8

/* text is borrowed and changed; a byte order mark is passed over. */
void csv_init(struct csv *c, char *text, size_t len);

/*
 * The next record; blank lines are passed over. *ret_n = its fields (at most
 * CSV_FIELDS are kept), each NUL-terminated; 0: no more.
 *   errors  INPUT: a quote that is not closed, or text behind a closing quote; the record's line
 *           is then c->line, and the next call goes on with the line after it
 */
enum err csv_next(struct ctx *cx, struct csv *c, char *ret[CSV_FIELDS],
    int *ret_n) __attribute__((warn_unused_result));

#endif
