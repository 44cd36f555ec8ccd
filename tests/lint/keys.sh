#!/bin/bash
# img-protocol(7) names the keys of each operation's request, required ones
# outside of brackets, and the type of each key, as the table in lib/op/op.c does.
set -o pipefail
page=man/img-protocol.7
make --no-print-directory -s "$BUILD/tests/test_schema" B="$BUILD" || exit
coded=$("$BUILD/tests/test_schema" keys) || exit
[ -n "$coded" ] || exit

# "OP KEY required" or "OP KEY optional", from each REQUEST.
requests=$(awk '
	/^\.Ss / { count = split(substr($0, 5), op, " , ") }
	/^\.It / { within = $2 == "REQUEST" }
	/^\.El/ || /^\.Pp/ { within = 0 }
	within && /^\.(Op )?Cm / {
		need = $1 == ".Op" ? "optional" : "required"
		for (i = 1; i <= NF; i++)
			if ($i ~ /^[a-z_]+$/ && $i != "or")
				for (j = 1; j <= count; j++)
					print op[j], $i, need
	}' "$page" | sort -u)
# "KEY TYPE", from the list of keys.
types=$(sed -n '/^\.Ss Keys/,/^\.El/s/^\.It Cm \([a-z_]*\) Pq \([a-z]*\)$/\1 \2/p' "$page" | sort)

rc=0
# compare WHAT CODED DESCRIBED
compare() {
	local line

	while IFS= read -r line; do
		echo "$page: $1: ${line/#$'\t'/described, not coded: }"
		rc=1
	done < <(comm -3 <(echo "$2") <(echo "$3"))
}
compare 'a request' "$(cut -d' ' -f1,2,4 <<<"$coded" | sort -u)" "$requests"
compare 'a type' "$(cut -d' ' -f2,3 <<<"$coded" | sort -u)" "$types"
exit $rc
