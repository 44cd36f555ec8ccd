#!/bin/bash
# No blanks at the ends of lines, a newline at the end of each file, and no
# words that mean something only where the project is developed.
rc=0
texts=$(files | grep -v '^tests/fuzz/corpus/')
if xargs grep -nHE '[[:blank:]]+$' <<<"$texts"; then
	rc=1
fi
for text in $texts; do
	if [ -s "$text" ] && [ -n "$(tail -c 1 "$text")" ]; then
		echo "$text: no newline at its end"
		rc=1
	fi
done
# Each is written so that this file does not match it.
words='(^|[[:space:]"=(:`])/wor[k]/|share[d]/(CLI|DESIGN|seed|tool|ref)|farm[-][a-z]+|debian[.]org|npmjs[.]'
if xargs grep -nHE "$words" <<<"$texts"; then
	rc=1
fi
exit $rc
