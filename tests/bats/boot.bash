# shellcheck shell=bash
#
# What runs in a guest.

# boot_sector: a program that writes the first disk of the BIOS from its beginning on, 127 sectors at
# a time, by `int 13h`.
boot_sector() {
	{
		# xor ax,ax; mov ds,ax; mov ss,ax; mov sp,7c00h; again: mov si,7c40h; mov ax,4300h; mov dl,80h;
		# int 13h; add dword [7c48h],127; jmp again
		printf '\x31\xc0\x8e\xd8\x8e\xd0\xbc\x00\x7c\xbe\x40\x7c\xb8\x00\x43\xb2\x80'
		printf '\xcd\x13\x66\x83\x06\x48\x7c\x7f\xeb\xee'
		head -c 37 /dev/zero
		printf '\x10\x00\x7f\x00\x00\x00\x00\x10'
		head -c 438 /dev/zero
		printf '\x55\xaa'
	} >boot
	truncate -s 1440K boot
}
