/*
 * notify: tells systemd how a service is, by its protocol sd_notify(3).
 *
 * That is a datagram to the socket in $NOTIFY_SOCKET: a path, or the name of an abstract socket
 * after '@'.  Without that variable nothing is sent.  Nothing here blocks, and no failure matters.
 */
#ifndef IMG_NOTIFY_H
#define IMG_NOTIFY_H

#include <stdbool.h>

#define NOTIFY_MAX 512 /* bytes of a message with the NUL; a longer one is cut off */

/* Sends VARIABLE=TEXT; the unsafe characters of the text are escaped, also a newline. */
void notify_send(const char *variable, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Whether systemd expects WATCHDOG=1 from this process, by $WATCHDOG_USEC and $WATCHDOG_PID. */
bool notify_has_watchdog(void);

#endif
