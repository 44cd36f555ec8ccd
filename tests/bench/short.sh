#!/bin/bash
# short.sh BUILD: every part of the benchmark once, with small images, to show that
# it works and that every copy is right.  Nothing is timed.
cd "$(dirname "$0")/../.." && T='' SIZE=32M ROUNDS=0 exec timeout -k 10 240 tests/bench/run.sh "$@"
