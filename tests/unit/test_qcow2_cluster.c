/*
 * qcow2_cluster: what may be in a compressed cluster, and what may not.
 */
#include <libdeflate.h>
#include <zstd.h>

#include "lib/base/err.h"
#include "lib/format/qcow2_cluster.h"
#include "tests/unit/tap.h"

#define CLUSTER 65536u

static uint8_t plain[4 * CLUSTER], packed[8 * CLUSTER], out[CLUSTER + 1];

static size_t deflate(size_t n)
{
	struct libdeflate_compressor *c = libdeflate_alloc_compressor(6);
	size_t got = libdeflate_deflate_compress(c, plain, n, packed, sizeof(packed));

	libdeflate_free_compressor(c);
	return got;
}

/* Unpacks n bytes; the byte behind the cluster is left alone.  0, or the status. */
static int unpack(struct qcow2_cluster *c, const struct qcow2 *q, size_t n)
{
	int r;

	err_clear();
	memset(out, 0xaa, sizeof(out));
	r = qcow2_cluster_unpack(c, q, out, packed, n);
	if (out[CLUSTER] != 0xaa)
		return -1;
	if (r == 0)
		return memcmp(out, plain, CLUSTER) == 0 ? 0 : -2;
	return (int)err_status();
}

static void test_zlib(void)
{
	struct qcow2 q = { .version = 3, .cluster_size = CLUSTER };
	struct qcow2_cluster c = { 0 };
	size_t n = deflate(CLUSTER);

	is_int(qcow2_cluster_check(&q), 0, "zlib");
	is_int(unpack(&c, &q, n), 0, "one cluster");
	is_int(unpack(&c, &q, n + 300), 0, "with more behind it");
	is_int(unpack(&c, &q, n - 1), ST_CORRUPT, "cut short");
	is_int(unpack(&c, &q, 0), ST_CORRUPT, "nothing");
	is_int(unpack(&c, &q, deflate(CLUSTER - 1)), ST_CORRUPT, "a byte too few");
	is_int(unpack(&c, &q, deflate(CLUSTER + 1)), ST_CORRUPT, "a byte too many");
	is_int(unpack(&c, &q, deflate(sizeof(plain))), ST_CORRUPT, "too much");
	qcow2_cluster_fini(&c);
	qcow2_cluster_fini(&c);
}

static size_t frame(size_t at, const uint8_t *p, size_t n)
{
	return at + ZSTD_compress(packed + at, sizeof(packed) - at, p, n, 3);
}

static void test_zstd(void)
{
	struct qcow2 q = { .version = 3,
		.cluster_size = CLUSTER,
		.compression = QCOW2_ZSTD,
		.incompatible = QCOW2_COMPRESSION };
	static const uint8_t old[] = { 0x27, 0xb5, 0x2f, 0xfd };
	struct qcow2_cluster c = { 0 };
	ZSTD_CCtx *cctx;
	size_t n = frame(0, plain, CLUSTER);

	is_int(qcow2_cluster_check(&q), 0, "zstd");
	is_int(unpack(&c, &q, n), 0, "one cluster");
	is_int(unpack(&c, &q, n + 300), 0, "with more behind it");
	is_int(unpack(&c, &q, n - 1), ST_CORRUPT, "cut short");
	is_int(unpack(&c, &q, 0), ST_CORRUPT, "nothing");
	is_int(unpack(&c, &q, frame(frame(0, plain, 1000), plain + 1000, CLUSTER - 1000)), 0,
		"two frames");
	is_int(unpack(&c, &q, frame(0, plain, CLUSTER - 1)), ST_CORRUPT, "a byte too few");
	is_int(unpack(&c, &q, frame(0, plain, CLUSTER + 1)), ST_CORRUPT, "a byte too many");
	is_int(unpack(&c, &q, frame(frame(0, plain, 0), plain, CLUSTER)), ST_CORRUPT,
		"an empty frame");
	frame(0, plain, CLUSTER);
	memcpy(packed, old, 4);
	is_int(unpack(&c, &q, n), ST_CORRUPT, "an old format");
	/* A window of 128 MiB costs no memory. */
	cctx = ZSTD_createCCtx();
	ZSTD_CCtx_setParameter(cctx, ZSTD_c_windowLog, 27);
	ZSTD_CCtx_setParameter(cctx, ZSTD_c_contentSizeFlag, 0);
	ZSTD_CCtx_setParameter(cctx, ZSTD_c_checksumFlag, 1);
	n = ZSTD_compress2(cctx, packed, sizeof(packed), plain, CLUSTER);
	ZSTD_freeCCtx(cctx);
	is_int(unpack(&c, &q, n), 0, "a large window, and a checksum");
	packed[n - 1] ^= 1;
	is_int(unpack(&c, &q, n), ST_CORRUPT, "a wrong checksum");
	ok(ZSTD_sizeof_DCtx(c.zstd) < 200 << 10, "no more memory than promised");
	qcow2_cluster_fini(&c);
}

int main(void)
{
	uint32_t state = 1;
	size_t i;

	for (i = 0; i < sizeof(plain); i++) {
		state = state * 1664525 + 1013904223;
		plain[i] = i & 512 ? (uint8_t)(state >> 30) : (uint8_t)(i >> 4);
	}
	test_zlib();
	test_zstd();
	return tap_done();
}
