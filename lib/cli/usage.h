/*
 * usage: errors in the command line.  Each is recorded with ST_USAGE, says what is
 * missing or what was probably meant, and points to --help.
 */
#ifndef IMG_USAGE_H
#define IMG_USAGE_H

#include <popt.h>

#include "lib/base/location.h"

/* Records "TEXT (see --help)".  Returns -1. */
int usage_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Refuses "HOST:", which names no image.  0, or -1 recorded, with the location. */
int usage_check_image(const struct location *loc);

/* Adds " (see --help)" to the error that is recorded, if that is a usage error.  Returns -1. */
int usage_hint(void);

/*
 * The word of which popt says error (POPT_ERROR_...), in a command with these
 * options.  Of an unknown one, the nearest option is named, if one is near.
 */
int usage_option(const struct poptOption *options, const char *word, int error);

/*
 * Whether the value of -o is a keyword and its value, as ssh_config(5) has them.  0, or
 * -1 recorded.  If not, "-overwrite" was perhaps meant to be one of these options.
 */
int usage_ssh_option(const struct poptOption *options, const char *value);

/*
 * Whether the command has the operands that synopsis asks for ("[OPTION...] SRC DST";
 * what is in brackets may be missing), and not more than max (-1: any number).
 * operands ends with a NULL, or is NULL.  0, or -1 recorded.
 */
int usage_operands(const char *synopsis, const char *const *operands, int max);

/* The index of value in words, which end with a NULL; or -1 recorded, naming the option. */
int usage_word(const char *option, const char *value, const char *const *words);

/* 0: *out is the value, a number from min to max; or -1 recorded, naming the option. */
int usage_number(const char *option, const char *value, long min, long max, long *out);

#endif
