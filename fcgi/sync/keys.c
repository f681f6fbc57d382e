/* The keys that sign people's tokens, see keys.h. */
#include "sync/keys.h"

#include <pthread.h>
#include <stdbool.h>
#include <string.h>

#include "base/clock.h"
#include "base/http.h"
#include "base/json.h"
#include "base/jwt.h"
#include "base/log.h"
#include "base/text.h"

#define FRESH_MS INT64_C(3600000) /* an hour */
#define TRIED_MS 60000        /* between attempts to renew an old set */
#define FIRST_MS 2000         /* between attempts to get the first set */
#define WAIT_MS 2000          /* for the thread that is getting it */
/* So many wait for a fetch with a kid that is unknown, which may be forged:
 * the others' threads stay free for those whose key is known. */
#define UNKNOWN_WAIT_MAX 2
#define FETCH_MS 5000
#define REPLY_MAX 524288
/* An unknown kid may be a new key or forged: so many fetches in a row. */
#define BUCKET_MAX 3
#define BUCKET_MS 100000

struct keys {
	const struct settings *settings;
	/* guards the set: who verifies reads, who puts a new one writes */
	pthread_rwlock_t set_lock;
	struct jwt_keys *set;
	/* guards what follows */
	pthread_mutex_t lock;
	pthread_cond_t fetched;        /* fetching has ended */
	bool fetching;
	int waiting;                   /* with an unknown kid */
	int64_t fetched_ms, tried_ms;  /* 0: never */
	int bucket;                    /* fetches for unknown kids left */
	int64_t bucket_ms;             /* filled up to then */
};

struct keys *
keys_new(const struct settings *s)
{
	struct keys *k = heap_alloc(sizeof(*k));

	k->settings = s;
	k->bucket = BUCKET_MAX;
	k->bucket_ms = clock_mono_ms();
	pthread_rwlock_init(&k->set_lock, NULL);
	pthread_mutex_init(&k->lock, NULL);
	pthread_cond_init(&k->fetched, NULL);
	return k;
}

void
keys_free(struct keys *k)
{
	if (!k)
		return;
	jwt_keys_free(k->set);
	pthread_rwlock_destroy(&k->set_lock);
	pthread_cond_destroy(&k->fetched);
	pthread_mutex_destroy(&k->lock);
	heap_free(k);
}

/* --- fetching --------------------------------------------------------------- */

static enum err
get(struct ctx *cx, const char *url, struct http_response *ret)
{
	const char *const headers[] = { "Accept: application/json", NULL };
	const struct http_request rq = {
		.method = "GET", .url = url, .headers = headers,
		.timeout_ms = FETCH_MS, .max_bytes = REPLY_MAX,
	};

	http_fetch(cx, &rq, ret);
	if (ret->result != HTTP_ANSWERED)
		return fail(cx, ERR_UPSTREAM, "keys: %.100s", ret->why);
	if (ret->status != 200)
		return fail(cx, ERR_UPSTREAM, "keys: http %d", ret->status);
	return ERR_OK;
}

/* https anywhere, or where the operator's own address is. */
static bool
may_fetch(const struct settings *s, const char *url)
{
	return text_starts(url, "https://") ||
	    (text_starts(url, s->login_url) && url[strlen(s->login_url)] == '/');
}

static enum err
fetch(struct ctx *cx, const struct settings *s, struct jwt_keys **ret)
{
	struct http_response rs;
	struct json_object *o;
	const char *url;
	enum err e;

	e = get(cx, arena_printf(&cx->arena, "%s/organizations/v2.0/.well-known"
	    "/openid-configuration", s->login_url), &rs);
	if (e)
		return e;
	if (json_read(cx, rs.body, rs.len, &o)) {
		fail_forget(cx);
		return fail(cx, ERR_UPSTREAM, "keys: discovery is not JSON");
	}
	url = json_peek_text(o, "jwks_uri");
	if (!url || !may_fetch(s, url))
		return fail(cx, ERR_UPSTREAM,
		    "keys: discovery names no address that may be asked");
	e = get(cx, url, &rs);
	return e ? e : jwt_keys_parse(cx, rs.body, rs.len, ret);
}

