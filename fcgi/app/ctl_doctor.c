/*
 * presencectl doctor: everything that an installation needs, looked at one by
 * one, each with what to do about it. Each question has a time limit.
 */
#include "app/doctor_parts.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/http.h"
#include "base/log.h"

#define DAY_S 86400
#define SOON_DAYS 30

/* What the faults leave is looked at nevertheless. */
static bool
look_at_settings(struct doctor *d)
{
	const unsigned all =
	    NEED_DATABASE | NEED_MICROSOFT | NEED_SEAL | NEED_PUBLIC;
	struct ctl *c = d->c;
	const char *faults;
	size_t len;

	/* A secret's file that others may read is warned of by the log. */
	if (!settings_load(&c->cx, all, &c->s, &faults)) {
		doctor_say(d, FOUND_OK, NULL, "settings: all there");
		return true;
	}
	for (; *faults; faults += len + (faults[len] != '\0')) {
		len = strcspn(faults, "\n");
		doctor_say(
		    d, FOUND_FAIL, NULL, "settings: %.*s", (int)len, faults);
	}
	fail_forget(&c->cx);
	return settings_load(&c->cx, 0, &c->s, &faults) == ERR_OK;
}

static void
look_at_seal_key(struct doctor *d)
{
	struct ctl *c = d->c;
	struct seal_keys *keys;

	if (!c->s.seal_key.len)
		return; /* said with the settings */
	if (seal_keys_parse(&c->cx, &c->s.seal_key, &keys)) {
		doctor_say(d, FOUND_FAIL,
		    "put 64 hex digits into the file, "
		    "made by: openssl rand -hex 32",
		    "seal key: %s", c->cx.detail);
		fail_forget(&c->cx);
		return;
	}
	seal_keys_free(keys);
	doctor_say(d, FOUND_OK, NULL, "seal key: good");
}

static void
look_at_credential(struct doctor *d)
{
	static const char renew[] =
	    "make a new certificate, upload it to the "
	    "app registration in Entra, then replace the files of "
	    "PRESENCE_CLIENT_CERT_FILE and PRESENCE_CLIENT_KEY_FILE";
	struct ctl *c = d->c;
	int64_t ends_s, days;
	char at[21];

	if (!c->s.client_id ||
	    (!c->s.client_cert.len && !c->s.client_secret.len))
		return;
	if (entra_new(&c->cx, &c->s, &d->entra)) {
		doctor_say(d, FOUND_FAIL,
		    "give a certificate and its key, "
		    "both PEM",
		    "credential: %s", c->cx.detail);
		fail_forget(&c->cx);
		return;
	}
	ends_s = entra_credential_expires_s(d->entra);
	if (ends_s == 0) {
		doctor_say(d, FOUND_OK, NULL,
		    "credential: a client secret; "
		    "when it expires, only the app registration tells");
		return;
	}
	clock_rfc3339(ends_s, at);
	days = (ends_s - clock_real_s()) / DAY_S;
	if (ends_s <= clock_real_s())
		doctor_say(d, FOUND_FAIL, renew,
		    "credential: the certificate ended %s", at);
	else
		doctor_say(d, days < SOON_DAYS ? FOUND_WARN : FOUND_OK,
		    days < SOON_DAYS ? renew : NULL,
		    "credential: a "
		    "certificate until %s, %lld days",
		    at, (long long)days);
}

int
ctl_doctor(struct ctl *c)
{
	struct doctor d = { .c = c };

	if (!look_at_settings(&d)) {
		printf("The settings must be mended before the rest can be "
		       "looked at.\n");
		return 1;
	}
	log_init("ctl", LOG_ERROR); /* from here on all is said in lines */
	if (http_init(&c->cx, c->s.ca_file)) {
		doctor_say(&d, FOUND_FAIL,
		    "give a PEM file with certificates, "
		    "or take the setting out",
		    "PRESENCE_CA_FILE: %s", c->cx.detail);
		settings_done(&c->s);
		return 1;
	}
	look_at_seal_key(&d);
	look_at_credential(&d);
	doctor_microsoft(&d);
	if (doctor_database(&d))
		doctor_tenants(&d);
	doctor_public(&d);
	entra_free(d.entra);
	http_done();
	settings_done(&c->s);
	printf("\n%d to mend, %d to look at\n", d.nfail, d.nwarn);
	return d.nfail ? 1 : 0;
}
