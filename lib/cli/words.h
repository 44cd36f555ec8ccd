/*
 * words: the command line as popt gets it.  popt takes the next word as the value of an
 * option whose value may be missing; so such an option gets the value that it means.
 */
#ifndef IMG_WORDS_H
#define IMG_WORDS_H

#include <popt.h>

/*
 * The words of the command line of a command with these options, NULL-terminated.  Words after "--"
 * stay as they are. The caller frees the array; the words are those of argv, or constants.  NULL:
 * no memory.
 */
const char **words_expand(int argc, char **argv, const struct poptOption *own);

#endif
