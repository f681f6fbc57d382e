/* The parts of presencectl doctor, by what they look at. */
#ifndef APP_DOCTOR_PARTS_H
#define APP_DOCTOR_PARTS_H

#include "app/doctor_say.h"

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
