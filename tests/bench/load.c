/*
 * Sends signed events to a webhook on loopback and tells how they were
 * answered: one JSON object on stdout.
 *
 *   load crowd  [OPTION ...] PBXS   each connection sends one event, all at the
 *                                   same moment; opened and signed before
 *   load closed [OPTION ...] PBXS   each connection sends the next event when
 *                                   the last was answered
 *   load open   [OPTION ...] PBXS   events at a rate, whatever the answers do;
 *                                   latency counts from the planned moment
 *
 *   -c N     connections (64; at most 20,000)
 *   -s S     seconds of sending (5; at most 600)   -w S  of them not measured
 * (0) -r RATE  open: events a second                 -p    open: Poisson, not
 * even -d N     percent of events that are sent again after they were taken -u
 * N     only N people                         -k call|hook|mixed  events -t
 * TYPE -i CALL  crowd: this type and this call's id -a MS    a client's
 * patience with an answer (30,000)  -S SEED
 *
 * PBXS has a line for each: URL, secret, prefix of extensions, their number,
 * with tabs between. Each event is of a state that its person was not in. Who
 * is not answered, or by 429 or 503, sends again as a PBX does: the same id, at
 * most five times.
 */
#include "load.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define CONNECT_MS 5000
#define CONNECTING_MOST 256 /* at once */
#define ATTEMPTS 15
#define DRAIN_S 40          /* for what is under way at the end */
#define BACKLOG_MAX 1000000 /* open: planned and not sent yet */
#define TICK_US 50000       /* how often waits are looked at */

enum mode { MODE_CROWD, MODE_CLOSED, MODE_OPEN };

static struct {
	enum mode mode;
	int connections, repeat_percent, expected;
	double seconds, warm, rate;
	bool poisson;
	int64_t patience_us;
	uint64_t seed;
} o = { .connections = 64, .seconds = 5, .patience_us = 30000000 };

static struct plan plan;
static struct tally tally;
static struct conn *conns;
static int epoll_fd, connecting, opened;
static int64_t start_us, measure_us, end_us;
static int under_way; /* connections that have an event */
/* open: planned moments that no connection was free for, first in first out */
static int64_t *backlog;
static uint64_t backlog_in, backlog_out;
static int *free_conns, nfree;
static int next_person, next_on;

/* --- chance -----------------------------------------------------------------
 */

static uint64_t
chance(void)
{
	o.seed ^= o.seed << 13;
	o.seed ^= o.seed >> 7;
	o.seed ^= o.seed << 17;
	return o.seed;
}

static double
chance_unit(void)
{
	return ((double)(chance() >> 11) + 0.5) / 9007199254740992.0;
}

/* --- what a connection does next --------------------------------------------
 */

static void
event_done(struct conn *c)
{
	plan.people[c->event.person].sending--;
	c->busy = false;
	under_way--;
	if (o.mode == MODE_OPEN)
		free_conns[nfree++] = (int)(c - conns);
}

/* Not taken: again after a while, or given up. */
static void
event_again(struct conn *c, int64_t wait_us)
{
	if (o.mode == MODE_CROWD || ++c->event.attempts >= ATTEMPTS) {
		if (!c->event.repeat)
			tally.given_up++;
		event_done(c);
		return;
	}
	c->again_us = now_us() + wait_us;
}

static void
event_taken(struct conn *c, int64_t now)
{
	if (now >= measure_us && now <= end_us) {
		tally.measured++;
		histogram_add(&tally.latency, now - c->event.planned_us);
	}
	if (c->event.repeat) {
		tally.repeats++;
	} else {
		tally.taken++;
		if (o.repeat_percent &&
		    chance() % 100 < (uint64_t)o.repeat_percent) {
			c->event.repeat = true;
			c->event.attempts = 0;
			c->event.planned_us = o.mode == MODE_OPEN ? now : 0;
			return;
		}
	}
	event_done(c);
}

static void
event_give(struct conn *c, int person, int64_t planned_us)
{
	plan_event(&plan, person, &c->event);
	c->event.planned_us = planned_us;
	plan.people[person].sending++;
	c->busy = true;
	c->again_us = 0;
	under_way++;
}

/* closed: connection c has the people c, c + N, c + 2N ... for itself, one call
 * after the other; where people are few, connections share them. */
