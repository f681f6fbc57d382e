/*
 * What a PBX's page is to show of its requests: stored aside, by a thread of its own,
 * so that no request waits for it.
 */
#ifndef APP_NOTES_H
#define APP_NOTES_H

#include "base/settings.h"

struct notes;
struct notes *notes_start(const struct settings *s, const char *program);
void notes_stop(struct notes *n); /* stores what is there first */
/* statement: ST_PBX_REFUSED or ST_PBX_UNKNOWN. Where too much waits it is lost. */
void notes_put(struct notes *n, int statement, const char *pbx_id,
    const char *text);

#endif
