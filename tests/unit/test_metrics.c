/* metrics: Prometheus' text, families whole and buckets cumulated. */
#include "base/metrics.c"

#include "sync/apply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static const char *
text(struct buf *b)
{
	buf_init_heap(b, 1 << 18);
	metrics_write(b);
	assert_false(b->overflow);
	return buf_str(b);
}

static void
counters_and_gauges(void **state)
{
	struct buf b;

	(void)state;
	metrics_add(METRIC_EVENT_DEFERRED, 2);
	metrics_add(METRIC_PUBLISHING, 5);
	metrics_add(METRIC_PUBLISHING, -2);
	assert_non_null(strstr(text(&b), "# TYPE presence_events_total "
	    "counter\npresence_events_total{outcome=\"unknown_extension\"}"));
	assert_non_null(strstr(buf_str(&b),
	    "presence_events_total{outcome=\"deferred\"} 2\n"));
	assert_non_null(strstr(buf_str(&b),
	    "# TYPE presence_publishings_under_way gauge\n"
	    "presence_publishings_under_way 3\n"));
	buf_done(&b);
}

static void
buckets_are_cumulated(void **state)
{
	struct buf b;

	(void)state;
	metrics_observe_ms(METRIC_GRAPH_MS, 0);
	metrics_observe_ms(METRIC_GRAPH_MS, 100);
	metrics_observe_ms(METRIC_GRAPH_MS, 101);
	metrics_observe_ms(METRIC_GRAPH_MS, 99999);
	assert_int_equal(metrics_value(METRIC_GRAPH_MS), 4);
	text(&b);
	assert_non_null(strstr(buf_str(&b),
	    "presence_graph_seconds_bucket{le=\"0.001\"} 1\n"));
	assert_non_null(strstr(buf_str(&b),
	    "presence_graph_seconds_bucket{le=\"0.100\"} 2\n"));
	assert_non_null(strstr(buf_str(&b),
	    "presence_graph_seconds_bucket{le=\"15.000\"} 3\n"));
	assert_non_null(strstr(buf_str(&b),
	    "presence_graph_seconds_bucket{le=\"+Inf\"} 4\n"
	    "presence_graph_seconds_sum 100.200\n"
	    "presence_graph_seconds_count 4\n"));
	buf_done(&b);
}

/* The rooms count by adding an outcome or a result to the first of its row. */
static void
rows_stand_in_the_order_of_their_words(void **state)
{
	char label[64];
	int i;

	(void)state;
	for (i = OUTCOME_UNKNOWN_EXTENSION; i < OUTCOME__MAX; i++) {
		snprintf(label, sizeof(label), "outcome=\"%s\"",
		    outcome_word((enum outcome)i));
		assert_string_equal(label, table[METRIC_EVENT_UNKNOWN_EXTENSION
		    + i - OUTCOME_UNKNOWN_EXTENSION].labels);
	}
	for (i = 0; i < RESULT__MAX; i++) {
		snprintf(label, sizeof(label), "result=\"%s\"",
		    result_word((enum result)i));
		assert_string_equal(label, table[METRIC_PUBLISH_OK + i].labels);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counters_and_gauges),
		cmocka_unit_test(buckets_are_cumulated),
		cmocka_unit_test(rows_stand_in_the_order_of_their_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
