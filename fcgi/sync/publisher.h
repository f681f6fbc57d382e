/*
 * The publish and record rooms, shared by all programs: the one road from a
 * claim to Graph and back into the database.
 *
 *   publisher_hand -> publish (1 thread, curl_multi, newest state per person)
 *                  -> record (2 threads, what has rested in ONE transaction),
 *                     or with the next events of the same tenant
 *                     the person's next call goes back to publish
 */
#ifndef SYNC_PUBLISHER_H
#define SYNC_PUBLISHER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/ctx.h"
#include "base/db.h"
#include "base/settings.h"
#include "sync/entra.h"
#include "sync/job.h"

struct publisher;

struct publisher_options {
	const struct settings *settings;
	struct entra *entra;            /* borrowed */
	const char *program;            /* for the database's application_name */
	int max_in_flight;              /* Graph calls at once */
	/* News for whoever waits; from any thread, must not block. May
	 * be NULL where nobody calls publisher_wait. */
	settled_fn *settled;
	void *arg;
};

struct publisher *publisher_start(const struct publisher_options *o);
/* Takes no more; waits at most drain_ms for what is in flight to be recorded.
 * A claim that is left runs out by itself and somebody else publishes. */
void publisher_stop(struct publisher *p, int drain_ms);

/*
 * A part of a request waits until this person's goal number goal_no is
 * settled; `goal` comes back with the news. false: nobody in this program is
 * publishing for this person (then it is deferred). Call for a claimed job
 * BEFORE publisher_hand, with hold = true: it makes the entry.
 */
bool publisher_wait(struct publisher *p, const char *tenant_id,
    const char *user_id, int64_t goal_no, uint64_t ticket, int part,
    enum goal goal, bool hold);
/* One part waits for all of these jobs: PUBLISHED when each person was told
 * this or something newer, else DEFERRED. Before publisher_hand, too. */
void publisher_wait_all(struct publisher *p, const struct job *jobs, int n,
    uint64_t ticket, int part);

/* Takes over the jobs (copied). Never fails: the claims bound the number. */
void publisher_hand(struct publisher *p, const struct job *jobs, int n);

/* The jobs among rows with the columns of statement.h's job_column; rows of
 * another kind are passed over. The first job gets cx's id. In cx's arena. */
int jobs_from_rows(struct ctx *cx, const struct rows *r, int64_t claimed_ms,
    struct job **ret);

/*
 * Results that are not stored yet, for who stores events of the same tenant: taken
 * out with results_of, at most `most`; stored with the items that results_json
 * writes ("{...},{...}") among the batch of presence.apply; then told, and ended, with
 * results_stored, or given back. Nobody has some when publisher_stop is called.
 */
struct call;
int publisher_results_of(struct publisher *p, const char *tenant_id,
    struct call **ret, int most);
void publisher_results_json(struct buf *b, struct call *const *calls, int n);
/* jobs: those among the rows. Returns how many somebody's lock kept out: they
 * are the first of calls. */
int publisher_results_stored(struct publisher *p, const struct rows *rows,
    struct job *jobs, int njobs, struct call **calls, int n);
void publisher_results_back(struct publisher *p, struct call **calls, int n);

/*
 * For the blocking programs (tab, dashboard, presencectl): hands over and
 * waits until all are settled or wait_ms have passed. True: all were published.
 * Probes: true when it was answered.
 */
bool publisher_run(struct publisher *p, const struct job *jobs, int n,
    int wait_ms);

/* Jobs handed over and not recorded yet. */
int publisher_in_flight(const struct publisher *p);

#endif
