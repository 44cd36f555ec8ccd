/*
 * network_source: what a recorded name that is not a path says about where a layer is, in the
 * words of libvirt's <source> element.
 *
 *	nbd:HOST:PORT[:exportname=NAME]		nbd:unix:SOCKET[:exportname=NAME]
 *	rbd:[POOL/]IMAGE[@SNAPSHOT][:mon_host=HOST[\:PORT][\;HOST...]][:KEY=VALUE...]
 *	SCHEME://[USER@]HOST[:PORT]/NAME[?QUERY]	nbd, ssh, http, https, ftp, ftps, tftp,
 *						iscsi, gluster, nfs
 *	SCHEME+unix:///NAME?socket=SOCKET	nbd, gluster
 *	json:{...}				one of these in QEMU's members, nested or with
 *						dots ("file.driver"); or a local file
 *
 * A name comes from a guest or an attacker: every text has a limit, and a name that is longer, or
 * is not of these forms, is not parsed.  User names, passwords and keys are left out.
 */
#ifndef IMG_NETWORK_SOURCE_H
#define IMG_NETWORK_SOURCE_H

#include <stdbool.h>

#define NETWORK_SOURCE_NAME_MAX 4096 /* bytes of a recorded name that is parsed */
#define NETWORK_SOURCE_HOSTS_MAX 16

struct network_host {
	char name[256];	  /* without brackets; "": none */
	char port[6];	  /* "": the default */
	char socket[108]; /* the path of a Unix socket instead; or "" */
};

struct network_source {
	const char *type;     /* "network"; or "file" or "block": name is a path on the host */
	const char *protocol; /* of "network" */
	const char *format;   /* that the JSON form names; or NULL */
	char name[1024];
	bool has_name;
	char query[1024];   /* of http and https; or "" */
	char snapshot[256]; /* of rbd; or "" */
	unsigned hosts;
	struct network_host host[NETWORK_SOURCE_HOSTS_MAX];
};

/* Whether the name could be parsed.  If not, the content of *s is undefined. */
bool network_source_parse(struct network_source *s, const char *name);

/* Whether libvirt's schemas, from version 9.0 on, allow what was parsed. */
bool network_source_is_valid(const struct network_source *s);

#endif
