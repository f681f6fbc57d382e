/* The only place that asks what time it is. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

int64_t clock_mono_ms(void);  /* never steps; for waits and deadlines */
int64_t clock_mono_us(void);
int64_t clock_real_s(void);   /* wall clock: token and certificate dates only */
/* "2026-11-22T12:00:00Z", 21 bytes with the NUL */
void clock_rfc3339(int64_t real_s, char ret[21]);

/* Waits for the condition, at most until clock_mono_ms() is until_ms. False:
 * the time is over. */
bool clock_wait(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t until_ms);

#endif
