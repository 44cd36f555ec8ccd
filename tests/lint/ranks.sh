#!/bin/bash
# A file in lib/ includes only its own rank or a lower one; the helper's main
# only what the helper links; and every include is written from the top.
rank='BEGIN {
	split("base 0 block 1 wire 1 lvm 1 format 1 host 1 fs 2 store 2 flow 3 op 4 ssh 5 peer 6 job 7 cli 8", word, " ")
	for (i = 1; i in word; i += 2)
		rank["lib/" word[i]] = word[i + 1]
	rank["remote-helpers"] = 4
	rank["cmd"] = 99
}
function top(path, part) {
	split(path, part, "/")
	return part[1] == "lib" ? "lib/" part[2] : part[1]
}
match($0, /^[ \t]*#[ \t]*include[ \t]*"[^"]*"/) {
	split($0, part, "\"")
	from = top(FILENAME)
	to = top(part[2])
	if (from == "tests")
		next
	if (!(from in rank))
		print FILENAME ": no rank is known for " from
	else if (!(to in rank))
		print FILENAME ":" FNR ": include \"" part[2] "\": not written from the top"
	else if (rank[to] > rank[from] || (to != from && to !~ /^lib/))
		print FILENAME ":" FNR ": rank " rank[from] " includes \"" part[2] "\" of rank " rank[to]
}'
files 'cmd/*.[ch]' 'lib/*.[ch]' 'remote-helpers/*.[ch]' 'tests/*.[ch]' | xargs awk "$rank" | {
	! grep .
}
