/* What sign-in and consent share: one-time states, cookies, the way back. */
#include "app/flow.h"

#include <string.h>

#include "app/desk.h"
#include "base/text.h"
#include "sync/statement.h"

#define FLOW_MAX_AGE_S 600

char *
flow_random(struct request *rq)
{
	char *text = arena_alloc(&rq->cx.arena, 48);
	uint8_t bytes[32];

	text_random(bytes, sizeof(bytes));
	text_base64url(bytes, sizeof(bytes), text);
	return text;
}

const char *
flow_hash(struct request *rq, const char *text)
{
	char *hex = arena_alloc(&rq->cx.arena, 65);
	uint8_t hash[32];

	secret_sha256(text, strlen(text), hash);
	text_hex(hash, sizeof(hash), hex);
	return hex;
}

const char *
flow_own_url(struct request *rq, const char *path)
{
	return arena_printf(&rq->cx.arena, "%s%s",
	    desk_of(rq)->shared->settings->public_url, path);
}

void
flow_cookie(struct request *rq, const char *name, const char *value,
    int max_age_s)
{
	response_header(rq, "Set-Cookie", arena_printf(&rq->cx.arena,
	    "%s=%s; Path=/; Max-Age=%d; HttpOnly; SameSite=Lax%s", name, value,
	    max_age_s, desk_of(rq)->shared->settings->secure ? "; Secure" :
	    ""));
}

static const char *
browser_cookie(const struct request *rq)
{
	return desk_of(rq)->shared->settings->secure ?
	    "__Host-presence-flow" : "presence-flow";
}

const char *
flow_browser(struct request *rq)
{
	const char *browser = request_cookie(rq, browser_cookie(rq));

	/* Kept while it is good: two tabs may sign in at the same time. */
	if (browser == NULL || strlen(browser) != 43) {
		browser = flow_random(rq);
		flow_cookie(rq, browser_cookie(rq), browser, FLOW_MAX_AGE_S);
	}
	return browser;
}

enum err
flow_take(struct request *rq, const char *purpose, const char *browser_hash,
    struct rows **ret)
{
	const char *state;
	enum err e;

	e = request_query(rq, "state", &state);
	if (e != ERR_OK)
		return e;
	if (state == NULL || strlen(state) != 43)
		return fail(&rq->cx, ERR_FORBIDDEN, "state is missing");
	e = desk_call(rq, ST_OAUTH_TAKE, (const char *[]){
	    flow_hash(rq, state), browser_hash, purpose }, ret);
	if (e != ERR_OK)
		return e;
	if (rows_count(*ret) == 0)
		return fail(&rq->cx, ERR_FORBIDDEN, "state is not known");
	return ERR_OK;
}

enum err
flow_refused(struct request *rq)
{
	const char *error;
	enum err e;

	e = request_query(rq, "error", &error);
	if (e != ERR_OK)
		return e;
	/* Its words are anybody's to write: they go nowhere. */
	if (error != NULL)
		return fail(&rq->cx, ERR_FORBIDDEN, "Microsoft answered with "
		    "an error");
	return ERR_OK;
}

enum err
flow_failed(struct request *rq, const char *word)
{
	if (rq->cx.err == ERR_BUSY || rq->cx.err == ERR_UPSTREAM)
		word = "sign_in_failed";
	request_note(rq, "flow", word);
	response_redirect(rq, flow_own_url(rq, arena_printf(&rq->cx.arena,
	    "/admin/#error=%s&request_id=%s", word, rq->cx.id)));
	return ERR_OK;
}
