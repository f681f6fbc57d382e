/* presencectl doctor: Microsoft's addresses, and our own public one. */
#include "app/doctor_parts.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/http.h"
#include "base/json.h"
#include "base/text.h"

#define TIMEOUT_MS 10000
#define ANSWER_MAX ((size_t)256 * 1024)
#define CLOCK_S 60
#define SOON_DAYS 14 /* a certificate that is renewed by itself lives longer \
		      */

/* false, and said: no answer at all. */
static bool
get(struct doctor *d, const char *what, const char *url, const char *remedy,
    struct http_response *ret)
{
	const struct http_request rq = { .method = "GET",
		.url = url,
		.timeout_ms = TIMEOUT_MS,
		.max_bytes = ANSWER_MAX };

	http_fetch(&d->c->cx, &rq, ret);
	if (ret->result == HTTP_ANSWERED)
		return true;
	doctor_say(d, FOUND_FAIL, remedy, "%s: %s does not answer: %s", what,
	    url, ret->why);
	return false;
}

/* --- Microsoft ------------------------------------------------------------ */

static const char let_out[] =
    "let this machine reach the address (firewall, "
    "DNS, proxy), and have its certificate trusted (PRESENCE_CA_FILE)";

static void
look_at_login(struct doctor *d)
{
	struct ctl *c = d->c;
	const char *url = arena_printf(&c->cx.arena,
	    "%s/organizations/v2.0"
	    "/.well-known/openid-configuration",
	    c->s.login_url);
	struct http_response rs;
	struct json_object *o = NULL;

	if (!get(d, "Entra", url, let_out, &rs))
		return;
	if (rs.status == 200 && !json_read(&c->cx, rs.body, rs.len, &o) &&
	    json_peek_text(o, "jwks_uri"))
		doctor_say(
		    d, FOUND_OK, NULL, "Entra: %s answers", c->s.login_url);
	else
		doctor_say(d, FOUND_FAIL,
		    "look at PRESENCE_LOGIN_URL: it must "
		    "name Microsoft's sign-in address",
		    "Entra: %s answers %d, and no discovery document", url,
		    rs.status);
	fail_forget(&c->cx);
}

/* Graph's refusal carries its time: {"error":{"innerError":{"date":..}}}. */
static bool
graph_time(struct ctl *c, const struct http_response *rs, int64_t *ret_s)
{
	struct json_object *o, *inner;
	const char *date;
	int64_t us;

	if (json_read(&c->cx, rs->body, rs->len, &o))
		return false;
	o = json_peek(o, "error");
	inner = json_peek(o, "innerError");
	date =
	    json_peek_text(inner ? inner : json_peek(o, "innererror"), "date");
	if (!date ||
	    !text_rfc3339_us(arena_printf(&c->cx.arena, "%s%s", date,
				 strchr(date, 'Z') ? "" : "Z"),
		&us))
		return false;
	*ret_s = us / 1000000;
	return true;
}

static void
look_at_graph(struct doctor *d)
{
	struct ctl *c = d->c;
	struct http_response rs;
	int64_t theirs_s, off_s;

	if (!get(d, "Graph",
		arena_printf(&c->cx.arena, "%s/v1.0/users", c->s.graph_url),
		let_out, &rs))
		return;
	/* Without a token it has to refuse. */
	doctor_say(d, rs.status == 401 ? FOUND_OK : FOUND_WARN,
	    rs.status == 401 ? NULL : "look at PRESENCE_GRAPH_URL",
	    "Graph: %s answers (%d, as we showed no token)", c->s.graph_url,
	    rs.status);
	if (!graph_time(c, &rs, &theirs_s)) {
		fail_forget(&c->cx);
		return;
	}
	off_s = clock_real_s() - theirs_s;
	if (off_s > CLOCK_S || off_s < -CLOCK_S)
		doctor_say(d, FOUND_FAIL,
		    "set the clock by NTP: with a wrong "
		    "one Microsoft refuses our certificate, and we refuse the "
		    "PBXs' signatures",
		    "clock: ours is %lld s off from "
		    "Microsoft's",
		    (long long)off_s);
	else
		doctor_say(d, FOUND_OK, NULL, "clock: as Microsoft's");
}

void
doctor_microsoft(struct doctor *d)
{
	look_at_login(d);
	look_at_graph(d);
}

/* --- our own address ------------------------------------------------------ */

static void
look_at_certificate(struct doctor *d)
{
	struct ctl *c = d->c;
	char *host, *port = NULL;
	int days;

	if (!c->s.secure)
		return;
	host = arena_strdup(&c->cx.arena, c->s.public_host);
	if (host[0] == '[') {
		port = strchr(++host, ']');
		*port++ = '\0';
		port = *port ? port + 1 : NULL;
	} else if ((port = strchr(host, ':'))) {
		*port++ = '\0';
	}
	if (!tls_days_left(host, port ? port : "443", TIMEOUT_MS, &days))
		return; /* said by the request before */
	doctor_say(d,
	    days < 0               ? FOUND_FAIL
		: days < SOON_DAYS ? FOUND_WARN
				   : FOUND_OK,
	    days < SOON_DAYS ? "renew nginx's certificate "
			       "(listen.conf), and reload nginx"
			     : NULL,
	    "certificate of %s: %d days left", c->s.public_host, days);
}

static void
look_at_programs(struct doctor *d)
{
	static const char *const programs[] = { "webhook", "tab", "admin",
		"reconciler" };
	struct ctl *c = d->c;
	struct http_response rs;
	size_t i;

	for (i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		if (!get(d, "nginx",
			arena_printf(&c->cx.arena, "%s/readyz/%s",
			    c->s.public_url, programs[i]),
			"start nginx", &rs))
			return;
		if (rs.status == 403 || rs.status == 404) {
			doctor_say(d, FOUND_WARN,
			    arena_printf(&c->cx.arena,
				"on nginx's machine: curl --connect-to "
				"::127.0.0.1: %s/readyz/webhook (and tab, "
				"admin, "
				"reconciler)",
				c->s.public_url),
			    "programs: nginx "
			    "tells only its own machine whether they are "
			    "ready");
			return;
		}
		doctor_say(d, rs.status == 200 ? FOUND_OK : FOUND_FAIL,
		    rs.status == 200
			? NULL
			: arena_printf(&c->cx.arena,
			      "systemctl status presence-%s; its log says why",
			      programs[i]),
		    "presence-%s: %s", programs[i],
		    rs.status == 200 ? "ready" : "not ready");
	}
}

void
doctor_public(struct doctor *d)
{
	struct ctl *c = d->c;
	struct http_response rs;

	if (!c->s.public_url ||
	    !get(d, "public address",
		arena_printf(&c->cx.arena, "%s/admin/", c->s.public_url),
		"start nginx, open the port, and have the name lead here; from "
		"inside some networks one cannot reach one's own public "
		"address: then try from outside",
		&rs))
		return;
	doctor_say(d, rs.status == 200 ? FOUND_OK : FOUND_FAIL,
	    rs.status == 200 ? NULL
			     : "look at nginx's configuration: "
			       "presence.conf must be included, and its root "
			       "lead to the pages",
	    "public address: %s/admin/ answers %d", c->s.public_url, rs.status);
	look_at_certificate(d);
	look_at_programs(d);
}
