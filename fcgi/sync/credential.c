/* Our certificate or secret, and its successor, see credential.h. */
#include "sync/credential.h"

#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "base/jwt.h"
#include "base/log.h"

struct credential {
	const struct settings *settings;
	pthread_mutex_t lock;
	bool is_cert;              /* else a client secret; never changes */
	struct jwt_signer *signer;
	struct secret secret;
	uint8_t seen[32];          /* of the files' bytes that are in use */
	bool told;                 /* that new files are of no use: once */
};

/* What the files hold. Of the two kinds one is empty. */
struct files {
	struct secret cert, key, secret;
};

static void
files_done(struct files *f)
{
	secret_done(&f->cert);
	secret_done(&f->key);
	secret_done(&f->secret);
}

/* A hash of both files' hashes: no copy of a key is kept to compare with. */
static void
digest(const struct secret *a, const struct secret *b, uint8_t ret[32])
{
	uint8_t both[64];

	secret_sha256(a->bytes, a->len, both);
	secret_sha256(b->bytes, b->len, both + 32);
	secret_sha256(both, sizeof(both), ret);
}

enum err
credential_new(struct ctx *cx, const struct settings *s,
    struct credential **ret)
{
	const bool is_cert = s->client_cert.len > 0;
	struct jwt_signer *signer = NULL;
	struct credential *c;
	enum err e;

	if (is_cert) {
		e = jwt_signer_new(cx, &s->client_cert, &s->client_key,
		    &signer);
		if (e)
			return e;
	}
	c = heap_alloc(sizeof(*c));
	c->settings = s;
	c->is_cert = is_cert;
	c->signer = signer;
	pthread_mutex_init(&c->lock, NULL);
	digest(is_cert ? &s->client_cert : &s->client_secret, &s->client_key,
	    c->seen);
	if (!is_cert)
		secret_set(&c->secret, s->client_secret.bytes,
		    s->client_secret.len);
	*ret = c;
	return ERR_OK;
}

void
credential_free(struct credential *c)
{
	if (!c)
		return;
	jwt_signer_free(c->signer);
	secret_done(&c->secret);
	pthread_mutex_destroy(&c->lock);
	heap_free(c);
}

/* --- the files -------------------------------------------------------------- */

static enum err
read_files(struct ctx *cx, const struct credential *c, struct files *ret)
{
	const struct settings *s = c->settings;
	bool open_to_others; /* was warned of at the start */
	enum err e;

	if (!c->is_cert)
		return secret_read_file(cx, s->client_secret_path,
		    &ret->secret, &open_to_others);
	e = secret_read_file(cx, s->client_cert_path, &ret->cert,
	    &open_to_others);
	if (e)
		return e;
	return secret_read_file(cx, s->client_key_path, &ret->key,
	    &open_to_others);
}

static void
log_taken(const struct credential *c)
{
	char at[21];

	if (!c->is_cert) {
		log_say(LOG_INFO, "credential: the new client secret is used");
		return;
	}
	clock_rfc3339(jwt_signer_expires_s(c->signer), at);
	log_say(LOG_INFO, "credential: the new certificate is used, valid "
	    "until %s", at);
}

/* Under the lock. *ret_taken: there was a new one, and it is good. */
static enum err
take(struct ctx *cx, struct credential *c, struct files *f, bool *ret_taken)
{
	struct jwt_signer *signer;
	uint8_t seen[32];
	enum err e;

	e = read_files(cx, c, f);
	if (e)
		return e;
	digest(c->is_cert ? &f->cert : &f->secret, &f->key, seen);
	if (memcmp(seen, c->seen, sizeof(seen)) == 0)
		return ERR_OK;
	if (c->is_cert) {
		e = jwt_signer_new(cx, &f->cert, &f->key, &signer);
		if (e)
			return e;
		jwt_signer_free(c->signer);
		c->signer = signer;
	} else {
		secret_done(&c->secret);
		secret_set(&c->secret, f->secret.bytes, f->secret.len);
	}
	memcpy(c->seen, seen, sizeof(seen));
	*ret_taken = true;
	return ERR_OK;
}

bool
credential_look(struct credential *c)
{
	const struct settings *s = c->settings;
	struct files f = { 0 };
	bool taken = false;
	struct ctx cx;
	enum err e;

	if (c->is_cert ? !s->client_cert_path || !s->client_key_path :
	    !s->client_secret_path)
		return false;
	ctx_init(&cx, NULL);
	pthread_mutex_lock(&c->lock);
	e = take(&cx, c, &f, &taken);
	if (e && !c->told)
		log_say(LOG_WARN, "credential: the files have changed and are "
		    "of no use yet, what they held before is used: %s",
		    cx.detail);
	if (taken)
		log_taken(c);
	c->told = e != ERR_OK;
	pthread_mutex_unlock(&c->lock);
	files_done(&f);
	ctx_done(&cx);
	return taken;
}

/* --- its use ---------------------------------------------------------------- */

static void
wipe(void *text)
{
	explicit_bzero(text, strlen(text));
}

enum err
credential_prove(struct ctx *cx, struct credential *c, const char *audience,
    int64_t now_s, struct proof *ret)
{
	struct proof p = { 0 };
	enum err e = ERR_OK;

	pthread_mutex_lock(&c->lock);
	if (c->is_cert)
		e = jwt_assertion(cx, c->signer, audience,
		    c->settings->client_id, now_s, &p.assertion);
	else
		p.secret = arena_strdup(&cx->arena,
		    (const char *)c->secret.bytes);
	pthread_mutex_unlock(&c->lock);
	if (e)
		return e;
	arena_defer(&cx->arena, wipe, p.secret ? p.secret : p.assertion);
	*ret = p;
	return ERR_OK;
}

int64_t
credential_expires_s(struct credential *c)
{
	int64_t expires_s;

	pthread_mutex_lock(&c->lock);
	expires_s = c->is_cert ? jwt_signer_expires_s(c->signer) : 0;
	pthread_mutex_unlock(&c->lock);
	return expires_s;
}

const char *
credential_kind(const struct credential *c)
{
	return c->is_cert ? "certificate" : "secret";
}
