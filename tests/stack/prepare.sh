# Writes everything that a stack needs before it starts: folders, ports, keys,
# nginx's files, the supervisor's list. Sourced by `up` and `run`, which then
# start the supervisor. Every setting is in one place: DIR/supervise.conf.

supervise=$stack_root/build/bin/supervise
programs=(webhook tab admin reconciler)

tenant_id=11111111-2222-4333-8444-555555555555
tenant2_id=66666666-7777-4888-8999-000000000000
oid=aaaaaaaa-0000-4000-8000-0000000000
client_id=cccccccc-0000-4000-8000-000000000001

stack_prepare() {
  dir=$1
  build=${BUILD:-build}
  case $build in /*) ;; *) build=$stack_root/$build ;; esac
  [ -x "$supervise" ] || stack_die "up: $supervise is missing: make stack-tools"
  # Paths are put into nginx's, PostgreSQL's and shells' files.
  case $dir$stack_root in
  *[!A-Za-z0-9._/+@~:=-]*)
    stack_die "up: only letters, digits and ._/+@~:=- may be in a path: $dir" ;;
  esac
  stack_alive "$dir" && stack_die "up: a stack runs already under $dir"
  mkdir -p "$dir"/{logs,pids,hold,tls,nginx/tmp} ||
    stack_die "up: cannot write to $dir"
  local mb
  mb=$(df -Pm -- "$dir" | awk 'NR == 2 { print $4 }')
  [ "$mb" -ge 300 ] ||
    stack_die "up: disk full: $mb MB are free under $dir, 300 MB are needed"
  rm -f "$dir"/{state,env,ctl.env} "$dir"/hold/*
  chmod 700 "$dir"/{tls,logs,nginx}

  stack_home
  stack_ports
  stack_keys
  stack_settings
  stack_nginx
  [ "${PRESENCE_DATABASE_URL:-}" ] || stack_cluster
  stack_list >"$dir/supervise.conf"
  stack_env >"$dir/env"
}

# Sockets need a short path, and PostgreSQL, which never runs as root, a path
# that its user may walk. Where DIR is neither, both live in a folder of /tmp.
stack_home() {
  local home=$dir
  pg_user=$(id -un)
  if [ "$(id -u)" = 0 ]; then pg_user=postgres; fi
  if [ -L "$dir/run" ]; then
    home=$(dirname "$(readlink "$dir/run")")
    mkdir -p "$home"
  elif [ $((${#dir} + 30)) -gt 100 ] || ! as_pg_user test -x "$dir"; then
    home=$(mktemp -d /tmp/presence-stack.XXXXXX)
    ln -sfn "$home/run" "$dir/run"
    ln -sfn "$home/pg" "$dir/pg"
  fi
  chmod 755 "$home"
  run=$home/run pg=${STACK_PGDATA:-$home/pg}
  mkdir -p "$run/pg"
  chmod 711 "$run"
  chmod 700 "$run/pg"
  if [ "$(id -u)" = 0 ]; then chown "$pg_user" "$run/pg"; fi
}

as_pg_user() {
  if [ "$(id -u)" = 0 ]; then
    setpriv --reuid postgres --regid postgres --init-groups -- "$@"
  else
    "$@"
  fi
}

# --- ports ------------------------------------------------------------------

port_free() {
  ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null &&
    ! (exec 3<>"/dev/tcp/::1/$1") 2>/dev/null
}

# Four ports below the ephemeral range. A lock on the block's file is held by
# the supervisor as long as it lives, so parallel stacks keep apart and a dead
# one leaves nothing behind.
stack_ports() {
  local locks=/tmp/presence-ports-$(id -u) base i
  mkdir -p -m 700 "$locks"
  for ((i = 0; i < 200; i++)); do
    base=$((20000 + (RANDOM % 1000) * 10))
    exec {port_lock}>"$locks/$base"
    if flock -n "$port_lock" && port_free $base && port_free $((base + 1)) &&
      port_free $((base + 2)) && port_free $((base + 3)); then
      break
    fi
    exec {port_lock}>&-
    base=0
  done
  [ "$base" != 0 ] || stack_die "up: no free ports between 20000 and 30000"
  http_port=$base tls_port=$((base + 1)) ms_port=$((base + 2)) ms_tls_port=$((base + 3))
  if [ "${STACK_PORT:-}" ]; then
    port_free "$STACK_PORT" || stack_die \
      "up: port $STACK_PORT is taken by another program; choose another one: STACK_PORT=8081"
    if [ "${STACK_TLS:-}" ]; then
      tls_port=$STACK_PORT
    else
      http_port=$STACK_PORT
    fi
  fi
}

# --- keys and secrets, for tests only -----------------------------------------

# A CA, a certificate for loopback, and the application's own certificate.
# Made once for all stacks of this folder.
make_certificates() {
  local t=$1
  mkdir -p "$t"
  openssl req -x509 -newkey rsa:2048 -nodes -days 730 -subj "/CN=Presence tests CA" \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign \
    -keyout "$t/ca.key" -out "$t/ca.pem"
  openssl req -newkey rsa:2048 -nodes -subj /CN=localhost \
    -keyout "$t/server.key" -out "$t/server.csr"
  printf '%s\n' subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1 \
    extendedKeyUsage=serverAuth basicConstraints=critical,CA:FALSE >"$t/server.ext"
  openssl x509 -req -days 729 -CA "$t/ca.pem" -CAkey "$t/ca.key" -CAcreateserial \
    -in "$t/server.csr" -extfile "$t/server.ext" -out "$t/server.pem"
  openssl req -x509 -newkey rsa:2048 -nodes -days 729 -subj "/CN=Presence Sync application" \
    -keyout "$t/client.key" -out "$t/client.pem"
}

stack_keys() {
  local cache=$stack_root/build/stack
  mkdir -p "$cache"
  (
    flock 9
    if ! openssl x509 -in "$cache/tls/client.pem" -noout -checkend 8640000 >/dev/null 2>&1; then
      rm -rf "$cache/tls" "$cache/tls.new"
      umask 077
      make_certificates "$cache/tls.new" >"$cache/tls.log" 2>&1 ||
        stack_die "up: openssl failed (log: $cache/tls.log)"
      mv "$cache/tls.new" "$cache/tls"
    fi
  ) 9>"$cache/lock"
  cp "$cache"/tls/{ca.pem,server.pem,server.key,client.pem,client.key} "$dir/tls/"
  (
    umask 077
    [ -s "$dir/tls/seal.key" ] || openssl rand -hex 32 >"$dir/tls/seal.key"
    [ -s "$dir/tls/client.secret" ] || openssl rand -hex 20 >"$dir/tls/client.secret"
  )
}

# --- settings -------------------------------------------------------------------

# settings: the programs' PRESENCE_ names; the caller's win.
stack_settings() {
  local name
  declare -gA settings=()
  simulator=1
  if [ "${PRESENCE_LOGIN_URL:-}" ] && [ "${PRESENCE_GRAPH_URL:-}" ]; then
    simulator=
  fi
  settings[PRESENCE_PUBLIC_URL]=http://localhost:$http_port
  [ -z "${STACK_TLS:-}" ] || settings[PRESENCE_PUBLIC_URL]=https://localhost:$tls_port
  settings[PRESENCE_LOGIN_URL]=http://127.0.0.1:$ms_port
  settings[PRESENCE_GRAPH_URL]=https://localhost:$ms_tls_port
  settings[PRESENCE_CA_FILE]=$dir/tls/ca.pem
  settings[PRESENCE_CLIENT_ID]=$client_id
  settings[PRESENCE_SEAL_KEY_FILE]=$dir/tls/seal.key
  settings[PRESENCE_TENANTS]=any
  # One credential: the caller's, or one that the simulator knows.
  if [ -z "${PRESENCE_CLIENT_SECRET_FILE:-}${PRESENCE_CLIENT_CERT_FILE:-}" ]; then
    if [ "${STACK_CREDENTIAL:-cert}" = secret ]; then
      settings[PRESENCE_CLIENT_SECRET_FILE]=$dir/tls/client.secret
    else
      settings[PRESENCE_CLIENT_CERT_FILE]=$dir/tls/client.pem
      settings[PRESENCE_CLIENT_KEY_FILE]=$dir/tls/client.key
    fi
  fi
  for name in $(compgen -e PRESENCE_ || true); do
    settings[$name]=${!name}
  done
  public_url=${settings[PRESENCE_PUBLIC_URL]}
  client_id=${settings[PRESENCE_CLIENT_ID]}
}

database_url() { # ROLE
  if [ "${PRESENCE_DATABASE_URL:-}" ]; then
    printf '%s' "$PRESENCE_DATABASE_URL"
  else
    printf 'postgresql://%s@/presence?host=%s' "$1" "$run/pg"
  fi
}

# --- nginx ------------------------------------------------------------------------

# The product's own files, with this stack's paths.
stack_nginx() {
  local n=$dir/nginx f v6=
  [ ! -e /proc/net/if_inet6 ] || v6=1
  mkdir -p "$n/presence"
  for f in nginx/*.conf; do
    sed -e "s|/run/presence/|$run/|" -e "s|/var/log/nginx/presence-|$dir/logs/nginx-|" \
      -e "s|/usr/local/share/presence/www|$stack_root/build/www|" "$stack_root/$f" \
      >"$n/presence/${f##*/}"
  done
  cp /etc/nginx/mime.types "$n/mime.types"
  {
    echo "listen 127.0.0.1:$http_port backlog=4096;"
    [ -z "$v6" ] || echo "listen [::1]:$http_port backlog=4096;"
    if [ "${STACK_TLS:-}" ]; then
      echo "listen 127.0.0.1:$tls_port ssl http2 backlog=4096;"
      [ -z "$v6" ] || echo "listen [::1]:$tls_port ssl http2 backlog=4096;"
      echo "ssl_certificate $dir/tls/server.pem;"
      echo "ssl_certificate_key $dir/tls/server.key;"
      # As the product's own file has it.
      grep -E '^ssl_(protocols|ciphers|prefer|session)' "$stack_root/nginx/listen.conf"
    fi
  } >"$n/presence/listen.conf"
  {
    echo "server_name localhost;"
    # The Teams page of the simulator, under the product's origin.
    [ -z "$simulator" ] || cat <<END
location /teams/ {
  add_header X-Content-Type-Options nosniff always;
  proxy_pass http://127.0.0.1:$ms_port;
  proxy_http_version 1.1;
  proxy_set_header Host \$http_host;
  proxy_set_header Connection "";
  proxy_buffering off;
  proxy_read_timeout 1h;
}
END
  } >"$n/presence/site.conf"
  cat >"$n/nginx.conf" <<END
