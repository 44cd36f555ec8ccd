/*
 * probes: opens a file that is looked into, and compares what is found with blkid.
 */
#ifndef IMG_PROBES_H
#define IMG_PROBES_H

#include <stdint.h>
#include <sys/stat.h>

#include "lib/format/probe.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

struct probes_file {
	int fd;
	uint64_t len;
};

/* The caller closes fd. */
static inline struct probes_file probes_open(const char *name)
{
	struct probes_file f = { .fd = open(name, O_RDONLY | O_CLOEXEC) };
	struct stat st;

	if (f.fd < 0 || fstat(f.fd, &st) < 0) {
		perror(name);
		exit(99);
	}
	f.len = (uint64_t)st.st_size;
	return f;
}

/* What blkid says of a file. */
static inline const char *probes_blkid(const char *name, const char *tag)
{
	return scratch_get(NULL, "blkid -p -o value -s %s %s 2>>log", tag, name);
}

/* Checks that p is what blkid says of the file name. */
static inline void probes_compare(const struct probe *p, const char *name, const char *what)
{
	static const char *const tag[] = { "TYPE", "LABEL", "UUID", "PTTYPE" };
	const char *const got[] = { p->fs_type, p->fs_label, p->fs_uuid, p->partitions };
	char text[300];
	size_t i;

	for (i = 0; i < 4; i++) {
		snprintf(text, sizeof(text), "%s: %s", what, tag[i]);
		is_str(got[i], probes_blkid(name, tag[i]), text);
	}
}

#endif
