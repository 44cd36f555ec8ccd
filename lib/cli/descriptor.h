/*
 * descriptor: paths that name an open descriptor of this process.
 *
 * A shell passes <(COMMAND) and >(COMMAND) as such paths.  In the helper, which opens
 * paths, the same path is another file or none.
 */
#ifndef IMG_DESCRIPTOR_H
#define IMG_DESCRIPTOR_H

#include "lib/base/location.h"

/*
 * If loc is /dev/fd/N, /proc/self/fd/N, /dev/stdin or /dev/stdout of this process, makes it
 * what "-" is: the descriptor becomes `to`, which is STDIN_FILENO for what is read, and
 * STDOUT_FILENO for what is written.  0, or -1 with an error recorded, also if the descriptor is
 * not open for that.
 */
int descriptor_adopt(struct location *loc, int to);

#endif
