/* The webhook's door, see door.h. */
#include "app/door.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "app/notes.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/network.h"
#include "base/secret.h"
#include "base/text.h"
#include "pbx/standard_webhooks.h"
#include "sync/statement.h"

#define BUCKETS 4096
#define ENTRIES_MAX 10000
#define FRESH_MS 5000
#define STALE_MS 30000    /* asked for at once, also while another is */
#define UNKNOWN_MS 1000   /* an id that is nobody's is remembered so long */
#define AGAIN_MS 1000     /* looked up again after a refusal, at most so often */
#define RATE 1000         /* events/s of one PBX */
#define BURST 10000
#define NOTE_MS 5000

struct entry {
	char pbx_id[37], tenant_id[37]; /* tenant_id "": nobody's */
	const struct platform *platform;
	enum pbx_auth auth;
	struct secret secrets[2];
	int nsecrets;
	struct network *allow;
	size_t nallow;
	bool looking;           /* a thread is asking the database */
	int64_t asked_ms;       /* when the database was asked last */
	int64_t events_us;      /* the bucket: events are 1,000 us each */
	int64_t events_at_us;
	int64_t noted_ms[2];    /* a refusal; an unknown extension */
	char capture_key[CAPTURE_KEY_MAX + 1]; /* "": nothing is recorded */
	struct entry *next;     /* in its bucket */
	struct entry *newer, *older;
};

struct door {
	const struct settings *settings;
	struct seal_keys *keys;
	const char *program;
	pthread_mutex_t lock;
	struct entry *buckets[BUCKETS];
	struct entry *newest, *oldest;  /* by when they were asked for */
	size_t n;
	int looking;                    /* threads that ask for a known one */
	struct notes *notes;
};

/* --- entries ------------------------------------------------------------------ */

static struct entry **
bucket_of(struct door *d, const char *pbx_id)
{
	return &d->buckets[text_hash(pbx_id) % BUCKETS];
}

static void
age_take_out(struct door *d, struct entry *e)
{
	*(e->newer ? &e->newer->older : &d->newest) = e->older;
	*(e->older ? &e->older->newer : &d->oldest) = e->newer;
}

static void
age_newest(struct door *d, struct entry *e)
{
	e->newer = NULL;
	e->older = d->newest;
	*(d->newest ? &d->newest->newer : &d->oldest) = e;
	d->newest = e;
}

/* Ids that are nobody's must not push out those that are somebody's. */
static void
age_oldest(struct door *d, struct entry *e)
{
	e->older = NULL;
	e->newer = d->oldest;
	*(d->oldest ? &d->oldest->older : &d->newest) = e;
	d->oldest = e;
}

/* What the database said; the bucket stays. */
static void
entry_clear(struct entry *e)
{
	while (e->nsecrets > 0)
		secret_done(&e->secrets[--e->nsecrets]);
	heap_free(e->allow);
	e->allow = NULL;
	e->nallow = 0;
	e->tenant_id[0] = '\0';
	e->capture_key[0] = '\0';
}

static void
entry_free(struct door *d, struct entry *e)
{
	struct entry **link = bucket_of(d, e->pbx_id);

	while (*link != e)
		link = &(*link)->next;
	*link = e->next;
	age_take_out(d, e);
	d->n--;
	entry_clear(e);
	heap_free(e);
}

static struct entry *
entry_find(struct door *d, const char *pbx_id)
{
	struct entry *e = *bucket_of(d, pbx_id);

	while (e && strcmp(e->pbx_id, pbx_id) != 0)
		e = e->next;
	return e;
}

static struct entry *
entry_need(struct door *d, const char *pbx_id)
{
	struct entry *e = entry_find(d, pbx_id);
	struct entry **bucket;

	if (!e) {
		if (d->n == ENTRIES_MAX)
			entry_free(d, d->oldest);
		e = heap_alloc(sizeof(*e));
		snprintf(e->pbx_id, sizeof(e->pbx_id), "%s", pbx_id);
		e->events_us = (int64_t)BURST * 1000;
		e->events_at_us = clock_mono_us();
		bucket = bucket_of(d, pbx_id);
		e->next = *bucket;
		*bucket = e;
		d->n++;
	} else {
		age_take_out(d, e);
	}
	age_newest(d, e);
	return e;
}

/* --- asking the database ------------------------------------------------------ */

/* What a row says, before the lock is taken. */
struct found {
	bool known;
	const char *tenant_id;
	const struct platform *platform;
	enum pbx_auth auth;
	struct pbx_secret secrets[2];
	int nsecrets;
	struct network *allow; /* heap */
	size_t nallow;
	const char *capture_key; /* NULL: nothing is recorded */
};

