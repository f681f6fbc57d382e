/*
 * What is counted, for GET /metrics: counters, gauges and histograms by name,
 * each an atomic. Counting never waits and never fails.
 */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H

#include <stdint.h>

#include "base/buf.h"

/* name in C, kind, family, labels; a family's rows stand together */
#define METRIC_TABLE(X)                                                       \
	X(ANSWER_2XX, COUNTER, "answers_total", "class=\"2xx\"")              \
	X(ANSWER_4XX, COUNTER, "answers_total", "class=\"4xx\"")              \
	X(ANSWER_5XX, COUNTER, "answers_total", "class=\"5xx\"")              \
	X(EVENT_UNKNOWN_EXTENSION, COUNTER, "events_total",                   \
	    "outcome=\"unknown_extension\"")                                  \
	X(EVENT_MONITORING_OFF, COUNTER, "events_total",                      \
	    "outcome=\"monitoring_off\"")                                     \
	X(EVENT_DUPLICATE, COUNTER, "events_total", "outcome=\"duplicate\"")  \
	X(EVENT_NO_CONSENT, COUNTER, "events_total", "outcome=\"no_consent\"") \
	X(EVENT_UNCHANGED, COUNTER, "events_total", "outcome=\"unchanged\"")  \
	X(EVENT_SUPERSEDED, COUNTER, "events_total", "outcome=\"superseded\"") \
	X(EVENT_PUBLISHED, COUNTER, "events_total", "outcome=\"published\"")  \
	X(EVENT_DEFERRED, COUNTER, "events_total", "outcome=\"deferred\"")    \
	X(EVENT_FAILED, COUNTER, "events_total", "outcome=\"failed\"")        \
	X(PUBLISH_OK, COUNTER, "publishings_total", "result=\"ok\"")          \
	X(PUBLISH_THROTTLED, COUNTER, "publishings_total",                    \
	    "result=\"throttled\"")                                           \
	X(PUBLISH_UNAUTHORIZED, COUNTER, "publishings_total",                 \
	    "result=\"unauthorized\"")                                        \
	X(PUBLISH_FORBIDDEN, COUNTER, "publishings_total",                    \
	    "result=\"forbidden\"")                                           \
	X(PUBLISH_NOT_FOUND, COUNTER, "publishings_total",                    \
	    "result=\"not_found\"")                                           \
	X(PUBLISH_REJECTED, COUNTER, "publishings_total",                     \
	    "result=\"rejected\"")                                            \
	X(PUBLISH_FAILED, COUNTER, "publishings_total", "result=\"failed\"")  \
	X(PUBLISH_UNKNOWN, COUNTER, "publishings_total", "result=\"unknown\"") \
	X(PUBLISH_UNSENT, COUNTER, "publishings_total", "result=\"unsent\"")  \
	X(PUBLISH_LOST, COUNTER, "publishings_total", "result=\"lost\"")      \
	X(PUBLISH_CREDENTIAL, COUNTER, "publishings_total",                   \
	    "result=\"credential\"")                                          \
	X(TOKEN_OK, COUNTER, "tokens_total", "result=\"ok\"")                 \
	X(TOKEN_FAILED, COUNTER, "tokens_total", "result=\"failed\"")         \
	X(RECORD_DROPPED, COUNTER, "results_dropped_total", "")               \
	X(DUE_TAKEN, COUNTER, "due_taken_total", "")                          \
	X(SWEPT, COUNTER, "rows_swept_total", "")                             \
	X(DATABASE_FAILED, COUNTER, "database_failures_total", "")            \
	X(PUBLISHING, GAUGE, "publishings_under_way", "")                     \
	X(ANSWER_MS, HISTOGRAM, "answer_seconds", "")                         \
	X(APPLY_MS, HISTOGRAM, "apply_seconds", "")                           \
	X(RECORD_MS, HISTOGRAM, "record_seconds", "")                         \
	X(GRAPH_MS, HISTOGRAM, "graph_seconds", "")

enum metric {
#define X(name, kind, family, labels) METRIC_##name,
	METRIC_TABLE(X)
#undef X
	METRIC__MAX
};

void metrics_add(enum metric m, int64_t n);         /* counters, gauges */
void metrics_observe_ms(enum metric m, int64_t ms); /* histograms */
int64_t metrics_value(enum metric m); /* a histogram's: observations */
/* Prometheus' text format 0.0.4; each name gets the prefix presence_. */
void metrics_write(struct buf *b);

#endif
