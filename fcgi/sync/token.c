/* Our app-only tokens, see token.h. */
#include "sync/token.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/metrics.h"
#include "base/secret.h"
#include "base/text.h"

#define BUCKETS 4096
#define EARLY_S 300       /* renewed that long before its end */
#define LEAST_S 60        /* but used at least so long */
#define SPARE_S 30        /* not used in the last seconds of its life */
#define JITTER_S 60
#define LIFE_MAX_S 86400
#define UNDER_WAY_MS 20000
#define PAUSE_MAX_MS 30000
#define TOKEN_MAX 32768

struct entry {
	char tenant_id[37];
	struct secret text;       /* len 0: none */
	uint64_t serial;
	int64_t asked_ms, renew_ms, end_ms; /* of the token */
	int64_t under_way_ms;     /* a request was begun then; 0: none is */
	int64_t pause_until_ms;   /* after a failure */
	int failures;             /* in a row */
	struct token_problem problem; /* the last failure's */
	struct entry *next;       /* in its bucket */
	struct entry *newer, *older;
};

struct tokens {
	pthread_mutex_t lock;
	pthread_cond_t answered;
	struct entry *buckets[BUCKETS];
	struct entry *newest, *oldest;
	size_t n, most;
	uint64_t serial;
};

/* --- the answer ------------------------------------------------------------- */

/* design R14; the reasons are the words that dashboard and tab know */
static const struct {
	int code;
	enum result result;
	const char *why; /* CREDENTIAL: NULL, the number is told */
} codes[] = {
	{ 700016, RESULT_LOST, "not_consented" },
	{ 7000229, RESULT_LOST, "not_consented" },
	{ 65001, RESULT_LOST, "not_consented" },
	{ 90094, RESULT_LOST, "not_consented" },
	{ 900941, RESULT_LOST, "not_consented" },
	{ 7000112, RESULT_LOST, "disabled_by_admin" },
	{ 70001, RESULT_LOST, "disabled_by_admin" },
	{ 53003, RESULT_LOST, "blocked_by_policy" },
	{ 90002, RESULT_LOST, "tenant_not_found" },
	{ 7000215, RESULT_CREDENTIAL, NULL }, /* wrong secret */
	{ 7000222, RESULT_CREDENTIAL, NULL }, /* secret has expired */
	{ 700027, RESULT_CREDENTIAL, NULL },  /* certificate not registered */
	{ 7000218, RESULT_CREDENTIAL, NULL },
	{ 70002, RESULT_CREDENTIAL, NULL },
	/* an assertion out of its time: this machine's clock is wrong */
	{ 700024, RESULT_CREDENTIAL, NULL },
	{ 500133, RESULT_CREDENTIAL, NULL },
};

static void
set_problem(struct token_problem *p, enum result r, const char *why,
    int64_t code)
{
	p->result = r;
	if (why)
		snprintf(p->why, sizeof(p->why), "%s", why);
	else
		snprintf(p->why, sizeof(p->why), "%lld", (long long)code);
}

void
token_problem_read(const struct http_response *rs, struct token_problem *ret)
{
	struct json_object *o = NULL, *list;
	int64_t code = 0;
	struct ctx cx;
	size_t i;

	memset(ret, 0, sizeof(*ret));
	/* Graph was certainly not asked. */
	ret->result = RESULT_UNSENT;
	if (rs->result != HTTP_ANSWERED) {
		snprintf(ret->why, sizeof(ret->why), "token: %.50s", rs->why);
		return;
	}
	if (rs->retry_after_s > 0)
		ret->retry_after_s = rs->retry_after_s;
	snprintf(ret->why, sizeof(ret->why), "token: http %d", rs->status);
	if (rs->status == 429 || rs->status >= 500)
		return;
	ctx_init(&cx, NULL);
	if (!json_read(&cx, rs->body, rs->len, &o)) {
		list = json_peek(o, "error_codes");
		if (json_object_is_type(list, json_type_array) &&
		    json_object_array_length(list) > 0)
			code = json_object_get_int64(
			    json_object_array_get_idx(list, 0));
	}
	if (code)
		snprintf(ret->why, sizeof(ret->why),
		    "token: http %d, AADSTS%lld", rs->status,
		    (long long)code);
	for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].code == code)
			set_problem(ret, codes[i].result, codes[i].why, code);
	ctx_done(&cx);
}

/* --- entries ---------------------------------------------------------------- */

