/*
 * The webhook's door: which PBX is this, may it come from there, has it proved
 * itself, does it send too much. Remembers what the database says of each PBX
 * for 5 s. Own locks; shared by the accept threads.
 */
#ifndef APP_DOOR_H
#define APP_DOOR_H

#include "base/db.h"
#include "base/settings.h"
#include "pbx/platform.h"
#include "web/request.h"

struct door;
/* errors INPUT: the seal key */
enum err door_new(struct ctx *cx, const struct settings *s,
    const char *program, struct door **ret)
    __attribute__((warn_unused_result));
void door_free(struct door *d);

#define CAPTURE_KEY_MAX 64

struct caller {                         /* in the request's arena */
	char pbx_id[37], tenant_id[37];
	char capture_key[CAPTURE_KEY_MAX + 1]; /* "": it is not recorded */
	const struct platform *platform;
	bool greeted;                   /* a handshake: reply is the answer */
	struct pbx_reply reply;
};

/*
 * Proves the PBX that the path names. path_secret NULL: the form for auth
 * `signature`. db is the thread's.
 *   errors  AUTH; BUSY: the database cannot tell
 */
enum err door_prove(struct request *rq, struct door *d, struct db *db,
    const struct pbx_request *in, const char *pbx_id, const char *path_secret,
    struct caller *ret) __attribute__((warn_unused_result));

/* May this PBX bring n events now? errors LIMIT (retry_after_s) */
enum err door_admit(struct ctx *cx, struct door *d, const char *pbx_id, int n)
    __attribute__((warn_unused_result));

/* A known PBX was refused: shown on its page, at most once in 5 s; does not
 * wait. The reason is cx's detail. */
void door_refused(struct ctx *cx, struct door *d, const char *pbx_id);
/* The same for a request all of whose events were of extensions that are linked to
 * nobody: the first of them. (Many senders have several names for one person, and
 * one of them is enough.) */
void door_unknown(struct door *d, const char *pbx_id, const char *extension);

/* Where a PBX's page is written to, aside. The door's own. */
struct notes *door_notes(struct door *d);
/* Nothing more of this PBX is recorded, until the database says so anew. */
void door_capture_over(struct door *d, const char *pbx_id);

#endif
