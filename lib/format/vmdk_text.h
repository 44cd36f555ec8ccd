/*
 * vmdk_text: the text descriptor of a VMDK image, which is a file of its own or a part of one.
 *
 *	# Disk DescriptorFile
 *	version=1
 *	parentCID=ffffffff
 *	parentFileNameHint="base.vmdk"
 *	...
 *	RW 2048 FLAT "disk-flat.vmdk" 0
 *
 * There is a parent unless its CID is ffffffff.  The last line is an extent: access, sectors of 512
 *bytes, type, the file that holds the data, and where they begin in it.  An extent of the type ZERO
 *has no file.
 */
#ifndef IMG_VMDK_TEXT_H
#define IMG_VMDK_TEXT_H

#include "lib/format/foreign.h"

/* Whether these are the first bytes of a descriptor, up to its version, as QEMU has it. */
bool vmdk_text_is(const void *head, size_t n);

/*
 * Adds up the extents of a descriptor of n bytes in f->capacity, and collects the names of their
 * files.  Returns whether the sum is possible.
 */
bool vmdk_text_parse(struct foreign *f, const void *text, size_t n);

/* Sets f->backing to the parent that a descriptor names. */
void vmdk_text_parent(struct foreign *f, const void *text, size_t n);

#endif
