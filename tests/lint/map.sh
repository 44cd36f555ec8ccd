#!/bin/bash
# README.md's file map names every source file, with one line for foo.c and
# foo.h ("foo.[ch]"), and every directory of tests/, and nothing that is not there.
rc=0
map=$(sed -n '/^## File map/,/^## /p' README.md | grep -o '^- `[^`]*`' | tr -d '`' | cut -c3-)
there=$(
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
for entry in $(comm -13 <(sort -u <<<"$there") <(sort -u <<<"$named")); do
	echo "README.md: the file map names $entry, which is not there"
	rc=1
done
for entry in $(comm -23 <(sort -u <<<"$there") <(sort -u <<<"$named")); do
	echo "README.md: the file map lacks $entry"
	rc=1
done
for entry in $(uniq -d <<<"$named"); do
	echo "README.md: the file map names $entry twice"
	rc=1
done
exit $rc
