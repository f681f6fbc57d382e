/*
 * Whose extension is it: the list as a CSV file, checked line by line against
 * Microsoft's users, and made equal to the file in one transaction.
 */
#include <search.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "app/csv.h"
#include "app/desk.h"
#include "app/handlers.h"
#include "app/who.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "pbx/event.h"
#include "sync/graph.h"
#include "sync/statement.h"

#define LINES_MAX 100000        /* of one file */
#define GOOD_SHOWN 1000
#define ASK_SINGLY 50           /* more people than that: page all of them */
#define IMPORTS_MAX 2           /* at the same time: each holds a thread */
#define IMPORT_MS 60000

enum line_result { LINE_OK, LINE_DUPLICATE, LINE_UNKNOWN_USER, LINE_BAD };

static const char *const result_words[] = {
	[LINE_OK] = "ok", [LINE_DUPLICATE] = "duplicate",
	[LINE_UNKNOWN_USER] = "unknown_user", [LINE_BAD] = "bad",
};

/* Somebody whom the file names, found or not. */
struct person {
	const char *id, *upn, *name;    /* id NULL: not found */
	struct person *next;
};

struct line {
	int number;
	const char *extension, *user, *detail;
	enum line_result result;
	struct person *person;
};

struct import {
	struct request *rq;
	struct line *lines;
	int n;
	struct person *people;          /* every one that is named */
	int npeople;
	void *extensions;               /* a tree: extension -> its line */
	void *names;                    /* lower-case UPN or id -> person */
};

/* A tree's node. Trees, because what people number and name begins alike,
 * which makes one long chain of the C library's hash table. */
struct pair {
	const char *key;
	void *value;
};

static atomic_int imports_running;

enum err
extensions_get(struct request *rq)
{
	const char *after;
	char *id = NULL;
	enum err e;

	e = desk_pbx_id(rq, &id);
	if (e == ERR_OK)
		e = request_query(rq, "after", &after);
	if (e != ERR_OK)
		return e;
	return desk_answer(rq, 200, ST_EXTENSION_LIST, (const char *[]){
	    visitor_of(rq)->tenant_id, id, after, "200" }, "PBX");
}

enum err
extension_delete(struct request *rq)
{
	const struct visitor *v = visitor_of(rq);
	char *id = NULL;
	enum err e;

	e = desk_pbx_id(rq, &id);
	if (e == ERR_OK)
		e = desk_publish(rq, ST_EXTENSION_DELETE, (const char *[]){
		    v->tenant_id, id, rq->params[1], v->user_id }, NULL);
	if (e != ERR_OK)
		return e;
	response_bytes(rq, 204, NULL, "", 0);
	return ERR_OK;
}

static int
pair_compare(const void *a, const void *b)
{
	return strcmp(((const struct pair *)a)->key,
	    ((const struct pair *)b)->key);
}

static void
pair_keep(void *pair)
{
	(void)pair; /* the arena's */
}

static void
tree_done(void *tree)
{
	tdestroy(*(void **)tree, pair_keep);
}

/* What the tree has for this key; put in when it has nothing. */
static void *
tree_get(struct import *im, void **tree, const char *key, void *put)
{
	const struct pair wanted = { key, put };
	struct pair *new;
	void *node = tfind(&wanted, tree, pair_compare);

	if (node != NULL)
		return (*(struct pair **)node)->value;
	if (put == NULL)
		return NULL;
	new = arena_alloc(&im->rq->cx.arena, sizeof(*new));
	*new = wanted;
	if (tsearch(new, tree, pair_compare) == NULL) {
		log_say(LOG_ERROR, "import: out of memory");
		abort();
	}
	return put;
}

