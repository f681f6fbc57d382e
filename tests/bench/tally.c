/* What was answered, how fast, and the report of it. */
#include "load.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

static const char *const outcomes[OUTCOMES + 1] = {
	"published",
	"deferred",
	"superseded",
	"unchanged",
	"duplicate",
	"no_consent",
	"monitoring_off",
	"unknown_extension",
	"other",
};
static const char *const troubles[TROUBLE__MAX] = {
	"connect",
	"reset",
	"closed",
	"timeout",
	"garbled",
};

/* Below PARTS each value has a place of its own. */
void
histogram_add(struct histogram *h, int64_t us)
{
	int power = 0;

	if (us < 0)
		us = 0;
	h->n++;
	if (us > h->max_us)
		h->max_us = us;
	while (power < POWERS && us >= (int64_t)PARTS << power)
		power++;
	/* power p > 0 holds PARTS/2 .. PARTS-1 in steps of 2^p */
	h->parts[power][us >> power < PARTS ? us >> power : PARTS - 1]++;
}

int64_t
histogram_at(const struct histogram *h, double share)
{
	uint64_t wanted = (uint64_t)((double)h->n * share), seen = 0;
	int power, part;

	for (power = 0; power <= POWERS; power++)
		for (part = 0; part < PARTS; part++) {
			seen += h->parts[power][part];
			if (seen > wanted) {
				const int64_t top =
				    ((int64_t)(part + 1) << power) - 1;

				return top < h->max_us ? top : h->max_us;
			}
		}
	return h->max_us;
}

void
tally_body(struct tally *t, const char *body, size_t len)
{
	static const char mark[] = "\"outcome\":\"";
	const char *end = body + len, *p = body;
	int i;

	while ((p = memmem(p, (size_t)(end - p), mark, sizeof(mark) - 1))) {
		p += sizeof(mark) - 1;
		for (i = 0; i < OUTCOMES; i++) {
			const size_t n = strlen(outcomes[i]);

			if ((size_t)(end - p) > n &&
			    memcmp(p, outcomes[i], n) == 0 && p[n] == '"')
				break;
		}
		t->outcomes[i]++;
	}
}

static void
object(
    const char *name, const char *const *names, const uint64_t *counts, int n)
{
	const char *comma = "";
	int i;

	printf("\"%s\":{", name);
	for (i = 0; i < n; i++)
		if (counts[i]) {
			printf("%s\"%s\":%" PRIu64, comma, names[i], counts[i]);
			comma = ",";
		}
	printf("},");
}

void
tally_print(const struct tally *t, const char *mode, int connections,
    uint64_t events, double measured_s, double whole_s)
{
	const char *comma = "";
	struct rusage used;
	int i;

	getrusage(RUSAGE_SELF, &used);
	printf("{\"mode\":\"%s\",\"connections\":%d,\"most_open\":%d,"
	       "\"events\":%" PRIu64 ",\"requests\":%" PRIu64
	       ",\"taken\":%" PRIu64 ",\"repeats\":%" PRIu64
	       ",\"given_up\":%" PRIu64 ",\"answers\":{",
	    mode, connections, t->most_open, events, t->requests, t->taken,
	    t->repeats, t->given_up);
	for (i = 0; i < 600; i++)
		if (t->statuses[i]) {
			printf("%s\"%d\":%" PRIu64, comma, i, t->statuses[i]);
			comma = ",";
		}
	printf("},");
	object("errors", troubles, t->troubles, TROUBLE__MAX);
	/* Sent, and not one answer came back. */
	printf("\"no_answer\":%" PRIu64 ",\"no_retry_after\":%" PRIu64
	       ",\"reopened\":%" PRIu64 ",",
	    t->troubles[TROUBLE_RESET] + t->troubles[TROUBLE_CLOSED] +
		t->troubles[TROUBLE_TIMEOUT],
	    t->no_retry_after, t->reopened);
	object("outcomes", outcomes, t->outcomes, OUTCOMES + 1);
	printf("\"measured\":%" PRIu64 ",\"rate\":%.1f,\"p50_us\":%" PRId64
	       ",\"p90_us\":%" PRId64 ",\"p99_us\":%" PRId64
	       ",\"max_us\":%" PRId64 ",\"measured_s\":%.3f,\"whole_s\":%.3f,"
	       "\"cpu_s\":%.3f}\n",
	    t->measured, (double)t->measured / measured_s,
	    histogram_at(&t->latency, 0.5), histogram_at(&t->latency, 0.9),
	    histogram_at(&t->latency, 0.99), t->latency.max_us, measured_s,
	    whole_s,
	    (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
		(double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6);
}
