/*
 * naming: giving a file a name so that no crash and no rival can come between.
 */
#ifndef IMG_NAMING_H
#define IMG_NAMING_H

/*
 * rename() within a directory that replaces nothing, also where the filesystem
 * cannot do that at once.  0, or -1 with errno set, EEXIST if the name is taken.
 * Killed in between it leaves both names, of one file; where there are no links
 * either, `to` may be left empty, or whole, with a mark (unfinished.h).
 */
int naming_rename_new(int dir, const char *from, const char *to);

/*
 * Brings a directory's entries to stable storage.  dir may be O_PATH.  0, also
 * where a directory cannot be opened or synced; -1 with errno set.
 */
int naming_sync(int dir);

#endif
