/*
 * crc32c: the CRC-32C of filesystems, bit by bit: it is fast enough for a superblock.
 */
#ifndef IMG_CRC32C_H
#define IMG_CRC32C_H

#include <stddef.h>
#include <stdint.h>

#define CRC32C_INIT UINT32_MAX

/*
 * The checksum of what crc is that of (CRC32C_INIT: of nothing), followed by n bytes.  It is
 * not inverted: the usual CRC-32C is ~crc32c_add(CRC32C_INIT, p, n).
 */
uint32_t crc32c_add(uint32_t crc, const void *p, size_t n);

#endif
