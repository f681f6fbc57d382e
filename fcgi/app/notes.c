/* What a PBX's page is to show, see notes.h. */
#include "app/notes.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/db.h"
#include "base/log.h"
#include "base/queue.h"
#include "sync/statement.h"

#define NOTES_MAX 256

struct note {
	notes_work *work;
	void *item;
};

struct line {
	int statement;
	char pbx_id[37], text[320];
};

struct notes {
	const struct settings *settings;
	const char *program;
	struct queue *queue;
	pthread_t thread;
};

static void *
run(void *arg)
{
	struct notes *n = arg;
	struct db *db = db_new(n->settings->database_url, n->program,
	    statements, ST__MAX);
	struct note *note;
	struct ctx cx;
	void *item;

	while (queue_take(n->queue, &item, 1, -1) > 0) {
		note = item;
		ctx_init(&cx, NULL);
		if (note->work(&cx, db, note->item))
			log_say(LOG_WARN, "a PBX's page lacks a note: %s",
			    cx.detail);
		ctx_done(&cx);
		heap_free(note);
	}
	db_free(db);
	return NULL;
}

struct notes *
notes_start(const struct settings *s, const char *program)
{
	struct notes *n = heap_alloc(sizeof(*n));

	n->settings = s;
	n->program = program;
	n->queue = queue_new(NOTES_MAX);
	if (pthread_create(&n->thread, NULL, run, n) != 0) {
		log_say(LOG_ERROR, "notes: a thread cannot be started");
		abort();
	}
	return n;
}

void
notes_stop(struct notes *n)
{
	queue_close(n->queue);
	pthread_join(n->thread, NULL);
	queue_free(n->queue);
	heap_free(n);
}

bool
notes_do(struct notes *n, notes_work *work, void *item)
{
	struct note *note = heap_alloc(sizeof(*note));

	note->work = work;
	note->item = item;
	if (queue_put(n->queue, note))
		return true;
	heap_free(note);
	return false;
}

static enum err
line_store(struct ctx *cx, struct db *db, void *item)
{
	struct line *line = item;
	enum err e = db_call(cx, db, line->statement,
	    (const char *[]){ line->pbx_id, line->text }, NULL);

	heap_free(line);
	return e;
}

void
notes_put(struct notes *n, int statement, const char *pbx_id,
    const char *text)
{
	struct line *line = heap_alloc(sizeof(*line));

	line->statement = statement;
	snprintf(line->pbx_id, sizeof(line->pbx_id), "%s", pbx_id);
	snprintf(line->text, sizeof(line->text), "%s", text);
	if (!notes_do(n, line_store, line))
		heap_free(line);
}
