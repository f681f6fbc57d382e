/* The words and HTTP statuses of what can go wrong. */
#include "base/err.h"

#include <assert.h>

static const struct {
	int status;
	const char *word;
} table[ERR__MAX] = {
#define X(name, status, word) { status, word },
	ERR_TABLE(X)
#undef X
};

int
err_status(enum err e)
{
	assert((unsigned)e < ERR__MAX);
	return table[e].status;
}

const char *
err_word(enum err e)
{
	assert((unsigned)e < ERR__MAX);
	return table[e].word;
}
