/* How presencectl doctor says what it found. */
#include "app/doctor_say.h"

#include <stdarg.h>
#include <stdio.h>

void
doctor_say(struct doctor *d, enum finding found, const char *remedy,
    const char *format, ...)
{
	static const char *const words[] = { "ok", "warn", "FAIL" };
	va_list ap;

	d->nwarn += found == FOUND_WARN;
	d->nfail += found == FOUND_FAIL;
	printf("%-5s ", words[found]);
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	printf("%s%s\n", remedy ? "\n      to do: " : "", remedy ? remedy : "");
	fflush(stdout);
}
