/*
 * The webhook: check who sends and what, hand the events over, respond when
 * they are settled or the answer's limit has come.
 */
#include "app/webhook.h"

#include <string.h>

#include "app/capture.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "pbx/adapt.h"
#include "sync/statement.h"
#include "web/server.h"

#define MARGIN_MS 100   /* for a batch that is begun just before the limit */
#define RESULT_MAX 1024 /* JSON of one result */

/* What the answer needs of the request's events: rq->who. */
struct post {
	struct door *door;
	const char *pbx_id;
	struct pbx_events events;
};

/* --- check ------------------------------------------------------------------ */

static const char *
header_of(void *arg, const char *name)
{
	return request_header(arg, name);
}

/* --- hand over -------------------------------------------------------------- */

static const char *
copy(struct arena *a, const char *s)
{
	return s ? arena_strdup(a, s) : NULL;
}

/* The events live on after the request has been answered. */
static struct apply_unit *
unit_of(const struct request *rq, const struct caller *caller,
    const struct pbx_events *events)
{
	struct apply_unit *u = apply_unit_new(rq->cx.id);
	struct arena *a = &u->cx.arena;
	struct call_event *e;
	int i;

	memcpy(u->tenant_id, caller->tenant_id, sizeof(u->tenant_id));
	memcpy(u->pbx_id, caller->pbx_id, sizeof(u->pbx_id));
	u->events = *events;
	u->events.list = arena_array(a, (size_t)events->n, sizeof(*e));
	for (i = 0; i < events->n; i++) {
		e = &u->events.list[i];
		*e = events->list[i];
		e->extension = copy(a, e->extension);
		e->call_id = copy(a, e->call_id);
		e->leg_id = copy(a, e->leg_id);
		e->line = copy(a, e->line);
		e->key = copy(a, e->key);
	}
	return u;
}

static void
hand_over(struct request *rq, struct webhook *w, const struct caller *caller,
    const struct pbx_events *events)
{
	struct apply_unit *u = unit_of(rq, caller, events);
	const int64_t deadline_ms = rq->cx.started_ms +
	    w->settings->answer_ms;
	struct post *post = arena_alloc(&rq->cx.arena, sizeof(*post));
	uint64_t ticket;

	post->door = w->door;
	post->pbx_id = arena_strdup(&rq->cx.arena, caller->pbx_id);
	post->events = *events;
	rq->who = post;
	server_hand_over(rq);
	ticket = answer_hold(w->answer, rq, events->n, deadline_ms);
	u->ticket = ticket;
	u->give_up_ms = deadline_ms - MARGIN_MS;
	if (apply_put(w->apply, u))
		return;
	apply_unit_free(u);
	answer_fail(w->answer, ticket, ERR_BUSY, "too many events wait", 1);
}

static const struct adapt_names words = { "extension", "call_id", "leg_id" };

static bool
is_anybodys(const struct call_event *e)
{
	return e->type == EVENT_ENDED && !e->extension;
}

/* The end of a call whose people the PBX does not name: an end for each of them. */
static enum err
people_of(struct ctx *cx, struct db *db, const struct caller *caller,
    const struct call_event *e, struct pbx_events *events)
{
	const char *args[] = { caller->tenant_id, caller->pbx_id, e->call_id };
	struct call_event one = *e;
	struct rows *rows;
	enum err err;
	int i;

	err = db_call(cx, db, ST_CALL_OVER, args, &rows);
	for (i = 0; !err && i < rows_count(rows); i++) {
		one.extension = rows_text(rows, i, 0);
		err = adapt_add(cx, events, &words, &one);
	}
	return err;
}

static enum err
name_people(struct ctx *cx, struct db *db, const struct caller *caller,
    struct pbx_events *events)
{
	struct pbx_events named = *events;
	enum err e = ERR_OK;
	int i, j;

	for (i = 0; i < events->n && !is_anybodys(&events->list[i]); i++)
		;
	if (i == events->n)
		return ERR_OK;
	named.list = NULL;
	named.n = 0;
	for (j = 0; !e && j < events->n; j++)
		e = is_anybodys(&events->list[j])
		    ? people_of(cx, db, caller, &events->list[j], &named)
		    : adapt_add(cx, &named, &words, &events->list[j]);
	*events = named;
	return e;
}

static enum err
greet(struct request *rq, const struct pbx_reply *reply)
{
	if (reply->header)
		response_header(rq, reply->header, reply->value);
	response_bytes(rq, 200, "application/json", reply->json,
	    strlen(reply->json));
	return ERR_OK;
}

static enum err
receive(struct request *rq, const char *path_secret)
{
	const struct webhook_thread *thread = rq->thread;
	struct webhook *w = thread->shared;
	const struct pbx_request in = {
		.method = rq->method,
		.url = arena_printf(&rq->cx.arena, "%s%s%s%s",
		    w->settings->public_url, rq->path, *rq->query ? "?" : "",
		    rq->query),
		.content_type = rq->content_type,
		.query = rq->query, .body = rq->body,
		.body_len = rq->body_len, .by_path = path_secret != NULL,
		.header = header_of, .arg = rq,
	};
	static const char none[] = "{\"results\":[]}\n";
	struct pbx_events events = { 0 };
	struct caller caller;
	enum err e;

	e = door_prove(rq, w->door, thread->db, &in, rq->params[0],
	    path_secret, &caller);
	if (!e && caller.greeted) {
		metrics_add(METRIC_ANSWER_2XX, 1);
		return greet(rq, &caller.reply);
	}
	if (!e)
		capture_request(rq, w->door, &caller, path_secret);
	if (!e)
		e = caller.platform->parse(&rq->cx, &in, &events);
	/* What is no event costs work as well. */
	if (!e)
		e = door_admit(&rq->cx, w->door, caller.pbx_id,
		    events.n > 0 ? events.n : 1);
	if (!e)
		e = name_people(&rq->cx, thread->db, &caller, &events);
	if (e) {
		metrics_add(err_status(e) < 500 ? METRIC_ANSWER_4XX :
		    METRIC_ANSWER_5XX, 1);
		return e;
	}
	if (events.n > 0) {
		hand_over(rq, w, &caller, &events);
		return ERR_OK;
	}
	metrics_add(METRIC_ANSWER_2XX, 1);
	response_bytes(rq, 200, "application/json", none, sizeof(none) - 1);
	return ERR_OK;
}

