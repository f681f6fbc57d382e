#!/usr/bin/env bash
# nginx takes our files, and what keeps secrets out of its logs stays in them.
. "$(dirname "$0")/lib.sh"

# As a stack has them, on ports that nothing listens at.
work=$(mktemp -d /tmp/presence-nginx.XXXXXX)
trap 'rm -rf "$work"; exit $bad' EXIT
(
  . tests/stack/common.sh
  . tests/stack/prepare.sh
  dir=$work run=$work http_port=9 tls_port=10 ms_port=11 simulator=1 STACK_TLS=1
  mkdir -p "$work"/{nginx/tmp,logs,tls,run}
  cert=$work/tls/server
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
    -subj /CN=localhost -keyout "$cert.key" -out "$cert.pem" 2>/dev/null
  stack_nginx
  PATH=$PATH:/usr/sbin nginx -t -q -p "$work/nginx/" -c "$work/nginx/nginx.conf" 2>&1
) | grep -vE 'setrlimit|open file resource limit' | found "nginx -t"

grep -nE '^ *add_header' nginx/*.conf | grep -v '^nginx/presence.conf:[0-9]*:  add_header' |
  found "add_header stands in the server block only (a location's would drop the others)"
sed -n '/^log_format/,/;$/p' nginx/presence.conf |
  grep -nE '\$(uri|request|request_uri|args|query_string|http_[a-z_]+|document_uri|arg_[a-z]+)\b' |
  found "the log format shows a path, a query or a header"
# Each location that may carry a secret silences the error log.
awk '
  /^  location / { place = $0; quiet = 0 }
  /error_log .* emerg;/ { quiet = 1 }
  /^  }/ && place ~ /webhook|auth|consent/ && place !~ /problem|healthz/ { if (!quiet) print place; place = "" }
' nginx/presence.conf | found "error_log ... emerg is missing"
grep -nE 'fastcgi_keep_conn +on' nginx/*.conf | found "a kept connection holds a thread"