/* A network that cannot be read allows nobody. */
static enum err
read_allow(struct ctx *cx, const char *json, struct found *ret)
{
	struct json_object *list;
	const char *text;
	size_t i, n;
	enum err e;

	if (!json)
		return ERR_OK;
	e = json_read(cx, json, strlen(json), &list);
	if (e)
		return e;
	n = list ? json_object_array_length(list) : 0;
	if (n == 0)
		return ERR_OK;
	ret->allow = heap_alloc(n * sizeof(*ret->allow));
	ret->nallow = n;
	for (i = 0; i < n; i++) {
		text = json_object_get_string(
		    json_object_array_get_idx(list, i));
		if (!text || !network_parse(text, &ret->allow[i])) {
			memset(&ret->allow[i].address, 0xff,
			    sizeof(ret->allow[i].address));
			ret->allow[i].prefix = 128;
		}
	}
	return ERR_OK;
}

static enum err
read_secret(struct ctx *cx, struct door *d, const char *pbx_id,
    const char *sealed, struct found *ret)
{
	const char *aad;
	uint8_t *plain;
	size_t len;
	enum err e;

	if (!sealed)
		return ERR_OK;
	aad = arena_printf(&cx->arena, "pbx-secret/%s/%s", ret->tenant_id,
	    pbx_id);
	e = unseal(cx, d->keys, aad, sealed, &plain, &len);
	if (e)
		return e;
	ret->secrets[ret->nsecrets].text = (const char *)plain;
	ret->secrets[ret->nsecrets++].len = len;
	return ERR_OK;
}

static enum err
ask(struct ctx *cx, struct door *d, struct db *db, const char *pbx_id,
    struct found *ret)
{
	const char *args[] = { pbx_id }, *platform, *auth;
	struct rows *r;
	enum err e;

	e = db_call(cx, db, ST_PBX_DOOR, args, &r);
	if (e || rows_count(r) == 0)
		return e;
	ret->tenant_id = rows_text(r, 0, 0);
	platform = rows_text(r, 0, 1);
	auth = rows_text(r, 0, 2);
	ret->platform = platform_find(platform);
	if (!ret->platform || !pbx_auth_parse(auth, &ret->auth))
		return fail(cx, ERR_INTERNAL,
		    "the PBX's platform is not known to this program");
	/* The old one that cannot be opened any more must not stop the new. */
	e = read_secret(cx, d, pbx_id, rows_text(r, 0, 3), ret);
	if (e)
		return e;
	if (read_secret(cx, d, pbx_id, rows_text(r, 0, 4), ret))
		fail_forget(cx);
	ret->known = true;
	ret->capture_key = rows_text(r, 0, 6);
	return read_allow(cx, rows_text(r, 0, 5), ret);
}

/* Under the lock. */
static void
entry_set(struct entry *e, struct found *f)
{
	entry_clear(e);
	if (!f->known)
		return;
	snprintf(e->tenant_id, sizeof(e->tenant_id), "%s", f->tenant_id);
	snprintf(e->capture_key, sizeof(e->capture_key), "%s",
	    f->capture_key ? f->capture_key : "");
	e->platform = f->platform;
	e->auth = f->auth;
	for (; e->nsecrets < f->nsecrets; e->nsecrets++)
		secret_set(&e->secrets[e->nsecrets],
		    f->secrets[e->nsecrets].text, f->secrets[e->nsecrets].len);
	e->allow = f->allow;
	e->nallow = f->nallow;
	f->allow = NULL;
}

/* Asks when what we know is older than max_age_ms. One thread asks for those
 * that are known, the others use what there is meanwhile, also when the
 * database is away: nothing can be stored then anyway. Were it one for each of
 * them, a database that hangs would soon hold all threads. */
static enum err
look_up(struct ctx *cx, struct door *d, struct db *db, const char *pbx_id,
    int64_t max_age_ms)
{
	const int64_t now_ms = clock_mono_ms();
	struct found f = { 0 };
	struct entry *e;
	struct ctx look;
	bool known, go;
	enum err err;

	pthread_mutex_lock(&d->lock);
	e = entry_find(d, pbx_id);
	known = e && e->tenant_id[0];
	if (e && !known && max_age_ms > UNKNOWN_MS)
		max_age_ms = UNKNOWN_MS;
	go = !e || (now_ms - e->asked_ms >= max_age_ms &&
	    !(known && (e->looking || (d->looking > 0 &&
	    max_age_ms == FRESH_MS && now_ms - e->asked_ms < STALE_MS))));
	if (go && e) {
		e->looking = true;
		e->asked_ms = now_ms;
		d->looking += known;
	}
	pthread_mutex_unlock(&d->lock);
	if (!go)
		return ERR_OK;
	ctx_init(&look, cx->id);
	err = ask(&look, d, db, pbx_id, &f);
	pthread_mutex_lock(&d->lock);
	if (!err) {
		e = entry_need(d, pbx_id);
		entry_set(e, &f);
		e->asked_ms = now_ms;
		if (!f.known) {
			age_take_out(d, e);
			age_oldest(d, e);
		}
	} else {
		e = entry_find(d, pbx_id);
	}
	if (e)
		e->looking = false;
	d->looking -= known;
	pthread_mutex_unlock(&d->lock);
	heap_free(f.allow);
	if (err && !(err == ERR_BUSY && known))
		fail(cx, err, "%s", look.detail);
	else
		err = ERR_OK;
	ctx_done(&look);
	return err;
}