daemon off;
$([ "$(id -u)" != 0 ] || echo "user root;")
pid $run/nginx.pid;
error_log $dir/logs/nginx-error.log warn;
worker_processes 1;
worker_shutdown_timeout 5s;
events { worker_connections 12288; }
http {
  access_log off;
  default_type application/octet-stream;
  client_body_temp_path tmp/body;
  fastcgi_temp_path tmp/fastcgi;
  proxy_temp_path tmp/proxy;
  uwsgi_temp_path tmp/uwsgi;
  scgi_temp_path tmp/scgi;
  include presence/presence.conf;
}
END
}

# --- PostgreSQL -------------------------------------------------------------------

# initdb takes seconds, so its result is kept and copied.
stack_cluster() {
  [ -x "$pg_bin/initdb" ] || stack_die "up: PostgreSQL 15 is missing: tests/setup"
  if [ ! -e "$pg/PG_VERSION" ]; then
    local cache=$stack_root/build/stack new
    (
      flock 9
      if [ ! -e "$cache/pg-$pg_user/PG_VERSION" ]; then
        new=$(mktemp -d /tmp/presence-initdb.XXXXXX)
        if [ "$(id -u)" = 0 ]; then chown "$pg_user" "$new"; fi
        (cd / && as_pg_user env LC_ALL=C.UTF-8 "$pg_bin/initdb" -D "$new" \
          -U postgres --auth=trust --encoding=UTF8 --locale=C.UTF-8 --no-sync) \
          >"$cache/initdb.log" 2>&1 ||
          { rm -rf "$new"; stack_die "up: initdb failed (log: $cache/initdb.log)"; }
        rm -rf "$cache/pg-$pg_user"
        mv "$new" "$cache/pg-$pg_user"
      fi
    ) 9>"$cache/lock"
    rm -rf "$pg"
    cp -a "$cache/pg-$pg_user" "$pg" || stack_die "up: cannot copy PostgreSQL's folder to $pg"
  fi
  cat >"$pg/postgresql.auto.conf" <<END
listen_addresses = ''
unix_socket_directories = '$run/pg'
unix_socket_permissions = 0700
max_connections = 120
shared_buffers = 128MB
wal_level = minimal
max_wal_senders = 0
max_wal_size = 2GB
checkpoint_timeout = 15min
jit = off
log_line_prefix = '%m [%p] %u '
log_checkpoints = off
END
  if [ "$(id -u)" = 0 ]; then chown "$pg_user" "$pg/postgresql.auto.conf"; fi
}