/* By the one thread that set `fetching`. */
static void
renew(struct keys *k)
{
	struct jwt_keys *set = NULL, *old;
	struct ctx cx;
	enum err e;

	ctx_init(&cx, NULL);
	e = fetch(&cx, k->settings, &set);
	if (e) {
		log_say(LOG_WARN, "%s", cx.detail);
	} else {
		pthread_rwlock_wrlock(&k->set_lock);
		old = k->set;
		k->set = set;
		pthread_rwlock_unlock(&k->set_lock);
		jwt_keys_free(old);
	}
	ctx_done(&cx);
	pthread_mutex_lock(&k->lock);
	k->fetching = false;
	k->tried_ms = clock_mono_ms();
	if (!e)
		k->fetched_ms = k->tried_ms;
	pthread_cond_broadcast(&k->fetched);
	pthread_mutex_unlock(&k->lock);
}

/* A program has just started, and many ask it at once; or the key set was
 * rotated, and a few have the new key: they wait a moment for the one that
 * fetches, instead of being turned away. */
static void
wait_fetched(struct keys *k, bool has_set)
{
	const int64_t until_ms = clock_mono_ms() + WAIT_MS;

	pthread_mutex_lock(&k->lock);
	if (!has_set || k->waiting < UNKNOWN_WAIT_MAX) {
		k->waiting += has_set;
		while (k->fetching &&
		    clock_wait(&k->fetched, &k->lock, until_ms))
			;
		k->waiting -= has_set;
	}
	pthread_mutex_unlock(&k->lock);
}

/* --- deciding --------------------------------------------------------------- */

static bool
bucket_take(struct keys *k, int64_t now_ms)
{
	while (k->bucket_ms + BUCKET_MS <= now_ms) {
		k->bucket_ms += BUCKET_MS;
		if (k->bucket < BUCKET_MAX)
			k->bucket++;
	}
	if (k->bucket == 0)
		return false;
	if (k->bucket == BUCKET_MAX)
		k->bucket_ms = now_ms;
	k->bucket--;
	return true;
}

/* May this thread fetch now? Then it must. */
static bool
fetch_begin(struct keys *k, bool has_set, bool has_kid)
{
	const int64_t now_ms = clock_mono_ms();
	bool go = false;

	pthread_mutex_lock(&k->lock);
	if (k->fetching)
		go = false;
	else if (!has_set)
		go = !k->tried_ms || now_ms - k->tried_ms >= FIRST_MS;
	else if (!has_kid)
		go = bucket_take(k, now_ms);
	else
		go = now_ms - k->fetched_ms >= FRESH_MS &&
		    now_ms - k->tried_ms >= TRIED_MS;
	k->fetching |= go;
	pthread_mutex_unlock(&k->lock);
	return go;
}

static void
look(struct keys *k, const char *kid, bool *ret_has_set, bool *ret_has_kid)
{
	pthread_rwlock_rdlock(&k->set_lock);
	*ret_has_set = k->set != NULL;
	*ret_has_kid = k->set && jwt_keys_has(k->set, kid);
	pthread_rwlock_unlock(&k->set_lock);
}

enum err
keys_verify(struct ctx *cx, struct keys *k, const char *token,
    struct json_object **ret_claims)
{
	bool has_set, has_kid;
	const char *kid;
	enum err e;

	e = jwt_kid(cx, token, &kid);
	if (e)
		return e;
	look(k, kid, &has_set, &has_kid);
	if (fetch_begin(k, has_set, has_kid)) {
		renew(k);
		look(k, kid, &has_set, &has_kid);
	} else if (!has_set || !has_kid) {
		wait_fetched(k, has_set);
		look(k, kid, &has_set, &has_kid);
	}
	if (!has_set)
		return fail(cx, ERR_BUSY,
		    "the keys of Microsoft Entra cannot be had");
	pthread_rwlock_rdlock(&k->set_lock);
	e = jwt_verify(cx, k->set, token, k->settings->login_url,
	    k->settings->client_id, clock_real_s(), ret_claims);
	pthread_rwlock_unlock(&k->set_lock);
	return e;
}