/* --- proving -------------------------------------------------------------------- */

/* What is needed of an entry, out of the lock. */
struct copied {
	enum pbx_auth auth;
	struct pbx_secret secrets[2];
	int nsecrets;
	bool allowed;
};

static void
wipe(void *text)
{
	explicit_bzero(text, strlen(text));
}

static bool
copy_out(struct request *rq, struct door *d, const char *pbx_id,
    struct caller *ret, struct copied *c)
{
	struct arena *arena = &rq->cx.arena;
	struct entry *e;
	char *text;
	bool known;

	memset(c, 0, sizeof(*c));
	pthread_mutex_lock(&d->lock);
	e = entry_find(d, pbx_id);
	known = e && e->tenant_id[0];
	if (known) {
		memcpy(ret->pbx_id, e->pbx_id, sizeof(ret->pbx_id));
		memcpy(ret->tenant_id, e->tenant_id, sizeof(ret->tenant_id));
		memcpy(ret->capture_key, e->capture_key,
		    sizeof(ret->capture_key));
		ret->platform = e->platform;
		c->auth = e->auth;
		c->allowed = e->nallow == 0 ||
		    network_has(e->allow, e->nallow, rq->remote);
		for (; c->nsecrets < e->nsecrets; c->nsecrets++) {
			text = arena_strndup(arena,
			    (const char *)e->secrets[c->nsecrets].bytes,
			    e->secrets[c->nsecrets].len);
			arena_defer(arena, wipe, text);
			c->secrets[c->nsecrets].text = text;
			c->secrets[c->nsecrets].len =
			    e->secrets[c->nsecrets].len;
		}
	}
	pthread_mutex_unlock(&d->lock);
	return known;
}

/* *ret_hidden: it came to no proof, so the reason must not go out. */
static enum err
prove(struct request *rq, struct door *d, const struct pbx_request *in,
    const char *pbx_id, const char *path_secret, struct caller *ret,
    bool *ret_hidden)
{
	struct ctx *cx = &rq->cx;
	struct copied c;
	enum err e;

	*ret_hidden = true;
	ret->greeted = false;
	if (!copy_out(rq, d, pbx_id, ret, &c))
		return fail(cx, ERR_AUTH, "this address is not known");
	if (!settings_tenant_allowed(d->settings, ret->tenant_id))
		return fail(cx, ERR_AUTH, "this address is not known");
	if (!c.allowed)
		return fail(cx, ERR_AUTH, "the sender's network is not "
		    "among those that this PBX may come from");
	if (c.auth == AUTH_PATH && !path_secret)
		return fail(cx, ERR_AUTH,
		    "the address lacks the secret at its end");
	if (c.auth == AUTH_SIGNATURE && path_secret)
		return fail(cx, ERR_AUTH, "this PBX must sign; the address "
		    "ends with its id");
	*ret_hidden = false;
	if (c.auth == AUTH_PATH) {
		e = path_secret_verify(cx, path_secret, c.secrets, c.nsecrets);
		if (e)
			return e;
	}
	ret->greeted = ret->platform->hello &&
	    ret->platform->hello(cx, in, c.secrets, c.nsecrets, &ret->reply);
	if (c.auth == AUTH_PATH || ret->greeted)
		return ERR_OK;
	if (!ret->platform->verify)
		return fail(cx, ERR_AUTH, "this platform cannot sign");
	return ret->platform->verify(cx, in, c.secrets, c.nsecrets,
	    clock_real_s());
}

/* In the words of a wrong secret: who knows none does not learn here which
 * PBXs there are. The true reason is in the log and on the PBX's page. */
static enum err
refuse_hidden(struct request *rq, const struct pbx_request *in,
    const char *path_secret)
{
	struct ctx *cx = &rq->cx;

	request_note(rq, "why", arena_strdup(&cx->arena, cx->detail));
	fail_forget(cx);
	if (path_secret)
		return path_secret_verify(cx, path_secret, NULL, 0);
	return standard_webhooks_verify(cx, in, NULL, 0, clock_real_s());
}

