#!/bin/sh
# Writes the SQL files as C strings, for presencectl migrate.
#   sh sql/embed.sh sql >build/sql_files.c
# The order is that of the array: tables, functions, roles.
set -eu
export LC_ALL=C
dir=$1

# The functions of the first four are called by the others' bodies.
order() {
	(cd "$dir" && ls [0-9][0-9][0-9][0-9]_*.sql)
	for noun in presence event publish switch; do
		echo "api/$noun.sql"
	done
	(cd "$dir" && ls api/*.sql) |
	    grep -vxE 'api/(presence|event|publish|switch)\.sql'
	echo roles.sql
}

cat <<'END'
/* Made by sql/embed.sh: the files of sql/. */
#include <stddef.h>

#include "app/ctl.h"

const struct sql_file sql_files[] = {
END
order | while read -r name; do
	printf '\t{ "%s",\n' "$name"
	# Question marks, because of trigraphs.
	sed -e 's/[\\"?]/\\&/g' -e 's/.*/"&\\n"/' "$dir/$name"
	printf '\t},\n'
done
cat <<'END'
	{ NULL, NULL }
};
END
