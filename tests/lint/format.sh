#!/bin/bash
# clang-format, in the one version that "make format" uses, would change nothing.
rc=0
while IFS= read -r source; do
	if ! "$CLANG_FORMAT" "$source" | cmp -s - "$source"; then
		echo "$source: make format would change it"
		rc=1
	fi
done < <(files '*.[ch]')
exit $rc
