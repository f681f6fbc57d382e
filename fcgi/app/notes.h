/*
 * What a PBX's page is to show of its requests: stored aside, by a thread of its own,
 * so that no request waits for it.
 */
#ifndef APP_NOTES_H
#define APP_NOTES_H

#include <stdbool.h>

#include "base/db.h"
#include "base/settings.h"

struct notes;
struct notes *notes_start(const struct settings *s, const char *program);
void notes_stop(struct notes *n); /* stores what is there first */
/* statement: ST_PBX_REFUSED or ST_PBX_UNKNOWN. Where too much waits it is lost. */
void notes_put(struct notes *n, int statement, const char *pbx_id,
    const char *text);

/* The same for what is more than a text: work(item) is called there once, and frees
 * the item. errors are db_call's. false: too much waits, the item stays the caller's. */
typedef enum err notes_work(struct ctx *cx, struct db *db, void *item);
bool notes_do(struct notes *n, notes_work *work, void *item)
    __attribute__((warn_unused_result));

#endif