/* Where the header has its two columns. */
static enum err
read_header(struct request *rq, struct csv *csv, int *ret_extension,
    int *ret_user)
{
	char *fields[CSV_FIELDS];
	int i, n;
	enum err e;

	e = csv_next(&rq->cx, csv, fields, &n);
	if (e != ERR_OK)
		return e;
	if (n == 0)
		return fail(&rq->cx, ERR_INPUT, "the file is empty");
	*ret_extension = *ret_user = -1;
	for (i = 0; i < n; i++) {
		if (text_same_word(fields[i], "extension"))
			*ret_extension = i;
		else if (text_same_word(fields[i], "user"))
			*ret_user = i;
	}
	if (*ret_extension < 0 || *ret_user < 0)
		return fail(&rq->cx, ERR_INPUT,
		    "line %d: the header is not \"extension,user\"", csv->line);
	return ERR_OK;
}

static void
line_bad(struct line *l, enum line_result result, const char *detail)
{
	l->result = result;
	l->detail = detail;
}

static const char *
trimmed(char *s)
{
	size_t len;

	s += strspn(s, " \t");
	len = strlen(s);
	while (len > 0 && (s[len - 1] == ' ' || s[len - 1] == '\t'))
		s[--len] = '\0';
	return s;
}

static void
check_line(struct import *im, struct line *l)
{
	size_t ext_len = strlen(l->extension), user_len = strlen(l->user);
	struct line *first;
	char *key;

	if (!text_is_utf8(l->extension, ext_len) ||
	    !text_is_utf8(l->user, user_len)) {
		l->extension = l->user = NULL;
		line_bad(l, LINE_BAD, "the line is not UTF-8");
	} else if (ext_len == 0) {
		line_bad(l, LINE_BAD, "extension is empty");
	} else if (ext_len > EVENT_TEXT_MAX) {
		line_bad(l, LINE_BAD, "extension is longer than 128 bytes");
	} else if (user_len == 0) {
		line_bad(l, LINE_BAD, "user is empty");
	} else if (user_len > 256) {
		line_bad(l, LINE_BAD, "user is longer than 256 bytes");
	} else if (!text_is_uuid(l->user) && strchr(l->user, '@') == NULL) {
		line_bad(l, LINE_BAD,
		    "user is neither a user principal name nor an object id");
	} else if ((first = tree_get(im, &im->extensions, l->extension, l)) != l) {
		line_bad(l, LINE_DUPLICATE, arena_printf(&im->rq->cx.arena,
		    "line %d has this extension already", first->number));
	} else {
		key = arena_strdup(&im->rq->cx.arena, l->user);
		text_lower(key);
		l->person = tree_get(im, &im->names, key, NULL);
		if (l->person != NULL)
			return;
		l->person = arena_alloc(&im->rq->cx.arena,
		    sizeof(*l->person));
		l->person->upn = key; /* until Microsoft tells the real one */
		l->person->next = im->people;
		im->people = l->person;
		im->npeople++;
		tree_get(im, &im->names, key, l->person);
	}
}

static enum err
read_lines(struct import *im)
{
	struct request *rq = im->rq;
	char *text = arena_strndup(&rq->cx.arena, rq->body, rq->body_len);
	char *fields[CSV_FIELDS];
	int extension = 0, user = 0, n, most = 2;
	struct csv csv;
	size_t i;
	enum err e;

	if (memchr(text, '\0', rq->body_len) != NULL)
		return fail(&rq->cx, ERR_INPUT, "the file holds a NUL byte");
	for (i = 0; i < rq->body_len; i++)
		most += text[i] == '\n' || text[i] == '\r';
	csv_init(&csv, text, rq->body_len);
	e = read_header(rq, &csv, &extension, &user);
	if (e != ERR_OK)
		return e;
	if (most > LINES_MAX + 2)
		most = LINES_MAX + 2;
	im->lines = arena_array(&rq->cx.arena, (size_t)most,
	    sizeof(*im->lines));
	arena_defer(&rq->cx.arena, tree_done, &im->extensions);
	arena_defer(&rq->cx.arena, tree_done, &im->names);
	for (;;) {
		struct line *l = &im->lines[im->n];

		e = csv_next(&rq->cx, &csv, fields, &n);
		if (e == ERR_OK && n == 0)
			return ERR_OK;
		if (im->n == LINES_MAX)
			return fail(&rq->cx, ERR_INPUT,
			    "the file has more than %d lines", LINES_MAX);
		im->n++;
		l->number = csv.line;
		if (e != ERR_OK) {
			line_bad(l, LINE_BAD, arena_strdup(&rq->cx.arena,
			    rq->cx.detail));
			fail_forget(&rq->cx);
			continue;
		}
		l->extension = extension < n ? trimmed(fields[extension]) : "";
		l->user = user < n ? trimmed(fields[user]) : "";
		check_line(im, l);
	}
}

