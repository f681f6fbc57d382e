/*
 * What only the operator may ask: is the process up, is its database there,
 * what did it count. From loopback only, and never through a proxy in front.
 */
#ifndef APP_INSIDE_H
#define APP_INSIDE_H

#include "base/db.h"
#include "web/request.h"
#include "web/route.h"

enum err inside_healthz(struct request *rq);
enum err inside_readyz(struct request *rq);
enum err inside_metrics(struct request *rq);

/* For every program's table of routes; nginx names the program behind. */
#define INSIDE_ROUTES                                       \
	{ "GET", "/healthz", 0, 0, inside_healthz },        \
	{ "GET", "/healthz/:program", 0, 0, inside_healthz }, \
	{ "GET", "/readyz", 0, 0, inside_readyz },          \
	{ "GET", "/readyz/:program", 0, 0, inside_readyz }, \
	{ "GET", "/metrics", 0, 0, inside_metrics },        \
	{ "GET", "/metrics/:program", 0, 0, inside_metrics }

/* Before the server starts: how to find the thread's database connection. */
void inside_init(struct db *(*db_of)(const struct request *rq));

#endif
