#!/bin/bash
# The options that a program's --help (made from the tables in the code) names
# are those that its man page describes: an item of the page begins with them.
rc=0

# Prints the options at the beginning of each line: -s, --snapshot[=X] gives two.
leading() {
	sed -n 's/^ *\(-.*\)/\1/p' | awk '{
		for (i = 1; i <= NF && $i ~ /^-/; i++) {
			gsub(/[[=,].*/, "", $i)
			if ($i ~ /^(-[A-Za-z0-9]|--[a-z][a-z0-9-]+)$/)
				print $i
		}
	}' | sort -u
}

ran=0
for program in "$BUILD"/bin/img-*; do
	[ -x "$program" ] || continue
	ran=1
	name=${program##*/}
	page=man/$name.1
	if ! help=$("$program" --help) || [ -z "$help" ]; then
		echo "$name --help failed"
		rc=1
		continue
	fi
	if [ ! -e "$page" ]; then
		echo "$page: missing"
		rc=1
		continue
	fi
	coded=$(leading <<<"$help" | grep -vxF -e '-?')
	described=$(mandoc -T ascii -O width=200 "$page" | sed 's/.\x08//g' | leading)
	for option in $(comm -23 <(echo "$coded") <(echo "$described")); do
		echo "$page: does not describe $option"
		rc=1
	done
	for option in $(comm -13 <(echo "$coded") <(echo "$described")); do
		echo "$page: describes $option, which $name --help does not have"
		rc=1
	done
done
[ $ran = 1 ] || {
	echo "no programs in $BUILD/bin"
	rc=1
}
exit $rc
