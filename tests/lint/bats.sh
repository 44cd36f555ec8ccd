#!/bin/bash
# In the middle of a test, "[ A ] && [ B ]" does not fail if A is false, because set -e ignores it;
# only as the last line of a function it does.
files '*.bats' | xargs -r awk '
	FNR == 1 { line = "" }
	line && !/^}/ { print line }
	{ line = "" }
	/^\t+\[\[? .* \]\]? && \[/ && !/ \|\| / && !/(&&|\\)$/ {
		line = FILENAME ":" FNR ": each [ ] needs a line of its own:" $0
	}' | {
	! grep .
}
