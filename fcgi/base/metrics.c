/* What is counted, see metrics.h. */
#include "base/metrics.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

enum kind { COUNTER, GAUGE, HISTOGRAM };

static const struct {
	enum kind kind;
	const char *family, *labels;
} table[METRIC__MAX] = {
#define X(name, kind, family, labels) { kind, family, labels },
	METRIC_TABLE(X)
#undef X
};

/* Graph takes about 100 ms, an answer has 2.5 s, a call is given up after 15. */
static const int bounds_ms[] = { 1, 2, 5, 10, 20, 50, 100, 150, 200, 300, 500,
	1000, 2500, 5000, 15000 };
#define NBOUNDS ((int)(sizeof(bounds_ms) / sizeof(bounds_ms[0])))

static struct {
	_Atomic int64_t value;                /* observations of a histogram */
	_Atomic int64_t sum_ms;
	_Atomic int64_t buckets[NBOUNDS + 1]; /* each alone, not cumulated */
} metrics[METRIC__MAX];

static void
add(_Atomic int64_t *to, int64_t n)
{
	atomic_fetch_add_explicit(to, n, memory_order_relaxed);
}

static int64_t
get(_Atomic int64_t *from)
{
	return atomic_load_explicit(from, memory_order_relaxed);
}

void
metrics_add(enum metric m, int64_t n)
{
	add(&metrics[m].value, n);
}

void
metrics_observe_ms(enum metric m, int64_t ms)
{
	int i = 0;

	while (i < NBOUNDS && ms > bounds_ms[i])
		i++;
	add(&metrics[m].buckets[i], 1);
	add(&metrics[m].sum_ms, ms);
	add(&metrics[m].value, 1);
}

int64_t
metrics_value(enum metric m)
{
	return get(&metrics[m].value);
}

static void
write_histogram(struct buf *b, enum metric m)
{
	const char *family = table[m].family;
	int64_t n = 0;
	int i;

	for (i = 0; i < NBOUNDS; i++) {
		n += get(&metrics[m].buckets[i]);
		buf_printf(b, "presence_%s_bucket{le=\"%d.%03d\"} %" PRId64
		    "\n", family, bounds_ms[i] / 1000, bounds_ms[i] % 1000, n);
	}
	/* The total from the buckets, so that the lines fit together. */
	n += get(&metrics[m].buckets[NBOUNDS]);
	buf_printf(b, "presence_%s_bucket{le=\"+Inf\"} %" PRId64 "\n", family,
	    n);
	buf_printf(b, "presence_%s_sum %.3f\n", family,
	    (double)get(&metrics[m].sum_ms) / 1000);
	buf_printf(b, "presence_%s_count %" PRId64 "\n", family, n);
}

void
metrics_write(struct buf *b)
{
	static const char *const kinds[] = { "counter", "gauge", "histogram" };
	bool has_labels;
	int m;

	for (m = 0; m < METRIC__MAX; m++) {
		if (m == 0 || strcmp(table[m].family, table[m - 1].family) != 0)
			buf_printf(b, "# TYPE presence_%s %s\n",
			    table[m].family, kinds[table[m].kind]);
		if (table[m].kind == HISTOGRAM) {
			write_histogram(b, (enum metric)m);
			continue;
		}
		has_labels = table[m].labels[0] != '\0';
		buf_printf(b, "presence_%s%s%s%s %" PRId64 "\n",
		    table[m].family, has_labels ? "{" : "", table[m].labels,
		    has_labels ? "}" : "", metrics_value((enum metric)m));
	}
}