static int
person_of(struct conn *c)
{
	const int first = (int)(c - conns);
	int person = first + c->turn * o.connections;

	if (person >= plan.npeople) {
		person = first % plan.npeople;
		c->turn = 0;
	}
	if (plan.people[person].on)
		c->turn++;
	return person;
}

/* When the time is over, everybody hangs up. -1: nobody who could right now. */
static int
person_on(void)
{
	int i;

	while (next_on < plan.npeople && !plan.people[next_on].on)
		next_on++;
	for (i = next_on; i < plan.npeople && i < next_on + 64; i++)
		if (plan.people[i].on && plan.people[i].sending == 0)
			return i;
	return -1;
}

/* open: the next one whom nobody tells anything about right now. */
static int
person_free(void)
{
	int i;

	for (i = 0; i < 64; i++) {
		next_person = (next_person + 1) % plan.npeople;
		if (plan.people[next_person].sending == 0)
			break;
	}
	return next_person;
}

static void
conn_lost(struct conn *c, enum trouble t)
{
	const bool waited = c->state == CONN_WAITING;

	if (c->state == CONN_CONNECTING)
		connecting--;
	conn_close(c);
	if (!start_us) {
		c->again_us = now_us() + 100000;
		opened -= t != TROUBLE_CONNECT;
		return;
	}
	if (waited || t == TROUBLE_CONNECT) {
		tally.troubles[t]++;
		if (c->busy)
			event_again(c, 1000000);
	} else {
		tally.reopened++;
	}
}

/* Moves a connection on as far as it goes without waiting. */
static void
conn_go(struct conn *c, int64_t now)
{
	int person;

	if (!c->busy && o.mode == MODE_CLOSED && now < end_us)
		event_give(c, person_of(c), 0);
	else if (!c->busy && o.mode == MODE_CLOSED && start_us &&
	    (person = person_on()) >= 0)
		event_give(c, person, 0);
	if (c->again_us > now)
		return;
	if (c->state == CONN_CLOSED) {
		if ((o.mode == MODE_CROWD && start_us) ||
		    (start_us && !c->busy) || connecting >= CONNECTING_MOST)
			return;
		if (!conn_open(c, &plan, epoll_fd)) {
			c->again_us = now + 1000000;
			tally.troubles[TROUBLE_CONNECT]++;
			return;
		}
		connecting++;
		return;
	}
	if (c->state != CONN_IDLE || !c->busy || !start_us)
		return;
	if (o.mode != MODE_CROWD)
		c->out_len = plan_request(&plan, &c->event, c->out);
	c->out_done = c->in_len = 0;
	c->began_us = o.mode == MODE_CROWD ? now_us() : now;
	if (!c->event.planned_us)
		c->event.planned_us = c->began_us;
	c->state = CONN_WAITING;
	tally.requests++;
	if (!conn_send(c, epoll_fd))
		conn_lost(c, TROUBLE_RESET);
}

static void
conn_answered(struct conn *c, const struct answer *a)
{
	const int64_t now = now_us();

	c->state = CONN_IDLE;
	tally.statuses[a->status]++;
	if (a->last)
		conn_close(c);
	if ((a->status >= 200 && a->status < 300) || a->status == o.expected) {
		tally_body(&tally, a->body, a->len);
		event_taken(c, now);
	} else if (a->status == 429 || a->status >= 500) {
		if (a->retry_after_s < 1)
			tally.no_retry_after++;
		event_again(c,
		    (a->retry_after_s < 1 ? 1 : a->retry_after_s) * 1000000LL);
	} else {
		if (!c->event.repeat)
			tally.given_up++;
		event_done(c);
	}
	conn_go(c, now);
}

static void
conn_event(struct conn *c, uint32_t what)
{
	struct answer a;
	int r;

	if (c->state == CONN_CONNECTING) {
		struct epoll_event e = { .events = EPOLLIN, .data.ptr = c };

		if (what & (EPOLLERR | EPOLLHUP)) {
			conn_lost(c, TROUBLE_CONNECT);
			return;
		}
		connecting--;
		opened++;
		c->state = CONN_IDLE;
		epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &e);
		conn_go(c, now_us());
		return;
	}
	if (c->state == CONN_WAITING && c->out_done < c->out_len &&
	    (what & EPOLLOUT) && !conn_send(c, epoll_fd)) {
		conn_lost(c, TROUBLE_RESET);
		return;
	}
	if (!(what & (EPOLLIN | EPOLLHUP | EPOLLERR)) ||
	    c->state == CONN_CLOSED)
		return;
	r = conn_read(c, &a);
	if (r == 1)
		conn_answered(c, &a);
	else if (r < 0)
		conn_lost(c,
		    r == -1       ? TROUBLE_CLOSED
			: r == -2 ? TROUBLE_RESET
				  : TROUBLE_GARBLED);
}

