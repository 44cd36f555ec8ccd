/*
 * img-archive: replaces image files with lzop archives of them.
 */
#include "lib/cli/pack.h"

int main(int argc, char **argv)
{
	return pack_main(argc, argv, "img-archive",
		"[OPTION...] LOCATION...\nReplace image files with lzop archives of them.",
		"archive", "archived");
}
