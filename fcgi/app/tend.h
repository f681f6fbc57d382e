/*
 * Looks after the PBXs that can be asked (table pbx_api): keeps their
 * subscription alive, and asks for the calls of whose lease was renewed (R9).
 * Threads of its own, because each request waits for somebody else's PBX; one
 * PBX is looked after by one of them at a time, whichever program it is in.
 */
#ifndef APP_TEND_H
#define APP_TEND_H

#include "base/secret.h"
#include "sync/publisher.h"

struct tend;
struct tend_options {
	const struct settings *settings; /* borrowed for life */
	const struct seal_keys *keys;    /* borrowed for life */
	struct publisher *publisher;     /* gets the jobs; ends after us */
	const char *program;             /* for the database */
};

struct tend *tend_start(const struct tend_options *o);
/* Waits for the requests under way, 5 s at most; none begins any more. */
void tend_stop(struct tend *t);

#endif
