/*
 * img-archive: packs image files into lzop files in their place.
 */
#include "lib/cli/pack.h"

int main(int argc, char **argv)
{
	return pack_main(argc, argv, "img-archive", "archive", "archived");
}
