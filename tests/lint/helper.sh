#!/bin/bash
# The helper needs nothing on a peer, and its addresses are random: it is linked as
# static-pie, and its relocations are read-only.  It has at most 1.75 MiB.
rc=0
helper=$BUILD/libexec/img-tools/img-helper-$(uname -m)
size=$(stat -c %s "$helper") || exit
if [ "$size" -gt $((7 * 1024 * 1024 / 4)) ]; then
	echo "$helper: $size bytes, more than 1.75 MiB"
	rc=1
fi
if LC_ALL=C readelf -ld "$helper" | grep -E 'INTERP|NEEDED'; then
	echo "$helper: not static"
	rc=1
fi
if ! LC_ALL=C readelf -hd "$helper" | awk '/Type: *DYN/ { dyn = 1 } /FLAGS_1.*PIE/ { pie = 1 }
	END { exit !(dyn && pie) }'; then
	echo "$helper: not static-pie"
	rc=1
fi
if ! LC_ALL=C readelf -lW "$helper" | grep -q GNU_RELRO; then
	echo "$helper: its relocations stay writable"
	rc=1
fi
exit $rc
