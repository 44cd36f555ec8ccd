/*
 * qcow2_bitmaps: see qcow2_bitmaps.h.
 */
#include "lib/format/qcow2_bitmaps.h"

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/format/qcow2_tables.h"

#define ENTRY 24 /* bytes before the name */
#define IN_USE 1
#define BITMAPS_MAX 65535 /* as in QEMU */

static const char directory[] = "directory of bitmaps";

int qcow2_bitmaps_open(const struct qcow2 *q, int fd, uint64_t len)
{
	uint64_t off = q->bitmaps_off, end = off + q->bitmaps_size, size;
	uint8_t b[ENTRY];
	ssize_t got;
	uint32_t i;

	if (!(q->autoclear & QCOW2_BITMAPS) || q->bitmaps == 0)
		return 0;
	if (q->bitmaps > BITMAPS_MAX || end < off || end > len)
		return qcow2_tables_refuse(directory, "is outside of the image");
	for (i = 0; i < q->bitmaps; i++, off += size) {
		if (end - off < sizeof(b))
			return qcow2_tables_refuse(directory, "is too short");
		got = io_pread(fd, b, sizeof(b), off);
		if (got < 0)
			return err_sys("cannot read at %llu", (unsigned long long)off);
		if ((size_t)got < sizeof(b))
			return qcow2_tables_refuse(directory, "is outside of the image");
		if (get_be32(b + 12) & IN_USE)
			return 1;
		size = ENTRY + (uint64_t)get_be16(b + 18) + get_be32(b + 20);
		size = (size + 7) / 8 * 8;
		if (size > end - off)
			return qcow2_tables_refuse(directory, "is too short");
	}
	return 0;
}
