#!/usr/bin/env bash
# A folder is a layer, includes point down: app -> web, sync, pbx -> base.
# web, sync and pbx never meet, but that sync reads pbx/event.h.
. "$(dirname "$0")/lib.sh"

includes() { # FOLDER: FILE:LINE:HEADER of our own headers
  tree "fcgi/$1/*.c" "fcgi/$1/*.h" |
    xargs -r grep -nHE '^#include "' | sed -E 's/#include "([^"]+)".*/\1/'
}
includes base | grep -vE ':base/' | found "base/ includes only base/"
includes web | grep -vE ':(base|web)/' | found "web/ includes only base/ and web/"
includes pbx | grep -vE ':(base|pbx)/' | found "pbx/ includes only base/ and pbx/"
includes sync | grep -vE ':(base|sync)/|:pbx/event\.h$' |
  found "sync/ includes only base/, sync/ and pbx/event.h"

# A .c includes its own header first, so each header is proved to stand alone.
tree 'fcgi/*.c' | while IFS= read -r f; do
  h=${f#fcgi/}
  h=${h%.c}.h
  [ -f "fcgi/$h" ] || continue
  first=$(grep -m 1 '^#include' "$f")
  [ "$first" = "#include \"$h\"" ] || echo "$f: $first"
done | found "a file includes its own header first"
