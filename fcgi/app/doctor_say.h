/* How presencectl doctor says what it found. */
#ifndef APP_DOCTOR_SAY_H
#define APP_DOCTOR_SAY_H

#include "app/ctl.h"
#include "sync/entra.h"

enum finding { FOUND_OK, FOUND_WARN, FOUND_FAIL };

struct doctor {
	struct ctl *c;
	struct entra *entra; /* NULL: no credential that works */
	int nwarn, nfail;
};

/* One line, and below it what to do (NULL: nothing). Never a secret. */
void doctor_say(struct doctor *d, enum finding found, const char *remedy,
    const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