static void
person_found(struct import *im, struct person *p, const struct graph_user *u)
{
	struct arena *a = &im->rq->cx.arena;

	p->id = arena_strdup(a, u->id);
	p->upn = u->upn != NULL ? arena_strdup(a, u->upn) : NULL;
	p->name = u->name != NULL ? arena_strdup(a, u->name) : NULL;
}

/* One of the tenant's people: does the file name it, by either key? */
static void
offer(void *arg, const struct graph_user *u)
{
	struct import *im = arg;
	const char *keys[2] = { u->id, u->upn };
	struct person *p;
	char key[320];
	int i;

	for (i = 0; i < 2; i++) {
		if (keys[i] == NULL || strlen(keys[i]) >= sizeof(key))
			continue;
		memcpy(key, keys[i], strlen(keys[i]) + 1);
		text_lower(key);
		p = tree_get(im, &im->names, key, NULL);
		if (p != NULL && p->id == NULL)
			person_found(im, p, u);
	}
}

static enum err
find_people(struct import *im)
{
	const struct desk_shared *shared = desk_of(im->rq)->shared;
	const char *tenant_id = visitor_of(im->rq)->tenant_id;
	struct ctx *cx = &im->rq->cx;
	struct graph_user u;
	struct person *p;
	enum err e = ERR_OK;

	if (im->npeople > ASK_SINGLY) {
		e = graph_users_each(cx, shared->entra, shared->settings,
		    tenant_id, offer, im);
	} else {
		for (p = im->people; p != NULL && e == ERR_OK; p = p->next) {
			e = graph_user_find(cx, shared->entra,
			    shared->settings, tenant_id, p->upn, &u);
			if (e == ERR_OK)
				person_found(im, p, &u);
			else if (e == ERR_NOT_FOUND) {
				fail_forget(cx);
				e = ERR_OK;
			}
		}
	}
	if (e == ERR_FORBIDDEN) {
		fail_forget(cx);
		return fail(cx, ERR_CONFLICT, "Microsoft does not let us look "
		    "up people: grant consent first");
	}
	return e;
}

/* The good lines as the database takes them. */
static enum err
store(struct import *im, const char *pbx_id, bool dry_run, int64_t *ret_linked,
    int64_t *ret_unlinked)
{
	struct request *rq = im->rq;
	struct desk *desk = desk_of(rq);
	struct rows *rows;
	struct job *jobs;
	struct buf b;
	int i, n = 0;
	int64_t claimed_ms;
	enum err e;

	buf_init(&b, &rq->cx.arena, 64u << 20);
	buf_text(&b, "[");
	for (i = 0; i < im->n; i++) {
		const struct line *l = &im->lines[i];

		if (l->result != LINE_OK)
			continue;
		buf_text(&b, n++ > 0 ? ",{\"e\":" : "{\"e\":");
		buf_json(&b, l->extension);
		buf_text(&b, ",\"u\":");
		buf_json(&b, l->person->id);
		buf_text(&b, ",\"n\":");
		buf_json(&b, l->person->name);
		buf_text(&b, ",\"p\":");
		buf_json(&b, l->person->upn);
		buf_text(&b, "}");
	}
	buf_text(&b, "]");
	if (b.overflow)
		return fail(&rq->cx, ERR_TOO_LARGE, "the file is too large");
	db_timeout_ms(desk->db, IMPORT_MS, 2000);
	claimed_ms = clock_mono_ms();
	e = desk_call(rq, ST_EXTENSION_IMPORT, (const char *[]){
	    visitor_of(rq)->tenant_id, pbx_id, buf_str(&b),
	    dry_run ? "t" : "f", visitor_of(rq)->user_id }, &rows);
	db_timeout_ms(desk->db, 0, 0);
	if (e != ERR_OK)
		return e;
	for (i = 0; i < rows_count(rows); i++)
		if (rows_text(rows, i, 0) != NULL &&
		    strcmp(rows_text(rows, i, 0), "done") == 0) {
			*ret_linked = rows_int(rows, i, 9);
			*ret_unlinked = rows_int(rows, i, 10);
		}
	n = jobs_from_rows(&rq->cx, rows, claimed_ms, &jobs);
	if (n > 0)
		publisher_run(desk->shared->publisher, jobs, n, 2000);
	return ERR_OK;
}

