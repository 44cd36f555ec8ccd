#!/bin/bash
# Runs shellcheck over every shell script and bats file.
rc=0
files '*.sh' '*.bash' '*.bats' .ci/run | xargs shellcheck -x || rc=1
exit $rc