static struct entry **
bucket_of(struct tokens *t, const char *tenant_id)
{
	return &t->buckets[text_hash(tenant_id) % BUCKETS];
}

static void
age_take_out(struct tokens *t, struct entry *e)
{
	*(e->newer ? &e->newer->older : &t->newest) = e->older;
	*(e->older ? &e->older->newer : &t->oldest) = e->newer;
}

static void
age_newest(struct tokens *t, struct entry *e)
{
	e->newer = NULL;
	e->older = t->newest;
	*(t->newest ? &t->newest->newer : &t->oldest) = e;
	t->newest = e;
}

static void
entry_free(struct tokens *t, struct entry *e)
{
	struct entry **link = bucket_of(t, e->tenant_id);

	while (*link != e)
		link = &(*link)->next;
	*link = e->next;
	age_take_out(t, e);
	t->n--;
	secret_done(&e->text);
	heap_free(e);
}

static struct entry *
entry_find(struct tokens *t, const char *tenant_id)
{
	struct entry *e = *bucket_of(t, tenant_id);

	while (e && strcmp(e->tenant_id, tenant_id) != 0)
		e = e->next;
	return e;
}

static struct entry *
entry_need(struct tokens *t, const char *tenant_id)
{
	struct entry *e = entry_find(t, tenant_id);
	struct entry **bucket;

	if (e) {
		age_take_out(t, e);
		age_newest(t, e);
		return e;
	}
	if (t->n == t->most)
		entry_free(t, t->oldest);
	e = heap_alloc(sizeof(*e));
	snprintf(e->tenant_id, sizeof(e->tenant_id), "%s", tenant_id);
	bucket = bucket_of(t, tenant_id);
	e->next = *bucket;
	*bucket = e;
	age_newest(t, e);
	t->n++;
	return e;
}

/* --- the cache -------------------------------------------------------------- */

struct tokens *
tokens_new(size_t most)
{
	struct tokens *t = heap_alloc(sizeof(*t));

	t->most = most;
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->answered, NULL);
	return t;
}

void
tokens_free(struct tokens *t)
{
	if (!t)
		return;
	while (t->oldest)
		entry_free(t, t->oldest);
	pthread_cond_destroy(&t->answered);
	pthread_mutex_destroy(&t->lock);
	heap_free(t);
}

static void
wipe(void *text)
{
	explicit_bzero(text, strlen(text));
}

static enum token_state
ask(struct ctx *cx, struct entry *e, int64_t since_ms, int64_t now_ms,
    struct graph_token *ret, struct token_problem *ret_problem)
{
	const bool usable = e->text.len && e->asked_ms >= since_ms;
	const bool under_way = e->under_way_ms &&
	    now_ms - e->under_way_ms < UNDER_WAY_MS;
	const bool paused = now_ms < e->pause_until_ms;

	/* An old one does while a new one is being had, or cannot be had. */
	if (usable && (now_ms < e->renew_ms ||
	    (now_ms < e->end_ms && (under_way || paused)))) {
		ret->text = arena_strdup(&cx->arena,
		    (const char *)e->text.bytes);
		arena_defer(&cx->arena, wipe, ret->text);
		ret->serial = e->serial;
		return TOKEN_READY;
	}
	if (under_way)
		return TOKEN_UNDER_WAY;
	if (paused) {
		*ret_problem = e->problem;
		return TOKEN_PROBLEM;
	}
	e->under_way_ms = now_ms;
	return TOKEN_FETCH;
}

enum token_state
tokens_ask(struct ctx *cx, struct tokens *t, const char *tenant_id,
    int64_t since_ms, int64_t now_ms, struct graph_token *ret,
    struct token_problem *ret_problem)
{
	enum token_state state;

	pthread_mutex_lock(&t->lock);
	state = ask(cx, entry_need(t, tenant_id), since_ms, now_ms, ret,
	    ret_problem);
	pthread_mutex_unlock(&t->lock);
	return state;
}

/* A good answer's token; NULL when it is none. The text is cx's. */
static const char *
read_token(struct ctx *cx, const struct http_response *rs, int64_t *ret_life_s)
{
	struct json_object *o;
	const char *text, *c;

	if (rs->result != HTTP_ANSWERED || rs->status != 200 ||
	    json_read(cx, rs->body, rs->len, &o))
		return NULL;
	text = json_peek_text(o, "access_token");
	*ret_life_s = json_peek_int(o, "expires_in", 0);
	if (*ret_life_s > LIFE_MAX_S)
		*ret_life_s = LIFE_MAX_S;
	if (!text || !*text || strlen(text) > TOKEN_MAX || *ret_life_s < 1)
		return NULL;
	for (c = text; *c; c++) /* it becomes a header's value */
		if (*c <= 0x20 || *c > 0x7e)
			return NULL;
	return text;
}

