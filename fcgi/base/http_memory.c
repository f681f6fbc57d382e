/* Places for libcurl's upload buffers, see http_memory.h. */
#include "base/http_memory.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define PLACE ((size_t)HTTP_UPLOAD_BYTES)
#define PLACES 1024 /* more at once come from malloc */

/* Address space only, until something is written. */
static unsigned char *places;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned short unused[PLACES];
static int nunused;

static unsigned char *
take(void)
{
	unsigned char *p = NULL;

	pthread_mutex_lock(&lock);
	if (nunused > 0)
		p = places + unused[--nunused] * PLACE;
	pthread_mutex_unlock(&lock);
	return p;
}

static bool
is_place(const void *p)
{
	const unsigned char *at = p;

	return at >= places && at < places + PLACES * PLACE;
}

void *
http_memory_alloc(size_t bytes)
{
	unsigned char *p = bytes == PLACE ? take() : NULL;

	return p ? p : malloc(bytes);
}

void
http_memory_free(void *p)
{
	if (!is_place(p)) {
		free(p);
		return;
	}
	pthread_mutex_lock(&lock);
	unused[nunused++] =
	    (unsigned short)((size_t)((unsigned char *)p - places) / PLACE);
	pthread_mutex_unlock(&lock);
}

void *
http_memory_grow(void *p, size_t bytes)
{
	void *grown;

	if (!is_place(p))
		return realloc(p, bytes);
	grown = malloc(bytes);
	if (!grown)
		return NULL;
	memcpy(grown, p, bytes < PLACE ? bytes : PLACE);
	http_memory_free(p);
	return grown;
}

bool
http_memory_init(void)
{
	if (places)
		return true;
	places = mmap(NULL, PLACES * PLACE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (places == MAP_FAILED) {
		places = NULL;
		return false;
	}
	for (nunused = 0; nunused < PLACES; nunused++)
		unused[nunused] = (unsigned short)(PLACES - 1 - nunused);
	return true;
}
