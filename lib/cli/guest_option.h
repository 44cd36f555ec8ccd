/*
 * guest_option: the options --qmp SOCKET and --libvirt DOMAIN, which name a running guest.
 */
#ifndef IMG_GUEST_OPTION_H
#define IMG_GUEST_OPTION_H

/* Checks their values; NULL: the option is not given.  0, or -1 with ST_USAGE recorded. */
int guest_option_check(const char *qmp, const char *domain);

#endif
