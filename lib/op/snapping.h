/*
 * snapping: snapshots of one or more images of this host that are taken together.
 *
 *	snapping_init, snapping_add for each image	all checks, and all that takes time
 *	snapping_take	the user's first command
 *			the guest is paused
 *			the snapshots, directly after each other
 *			the guest goes on
 *			the user's second command
 *			checks of what was made
 *	snapping_publish	if they are kept
 *	snapping_close	removes what was not published or taken over
 *
 * If the snapshot of one image fails, those of the others are removed with it.
 */
#ifndef IMG_SNAPPING_H
#define IMG_SNAPPING_H

#include "lib/host/guest_pause.h"
#include "lib/op/op.h"
#include "lib/store/image.h"
#include "lib/store/snapshot.h"

#define SNAPPING_MAX 128 /* images in one set */
#define SNAPPING_NONE SIZE_MAX

struct snapping_member {
	char *path;		   /* as it was requested; owned */
	struct image *image;	   /* owned; NULL: was taken over */
	struct snapshot *snapshot; /* of image; owned; NULL: was taken over */
};

struct snapping {
	struct snapshot_want want;
	struct snapping_member member[SNAPPING_MAX];
	size_t count;
	struct guest_pause guest; /* the guest that is paused meanwhile, if any */
	size_t failed;	   /* the member that the recorded error is about, or SNAPPING_NONE */
	uint64_t apart_us; /* at most so many microseconds are between the first and the last */
};

/*
 * Prepares an empty set, by the configuration; size in bytes, if not 0, overrides it.  keep: the
 * snapshots stay when the job ends.  0, or -1 recorded.
 */
int snapping_init(
	struct snapping *g, const struct session *s, uint64_t size, bool keep, bool dry_run);

/*
 * Adds an image, which it takes over, also on failure, and prepares its snapshot.  0, or -1
 * recorded: as snapshot_prepare(); ST_NOROOM if there is too little space for all of them;
 * ST_REFUSED if two kept ones are of one image or would get the same name, or if there are
 * SNAPPING_MAX.  Blocks for
 * seconds.
 */
int snapping_add(struct snapping *g, const char *path, struct image *img);

/*
 * Lets snapping_take() pause a guest, whose QEMU has its monitor on the socket qmp, or which is
 * libvirt's domain; both may be NULL.  They must stay valid until then.  0, or -1 recorded.
 */
int snapping_pauses(
	struct snapping *g, const struct session *s, const char *qmp, const char *domain);

/*
 * Takes all of them, or none, with the commands pre and post (each may be NULL).  If the first
 * command ran, which may freeze a guest, the second one runs, too, to thaw it, whatever failed.
 * The guest is paused after the first command, and goes on before the second.  In a dry run it is
 * only asked whether it runs.  0, or -1 recorded.  Blocks for as long as the commands may, and for
 * seconds.
 */
int snapping_take(struct snapping *g, const struct session *s, const char *pre, const char *post);

/* Makes them ordinary images.  0, or -1 recorded, and snapping_close() removes all. */
int snapping_publish(struct snapping *g);

/* The member with that path that was not taken over; or NULL with nothing recorded. */
struct snapping_member *snapping_find(struct snapping *g, const char *path);

/*
 * Sends the record failed=N, counted from 0, if the recorded error, which is kept, concerns only
 * that member.
 */
void snapping_report_failed(const struct snapping *g, struct session *s);

/*
 * Frees the content of g, which may be zeroed.  What is still a member is removed.  Keeps the
 * recorded error.  Blocks for seconds.
 */
void snapping_close(struct snapping *g);

/* The same of one on the heap, which is freed; accepts NULL. */
void snapping_free(struct snapping *g);

#endif
