/*
 * One FastCGI connection: the only file that speaks libfcgi. A connection
 * carries one request and ends with it.
 */
#ifndef WEB_FASTCGI_H
#define WEB_FASTCGI_H

#include <stdbool.h>
#include <stddef.h>

struct fastcgi;

/* Once, before any thread. */
void fastcgi_init(void);

/*
 * Takes an accepted connection and reads what comes before the body. No read
 * or write waits longer than 10 s. NULL when the peer went away or speaks
 * something else; the connection is closed then.
 */
struct fastcgi *fastcgi_open(int fd);

/* A parameter ("REQUEST_METHOD"), NULL when absent; lives until the close. */
const char *fastcgi_param(const struct fastcgi *f, const char *name);

/* The next bytes of the body, as many as asked for unless it ends; 0: ended.
 * Whether it ended well is told by fastcgi_is_broken. */
size_t fastcgi_read(struct fastcgi *f, char *ret, size_t max);
bool fastcgi_is_broken(const struct fastcgi *f);
/* Neither of them after this: what reading needs is given back. */
void fastcgi_end_reading(struct fastcgi *f);

/* Sends at the latest with the close. */
void fastcgi_write(struct fastcgi *f, const char *bytes, size_t len);
/* Ends the request, frees everything. The body must have been read: bytes
 * left unread would make the kernel throw the answer away. */
void fastcgi_close(struct fastcgi *f);

/* Opened and not closed yet. */
size_t fastcgi_count(void);

#endif
