/*
 * pack: img-archive and img-unarchive, which differ in their names only.
 */
#ifndef IMG_PACK_H
#define IMG_PACK_H

/* Their main(); help is as cli_begin() has it, op the helper's operation, did its past tense. */
int pack_main(
	int argc, char **argv, const char *name, const char *help, const char *op, const char *did);

#endif