# --- the supervisor's list ----------------------------------------------------------

stack_list() {
  local p i
  if [ -z "${PRESENCE_DATABASE_URL:-}" ]; then
    part service postgres "$pg_bin/postgres" -D "$pg"
    echo "stop INT"
    [ "$(id -u)" != 0 ] || echo "user postgres"
    clock_env
  fi
  part once database "$stack_root/tests/stack/step" database "$dir"
  program_env ctl
  [ "${STACK_ONLY:-}" != database ] || return 0
  if [ "$simulator" ]; then
    part once people "$stack_root/tests/stack/step" people "$dir"
    program_env ctl
    part service microsoft "$stack_root/tests/stack/step" microsoft "$dir" \
      --http "$ms_port" --https "$ms_tls_port" \
      --cert "$dir/tls/server.pem" --key "$dir/tls/server.key" \
      --client-id "$client_id" --client-secret-file "$dir/tls/client.secret" \
      --client-cert "$dir/tls/client.pem" --public-url "$public_url"
  fi
  part service nginx "$(command -v nginx)" -p "$dir/nginx/" -c "$dir/nginx/nginx.conf"
  for ((i = 1; i <= ${STACK_INSTANCES:-1}; i++)); do
    for p in "${programs[@]}"; do
      local command=("$build/bin/presence-$p")
      [ -z "${STACK_VALGRIND:-}" ] || command=("$(command -v valgrind)" -q
        --error-exitcode=99 --leak-check=full --show-leak-kinds=definite
        --child-silent-after-fork=yes "${command[@]}")
      part service "$p$([ "$i" = 1 ] || echo "-$i")" "${command[@]}"
      echo "socket $run/$p.sock"
      program_env "$p"
    done
  done
  if [ "$simulator" ]; then
    part once consent "$stack_root/tests/stack/step" consent "$dir"
    program_env ctl
  fi
  part once serving "$stack_root/tests/stack/step" serving "$dir"
  if [ "${stack_welcome:-}" ]; then
    part once welcome "$stack_root/tests/stack/step" welcome "$dir"
    echo "tty yes"
  fi
}

