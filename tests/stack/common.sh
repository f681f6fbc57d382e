# What the scripts of the stack share. Sourced with the repository as folder.

stack_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# Commands of the system's own folders are not in everybody's PATH.
PATH=$PATH:/usr/sbin:/sbin
pg_bin=/usr/lib/postgresql/15/bin

stack_die() { # the reason is the last line
  printf '%s\n' "$*" >&2
  exit 1
}

# stack_alive DIR: its supervisor runs.
stack_alive() {
  local pid
  pid=$(cat "$1/pids/supervisor.pid" 2>/dev/null) &&
    [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = supervise ] &&
    tr '\0' '\n' <"/proc/$pid/cmdline" 2>/dev/null | grep -qxF -- "$1"
}

# stack_dir DIR: the folder as an absolute path, links resolved.
stack_dir() {
  realpath -m -- "$1"
}
