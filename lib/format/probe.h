/*
 * probe: the filesystem and the partition table that libblkid finds, by content
 * and never by name.
 *
 * Nothing that is found here is trusted beyond being shown: labels are a guest's.
 */
#ifndef IMG_PROBE_H
#define IMG_PROBE_H

#include <stddef.h>
#include <stdint.h>

#define PROBE_TEXT 256

/* What libblkid finds; "" where it finds nothing. */
struct probe {
	char fs_type[PROBE_TEXT]; /* blkid's TYPE, also RAID, LVM, LUKS, swap */
	char fs_label[PROBE_TEXT];
	char fs_uuid[PROBE_TEXT];
	char partitions[8]; /* "gpt" or "dos" */
};

/*
 * Looks for filesystem and partition table in the len bytes that fd holds.
 * 0, or -1 recorded: a read error (finding nothing, or more than one filesystem,
 * is no error; each is looked for by itself).  Moves fd's file position.
 */
int probe_fd(int fd, uint64_t len, struct probe *p);

#endif
