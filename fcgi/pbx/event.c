/* The names of the call events. */
#include "pbx/event.h"

#include <string.h>

static const char *const names[EVENT__MAX] = {
	[EVENT_OFF_HOOK] = "phone.off_hook",
	[EVENT_ON_HOOK] = "phone.on_hook",
	[EVENT_RINGING] = "call.ringing",
	[EVENT_ANSWERED] = "call.answered",
	[EVENT_HELD] = "call.held",
	[EVENT_RESUMED] = "call.resumed",
	[EVENT_ENDED] = "call.ended",
	[EVENT_BUSY] = "extension.busy",
	[EVENT_IDLE] = "extension.idle",
	[EVENT_RESTARTED] = "pbx.restarted",
};

const char *
event_type_name(enum event_type t)
{
	return names[t];
}

bool
event_type_parse(const char *name, enum event_type *ret)
{
	int t;

	for (t = 0; t < EVENT__MAX; t++) {
		if (strcmp(name, names[t]) == 0) {
			*ret = (enum event_type)t;
			return true;
		}
	}
	return false;
}

bool
event_type_is_call(enum event_type t)
{
	return t >= EVENT_RINGING && t <= EVENT_ENDED;
}

bool
event_type_is_phone(enum event_type t)
{
	return t == EVENT_OFF_HOOK || t == EVENT_ON_HOOK;
}
