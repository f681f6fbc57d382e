/* What only the operator may ask, see inside.h. */
#include "app/inside.h"

#include <string.h>

#include "base/metrics.h"
#include "base/network.h"
#include "sync/statement.h"

static struct db *(*thread_db)(const struct request *rq);

void
inside_init(struct db *(*db_of)(const struct request *rq))
{
	thread_db = db_of;
}

/* To everybody else these paths do not exist. */
static enum err
must_be_inside(struct request *rq)
{
	if ((network_is_loopback(rq->remote) ||
	    strcmp(rq->remote, "::1") == 0) &&
	    !request_header(rq, "x-forwarded-for"))
		return ERR_OK;
	return fail(&rq->cx, ERR_NOT_FOUND, "there is no such path");
}

static void
answer(struct request *rq, const char *text)
{
	response_bytes(rq, 200, "text/plain; charset=utf-8", text,
	    strlen(text));
}

enum err
inside_healthz(struct request *rq)
{
	enum err e = must_be_inside(rq);

	if (!e)
		answer(rq, "ok\n");
	return e;
}

enum err
inside_readyz(struct request *rq)
{
	enum err e = must_be_inside(rq);
	struct rows *rows;

	if (e)
		return e;
	e = db_call(&rq->cx, thread_db(rq), ST_SCHEMA_LEVEL, NULL, &rows);
	if (e) /* whatever it is: not ready */
		return ERR_BUSY;
	if (rows_int(rows, 0, 0) != SCHEMA_LEVEL)
		return fail(&rq->cx, ERR_BUSY,
		    "the database has another schema level");
	answer(rq, "ready\n");
	return ERR_OK;
}

enum err
inside_metrics(struct request *rq)
{
	enum err e = must_be_inside(rq);
	struct buf b;

	if (e)
		return e;
	buf_init(&b, &rq->cx.arena, 1 << 18);
	metrics_write(&b);
	response_bytes(rq, 200, "text/plain; version=0.0.4; charset=utf-8",
	    buf_str(&b), b.len);
	return ERR_OK;
}
