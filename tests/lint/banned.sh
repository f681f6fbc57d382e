#!/usr/bin/env bash
# Functions that may not be called at all, or only in the file whose job they
# are: one far end, one file.
. "$(dirname "$0")/lib.sh"

mapfile -t files < <(tree 'fcgi/*.c' 'fcgi/*.h')
[ ${#files[@]} -gt 0 ] || exit 0
code=$(mktemp)
trap 'rm -f "$code"; exit $bad' EXIT
c_code "${files[@]}" >"$code"

calls() { # NAMES: lines of code that call one of them
  grep -E "(^|[^A-Za-z0-9_.>])($1) *\(" "$code"
}
but_in() { # FILES: lines of other files
  grep -vE "^($1):"
}

calls 'v?sprintf|strcpy|stpcpy|strcat|strncpy|strncat|strtok|atoi|atol|atoll|atof|v?sscanf|gets|gmtime|localtime|ctime|asctime|strerror|s?rand|random|system|popen|alloca' |
  found "a function that is banned (style: strings and input)"
grep -E '(^|[^A-Za-z0-9_])(getenv|secure_getenv|environ|setenv|putenv|unsetenv)([^A-Za-z0-9_]|$)' "$code" |
  but_in 'fcgi/base/settings\.c|fcgi/web/server\.c|fcgi/web/fastcgi\.c' |
  found "the environment is read in settings.c only"
calls 'PQ[A-Za-z]+' | but_in 'fcgi/base/db\.c' |
  found "PostgreSQL is spoken to in db.c only"
calls 'curl_[a-z_]+' | but_in 'fcgi/base/http(_loop)?\.c' |
  found "libcurl is spoken to in http.c and http_loop.c only"
calls 'FCGX_[A-Za-z_]+' | but_in 'fcgi/web/(server|request|fastcgi)\.c' |
  found "libfcgi is spoken to in web/server.c, request.c and fastcgi.c only"
calls 'cjose_[a-z_]+|json_loads|json_decref' | but_in 'fcgi/base/jwt\.c' |
  found "libcjose and jansson are spoken to in jwt.c only"
calls 'malloc|calloc|realloc|reallocarray|free|strdup|strndup|asprintf' | but_in 'fcgi/base/[a-z_]+\.c' |
  found "memory comes from the arena; the heap is base/'s"
calls 'time|clock_gettime|gettimeofday|nanosleep|usleep|sleep' | but_in 'fcgi/base/clock\.c' |
  found "time is a call in base/clock.c only"
# A format that is no literal can be chosen by a stranger.
grep -E '(^|[^A-Za-z0-9_])(buf_printf|arena_printf|fail|log_[a-z]+)\([^"]*\)' "$code" | grep -vE '^fcgi/base/|""' |
  grep -E '(buf_printf|arena_printf)\([A-Za-z_>.&-]+, *[a-z_]+\)' |
  found "a format is a literal"
