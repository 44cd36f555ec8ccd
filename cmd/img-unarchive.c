/*
 * img-unarchive: replaces lzop archives with the image files in them.
 */
#include "lib/cli/pack.h"

int main(int argc, char **argv)
{
	return pack_main(argc, argv, "img-unarchive",
		"[OPTION...] LOCATION...\nReplace lzop archives with the image files in them.",
		"unarchive", "unarchived");
}
