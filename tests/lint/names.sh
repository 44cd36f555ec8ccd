#!/bin/bash
# File names are unique in the tree; and foo.c exports only foo and foo_…, or
# S_… of a struct S or enum S that a header of its directory declares, so that a
# name tells where to look.  A module of several files, foo_a.c and foo_b.c, may
# share the prefix foo_.
rc=0
twice=$(files 'cmd/*.[ch]' 'lib/*.[ch]' 'remote-helpers/*.[ch]' | sed 's,.*/,,' | sort | uniq -d)
for name in $twice; do
	echo "$name: several files have this name"
	rc=1
done
while IFS= read -r source; do
	object=$BUILD/obj/${source%.c}.o
	[ -e "$object" ] || continue
	module=${source##*/}
	module=${module%.c}
	headers=("${source%/*}"/*.h)
	case $source in lib/*/*/*) headers+=("${source%/*/*}"/*.h) ;; esac # of the folder above
	mapfile -t structs < <(sed -nE 's/^(struct|enum) ([a-z_0-9]+) \{.*/\2/p' "${headers[@]}")
	while read -r symbol; do
		# __odr_asan and the like are the compiler's.
		case $symbol in
		"$module" | "$module"_* | "${module%%_*}"_* | __*) ;;
		get_be* | put_be*) ;; # what everybody calls them
		*)
			for struct in "${structs[@]}"; do
				[[ $symbol != "$struct"_* ]] || continue 2
			done
			echo "$source: exports $symbol"
			rc=1
			;;
		esac
	done < <(nm -g --defined-only --format=posix "$object" | cut -d' ' -f1)
done < <(files 'lib/*.c')
exit $rc
