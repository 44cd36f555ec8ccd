#!/bin/bash
# cppcheck.  Leaks are left to the sanitizers, which do not guess.
files 'cmd/*.c' 'lib/*.c' 'remote-helpers/*.c' |
	xargs cppcheck -q -j"$(nproc)" --std=c11 --enable=warning,performance,portability \
		--suppress=memleak --suppress=missingIncludeSystem \
		--suppress=normalCheckLevelMaxBranches --inline-suppr --error-exitcode=1 \
		-I. -D_GNU_SOURCE -DVERSION='"x"'
