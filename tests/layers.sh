#!/bin/sh
# The layer rules of the house as greps, and every header compiled alone.
set -u
cd "$(dirname "$0")/.." || exit 1
failed=0

# rule TEXT PATTERN FILES...: no line of the files may match.
rule() {
	text=$1 pattern=$2
	shift 2
	found=$(grep -nE "$pattern" "$@" /dev/null)
	if [ -n "$found" ]; then
		echo "layers: $text" >&2
		echo "$found" >&2
		failed=1
	fi
}

# only HEADER FILE: no other file of the programs includes it.
only() {
	found=$(grep -lE "#include <$1>" common/*.[ch] fcgi/*.[ch] cli/*.[ch] | grep -vx "$2")
	if [ -n "$found" ]; then
		echo "layers: only $2 includes <$1>, but so does: $found" >&2
		failed=1
	fi
}

rule "common/ knows nothing of fcgi/ and cli/" '#include "(fcgi|cli)/' common/*.[ch]
rule "fcgi/ knows nothing of cli/" '#include "cli/' fcgi/*.[ch]
rule "cli/ knows nothing of fcgi/" '#include "fcgi/' cli/*.[ch]
rule "in_* includes no up_*, out_* or api" '#include "fcgi/(up_|out|api)' fcgi/in*.[ch]
rule "up_* includes no in_*, out_* or api" '#include "fcgi/(in[_.]|out|api)' fcgi/up_*.[ch]
rule "out_* includes no in_*, up_* or api" '#include "fcgi/(in[_.]|up_|api)' fcgi/out*.[ch]
rule "includes name the folder" '#include "[^/"]*"' common/*.[ch] fcgi/*.[ch] cli/*.[ch]
rule "a stand-in shares no code with what it tests" '#include "(common|fcgi|cli)/' tests/upstream/*.[ch]
only fcgiapp.h fcgi/conn.c
only curl/curl.h common/http.c
only curl/urlapi.h common/http_url.c
only gdbm.h common/generation.c
only sqlite3.h cli/import_database.c

for source in common/*.c fcgi/*.c cli/*.c; do
	first=$(grep -m1 '#include' "$source")
	if [ "$first" != '#include "common/base.h"' ]; then
		echo "layers: $source does not include common/base.h first" >&2
		failed=1
	fi
done

for header in common/*.h fcgi/*.h cli/*.h; do
	printf '#include "common/base.h"\n#include "%s"\n' "$header" |
		${CC:-cc} -std=gnu11 -Wall -Wextra -I. -fsyntax-only -xc - || {
		echo "layers: $header does not compile alone" >&2
		failed=1
	}
done

[ $failed = 0 ] && echo "layers: all rules hold"
exit $failed
