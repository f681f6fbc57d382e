#!/usr/bin/env bash
# The settings are said in three places, and all agree: settings.c (by --help),
# the README's table, the example file of the units.
. "$(dirname "$0")/lib.sh"

ctl=${BUILD:-build}/bin/presencectl
[ -x "$ctl" ] || { bad=77; echo "presencectl is not built"; exit; }
names='PRESENCE_[A-Z_]*[A-Z]'

help=$("$ctl" --help | grep -oE "^ *$names" | tr -d ' ' | sort -u)
[ "$help" ] || found "presencectl --help names no setting" <<<"$("$ctl" --help 2>&1 | head -n 3)"
differ() { # WORDS FILE's-names
  diff <(echo "$help") <(echo "$2") | grep '^[<>]' |
    sed "s/^</only in --help:/; s/^>/not in --help:/" | found "$1"
}
if [ -f README.md ]; then
  differ "README.md's table against --help" \
    "$(grep -oE "^\| *\`$names\`" README.md | grep -oE "$names" | sort -u)"
fi
differ "fcgi/units/ against --help" "$(grep -ohE "^(#|Environment=)?$names=" \
  fcgi/units/presence.env fcgi/units/presence@.service | grep -oE "$names" | sort -u)"
