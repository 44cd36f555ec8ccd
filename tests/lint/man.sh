#!/bin/bash
# mandoc has nothing to say about the manuals, and every program has one.
rc=0
pages=$(files 'man/*.[157]')
for source in $(files 'cmd/img-*.c'); do
	page=man/$(basename "$source" .c).1
	[ -e "$page" ] || {
		echo "$page: missing"
		rc=1
	}
done
[ -z "$pages" ] || xargs mandoc -T lint -W warning <<<"$pages" || rc=1
exit $rc
