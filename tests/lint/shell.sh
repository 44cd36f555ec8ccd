#!/bin/bash
# Runs shellcheck over every shell script and bats file.
rc=0
files '*.sh' '*.bash' .ci/run | xargs shellcheck -x || rc=1
# A @test is a subshell, has variables from run, and makes files of odd content.
files '*.bats' | xargs -r shellcheck -x -e SC1003,SC2002,SC2012,SC2030,SC2031,SC2059,SC2094,SC2154 || rc=1
exit $rc
