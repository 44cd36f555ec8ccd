/*
 * notify: see notify.h.
 */
#include "lib/cli/notify.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/text.h"

/* The length of the address; 0: there is none. */
static socklen_t notify_address(struct sockaddr_un *to)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t n = path ? strlen(path) : 0;

	if (n < 2 || n >= sizeof(to->sun_path) || (*path != '/' && *path != '@'))
		return 0;
	memset(to, 0, sizeof(*to));
	to->sun_family = AF_UNIX;
	memcpy(to->sun_path, path, n);
	if (*path == '@')
		to->sun_path[0] = '\0'; /* the name of an abstract socket has no NUL at its end */
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + (*path == '/'));
}

void notify_send(const char *variable, const char *fmt, ...)
{
	char text[NOTIFY_MAX], safe[NOTIFY_MAX], message[NOTIFY_MAX + 64];
	struct sockaddr_un to;
	socklen_t len = notify_address(&to);
	va_list ap;
	int fd, n;

	if (!len)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	text_safe(text, safe, sizeof(safe));
	n = snprintf(message, sizeof(message), "%.32s=%s", variable, safe);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	(void)!sendto(fd, message, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT,
		(const struct sockaddr *)&to, len);
	close(fd);
}

bool notify_has_watchdog(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");

	if (!usec || strtoull(usec, NULL, 10) == 0)
		return false;
	return !pid || strtoll(pid, NULL, 10) == (long long)getpid();
}
