/* What time it is: one that never steps, and the wall's. */
#include "base/clock.h"

#include <time.h>

int64_t
clock_mono_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t
clock_mono_ms(void)
{
	return clock_mono_us() / 1000;
}

int64_t
clock_real_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec;
}

void
clock_rfc3339(int64_t real_s, char ret[21])
{
	const int64_t last = INT64_C(253402300799); /* 9999-12-31T23:59:59Z */
	struct tm tm;
	time_t t;

	/* Outside the years that have four digits: the nearest one inside. */
	t = real_s < 0 ? 0 : real_s > last ? last : real_s;
	gmtime_r(&t, &tm);
	strftime(ret, 21, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

bool
clock_wait(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t until_ms)
{
	const struct timespec until = {
		.tv_sec = until_ms / 1000,
		.tv_nsec = until_ms % 1000 * 1000000,
	};

	return pthread_cond_clockwait(cond, lock, CLOCK_MONOTONIC, &until) == 0;
}
