/*
 * img-unarchive: unpacks lzop files into image files in their place.
 */
#include "lib/cli/pack.h"

int main(int argc, char **argv)
{
	return pack_main(argc, argv, "img-unarchive",
		"[OPTION...] LOCATION...\nUnpacks lzop files in their place.", "unarchive",
		"unarchived");
}
