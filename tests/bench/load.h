/*
 * A load of signed events for one HTTP/1.1 server on loopback: what its files
 * share. load.c decides who sends when; plan.c writes events and signs them;
 * wire.c carries requests and reads answers; tally.c counts.
 */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONNECTIONS_MAX 20000
#define SECONDS_MAX 600
#define PBXS_MAX 10000
#define PEOPLE_MAX 1000000
#define REQUEST_MAX 1024
#define ANSWER_MAX 4096

/* --- plan.c -----------------------------------------------------------------
 */

struct pbx {
	char host[64]; /* for the Host header */
	char path[160];
	EVP_MAC_CTX *mac; /* keyed */
	char prefix[32];
	int extensions;
};

struct person {
	int pbx, extension;
	bool on;        /* what the last event said */
	uint32_t calls; /* started so far */
	int sending;    /* events under way */
};

/* One event; sent again (same id) until it is taken or given up. */
struct event {
	int person;
	uint64_t no; /* makes the id */
	bool on;
	uint32_t call;
	int attempts;
	bool repeat;        /* sent again on purpose after it was taken */
	int64_t planned_us; /* open loop: latency counts from here; else 0 */
};

enum kind { KIND_MIXED, KIND_CALL, KIND_HOOK };

struct plan {
	struct pbx *pbxs;
	int npbxs;
	struct person *people;
	int npeople;
	uint32_t address; /* IPv4, network order: the first PBX's */
	uint16_t port;
	char run[17];    /* makes ids unique over runs */
	uint64_t events; /* made so far */
	enum kind kind;
	const char *type, *call; /* crowd: these instead, in every event */
};

/* Reads lines "URL <tab> SECRET <tab> PREFIX <tab> EXTENSIONS". Person i is of
 * PBX i modulo their number; at most `most` of them. Ends the process with a
 * word when the list is no such list. */
void plan_read(struct plan *p, const char *file, int most);
/* The next event of a person: the other state than before. */
void plan_event(struct plan *p, int person, struct event *ret);
/* The whole signed request; returns its length. */
size_t plan_request(
    struct plan *p, const struct event *e, char ret[REQUEST_MAX]);

/* --- tally.c ----------------------------------------------------------------
 */

/* Log-linear: 64 parts a power of two, so a value is right to 1.6 %. */
#define PARTS 128
#define POWERS 23 /* up to 2^30 us */

struct histogram {
	uint64_t n, parts[POWERS + 1][PARTS];
	int64_t max_us;
};

enum trouble {
	TROUBLE_CONNECT,
	TROUBLE_RESET,
	TROUBLE_CLOSED,
	TROUBLE_TIMEOUT,
	TROUBLE_GARBLED,
	TROUBLE__MAX
};

#define OUTCOMES 8
struct tally {
	uint64_t statuses[600];
	uint64_t outcomes[OUTCOMES + 1]; /* the last: a word we do not know */
	uint64_t troubles[TROUBLE__MAX];
	uint64_t no_retry_after;           /* 503 and 429 without it */
	uint64_t requests;                 /* sent */
	uint64_t taken, repeats, given_up; /* events; repeats taken */
	uint64_t measured;                 /* 2xx within the measured time */
	uint64_t reopened; /* connections that the server closed when idle */
	int most_open;
	struct histogram latency; /* of 2xx within the measured time */
};

void histogram_add(struct histogram *h, int64_t us);
int64_t histogram_at(const struct histogram *h, double share);
/* Counts the outcomes that an answer's body names. */
void tally_body(struct tally *t, const char *body, size_t len);
/* One JSON object. */
void tally_print(const struct tally *t, const char *mode, int connections,
    uint64_t events, double measured_s, double whole_s);

/* --- wire.c -----------------------------------------------------------------
 */

enum conn_state { CONN_CLOSED, CONN_CONNECTING, CONN_IDLE, CONN_WAITING };

struct conn {
	enum conn_state state;
	int fd;
	bool last; /* the server closes after this answer */
	bool busy; /* it has an event, also while it waits for a turn */
	struct event event;
	size_t out_len, out_done, in_len;
	int64_t began_us; /* of the request, or of connecting */
	int64_t again_us; /* nothing before */
	int turn;
	char out[REQUEST_MAX], in[ANSWER_MAX + 1];
};

struct answer {
	int status;
	int retry_after_s; /* -1: none */
	const char *body;
	size_t len;
	bool last;
};

int64_t now_us(void);
/* Nonblocking; false: at once refused. */
bool conn_open(struct conn *c, const struct plan *p, int epoll_fd);
void conn_close(struct conn *c);
/* Sends what is prepared in c->out; false: the connection is broken. */
bool conn_send(struct conn *c, int epoll_fd);
/* 1: an answer is whole, 0: not yet, -1: closed, -2: reset, -3: garbled. */
int conn_read(struct conn *c, struct answer *ret);

#endif
