/* The words of goals and results. */
#include "sync/job.h"

#include <string.h>

static const struct {
	const char *word, *availability, *activity;
} goals[] = {
	[GOAL_NONE] = { "none", NULL, NULL },
	[GOAL_BUSY] = { "busy", "Busy", "InACall" },
	[GOAL_AVAILABLE] = { "available", "Available", "Available" },
	[GOAL_CLEAR] = { "clear", NULL, NULL },
};
#define NGOALS (sizeof(goals) / sizeof(goals[0]))

enum goal
goal_parse(const char *word)
{
	size_t i;

	for (i = 0; word && i < NGOALS; i++)
		if (strcmp(word, goals[i].word) == 0)
			return (enum goal)i;
	return GOAL_NONE;
}

const char *
goal_word(enum goal g)
{
	return goals[g].word;
}

const char *
goal_availability(enum goal g)
{
	return goals[g].availability;
}

const char *
goal_activity(enum goal g)
{
	return goals[g].activity;
}

const char *
result_word(enum result r)
{
	static const char *const words[RESULT__MAX] = {
#define X(name, word) word,
		RESULT_TABLE(X)
#undef X
	};

	return words[r];
}
