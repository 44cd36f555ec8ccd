/*
 * probe: the filesystem and the partition table that libblkid recognises by content.
 *
 * A guest can write all of that, so it is only shown, and otherwise not trusted.
 */
#ifndef IMG_PROBE_H
#define IMG_PROBE_H

#include <stddef.h>
#include <stdint.h>

#define PROBE_TEXT 256
#define PROBE_AMBIGUOUS "ambiguous" /* the type, if there are signatures of several */

/* What libblkid finds; "" where it finds nothing. */
struct probe {
	char fs_type[PROBE_TEXT]; /* blkid's TYPE, also RAID, LVM, LUKS, swap */
	char fs_label[PROBE_TEXT];
	char fs_uuid[PROBE_TEXT];
	char partitions[8];	/* "gpt" or "dos" */
	char table[PROBE_TEXT]; /* blkid's PTTYPE, also of other partition tables */
};

/*
 * Looks for a filesystem and, independently, a partition table in the first len bytes of
 * fd.  0, also if it finds none; -1 recorded: a read error.  Moves the file
 * position of fd.
 */
int probe_fd(int fd, uint64_t len, struct probe *p);

/* The same in the len bytes of fd that begin at off, such as a partition. */
int probe_range(int fd, uint64_t off, uint64_t len, struct probe *p);

#endif
