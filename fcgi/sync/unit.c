/* What goes through the apply room, and the words of what comes out. */
#include "sync/unit.h"

#include <string.h>

const char *
outcome_word(enum outcome o)
{
	static const char *const words[OUTCOME__MAX] = {
		[OUTCOME_PENDING] = "deferred",
#define X(name, word) [OUTCOME_##name] = (word),
		OUTCOME_TABLE(X)
#undef X
	};

	return words[o];
}

bool
outcome_is_final(const char *word, enum outcome *ret)
{
	int o;

	for (o = OUTCOME_UNKNOWN_EXTENSION; word && o <= OUTCOME_UNCHANGED; o++)
		if (strcmp(word, outcome_word((enum outcome)o)) == 0) {
			*ret = (enum outcome)o;
			return true;
		}
	return false;
}

struct apply_unit *
apply_unit_new(const char *request_id)
{
	struct apply_unit *u = heap_alloc(sizeof(*u));

	ctx_init(&u->cx, request_id);
	return u;
}

void
apply_unit_free(struct apply_unit *u)
{
	if (!u)
		return;
	ctx_done(&u->cx);
	heap_free(u);
}
