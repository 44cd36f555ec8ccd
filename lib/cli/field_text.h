/*
 * field_text: a field as a person reads it.
 *
 * What is shown together of several keys ("file, qcow2 1.1, UNFINISHED") is
 * composed by the functions that the table of fields (fields.h) names.  They take
 * a record that fields_check() has accepted.  Texts are appended as they came:
 * who prints them makes them safe for a terminal.
 */
#ifndef IMG_FIELD_TEXT_H
#define IMG_FIELD_TEXT_H

#include "lib/cli/fields.h"

/* Appends the value of f: by its function, or else by its type; an amount as "1.5 GiB". */
void field_text(struct buf *out, const struct field *f, const struct kv *record);

/* Those of the table. */
typedef void field_text_fn(struct buf *out, const struct field *f, const struct kv *record);
field_text_fn field_text_kind;	       /* "file, qcow2 1.1, UNFINISHED" */
field_text_fn field_text_format;       /* "raw.lzo"; of a directory "dir" */
field_text_fn field_text_volume;       /* "thin, in pool 'pool' of 16 MiB" */
field_text_fn field_text_snapshot;     /* "of 'web', 12.5 % full" */
field_text_fn field_text_archive;      /* what protects the archive against a loss */
field_text_fn field_text_filesystem;   /* "ext4, label 'root', uuid ..." */
field_text_fn field_text_content;      /* the filesystem, or else the partition table */
field_text_fn field_text_backing;      /* "base.img, raw" */
field_text_fn field_text_backing_name; /* "base.img", in the directory of the image; or its path */
field_text_fn field_text_data_file;    /* "data.raw", or that it is not named */
field_text_fn field_text_use;	       /* "no", "yes", "mounted" */
field_text_fn field_text_live;	       /* whether QEMU has it open */
field_text_fn field_text_users;	       /* who has it open; its mounts have a line of their own */
field_text_fn field_text_state;	       /* "in use, snapshot of web" */
field_text_fn field_text_permissions;  /* "0600, owner 0, group 0" */
field_text_fn field_text_layer;	       /* its path, or the name that is recorded */
field_text_fn field_text_layer_state;  /* why it cannot be shown, or as of an image */
field_text_fn field_text_end;	       /* of a volume, how much of it is in use: "62 %" */
field_text_fn field_text_types;	       /* "ext4 xfs", or "nothing" */
field_text_fn field_text_pool;	       /* "/dev/vg/pool" */

#endif
