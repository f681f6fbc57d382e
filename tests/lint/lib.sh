# What the lints share: `found TITLE` reads offences and remembers them.

set -uo pipefail
shopt -s lastpipe # `found` at the end of a pipe sets `bad` here
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
bad=0
trap 'exit $bad' EXIT

# found WORDS: every line of stdin is an offence against WORDS.
found() {
  local lines
  lines=$(cat)
  [ "$lines" ] || return 0
  bad=1
  printf '%s:\n%s\n' "$1" "$(sed 's/^/  /' <<<"$lines")"
}

# c_code FILE ...: the files with comments and string texts blanked, each line
# led by FILE:LINE:, so that a rule about code does not read prose.
c_code() {
  awk '
    FNR == 1 { inside = 0 }
    {
      line = $0; out = ""
      while (line != "") {
        if (inside) {
          p = index(line, "*/")
          if (!p) { line = ""; break }
          line = substr(line, p + 2); inside = 0
        } else if (match(line, /\/\*|\/\/|"([^"\\]|\\.)*"|\047([^\047\\]|\\.)*\047/)) {
          out = out substr(line, 1, RSTART - 1)
          t = substr(line, RSTART, RLENGTH)
          line = substr(line, RSTART + RLENGTH)
          if (t == "//") line = ""
          else if (t == "/*") inside = 1
          else out = out "\"\""
        } else { out = out line; line = "" }
      }
      print FILENAME ":" FNR ":" out
    }' "$@" /dev/null
}

# The files that belong to the repository, also those not yet added.
tree() {
  git ls-files -co --exclude-standard -- "$@" 2>/dev/null | while IFS= read -r f; do
    [ ! -f "$f" ] || printf '%s\n' "$f"
  done
}
