#!/bin/bash
# A .c has at most 400 lines, a function at most 60 between its braces.
files '*.c' | xargs awk '
	FNR == 1 { start = 0 }
	FNR == 401 { print FILENAME ": more than 400 lines" }
	/^{/ { start = FNR }
	/^}/ {
		if (start && FNR - start - 1 > 60)
			print FILENAME ":" start ": a function of " FNR - start - 1 " lines"
		start = 0
	}' | {
	! grep .
}
