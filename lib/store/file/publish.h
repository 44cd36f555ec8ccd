/*
 * publish: gives a complete file its name, safely against a crash and against other
 * programs.
 */
#ifndef IMG_PUBLISH_H
#define IMG_PUBLISH_H

/*
 * Renames a file within a directory without replacing another, also where the
 * filesystem cannot do that in one call.  0, or -1 recorded: "what: why" ("cannot
 * rename: ..."), with EEXIST as err_errno() if the name is taken; or that the name cannot be
 * marked as unfinished.  A crash meanwhile can leave the file with both names.  On a
 * filesystem without hard links it can leave `to` marked as unfinished (unfinished.h), and
 * either empty or complete.
 */
int publish_name(int dir, const char *from, const char *to, const char *what);

#endif
