/*
 * img-archive: packs image files into lzop files in their place.
 */
#include "lib/cli/pack.h"

int main(int argc, char **argv)
{
	return pack_main(argc, argv, "img-archive",
		"[OPTION...] LOCATION...\nPacks image files into lzop files in their place.",
		"archive", "archived");
}