/* --- time -------------------------------------------------------------------
 */

/* Waits that are over, and connections that may go on. */
static void
tick(int64_t now)
{
	int i, open = 0;

	for (i = 0; i < o.connections; i++) {
		struct conn *c = &conns[i];

		if (c->state == CONN_WAITING &&
		    now - c->began_us > o.patience_us)
			conn_lost(c, TROUBLE_TIMEOUT);
		else if (c->state == CONN_CONNECTING &&
		    now - c->began_us > CONNECT_MS * 1000LL)
			conn_lost(c, TROUBLE_CONNECT);
		if (c->state == CONN_IDLE || c->state == CONN_WAITING)
			open++;
		conn_go(c, now);
	}
	if (open > tally.most_open)
		tally.most_open = open;
}

static void
wait_for(int64_t us)
{
	const struct timespec t = { us / 1000000, us % 1000000 * 1000 };
	struct epoll_event list[512];
	int i, n;

	n = epoll_pwait2(epoll_fd, list, 512, &t, NULL);
	for (i = 0; i < n; i++)
		conn_event(list[i].data.ptr, list[i].events);
}

/* open: hands planned events to free connections; returns when the next is due.
 */
static int64_t
plan_due(int64_t now, int64_t *planned)
{
	int person;

	while (*planned <= now && *planned < end_us) {
		if (backlog_in - backlog_out < BACKLOG_MAX)
			backlog[backlog_in++ % BACKLOG_MAX] = *planned;
		else
			tally.given_up++;
		*planned += (int64_t)(1e6 / o.rate *
			(o.poisson ? -log(chance_unit()) : 1) +
		    0.5);
	}
	while (backlog_out < backlog_in && nfree > 0) {
		struct conn *c = &conns[free_conns[--nfree]];

		event_give(
		    c, person_free(), backlog[backlog_out++ % BACKLOG_MAX]);
		conn_go(c, now);
	}
	while (now >= end_us && nfree > 0 && (person = person_on()) >= 0) {
		struct conn *c = &conns[free_conns[--nfree]];

		event_give(c, person, 0);
		conn_go(c, now);
	}
	return *planned < end_us ? *planned : INT64_MAX;
}

static void
run(void)
{
	int64_t now, planned, tick_us = 0, limit_us;
	int i;

	limit_us = now_us() + 60000000;
	while (opened < o.connections && (now = now_us()) < limit_us) {
		tick(now);
		wait_for(1000);
	}
	if (opened < o.connections)
		fprintf(stderr, "load: only %d of %d connections were opened\n",
		    opened, o.connections);
	start_us = planned = now = now_us();
	measure_us = start_us + (int64_t)(o.warm * 1e6);
	end_us = start_us + (int64_t)(o.seconds * 1e6);
	limit_us = end_us + DRAIN_S * 1000000LL;
	for (i = 0; i < o.connections; i++)
		if (o.mode == MODE_CROWD && conns[i].state != CONN_IDLE)
			conn_lost(&conns[i], TROUBLE_CONNECT);
		else
			conn_go(&conns[i], now);
	while ((now = now_us()) < limit_us) {
		int64_t next = now + TICK_US;

		if (now >= tick_us) {
			tick(now);
			tick_us = now + TICK_US;
		}
		if (o.mode == MODE_OPEN) {
			const int64_t due = plan_due(now, &planned);

			if (due < next)
				next = due;
		}
		if ((o.mode == MODE_CROWD ||
			(now >= end_us && person_on() < 0)) &&
		    under_way == 0 && backlog_in == backlog_out)
			break;
		wait_for(next > now ? next - now : 0);
	}
	for (i = 0; i < o.connections; i++)
		if (conns[i].busy && !conns[i].event.repeat)
			tally.given_up++;
	tally.given_up += backlog_in - backlog_out;
}

