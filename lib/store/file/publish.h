/*
 * publish: giving a complete file its name, so that neither a crash nor another
 * program can come in between.
 */
#ifndef IMG_PUBLISH_H
#define IMG_PUBLISH_H

/*
 * Renames within a directory and replaces nothing, also where the filesystem
 * cannot do that in one call.  0, or -1 with errno set: EEXIST if the name is taken.
 * A crash in between can leave both names, of one file.  On a filesystem
 * without links it can leave `to` empty, or complete, but marked unfinished
 * (unfinished.h).
 */
int publish_name(int dir, const char *from, const char *to);

#endif
