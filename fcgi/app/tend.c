/* Looks after the PBXs that can be asked, see tend.h. */
#include "app/tend.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/db.h"
#include "base/json.h"
#include "base/log.h"
#include "pbx/netsapiens_api.h"
#include "sync/statement.h"

#define THREADS 4
#define IDLE_MS 4000
#define LOOK_MS 60000 /* the claim lasts 2 min */

/* Columns of pbx_api_take. */
enum { TENANT, PBX, URL, DOMAIN, CREDENTIALS, SECRET, BY_PATH, CLAIM, SUBSCRIBE,
	ASKED, ASKED_US };

struct tend {
	struct tend_options o;
	struct http_fence fence;
	pthread_t threads[THREADS];
	pthread_mutex_t lock; /* of wake */
	pthread_cond_t wake;
	atomic_bool stop;
};

/* One look at one PBX. */
struct look {
	struct tend *tend;
	struct ctx cx;
	struct db *db;
	struct rows *row;
};

static const char *
column(const struct look *l, int i)
{
	return rows_text(l->row, 0, i);
}

static enum err
opened(struct look *l, const char *purpose, const char *sealed, const char **ret)
{
	uint8_t *text;
	size_t len;
	enum err e;

	e = unseal(&l->cx, l->tend->o.keys,
	    arena_printf(&l->cx.arena, "%s/%s/%s", purpose, column(l, TENANT),
		column(l, PBX)),
	    sealed, &text, &len);
	if (!e)
		*ret = (const char *)text;
	else
		log_say(LOG_ERROR, "pbx %s: %s: %s", column(l, PBX), purpose,
		    l->cx.detail);
	return e;
}

/* --- the subscription ----------------------------------------------------- */

static enum err
subscribe(struct look *l, const struct netsapiens *ns,
    struct netsapiens_subscription *ret)
{
	const char *secret = NULL;
	struct buf ours, address;
	enum err e;

	if (!rows_bool(l->row, 0, BY_PATH))
		return fail(&l->cx, ERR_UPSTREAM, "NetSapiens signs nothing: "
		    "connect this PBX with the secret in the address.");
	e = opened(l, "pbx-secret", column(l, SECRET), &secret);
	if (e)
		return e;
	buf_init(&ours, &l->cx.arena, 2048);
	buf_printf(&ours, "%s/webhook/%s", l->tend->o.settings->public_url,
	    column(l, PBX));
	buf_init(&address, &l->cx.arena, 4096);
	buf_printf(&address, "%s/", buf_str(&ours));
	buf_urlencode(&address, secret);
	return netsapiens_subscribe(&l->cx, ns, buf_str(&ours),
	    buf_str(&address), clock_real_s(), ret);
}

/* --- calls ---------------------------------------------------------------- */

/* What the PBX has told of one extension is stored, and published. */
static enum err
told(struct look *l, const char *extension, const char *calls)
{
	const int64_t claimed_ms = clock_mono_ms();
	const char *args[] = { column(l, TENANT), column(l, PBX), extension,
		calls, column(l, ASKED_US) };
	struct rows *rows;
	struct job *jobs;
	enum err e;
	int n;

	e = db_call(&l->cx, l->db, ST_PBX_TOLD, args, &rows);
	if (e)
		return e;
	n = jobs_from_rows(&l->cx, rows, claimed_ms, &jobs);
	publisher_hand(l->tend->o.publisher, jobs, n);
	return ERR_OK;
}

/* One whom it may not tell of takes nothing from the others. *ret_last: all of them
 * were in vain, and the last one so. */
static enum err
ask_about(struct look *l, const struct netsapiens *ns, enum err *ret_last)
{
	const char *asked = column(l, ASKED), *calls, *extension;
	struct json_object *list;
	bool known = false;
	enum err e;
	size_t i;

	*ret_last = ERR_OK;
	e = json_read(&l->cx, asked, strlen(asked), &list);
	for (i = 0; !e && i < json_object_array_length(list); i++) {
		if (*ret_last)
			fail_forget(&l->cx);
		extension = json_object_get_string(
		    json_object_array_get_idx(list, i));
		*ret_last = netsapiens_calls(&l->cx, ns, extension, &calls);
		if (*ret_last == ERR_BUSY || *ret_last == ERR_TIMEOUT)
			e = *ret_last;
		else if (!*ret_last) {
			known = true;
			e = told(l, extension, calls);
		}
	}
	if (!e && *ret_last && known) {
		fail_forget(&l->cx);
		*ret_last = ERR_OK;
	}
	return e;
}