/* --- options ----------------------------------------------------------------
 */

static void
usage(const char *why)
{
	fprintf(stderr, "load: %s; see the head of tests/bench/load.c\n", why);
	exit(2);
}

static double
number(const char *text, double least, double most)
{
	char *end;
	double n = strtod(text, &end);

	if (end == text || *end || !(n >= least && n <= most))
		usage(text);
	return n;
}

static void
prepare(const char *file, int most_people)
{
	struct rlimit files;
	int i;

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	if (files.rlim_cur < (rlim_t)o.connections + 20)
		usage("not enough file descriptors (ulimit -n)");
	plan_read(&plan, file, most_people);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	conns = calloc((size_t)o.connections, sizeof(*conns));
	free_conns = calloc((size_t)o.connections, sizeof(*free_conns));
	backlog =
	    calloc(o.mode == MODE_OPEN ? BACKLOG_MAX : 1, sizeof(*backlog));
	if (epoll_fd < 0 || !conns || !free_conns || !backlog)
		usage("out of memory");
	for (i = 0; i < o.connections; i++) {
		conns[i].fd = -1;
		if (o.mode == MODE_OPEN)
			free_conns[nfree++] = i;
		if (o.mode != MODE_CROWD)
			continue;
		event_give(&conns[i], i % plan.npeople, 0);
		conns[i].out_len =
		    plan_request(&plan, &conns[i].event, conns[i].out);
	}
}

int
main(int argc, char **argv)
{
	static const char *const modes[] = { "crowd", "closed", "open" };
	static const char *const kinds[] = { "mixed", "call", "hook" };
	int option, most_people = PEOPLE_MAX, i;
	double whole_s;

	o.mode = MODE_OPEN + 1;
	for (i = 0; argc > 2 && i < 3; i++)
		if (strcmp(argv[1], modes[i]) == 0)
			o.mode = (enum mode)i;
	if (o.mode > MODE_OPEN)
		usage("crowd, closed or open, and a file");
	while ((option = getopt(
		    argc - 1, argv + 1, "c:s:w:r:pd:u:k:t:i:x:a:S:")) != -1)
		switch (option) {
		case 'c':
			o.connections = (int)number(optarg, 1, CONNECTIONS_MAX);
			break;
		case 's':
			o.seconds = number(optarg, 0.1, SECONDS_MAX);
			break;
		case 'w':
			o.warm = number(optarg, 0, SECONDS_MAX);
			break;
		case 'r':
			o.rate = number(optarg, 0.1, 1e6);
			break;
		case 'p':
			o.poisson = true;
			break;
		case 'd':
			o.repeat_percent = (int)number(optarg, 0, 100);
			break;
		case 'u':
			most_people = (int)number(optarg, 1, PEOPLE_MAX);
			break;
		case 'k':
			for (i = 0; i < 3 && strcmp(optarg, kinds[i]); i++)
				;
			if (i == 3)
				usage(optarg);
			plan.kind = (enum kind)i;
			break;
		case 't':
			plan.type = optarg;
			break;
		case 'i':
			plan.call = optarg;
			break;
		case 'x':
			o.expected = (int)number(optarg, 100, 599);
			break;
		case 'a':
			o.patience_us =
			    (int64_t)(number(optarg, 1, 600000) * 1000);
			break;
		case 'S':
			o.seed = (uint64_t)number(optarg, 1, 1e15);
			break;
		default:
			usage("an unknown option");
		}
	if (optind + 2 != argc || o.warm >= o.seconds ||
	    (plan.type && !plan.call) || (o.mode == MODE_OPEN) != (o.rate > 0))
		usage("these do not fit together");
	if (!o.seed)
		o.seed = (uint64_t)now_us() | 1;
	fprintf(stderr, "load: seed %llu\n", (unsigned long long)o.seed);
	if (o.mode == MODE_CROWD)
		o.seconds = (double)o.patience_us / 1e6;
	prepare(argv[optind + 1], most_people);
	run();
	whole_s = (double)(now_us() - start_us) / 1e6;
	tally_print(&tally, modes[o.mode], o.connections, plan.events,
	    o.mode == MODE_CROWD ? whole_s : o.seconds - o.warm, whole_s);
	return 0;
}
