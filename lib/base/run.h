/*
 * run: the identity of a process, recorded with what it creates, so that other
 * processes can tell whether the owner is alive or what it left is stale.
 *
 * The identity is the text HOST:BOOT:SPACE:PID:START: the host name, the kernel's
 * boot ID, the inode number of the PID namespace, the process ID, and the start
 * time of the process in clock ticks since boot.  It consists of letters, digits
 * and "-._:", which LVM allows in a tag.
 */
#ifndef IMG_RUN_H
#define IMG_RUN_H

#include <stdbool.h>

#define RUN_TEXT_MAX 256

enum run_state {
	RUN_ALIVE,  /* the owning process is alive */
	RUN_DEAD,   /* stale: the owning process has ended */
	RUN_FOREIGN /* unknown: it runs on another host or in another PID namespace, or bad text */
};

/* The identity of this process.  0, or -1 with an error recorded. */
int run_self(char out[RUN_TEXT_MAX]);

/* The state of the process with this identity.  Records no error. */
enum run_state run_state(const char *text);

/*
 * Whether the process belongs to another host (both host name and boot ID differ).
 * Then its locks on a shared filesystem may not be visible on this host.
 */
bool run_is_elsewhere(const char *text);

#endif
