/* What the parts of presencectl doctor share. */
#ifndef APP_CTL_DOCTOR_H
#define APP_CTL_DOCTOR_H

#include "app/ctl.h"
#include "sync/entra.h"

enum finding { FOUND_OK, FOUND_WARN, FOUND_FAIL };

struct doctor {
	struct ctl *c;
	struct entra *entra; /* NULL: no credential that works */
	int nwarn, nfail;
};

/* One line, and below it what to do (NULL: nothing). Never a secret. */
void doctor_say(struct doctor *d, enum finding found, const char *remedy,
    const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The database: false when nothing more can be asked of it. */
bool doctor_database(struct doctor *d);
/* Each tenant's consent and token. */
void doctor_tenants(struct doctor *d);
/* Entra and Graph: do they answer, and what time do they have? */
void doctor_microsoft(struct doctor *d);
/* The public address, its certificate, and the programs behind it. */
void doctor_public(struct doctor *d);

/*
 * Until when is the certificate good that this host shows? In whole days from
 * now, negative: it has ended. Nothing else of it is looked at.
 */
bool tls_days_left(
    const char *host, const char *port, int timeout_ms, int *ret_days);

#endif
