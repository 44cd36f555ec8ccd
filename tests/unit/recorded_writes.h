/*
 * recorded_writes: the writes and syncs of what is tested are recorded, so that each state of a
 * file that a kill or a loss of power can leave is made from them.  A write can be made to fail.
 */
#ifndef IMG_RECORDED_WRITES_H
#define IMG_RECORDED_WRITES_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/unit/gpt_image.h"

#define WRITES_MAX 8

static struct write {
	uint8_t data[128 * 128];
	size_t n;
	off_t off;
	int syncs; /* number of those before it */
} writes[WRITES_MAX];
static int recording, count, syncs, fail_at = -1;

/* Instead of libc's, which the program that is tested would otherwise call. */
ssize_t pwrite(int fd, const void *p, size_t n, off_t off)
{
	if (recording && count == fail_at) {
		errno = EIO;
		return -1;
	}
	if (recording && count < WRITES_MAX && n <= sizeof(writes[0].data)) {
		memcpy(writes[count].data, p, n);
		writes[count].n = n;
		writes[count].off = off;
		writes[count].syncs = syncs;
	}
	if (recording)
		count++;
	return syscall(SYS_pwrite64, fd, p, n, off);
}

int fdatasync(int fd)
{
	(void)fd;
	syncs++;
	return 0;
}

/* The middle of the bytes that a write changes. */
static inline size_t write_middle(const struct write *w, const uint8_t *was)
{
	size_t first = 0, last = w->n;

	while (first < w->n && w->data[first] == was[first])
		first++;
	while (last > first && w->data[last - 1] == was[last - 1])
		last--;
	return first + (last - first) / 2;
}

/*
 * Makes the file state: the image before, with those writes whose bits are set; of the one with
 * index torn only a part.  All that an earlier state changed is where one of the writes is.
 */
static inline void write_state(const struct write *all, int total, unsigned set, int torn)
{
	static uint8_t was[sizeof(all->data)];
	size_t n;
	int i;

	if (gpt_image_len("state") < gpt_image_len("before"))
		scratch_run("cp --sparse=always before state");
	else if (truncate("state", (off_t)gpt_image_len("before")) < 0)
		perror("# truncate");
	for (i = 0; i < total; i++) {
		memset(was, 0, sizeof(was));
		gpt_image_get("before", was, all[i].n, (uint64_t)all[i].off);
		gpt_image_put("state", was, all[i].n, (uint64_t)all[i].off);
	}
	for (i = 0; i < total; i++) {
		gpt_image_get("state", was, all[i].n, (uint64_t)all[i].off);
		n = i == torn ? write_middle(&all[i], was) : all[i].n;
		if (set >> i & 1)
			gpt_image_put("state", all[i].data, n, (uint64_t)all[i].off);
	}
}

/*
 * Makes the file state from the file before and the writes that were recorded last, in all subsets
 * of those between two syncs, after all before them, and with torn ones.  Calls judge for each
 * state: first is the number of writes before the last sync; torn is NULL or the torn write.
 * Returns the number of states, with those that are not worth a try.
 */
static inline int write_each_state(void (*judge)(int first, const struct write *torn))
{
	static struct write all[WRITES_MAX];
	int states = 0, i, total = count, first, next;
	unsigned set, done;

	memcpy(all, writes, sizeof(all));
	scratch_run("cp --sparse=always before state");
	for (first = 0; first < total; first = next) {
		for (next = first; next < total && all[next].syncs == all[first].syncs;)
			next++;
		done = (1u << first) - 1;
		for (set = 0; set < 1u << (next - first); set++, states++) {
			write_state(all, total, done | set << first, -1);
			judge(first, NULL);
		}
		for (i = first; i < next; i++, states++) {
			/* A header that has become zeros in part is none, either. */
			if (all[i].data[0] == 0 && all[i].data[1] == 0)
				continue;
			write_state(all, total, done | ((2u << i) - 1), i);
			judge(first, &all[i]);
		}
	}
	return states;
}

#endif
