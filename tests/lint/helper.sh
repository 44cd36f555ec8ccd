#!/bin/bash
# The helper needs nothing on a peer: statically linked; and at most 1.3 MiB.
rc=0
helper=$BUILD/libexec/img-tools/img-helper-$(uname -m)
size=$(stat -c %s "$helper") || exit
if [ "$size" -gt $((13 * 1024 * 1024 / 10)) ]; then
	echo "$helper: $size bytes, more than 1.3 MiB"
	rc=1
fi
if LC_ALL=C readelf -ld "$helper" | grep -E 'INTERP|NEEDED'; then
	echo "$helper: not static"
	rc=1
fi
exit $rc
