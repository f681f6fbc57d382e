/*
 * What every PBX adapter makes: bytes in, call events out. Pure, no I/O, no
 * clock: the request and the time come as arguments.
 */
#ifndef PBX_EVENT_H
#define PBX_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ctx.h"

enum event_type {
	EVENT_OFF_HOOK,
	EVENT_ON_HOOK, /* phone.* */
	EVENT_RINGING,
	EVENT_ANSWERED,
	EVENT_HELD,
	EVENT_RESUMED,
	EVENT_ENDED,
	EVENT_BUSY,
	EVENT_IDLE,      /* extension.* */
	EVENT_RESTARTED, /* pbx.restarted */
	EVENT__MAX
};

const char *event_type_name(enum event_type t); /* "phone.off_hook" ... */
bool event_type_parse(const char *name, enum event_type *ret);
bool event_type_is_call(enum event_type t);  /* call.*: has a call_id */
bool event_type_is_phone(enum event_type t); /* phone.*: may have a line */

#define EVENT_TEXT_MAX 128 /* bytes of extension, call_id, leg_id, line */
#define EVENTS_MAX 500     /* events of one request */

struct call_event {
	enum event_type type;
	const char *extension; /* NULL: EVENT_RESTARTED; or an EVENT_ENDED that
				  names the call alone: whoever is on it */
	const char *call_id;   /* set for call.* */
	const char *leg_id;    /* call.*: NULL when the sender has none */
	const char *line;      /* phone.*: NULL when the sender has none */
	bool has_at;
	int64_t at_us;   /* the sender's clock, us since 1970 */
	const char *key; /* idempotency key, NULL: none */
};

/* One request of a PBX as the adapters see it. Borrowed for the call. */
struct pbx_request {
	const char *method;
	const char *url; /* as the sender wrote it: some sign it */
	const char *content_type; /* "" when none */
	const char *query;        /* raw */
	const char *body;
	size_t body_len;
	bool by_path; /* proved by its address: headers are anybody's words */
	const char *(*header)(void *arg, const char *name); /* NULL: absent */
	void *arg;
};

struct pbx_events {
	struct call_event *list; /* in the arena */
	int n;
	bool has_attempt;   /* when this attempt was sent, the */
	int64_t attempt_us; /* sender's clock */
};

/* What a sender is answered at once, where no event is meant. */
struct pbx_reply {
	const char *json;
	const char *header, *value; /* one more header; NULL: none */
};

/* A secret of the PBX in plain text, as the admin knows it. */
struct pbx_secret {
	const char *text; /* NUL behind the end */
	size_t len;
};

#endif
