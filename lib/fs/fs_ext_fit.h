/*
 * fs_ext_fit: which sizes an ext filesystem can have.  Each of its groups of blocks has bitmaps and
 * a table of inodes, and neither resize2fs nor mke2fs makes a last group that has little space
 * besides.
 */
#ifndef IMG_FS_EXT_FIT_H
#define IMG_FS_EXT_FIT_H

#include <stdint.h>

/* The blocks of the filesystem that resize2fs makes where there is room for `blocks`. */
uint64_t fs_ext_fit(const uint8_t superblock[1024], uint64_t blocks);

#endif
