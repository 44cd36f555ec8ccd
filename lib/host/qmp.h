/*
 * qmp: a client of QEMU's monitor (QMP) on a UNIX socket.
 *
 * QMP is JSON, an object on each line.  QEMU greets, the client asks for qmp_capabilities, and from
 * then on each command gets one reply, with events between:
 *
 *	<- {"QMP": {...}}
 *	-> {"execute": "qmp_capabilities", "id": 1}
 *	<- {"return": {}, "id": 1}
 *	-> {"execute": COMMAND, "arguments": {...}, "id": 2}
 *	<- {"event": NAME, "data": {...}, "timestamp": {...}}
 *	<- {"return": ..., "id": 2}   or   {"error": {"class": ..., "desc": ...}, "id": 2}
 *
 * The other side is not trusted.  A line has at most QMP_LINE_MAX bytes, and is nested at most as
 * deep as jansson allows (2048).  Every wait has a limit in time and ends when the job is
 * cancelled (lib/base/cancel.h).  At most QMP_EVENTS_MAX events are kept.
 *
 * QEMU serves one client at a time.  While one is connected, another gets no greeting.
 *
 * Functions that wait block for at most the time that they name.  A struct qmp is used by one
 * thread.
 */
#ifndef IMG_QMP_H
#define IMG_QMP_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/policy.h"

#define QMP_LINE_MAX (4u << 20)	   /* bytes; a list of 200 layers has less than 1 MiB */
#define QMP_EVENTS_MAX 256	   /* events that are kept, */
#define QMP_EVENT_BYTES (1u << 20) /* and the bytes of all their lines */
#define QMP_GREETING_MS 5000	   /* to wait for the greeting, */
#define QMP_CALL_MS 30000	   /* and for each reply */

struct qmp; /* opaque */

/*
 * Connects to the socket at path, which the user named, through the access policy, and
 * negotiates.  The socket and the process that listens on it must belong to root, to this
 * process's user, or to owner, the owner of the image, since another user could give any
 * answer.  The monitor of a guest of libvirt is refused, because libvirt would lose it.
 *
 * NULL recorded: ST_ABSENT (no socket, or QEMU has ended), ST_REFUSED (by permission, the
 * policy or the rule above), ST_BUSY (no greeting), ST_FAILED (the other side does not speak
 * QMP).  Waits at most QMP_GREETING_MS + QMP_CALL_MS.
 */
struct qmp *qmp_open(const struct policy *policy, const char *path, uid_t owner);

/*
 * The two halves of qmp_open(), for two processes.  qmp_connect() does not wait: the descriptor,
 * which does not block, or -1 recorded.  qmp_begin() takes it over, also on failure, and
 * negotiates.
 */
int qmp_connect(const struct policy *policy, const char *path, uid_t owner);
struct qmp *qmp_begin(int fd);

void qmp_close(struct qmp *q); /* accepts NULL; keeps the recorded error */

/*
 * Runs a command.  arguments may be NULL; its reference is taken, also on failure.  *reply, if
 * reply is not NULL, is what the command returns, and the caller drops the reference.  0, or -1
 * recorded, with control characters of QEMU's text escaped.  Waits at most QMP_CALL_MS.
 */
int qmp_call(struct qmp *q, const char *command, json_t *arguments, json_t **reply);

/* Later calls wait at most ms milliseconds instead of QMP_CALL_MS. */
void qmp_set_limit(struct qmp *q, int ms);

/*
 * The class of QEMU's error if it refused the last command ("GenericError", "DeviceNotFound",
 * "CommandNotFound", ...); "" if there was none.
 */
const char *qmp_error_class(const struct qmp *q);

/*
 * Whether this QEMU has the command, with that argument: 1, 0, or -1 recorded.  Asks only the
 * first time.
 */
int qmp_has_argument(struct qmp *q, const char *command, const char *argument);

/*
 * Takes the oldest event of that name (NULL: of any) from those that are kept, or waits for it,
 * at most timeout_ms (0: only takes what has arrived; -1: no limit).  Others are kept.  1, and
 * the caller drops the reference of *event, the complete object; 0: none has come; -1 recorded.
 */
int qmp_event(struct qmp *q, const char *name, int64_t timeout_ms, json_t **event);

/* Whether events were dropped, since too many were kept, since it was last called. */
bool qmp_lost_events(struct qmp *q);

/* Whether the connection is over: QEMU has closed it, or does not speak QMP. */
bool qmp_is_lost(const struct qmp *q);

/* Becomes readable when an event may have arrived: then call qmp_event() until it returns 0. */
int qmp_fd(const struct qmp *q);

/* The process that listens on the socket, as the kernel reported it; 0: not known. */
pid_t qmp_peer(const struct qmp *q);

#endif