enum err
webhook_signed(struct request *rq)
{
	return receive(rq, NULL);
}

enum err
webhook_path(struct request *rq)
{
	return receive(rq, rq->params[1]);
}

/* --- news ------------------------------------------------------------------- */

/* State 0 means that nothing is known yet. */
static struct answer_part
part_of(enum outcome o, enum goal goal)
{
	return (struct answer_part){
		.state = (int16_t)(o + 1), .value = (int16_t)goal,
		.settled = o != OUTCOME_PENDING,
	};
}

void
webhook_tell(void *arg, uint64_t ticket, int part, enum outcome o,
    enum goal goal)
{
	struct webhook *w = arg;

	answer_tell(w->answer, ticket, part, part_of(o, goal));
}

void
webhook_fail(void *arg, uint64_t ticket, enum err e, const char *detail)
{
	struct webhook *w = arg;

	metrics_add(err_status(e) < 500 ? METRIC_ANSWER_4XX :
	    METRIC_ANSWER_5XX, 1);
	answer_fail(w->answer, ticket, e, detail, 1);
}

void
webhook_settled(void *arg, uint64_t ticket, int part, enum goal goal,
    enum settled how)
{
	static const enum outcome outcomes[] = {
		[SETTLED_PUBLISHED] = OUTCOME_PUBLISHED,
		[SETTLED_SUPERSEDED] = OUTCOME_SUPERSEDED,
		[SETTLED_DEFERRED] = OUTCOME_DEFERRED,
	};

	webhook_tell(arg, ticket, part, outcomes[how], goal);
}

/* --- respond ---------------------------------------------------------------- */

static enum outcome
outcome_of(const struct answer_part *part)
{
	enum outcome o = (enum outcome)(part->state - 1);

	/* Stored, and carried on without this request. */
	return o == OUTCOME_PENDING ? OUTCOME_DEFERRED : o;
}

static void
result_json(struct buf *b, const struct call_event *e, enum outcome o,
    enum goal goal)
{
	buf_text(b, "{");
	if (e->type != EVENT_RESTARTED) {
		buf_text(b, "\"extension\":");
		buf_json(b, e->extension);
		buf_text(b, ",");
	}
	buf_printf(b, "\"outcome\":\"%s\",\"availability\":",
	    outcome_word(o));
	buf_json(b, goal_availability(goal));
	buf_text(b, ",\"activity\":");
	buf_json(b, goal_activity(goal));
	buf_text(b, "}");
}

static void
respond(struct request *rq, const struct post *post,
    const struct answer_part *parts, int nparts)
{
	enum outcome o = OUTCOME_UNCHANGED;
	int i, nunknown = 0;
	struct buf b;

	buf_init(&b, &rq->cx.arena, (size_t)nparts * RESULT_MAX + 64);
	buf_text(&b, "{\"results\":[");
	for (i = 0; i < nparts; i++) {
		o = outcome_of(&parts[i]);
		nunknown += o == OUTCOME_UNKNOWN_EXTENSION;
		metrics_add((enum metric)(METRIC_EVENT_UNKNOWN_EXTENSION +
		    (int)o - OUTCOME_UNKNOWN_EXTENSION), 1);
		if (i > 0)
			buf_text(&b, ",");
		result_json(&b, &post->events.list[i], o,
		    (enum goal)parts[i].value);
	}
	buf_text(&b, "]}\n");
	response_json(rq, 200, &b);
	/* A number of the public network is the other party's: never kept. */
	if (nunknown == nparts && *post->events.list[0].extension != '+')
		door_unknown(post->door, post->pbx_id,
		    post->events.list[0].extension);
	request_note(rq, "outcome", nparts == 1 ? outcome_word(o) : "several");
}

void
webhook_finish(struct request *rq, const struct answer_part *parts,
    int nparts, bool at_deadline)
{
	const struct post *post = rq->who;
	bool stored = true;
	int i;

	(void)at_deadline; /* what is not settled shows in the parts */
	for (i = 0; i < nparts; i++)
		stored &= parts[i].state != 0;
	request_note(rq, "pbx", post->pbx_id);
	request_note_int(rq, "events", nparts);
	metrics_observe_ms(METRIC_ANSWER_MS,
	    clock_mono_ms() - rq->cx.started_ms);
	if (stored) {
		metrics_add(METRIC_ANSWER_2XX, 1);
		respond(rq, post, parts, nparts);
		return;
	}
	metrics_add(METRIC_ANSWER_5XX, 1);
	rq->cx.retry_after_s = 1;
	fail(&rq->cx, ERR_BUSY, "the events could not be stored in time");
	response_error(rq);
}
