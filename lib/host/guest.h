/*
 * guest: stops and continues a running guest, by QEMU's monitor (QMP) or by libvirt's program
 * virsh.
 */
#ifndef IMG_GUEST_H
#define IMG_GUEST_H

#include "lib/host/qmp.h"

#define GUEST_ANSWER_MS 10000 /* what QEMU has for a command and its reply */

struct guest {
	struct qmp *qmp;    /* owned; or NULL */
	const char *domain; /* without qmp: the name, number or UUID of libvirt's guest */
};

enum guest_state {
	GUEST_RUNNING,
	GUEST_PAUSED, /* by a command; guest_continue() lets it go on */
	GUEST_STOPPED /* for another reason: it is shut off, had an I/O error, or has crashed */
};

/*
 * Whether it runs.  0, or -1 recorded: ST_BUSY while it is migrated, saved or restored, since it
 * may go on at any time then, here or on another host; or as qmp_call() and virsh_run().  Waits at
 * most GUEST_ANSWER_MS, or VIRSH_LIMIT_S.
 */
int guest_state(struct guest *g, enum guest_state *out);

/* The same from the output of virsh. */
int guest_state_parse(const char *text, enum guest_state *out);

/* Pauses it, or lets it go on.  0, or -1 recorded.  Wait as guest_state(). */
int guest_stop(struct guest *g);
int guest_continue(struct guest *g);

/*
 * Whether QEMU has told, since this was asked last, that a guest went on.  false also if only its
 * state would tell: without qmp.
 */
bool guest_has_resumed(struct guest *g);

/* Whether nothing can be asked any more, because QEMU has ended. */
bool guest_is_lost(const struct guest *g);

/* Begins with a descriptor of qmp_connect(), which it takes over.  0, or -1 recorded. */
int guest_open(struct guest *g, int fd);
void guest_close(struct guest *g); /* accepts a zeroed one; keeps the recorded error */

#endif
