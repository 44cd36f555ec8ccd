/*
 * probe: libblkid probes twice, for filesystems and for partition tables, because a single
 * probe ends when it finds more than one of these.
 */
#include "lib/format/probe.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <blkid/blkid.h>

#include "lib/base/err.h"
#include "lib/base/size.h"

static void copy_value(blkid_probe pr, const char *name, char *out, size_t size)
{
	const char *value;
	size_t len;

	if (blkid_probe_lookup_value(pr, name, &value, &len) != 0)
		return;
	len = strnlen(value, len);
	if (len >= size)
		len = size - 1;
	memcpy(out, value, len);
	out[len] = '\0';
}

/* Whether there are several, found one by one.  (libblkid 2.41 calls that an error, too.) */
static bool is_ambiguous(blkid_probe pr)
{
	int r, count = 0;

	blkid_reset_probe(pr);
	while ((r = blkid_do_probe(pr)) == 0)
		count++;
	return r == 1 && count > 1;
}

#define SEVERAL 2

/* Probes by the enabled chain.  1: found; 0: nothing; SEVERAL; -1 recorded. */
static int run_chain(blkid_probe pr)
{
	int r, error;

	errno = 0;
	r = blkid_do_safeprobe(pr);
	if (r == 0)
		return 1;
	if (r == 1)
		return 0;
	error = errno ? errno : EIO;
	if (r == -2 || is_ambiguous(pr))
		return SEVERAL;
	errno = error;
	return err_sys("cannot look for filesystems");
}

static int probe_superblocks(blkid_probe pr, struct probe *p)
{
	int r;

	blkid_probe_enable_superblocks(pr, 1);
	blkid_probe_set_superblocks_flags(
		pr, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_LABEL | BLKID_SUBLKS_UUID);
	r = run_chain(pr);
	if (r == 1) {
		copy_value(pr, "TYPE", p->fs_type, sizeof(p->fs_type));
		copy_value(pr, "LABEL", p->fs_label, sizeof(p->fs_label));
		copy_value(pr, "UUID", p->fs_uuid, sizeof(p->fs_uuid));
	}
	if (r == SEVERAL)
		snprintf(p->fs_type, sizeof(p->fs_type), PROBE_AMBIGUOUS);
	blkid_probe_enable_superblocks(pr, 0);
	return r;
}

static int probe_partitions(blkid_probe pr, struct probe *p)
{
	int r;

	blkid_probe_enable_partitions(pr, 1);
	r = run_chain(pr);
	if (r == 1)
		copy_value(pr, "PTTYPE", p->table, sizeof(p->table));
	if (strcmp(p->table, "gpt") == 0 || strcmp(p->table, "dos") == 0)
		memcpy(p->partitions, p->table, strlen(p->table) + 1);
	return r;
}

int probe_fd(int fd, uint64_t len, struct probe *p)
{
	return probe_range(fd, 0, len, p);
}

int probe_range(int fd, uint64_t off, uint64_t len, struct probe *p)
{
	blkid_probe pr;
	int r = -1;

	memset(p, 0, sizeof(*p));
	if (len == 0) /* which to libblkid means: up to the end */
		return 0;
	if (off > SIZE_LIMIT || len > SIZE_LIMIT - off)
		return err_set(ST_CORRUPT, "cannot look for filesystems: impossible length");
	pr = blkid_new_probe();
	if (!pr)
		return err_set(ST_FAILED, "out of memory");
	errno = 0;
	if (blkid_probe_set_device(pr, fd, (blkid_loff_t)off, (blkid_loff_t)len) != 0) {
		if (errno == 0)
			errno = EIO;
		err_sys("cannot look for filesystems");
	} else if (probe_superblocks(pr, p) >= 0) {
		blkid_reset_probe(pr);
		r = probe_partitions(pr, p) < 0 ? -1 : 0;
	}
	blkid_free_probe(pr);
	return r;
}
