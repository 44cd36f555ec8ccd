/*
 * watching_tell: sends the events of one watched disk (watching.h) to the client.
 *
 * Functions return 0, or -1 recorded: the client is lost.
 */
#ifndef IMG_WATCHING_TELL_H
#define IMG_WATCHING_TELL_H

#include "lib/base/err.h"
#include "lib/op/watching.h"

/* An event that is about to be sent; beside these the record has what is known of the disk. */
struct watching_event {
	const char *name, *why, *message;
	uint64_t previous; /* 0: none */
	enum status status;
};

int watching_tell(const struct watching *w, struct session *s, const struct watching_event *e);

/* Tells of an error that is recorded, once as long as it is the same, and clears it. */
int watching_tell_error(struct watching *w, struct session *s, const char *event);

/* It is near its end, and nothing can be done for that reason; the same. */
int watching_tell_alarm(struct watching *w, struct session *s, enum watch_why why);

#endif
