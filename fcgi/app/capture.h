/*
 * Recording the requests of a PBX whose administrator asked for it: copied when they
 * come, redacted and stored aside after they were answered. A recording that fails
 * changes no answer.
 */
#ifndef APP_CAPTURE_H
#define APP_CAPTURE_H

#include "app/door.h"

/* From now on this proved request is recorded; its answer is read when it ends.
 * secret: what the address held, or NULL. Nothing happens where caller says so. */
void capture_request(struct request *rq, struct door *door,
    const struct caller *caller, const char *secret);

#endif
