/*
 * Where the programs' clock that never steps is moved, too (STACK_FAKETIME=
 * passing): the kernel wakes by its own clock, so a wait until a moment of
 * ours becomes one that lasts as long. libfaketime does this for every wait
 * that it knows; it does not know pthread_cond_clockwait. Preloaded before it.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS INT64_C(1000000000)

static int64_t
ns(const struct timespec *t)
{
	return t->tv_sec * SECOND_NS + t->tv_nsec;
}

int
pthread_cond_clockwait(pthread_cond_t *cond, pthread_mutex_t *lock,
    clockid_t clock, const struct timespec *until)
{
	static int (*next)(pthread_cond_t *, pthread_mutex_t *, clockid_t,
	    const struct timespec *);
	struct timespec ours, kernels, moved;
	int64_t at_ns;

	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "pthread_cond_clockwait");
	clock_gettime(clock, &ours);
	syscall(SYS_clock_gettime, clock, &kernels);
	at_ns = ns(until) - ns(&ours) + ns(&kernels);
	moved.tv_sec = at_ns > 0 ? at_ns / SECOND_NS : 0;
	moved.tv_nsec = at_ns > 0 ? at_ns % SECOND_NS : 0;
	return next(cond, lock, clock, &moved);
}
