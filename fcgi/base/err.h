/* What can go wrong, in one list for the whole program. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

/* name, HTTP status when a request ends with it, word in answers and logs */
#define ERR_TABLE(X)                                      \
	X(OK,        200, "ok")                           \
	X(INPUT,     400, "input")                        \
	X(AUTH,      401, "auth")                         \
	X(FORBIDDEN, 403, "forbidden")                    \
	X(NOT_FOUND, 404, "not_found")                    \
	X(METHOD,    405, "method_not_allowed")           \
	X(CONFLICT,  409, "conflict")                     \
	X(TOO_LARGE, 413, "too_large")                    \
	X(MEDIA,     415, "unsupported_media_type")       \
	X(LIMIT,     429, "too_many_requests")            \
	X(INTERNAL,  500, "internal")                     \
	X(UPSTREAM,  502, "upstream")                     \
	X(BUSY,      503, "busy")                         \
	X(TIMEOUT,   504, "timeout")

enum err {
#define X(name, status, word) ERR_##name,
	ERR_TABLE(X)
#undef X
	ERR__MAX
};

int err_status(enum err e);       /* 200..504 */
const char *err_word(enum err e); /* static */

#endif