static bool
is_older(struct door *d, const char *pbx_id, int64_t ms)
{
	struct entry *e;
	bool older;

	pthread_mutex_lock(&d->lock);
	e = entry_find(d, pbx_id);
	older = e && !e->looking && clock_mono_ms() - e->asked_ms >= ms;
	pthread_mutex_unlock(&d->lock);
	return older;
}

enum err
door_prove(struct request *rq, struct door *d, struct db *db,
    const struct pbx_request *in, const char *pbx_id, const char *path_secret,
    struct caller *ret)
{
	struct ctx *cx = &rq->cx;
	bool hidden = true;
	enum err e;
	char *id;

	if (!text_is_uuid(pbx_id)) {
		fail(cx, ERR_AUTH, "this address is not known");
		return refuse_hidden(rq, in, path_secret);
	}
	id = arena_strdup(&cx->arena, pbx_id);
	text_lower(id);
	e = look_up(cx, d, db, id, FRESH_MS);
	if (e)
		return e;
	e = prove(rq, d, in, id, path_secret, ret, &hidden);
	if (e == ERR_AUTH && is_older(d, id, AGAIN_MS)) {
		/* The secret may be a new one. */
		fail_forget(cx);
		e = look_up(cx, d, db, id, AGAIN_MS);
		if (!e)
			e = prove(rq, d, in, id, path_secret, ret, &hidden);
	}
	if (e == ERR_AUTH)
		door_refused(cx, d, id);
	return e == ERR_AUTH && hidden ? refuse_hidden(rq, in, path_secret) :
	    e;
}

/* --- how much ------------------------------------------------------------------- */

enum err
door_admit(struct ctx *cx, struct door *d, const char *pbx_id, int n)
{
	const int64_t now_us = clock_mono_us();
	const int64_t want = (int64_t)n * 1000000 / RATE;
	int64_t missing = 0;
	struct entry *e;

	pthread_mutex_lock(&d->lock);
	e = entry_find(d, pbx_id);
	if (e) {
		e->events_us += now_us - e->events_at_us;
		e->events_at_us = now_us;
		if (e->events_us > (int64_t)BURST * 1000000 / RATE)
			e->events_us = (int64_t)BURST * 1000000 / RATE;
		if (e->events_us < want)
			missing = want - e->events_us;
		else
			e->events_us -= want;
	}
	pthread_mutex_unlock(&d->lock);
	if (!missing)
		return ERR_OK;
	cx->retry_after_s = (int)(missing / 1000000) + 1;
	return fail(cx, ERR_LIMIT, "more than %d events per second", RATE);
}

/* --- notes for the PBX's page ----------------------------------------------------- */

static void
note_put(struct door *d, int statement, const char *pbx_id, const char *text)
{
	const int kind = statement == ST_PBX_UNKNOWN;
	const int64_t now_ms = clock_mono_ms();
	struct entry *e;
	bool due;

	pthread_mutex_lock(&d->lock);
	e = entry_find(d, pbx_id);
	due = e && e->tenant_id[0] && (!e->noted_ms[kind] ||
	    now_ms - e->noted_ms[kind] >= NOTE_MS);
	if (due)
		e->noted_ms[kind] = now_ms;
	pthread_mutex_unlock(&d->lock);
	if (due)
		notes_put(d->notes, statement, pbx_id, text);
}

void
door_refused(struct ctx *cx, struct door *d, const char *pbx_id)
{
	note_put(d, ST_PBX_REFUSED, pbx_id, cx->detail);
}

void
door_unknown(struct door *d, const char *pbx_id, const char *extension)
{
	note_put(d, ST_PBX_UNKNOWN, pbx_id, extension);
}

struct notes *
door_notes(struct door *d)
{
	return d->notes;
}

void
door_capture_over(struct door *d, const char *pbx_id)
{
	struct entry *e;

	pthread_mutex_lock(&d->lock);
	e = entry_find(d, pbx_id);
	if (e)
		e->capture_key[0] = '\0';
	pthread_mutex_unlock(&d->lock);
}

/* --- start and stop ------------------------------------------------------------- */

enum err
door_new(struct ctx *cx, const struct settings *s, const char *program,
    struct door **ret)
{
	struct seal_keys *keys;
	struct door *d;
	enum err e;

	e = seal_keys_parse(cx, &s->seal_key, &keys);
	if (e)
		return e;
	d = heap_alloc(sizeof(*d));
	d->settings = s;
	d->keys = keys;
	d->program = program;
	pthread_mutex_init(&d->lock, NULL);
	d->notes = notes_start(s, program);
	*ret = d;
	return ERR_OK;
}

void
door_free(struct door *d)
{
	if (!d)
		return;
	notes_stop(d->notes);
	while (d->oldest)
		entry_free(d, d->oldest);
	seal_keys_free(d->keys);
	pthread_mutex_destroy(&d->lock);
	heap_free(d);
}
