/*
 * qcow2_tables: the offsets in the L1 table are sorted, so that equal ones are neighbours.
 */
#include "lib/format/qcow2_tables.h"

#include <stdlib.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/format/qcow2_entry.h"

int qcow2_tables_refuse(const char *what, const char *why)
{
	return err_set(ST_CORRUPT, "the qcow2 image is corrupt: its %s %s", what, why);
}

/* A table of `bytes` bytes at off, of which there may be none. */
static int check_table(const struct qcow2 *q, const char *what, uint64_t off, uint64_t bytes,
	uint64_t most, uint64_t len)
{
	if (bytes == 0)
		return 0;
	if (bytes > most)
		return qcow2_tables_refuse(what, "is too large");
	if (off % q->cluster_size)
		return qcow2_tables_refuse(what, "is not aligned to a cluster");
	if (off == 0)
		return qcow2_tables_refuse(what, "overlaps the header");
	if (off >= len || bytes > len - off)
		return qcow2_tables_refuse(what, "is outside of the image");
	return 0;
}

static int compare_entries(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static int check_entries(const struct qcow2 *q, uint64_t *entry, uint32_t count, uint64_t len)
{
	uint32_t i;

	for (i = 0; i < count; i++) {
		entry[i] = get_be64((const uint8_t *)&entry[i]) & QCOW2_ENTRY_OFFSET;
		if (entry[i] % q->cluster_size)
			return qcow2_tables_refuse("L2 table", "is not aligned to a cluster");
		if (entry[i] >= len)
			return qcow2_tables_refuse("L2 table", "is outside of the image");
	}
	qsort(entry, count, sizeof(*entry), compare_entries);
	for (i = 1; i < count; i++)
		if (entry[i] && entry[i] == entry[i - 1])
			return qcow2_tables_refuse("L1 table", "has an L2 table twice");
	return 0;
}

static int check_l1_entries(const struct qcow2 *q, int fd, uint64_t len)
{
	size_t n = (size_t)q->l1_size * QCOW2_ENTRY;
	uint64_t *entry;
	ssize_t got;
	int r;

	if (n == 0)
		return 0;
	entry = malloc(n);
	if (!entry)
		return err_set(ST_FAILED, "out of memory");
	got = io_pread(fd, entry, n, q->l1_off);
	if (got < 0)
		r = err_sys("cannot read at %llu", (unsigned long long)q->l1_off);
	else if ((size_t)got < n)
		r = qcow2_tables_refuse("L1 table", "is outside of the image");
	else
		r = check_entries(q, entry, q->l1_size, len);
	free(entry);
	return r;
}

int qcow2_tables_check_refcounts(const struct qcow2 *q, uint64_t len)
{
	if (check_table(q, "table of reference counts", q->refcount_off,
		    (uint64_t)q->refcount_clusters * q->cluster_size, QCOW2_REFCOUNT_MAX, len) < 0)
		return -1;
	if (q->refcount_clusters == 0)
		return qcow2_tables_refuse("table of reference counts", "is missing");
	return 0;
}

int qcow2_tables_check_l1(const struct qcow2 *q, uint64_t len)
{
	return check_table(
		q, "L1 table", q->l1_off, (uint64_t)q->l1_size * QCOW2_ENTRY, QCOW2_L1_MAX, len);
}

int qcow2_tables_check(const struct qcow2 *q, int fd, uint64_t len)
{
	if (q->snapshots > QCOW2_SNAPSHOTS_MAX)
		return qcow2_tables_refuse("table of snapshots", "is too large");
	if (qcow2_tables_check_l1(q, len) < 0 ||
		check_table(q, "table of snapshots", q->snapshots_off, q->snapshots, UINT64_MAX,
			len) < 0 ||
		qcow2_tables_check_refcounts(q, len) < 0)
		return -1;
	return check_l1_entries(q, fd, len);
}
