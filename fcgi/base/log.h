/*
 * One logfmt line a unit of work, to stderr, written whole with one write().
 * Fields come by name from code: an allow-list. Values are escaped.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

struct log_line {
	bool wanted;         /* false: below the level, or written */
	bool cut;            /* a field did not fit and was left out */
	unsigned len;
	char text[1400];
};

void log_init(const char *program, enum log_level least);
bool log_level_parse(const char *word, enum log_level *ret);

void log_begin(struct log_line *l, enum log_level level);
/* NULL: left out. Cut to 1,000 bytes or so; what does not fit into the line is
 * left out, and the line ends in cut=1. */
void log_text(struct log_line *l, const char *name, const char *value);
void log_int(struct log_line *l, const char *name, int64_t value);
void log_end(struct log_line *l);

/* level=... msg="..." for the few lines that are no unit's end: start, stop,
 * a fault of the machine. The format is a literal. */
void log_say(enum log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