static void
report(struct import *im, int64_t linked, int64_t unlinked)
{
	struct buf b;
	int i, good = 0;
	bool first = true;

	buf_init(&b, &im->rq->cx.arena, 64u << 20);
	buf_printf(&b, "{\"linked\":%lld,\"unlinked\":%lld,\"lines\":[",
	    (long long)linked, (long long)unlinked);
	for (i = 0; i < im->n; i++) {
		const struct line *l = &im->lines[i];

		if (l->result == LINE_OK && ++good > GOOD_SHOWN)
			continue;
		buf_printf(&b, "%s{\"line\":%d,\"extension\":",
		    first ? "" : ",", l->number);
		first = false;
		buf_json(&b, l->extension);
		buf_text(&b, ",\"user\":");
		buf_json(&b, l->user);
		buf_printf(&b, ",\"result\":\"%s\",\"detail\":",
		    result_words[l->result]);
		buf_json(&b, l->detail);
		buf_text(&b, "}");
	}
	buf_text(&b, "]}");
	response_json(im->rq, 200, &b);
}

static enum err
import(struct request *rq, const char *pbx_id, bool dry_run)
{
	struct import *im = arena_alloc(&rq->cx.arena, sizeof(*im));
	int64_t linked = 0, unlinked = 0;
	const struct line *bad = NULL;
	int i, good = 0;
	enum err e;

	im->rq = rq;
	e = read_lines(im);
	if (e == ERR_OK)
		e = find_people(im);
	if (e != ERR_OK)
		return e;
	for (i = 0; i < im->n; i++) {
		struct line *l = &im->lines[i];

		if (l->result == LINE_OK && l->person->id == NULL)
			line_bad(l, LINE_UNKNOWN_USER,
			    "Microsoft knows no such user in this tenant");
		if (l->result == LINE_OK)
			good++;
		else if (bad == NULL)
			bad = l;
	}
	request_note_int(rq, "lines", im->n);
	request_note_int(rq, "good", good);
	if (good == 0 && bad == NULL)
		return fail(&rq->cx, ERR_INPUT, "the file has no line behind "
		    "its header; nothing was changed");
	if (good == 0 && !dry_run)
		return fail(&rq->cx, ERR_INPUT, "no line is good, nothing was "
		    "changed; line %d: %s", bad->number, bad->detail);
	if (good > 0) {
		e = store(im, pbx_id, dry_run, &linked, &unlinked);
		if (e != ERR_OK)
			return e;
	}
	report(im, linked, unlinked);
	return ERR_OK;
}

enum err
extensions_put(struct request *rq)
{
	const char *dry_run;
	char *id = NULL;
	enum err e;

	e = desk_pbx_id(rq, &id);
	if (e == ERR_OK)
		e = request_media(rq, "text/csv");
	if (e == ERR_OK)
		e = request_query(rq, "dry_run", &dry_run);
	if (e == ERR_OK)
		e = desk_answer(rq, 200, ST_PBX_GET, (const char *[]){
		    visitor_of(rq)->tenant_id, id, "" }, "PBX");
	if (e != ERR_OK)
		return e;
	if (atomic_fetch_add(&imports_running, 1) >= IMPORTS_MAX) {
		rq->cx.retry_after_s = 10;
		e = fail(&rq->cx, ERR_BUSY, "two imports are running");
	} else {
		e = import(rq, id, dry_run != NULL &&
		    strcmp(dry_run, "1") == 0);
	}
	atomic_fetch_sub(&imports_running, 1);
	return e;
}