static void
keep(struct tokens *t, struct entry *e, const char *text, int64_t life_s,
    int64_t now_ms)
{
	int64_t use_s = life_s - EARLY_S;
	uint8_t dice;

	/* Programs that started together must not renew together. */
	text_random(&dice, 1);
	use_s -= dice * JITTER_S / 256;
	if (use_s < LEAST_S)
		use_s = LEAST_S;
	secret_done(&e->text);
	secret_set(&e->text, text, strlen(text));
	e->serial = ++t->serial;
	e->asked_ms = e->under_way_ms;
	e->renew_ms = now_ms + use_s * 1000;
	e->end_ms = now_ms + (life_s - SPARE_S) * 1000;
	e->failures = 0;
	e->pause_until_ms = 0;
}

static void
remember_failure(struct entry *e, const struct http_response *rs,
    int64_t now_ms)
{
	int64_t pause_ms = 1000;

	if (rs->result == HTTP_ANSWERED && rs->status == 200) {
		memset(&e->problem, 0, sizeof(e->problem));
		set_problem(&e->problem, RESULT_UNSENT,
		    "token: the answer holds none", 0);
	} else {
		token_problem_read(rs, &e->problem);
	}
	if (e->problem.result == RESULT_LOST)
		secret_done(&e->text); /* what it was good for is over */
	pause_ms <<= e->failures < 5 ? e->failures : 5;
	if (pause_ms < e->problem.retry_after_s * INT64_C(1000))
		pause_ms = e->problem.retry_after_s * INT64_C(1000);
	if (pause_ms > PAUSE_MAX_MS)
		pause_ms = PAUSE_MAX_MS;
	e->failures++;
	e->pause_until_ms = now_ms + pause_ms;
}

void
tokens_answer(struct tokens *t, const char *tenant_id, int64_t now_ms,
    const struct http_response *rs)
{
	int64_t life_s = 0;
	struct entry *e;
	struct ctx cx;
	const char *text;

	ctx_init(&cx, NULL);
	text = read_token(&cx, rs, &life_s);
	metrics_add(text ? METRIC_TOKEN_OK : METRIC_TOKEN_FAILED, 1);
	pthread_mutex_lock(&t->lock);
	e = entry_need(t, tenant_id);
	if (text)
		keep(t, e, text, life_s, now_ms);
	else
		remember_failure(e, rs, now_ms);
	e->under_way_ms = 0;
	pthread_cond_broadcast(&t->answered);
	pthread_mutex_unlock(&t->lock);
	ctx_done(&cx);
}

void
tokens_drop(struct tokens *t, const char *tenant_id, uint64_t serial)
{
	struct entry *e;

	pthread_mutex_lock(&t->lock);
	e = entry_find(t, tenant_id);
	if (e && e->serial == serial)
		secret_done(&e->text);
	pthread_mutex_unlock(&t->lock);
}

void
tokens_renew(struct tokens *t, const char *tenant_id)
{
	struct entry *e;

	pthread_mutex_lock(&t->lock);
	e = entry_find(t, tenant_id);
	if (e) {
		e->renew_ms = 0;
		e->pause_until_ms = 0;
	}
	pthread_mutex_unlock(&t->lock);
}

void
tokens_resume(struct tokens *t)
{
	struct entry *e;

	pthread_mutex_lock(&t->lock);
	for (e = t->newest; e; e = e->older) {
		if (e->problem.result != RESULT_CREDENTIAL)
			continue;
		e->failures = 0;
		e->pause_until_ms = 0;
	}
	pthread_mutex_unlock(&t->lock);
}

void
tokens_wait(struct tokens *t, int wait_ms)
{
	pthread_mutex_lock(&t->lock);
	clock_wait(&t->answered, &t->lock, clock_mono_ms() + wait_ms);
	pthread_mutex_unlock(&t->lock);
}

size_t
tokens_count(struct tokens *t)
{
	size_t n;

	pthread_mutex_lock(&t->lock);
	n = t->n;
	pthread_mutex_unlock(&t->lock);
	return n;
}
