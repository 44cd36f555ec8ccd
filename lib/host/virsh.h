/*
 * virsh: runs libvirt's program virsh for one of its guests.
 */
#ifndef IMG_VIRSH_H
#define IMG_VIRSH_H

#include "lib/base/buf.h"

#define VIRSH_LIMIT_S 30 /* until virsh is given up */

/*
 * Runs argv, which begins with "virsh", and appends its standard output to out.  domain is the
 * guest that argv names.  0, or -1 recorded, with control characters of virsh's text escaped:
 * ST_USAGE if domain cannot be a name, ST_ABSENT if there is no such guest, ST_REFUSED if libvirt
 * does not let this user in, ST_FAILED if virsh is missing or fails.  Waits at most
 * VIRSH_LIMIT_S; ends when the job is cancelled.
 */
int virsh_run(const char *const *argv, const char *domain, struct buf *out);

#endif
