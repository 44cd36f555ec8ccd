#!/bin/bash
# The file map of CONTRIBUTING.md names every source file, with one line for foo.c
# and foo.h ("foo.[ch]"), every directory of tests/, and nothing that does not exist.
rc=0
map=$(sed -n '/^## File map/,/^## /p' CONTRIBUTING.md | grep -o '^- `[^`]*`' | tr -d '`' | cut -c3-)
existing=$(
	files 'cmd/*' 'lib/*' 'remote-helpers/*' 'Makefile' 'config.example'
	files 'tests/*' | grep '^tests/[^/]*$'
	files 'tests/*/*' | grep -o '^[^/]*/[^/]*/'
	files 'man/*' | grep -o '^[^/]*/'
)
named=$(while IFS= read -r entry; do
	case $entry in
	*.\[ch]) printf '%s\n' "${entry%.\[ch]}.c" "${entry%.\[ch]}.h" ;;
	*) printf '%s\n' "$entry" ;;
	esac
done <<<"$map" | sort)
for entry in $(comm -13 <(sort -u <<<"$existing") <(sort -u <<<"$named")); do
	echo "CONTRIBUTING.md: the file map names $entry, which does not exist"
	rc=1
done
for entry in $(comm -23 <(sort -u <<<"$existing") <(sort -u <<<"$named")); do
	echo "CONTRIBUTING.md: the file map lacks $entry"
	rc=1
done
for entry in $(uniq -d <<<"$named"); do
	echo "CONTRIBUTING.md: the file map names $entry twice"
	rc=1
done
exit $rc