part() { # service|once NAME FILE ARG ...
  printf '\n%s %s\nexec %s\n' "$1" "$2" "$3"
  [ $# = 3 ] || printf 'arg %s\n' "${@:4}"
  printf 'env %s\n' "PATH=$PATH" "HOME=$dir" LC_ALL=C.UTF-8 TZ=UTC "STACK_DIR=$dir"
}

program_env() { # ROLE
  local name
  for name in "${!settings[@]}"; do
    [ "$name" = PRESENCE_DATABASE_URL ] || printf 'env %s=%s\n' "$name" "${settings[$name]}"
  done
  printf 'env PRESENCE_DATABASE_URL=%s\n' "$(database_url "presence_$1")"
  # ASan wants to be first in the list of libraries; faketime stands before it.
  printf 'env %s\n' \
    "ASAN_OPTIONS=verify_asan_link_order=0:detect_stack_use_after_return=1" \
    "UBSAN_OPTIONS=print_stacktrace=1" "TSAN_OPTIONS=second_deadlock_stack=1"
  clock_env
}

clock_env() {
  local lib how=FAKETIME_DONT_FAKE_MONOTONIC=1
  [ "${STACK_FAKETIME:-}" ] || return 0
  lib=$(ls /usr/lib/*/faketime/libfaketimeMT.so.1 2>/dev/null | head -n 1)
  [ "$lib" ] || stack_die "up: libfaketime is missing: tests/setup"
  [ -s "$run/clock" ] || echo +0 >"$run/clock"
  chmod 644 "$run/clock"
  if [ "$STACK_FAKETIME" = passing ]; then
    lib=$stack_root/build/bin/clockwait.so:$lib how=FAKETIME_DONT_FAKE_MONOTONIC=0
    [ -e "${lib%%:*}" ] || stack_die "up: ${lib%%:*} is missing: make stack-tools"
  fi
  printf 'env %s\n' "LD_PRELOAD=$lib" "FAKETIME_TIMESTAMP_FILE=$run/clock" \
    "$how" FAKETIME_NO_CACHE=1
}

# --- for tests ------------------------------------------------------------------------

stack_env() {
  cat <<END
STACK_DIR=$dir
STACK_READY=${STACK_READY:-1}
STACK_FAKETIME=${STACK_FAKETIME:-}
STACK_START_S=$([ -z "${STACK_VALGRIND:-}" ] && echo 60 || echo 240)
URL=http://127.0.0.1:$http_port
PUBLIC_URL=$public_url
NGINX_PORT=$http_port
LOGIN_URL=${settings[PRESENCE_LOGIN_URL]}
GRAPH_URL=${settings[PRESENCE_GRAPH_URL]}
CA_FILE=$dir/tls/ca.pem
CLIENT_ID=$client_id
BUILD=$build
LOGS=$dir/logs
RUN=$run
PIDS=$dir/pids
END
  if [ "${PRESENCE_DATABASE_URL:-}" ]; then
    echo "DATABASE_URL=$PRESENCE_DATABASE_URL"
  else
    echo "DATABASE_URL=$(database_url postgres)"
  fi
  [ -z "${STACK_TLS:-}" ] || echo "TLS_PORT=$tls_port"
  [ -z "$simulator" ] || cat <<END
SIM_URL=http://127.0.0.1:$ms_port
TENANT_ID=$tenant_id
TENANT2_ID=$tenant2_id
ADMIN_OID=${oid}01
ANNA_OID=${oid}11
BERT_OID=${oid}12
CARLA_OID=${oid}13
DAVID_OID=${oid}14
END
  # presencectl's environment, for a shell to source.
  {
    local line
    program_env ctl | sed -n 's/^env //p' | while IFS= read -r line; do
      printf 'export %s=%q\n' "${line%%=*}" "${line#*=}"
    done
  } >"$dir/ctl.env"
}
