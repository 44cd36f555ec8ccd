/*
 * qcow2_cluster: a zstd frame is measured first and then unpacked in one call, straight into the
 * cluster, as streaming would allocate as large a window as the frame asks for.
 */
#include "lib/format/qcow2_cluster.h"

#include <libdeflate.h>
#include <zstd.h>

#include "lib/base/err.h"
#include "lib/format/le.h"

static int refuse_cluster(const char *why)
{
	return err_set(ST_CORRUPT, "the qcow2 image is corrupt: a compressed cluster %s", why);
}

static int refuse_packed(void)
{
	return refuse_cluster("cannot be decompressed");
}

static int unpack_zlib(struct qcow2_cluster *c, size_t size, void *out, const void *p, size_t n)
{
	size_t used;

	if (!c->zlib)
		c->zlib = libdeflate_alloc_decompressor();
	if (!c->zlib)
		return err_set(ST_FAILED, "out of memory");
	/* Without a place for the length of the result, another one than size is an error. */
	if (libdeflate_deflate_decompress_ex(c->zlib, p, n, out, size, &used, NULL) !=
		LIBDEFLATE_SUCCESS)
		return refuse_packed();
	return 0;
}

/* A frame that is empty is refused: the number of frames is bounded by the cluster's size. */
static int unpack_zstd(
	struct qcow2_cluster *c, size_t size, uint8_t *out, const uint8_t *p, size_t n)
{
	size_t done, frame, got;

	if (!c->zstd)
		c->zstd = ZSTD_createDCtx();
	if (!c->zstd)
		return err_set(ST_FAILED, "out of memory");
	for (done = 0; done < size; done += got) {
		/* The formats of before zstd 0.8 have other magic numbers. */
		if (n < 4 || get_le32(p) != ZSTD_MAGICNUMBER)
			return refuse_packed();
		frame = ZSTD_findFrameCompressedSize(p, n);
		if (ZSTD_isError(frame))
			return refuse_packed();
		got = ZSTD_decompressDCtx(c->zstd, out + done, size - done, p, frame);
		if (ZSTD_isError(got) || got == 0)
			return refuse_packed();
		p += frame;
		n -= frame;
	}
	return 0;
}

int qcow2_cluster_unpack(
	struct qcow2_cluster *c, const struct qcow2 *q, void *out, const void *p, size_t n)
{
	return q->compression == QCOW2_ZSTD ? unpack_zstd(c, q->cluster_size, out, p, n)
					    : unpack_zlib(c, q->cluster_size, out, p, n);
}

int qcow2_cluster_check(const struct qcow2 *q)
{
	if (q->compression > QCOW2_ZSTD)
		return err_set(ST_REFUSED, "the qcow2 image has an unknown compression type: %d",
			q->compression);
	if ((q->compression != QCOW2_ZLIB) != !!(q->incompatible & QCOW2_COMPRESSION))
		return err_set(ST_CORRUPT, "cannot read the qcow2 header: its compression type "
					   "does not match its features");
	return 0;
}

void qcow2_cluster_fini(struct qcow2_cluster *c)
{
	ZSTD_freeDCtx(c->zstd);
	if (c->zlib)
		libdeflate_free_decompressor(c->zlib);
	c->zstd = NULL;
	c->zlib = NULL;
}
