/*
 * run: who made something, so that others can tell whether he still lives.
 *
 * A run is written as HOST:BOOT:SPACE:PID:START (host name, the kernel's boot
 * id, number of the pid namespace, and the process with its start time in clock
 * ticks since boot), of letters, digits and "-._:", which LVM takes in a tag.
 */
#ifndef IMG_RUN_H
#define IMG_RUN_H

#include <stdbool.h>

#define RUN_TEXT_MAX 256

enum run_state {
	RUN_ALIVE,
	RUN_DEAD,
	RUN_FOREIGN /* another host's, or nothing that could be judged from here */
};

/* This process.  0, or -1 recorded. */
int run_self(char out[RUN_TEXT_MAX]);

enum run_state run_state(const char *text);

/* Whether it was another host's, by its name and boot: its locks may not reach here. */
bool run_is_elsewhere(const char *text);

#endif
