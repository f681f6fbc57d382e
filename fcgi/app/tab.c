/* The PBX Soft Keys tab: a person's own switch, and what Teams was told. */
#include <string.h>

#include "app/desk.h"
#include "app/handlers.h"
#include "app/who.h"
#include "base/json.h"
#include "sync/statement.h"

enum err
tab_me_get(struct request *rq)
{
	const struct member *m = member_of(rq);
	enum err e;

	e = desk_answer(rq, 200, ST_PERSON_VIEW,
	    (const char *[]){ m->tenant_id, m->user_id }, "tenant");
	if (e == ERR_NOT_FOUND) {
		fail_forget(&rq->cx);
		return fail(&rq->cx, ERR_FORBIDDEN, "your company does not use "
		    "Presence Sync yet: an administrator has to sign in first");
	}
	return e;
}

/* PS404 of the switch functions means the tenant: to the person, 403. */
static enum err
change_then_me(struct request *rq, int which, const char *const *args)
{
	enum err e;

	e = desk_publish(rq, which, args, NULL);
	if (e == ERR_NOT_FOUND)
		fail_forget(&rq->cx);
	else if (e != ERR_OK)
		return e;
	return tab_me_get(rq);
}

enum err
tab_monitoring_put(struct request *rq)
{
	const struct member *m = member_of(rq);
	struct json_object *body;
	bool on = false;
	enum err e;

	e = desk_body(rq, &body);
	if (e == ERR_OK)
		e = json_member_bool(&rq->cx, body, "", "on", true, &on);
	if (e != ERR_OK)
		return e;
	request_note(rq, "monitoring", on ? "on" : "off");
	return change_then_me(rq, ST_MONITORING_SET, (const char *[]){
	    m->tenant_id, m->user_id, m->name, m->upn, on ? "t" : "f" });
}

enum err
tab_clear_post(struct request *rq)
{
	const struct member *m = member_of(rq);

	return change_then_me(rq, ST_PERSON_CLEAR, (const char *[]){
	    m->tenant_id, m->user_id, "cleared" });
}