/* --- one look ------------------------------------------------------------- */

static enum err
look(struct look *l, struct netsapiens_subscription *ret)
{
	struct netsapiens ns = { .url = column(l, URL),
		.domain = column(l, DOMAIN),
		.fence = &l->tend->fence,
		.stop = &l->tend->stop,
		.until_ms = clock_mono_ms() + LOOK_MS };
	const char *credentials = NULL;
	enum err e, last = ERR_OK;

	e = opened(l, "pbx-api", column(l, CREDENTIALS), &credentials);
	if (!e)
		e = netsapiens_sign_in(&l->cx, &ns, credentials);
	if (!e && rows_bool(l->row, 0, SUBSCRIBE))
		e = subscribe(l, &ns, ret);
	if (!e)
		e = ask_about(l, &ns, &last);
	if (!e && last == ERR_NOT_FOUND && ret->state)
		fail_forget(&l->cx); /* it has an API, and not that user */
	else if (!e)
		e = last;
	return e;
}

static void
look_end(struct look *l, enum err e, const struct netsapiens_subscription *s)
{
	/* The database, or we stop: nothing is the PBX's fault. */
	const bool busy = e == ERR_BUSY;
	const char *why = e && !busy ? l->cx.detail : s->problem;
	const char *args[] = { column(l, TENANT), column(l, PBX),
		column(l, CLAIM), e && !busy ? NULL : s->state, why,
		s->left_s < 0 ? NULL
			      : arena_printf(&l->cx.arena, "%d", s->left_s) };
	struct rows *rows;
	struct ctx cx; /* the look's has its own error */

	if (e == ERR_INTERNAL)
		args[4] = "This service cannot read what it has stored of this "
			  "PBX: enter the credentials again, and make a new secret.";
	else if (e)
		log_say(LOG_INFO, "pbx %s: %s", column(l, PBX), l->cx.detail);
	ctx_init(&cx, NULL);
	if (db_call(&cx, l->db, ST_PBX_API_DONE, args, &rows))
		log_say(LOG_WARN, "%s", cx.detail); /* the claim runs out */
	ctx_done(&cx);
}

/* false: there is nothing to do. */
static bool
look_once(struct tend *t, struct db *db)
{
	struct netsapiens_subscription s = { NULL, NULL, -1 };
	struct look l = { .tend = t, .db = db };
	bool found = false;
	enum err e;

	ctx_init(&l.cx, NULL);
	if (!db_call(&l.cx, db, ST_PBX_API_TAKE, NULL, &l.row) &&
	    rows_count(l.row) > 0) {
		found = true;
		e = look(&l, &s);
		look_end(&l, e, &s);
	}
	ctx_done(&l.cx);
	return found;
}

/* --- the threads ---------------------------------------------------------- */

/* true: it is time to stop. */
static bool
pause_ms(struct tend *t, int ms)
{
	const int64_t until_ms = clock_mono_ms() + ms;
	bool stop;

	pthread_mutex_lock(&t->lock);
	while (ms > 0 && !atomic_load(&t->stop) &&
	    clock_wait(&t->wake, &t->lock, until_ms))
		;
	stop = atomic_load(&t->stop);
	pthread_mutex_unlock(&t->lock);
	return stop;
}

static void *
run(void *arg)
{
	struct tend *t = arg;
	struct db *db = db_new(
	    t->o.settings->database_url, t->o.program, statements, ST__MAX);

	while (!pause_ms(t, look_once(t, db) ? 0 : IDLE_MS))
		;
	db_free(db);
	return NULL;
}

struct tend *
tend_start(const struct tend_options *o)
{
	struct tend *t = heap_alloc(sizeof(*t));
	int i;

	t->o = *o;
	t->fence = (struct http_fence){ o->settings->pbx_networks,
		o->settings->npbx_networks };
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->wake, NULL);
	for (i = 0; i < THREADS; i++)
		if (pthread_create(&t->threads[i], NULL, run, t) != 0) {
			log_say(LOG_ERROR, "tend: no thread");
			abort();
		}
	return t;
}

void
tend_stop(struct tend *t)
{
	int i;

	pthread_mutex_lock(&t->lock);
	atomic_store(&t->stop, true);
	pthread_cond_broadcast(&t->wake);
	pthread_mutex_unlock(&t->lock);
	for (i = 0; i < THREADS; i++)
		pthread_join(t->threads[i], NULL);
	pthread_cond_destroy(&t->wake);
	pthread_mutex_destroy(&t->lock);
	heap_free(t);
}
