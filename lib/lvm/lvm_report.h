/*
 * lvm_report: runs the program `lvm`, and reads its reports.  Only for lib/lvm.
 *
 * All functions that run it block, for seconds maybe.
 */
#ifndef IMG_LVM_REPORT_H
#define IMG_LVM_REPORT_H

#include <jansson.h>
#include <stdint.h>

#include "lib/base/buf.h"

/*
 * Runs an LVM command, as lvm_change() does; its standard output is appended to out, or
 * discarded (NULL).  0, or -1 recorded: ST_REFUSED if LVM is installed, but this process
 * is not root.
 */
int lvm_report_run(const char *const *argv, struct buf *out);

/*
 * Runs a report and returns its rows of that kind ("lv", "vg"); the caller drops the
 * reference.  NULL recorded.
 */
json_t *lvm_report_rows(const char *const *argv, const char *kind);

/* A value of a row; "" and 0 if it has none. */
const char *lvm_report_text(json_t *row, const char *key);
uint64_t lvm_report_bytes(json_t *row, const char *key);

#endif
