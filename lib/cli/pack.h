/*
 * pack: the common main() of img-archive and img-unarchive.
 */
#ifndef IMG_PACK_H
#define IMG_PACK_H

/* help is as in cli_begin(); op is the helper's operation, did its past tense. */
int pack_main(
	int argc, char **argv, const char *name, const char *help, const char *op, const char *did);

#endif
