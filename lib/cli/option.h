/*
 * option: values of options.
 */
#ifndef IMG_OPTION_H
#define IMG_OPTION_H

/* The index of value in words, or -1 with ST_USAGE recorded, which names them all. */
int option_word(const char *option, const char *value, const char *const *words);

/* *out: a number from min to max.  0, or -1 with ST_USAGE recorded. */
int option_number(const char *option, const char *value, long min, long max, long *out);

#endif
