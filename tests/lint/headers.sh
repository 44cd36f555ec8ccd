#!/bin/bash
# Every header compiles alone.
make --no-print-directory -s hdr-check B="$BUILD"
