/*
 * network_json: QEMU takes {"file": {"driver": "nbd"}} and {"file.driver": "nbd"} for the same.
 */
#include "lib/cli/network_json.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define NESTED_MAX 4 /* formats and filters above the protocol */
#define PATH_MAX_LEN 64

/* The member of a path "file.server.0.host", of which some dots may be part of a name.  Or NULL. */
static const json_t *find_member(const json_t *in, const char *path)
{
	const char *dot = path;
	const json_t *found, *member;
	char name[PATH_MAX_LEN];

	if (!*path)
		return in;
	if (json_is_array(in))
		return *path >= '0' && *path <= '9' && (!path[1] || path[1] == '.')
			       ? find_member(json_array_get(in, (size_t)(*path - '0')),
					 path + 1 + (path[1] == '.'))
			       : NULL;
	if (!json_is_object(in))
		return NULL;
	do {
		dot += strcspn(dot, ".");
		snprintf(name, sizeof(name), "%.*s", (int)(dot - path), path);
		member = json_object_get(in, name);
		found = member ? find_member(member, *dot ? dot + 1 : dot) : NULL;
	} while (!found && *dot++);
	return found;
}

/* Where the members of the protocol are: the root, and the path "file." repeated. */
struct place_in {
	const json_t *root;
	char prefix[PATH_MAX_LEN / 2];
};

/* The text, or the number as a text, of a member; NULL: there is none, or it is another thing. */
static const char *member_text(const struct place_in *p, const char *name, char number[static 24])
{
	char path[PATH_MAX_LEN];
	const json_t *value;

	snprintf(path, sizeof(path), "%s%s", p->prefix, name);
	value = find_member(p->root, path);
	if (json_is_string(value))
		return strlen(json_string_value(value)) == json_string_length(value)
			       ? json_string_value(value)
			       : NULL;
	if (!json_is_integer(value))
		return NULL;
	snprintf(number, 24, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	return number;
}

/* Copies a member into out.  Whether there is one, and it fits. */
static bool copy_member(const struct place_in *p, const char *name, char *out, size_t size)
{
	char number[24];
	const char *text = member_text(p, name, number);

	return text && network_source_set(out, size, text, strlen(text));
}

static bool has_member(const struct place_in *p, const char *name)
{
	char number[24];

	return member_text(p, name, number) != NULL;
}

/* The members host and port, or path of a socket, behind "server." or another beginning. */
static bool add_server(
	struct network_source *s, const struct place_in *p, const char *begin, bool may_be_socket)
{
	struct network_host *h = network_source_add_host(s);
	char name[PATH_MAX_LEN / 2], number[24];
	const char *port;

	if (!h)
		return false;
	snprintf(name, sizeof(name), "%spath", begin);
	if (may_be_socket && has_member(p, name))
		return copy_member(p, name, h->socket, sizeof(h->socket));
	snprintf(name, sizeof(name), "%shost", begin);
	if (!copy_member(p, name, h->name, sizeof(h->name)))
		return false;
	snprintf(name, sizeof(name), "%sport", begin);
	port = member_text(p, name, number);
	return !port || network_source_set_port(h, port, strlen(port));
}

/* "server.0", "server.1", and so on, up to ten. */
static bool add_servers(struct network_source *s, const struct place_in *p)
{
	char begin[] = "server.0.", member[24];
	int i;

	for (i = 0; i < 10; i++) {
		begin[strlen("server.")] = (char)('0' + i);
		snprintf(member, sizeof(member), "%shost", begin);
		if (!has_member(p, member)) {
			snprintf(member, sizeof(member), "%spath", begin);
			if (!has_member(p, member))
				return true;
		}
		if (!add_server(s, p, begin, true))
			return false;
	}
	return true;
}

/* Members as "FIRST/SECOND"; without FIRST only SECOND. */
static bool join_members(
	struct network_source *s, const struct place_in *p, const char *first, const char *second)
{
	char one[sizeof(s->name)], two[sizeof(s->name)];
	int len;

	if (!copy_member(p, second, two, sizeof(two)))
		return false;
	if (!has_member(p, first))
		return network_source_set(s->name, sizeof(s->name), two, strlen(two));
	if (!copy_member(p, first, one, sizeof(one)))
		return false;
	len = snprintf(s->name, sizeof(s->name), "%s/%s", one, two + (two[0] == '/'));
	return len >= 0 && (size_t)len < sizeof(s->name);
}

static bool parse_iscsi(struct network_source *s, const struct place_in *p)
{
	char portal[300], lun[24] = "0", target[900];
	int len;

	if (!copy_member(p, "portal", portal, sizeof(portal)) ||
		!copy_member(p, "target", target, sizeof(target)) ||
		(has_member(p, "lun") && !copy_member(p, "lun", lun, sizeof(lun))))
		return false;
	len = snprintf(s->name, sizeof(s->name), "%s/%s", target, lun);
	return len >= 0 && (size_t)len < sizeof(s->name) &&
	       network_source_host(s, portal, strlen(portal));
}

static bool parse_rbd_members(struct network_source *s, const struct place_in *p)
{
	if (!join_members(s, p, "pool", "image") || has_member(p, "namespace"))
		return false;
	if (has_member(p, "snapshot") &&
		!copy_member(p, "snapshot", s->snapshot, sizeof(s->snapshot)))
		return false;
	return add_servers(s, p);
}

static bool parse_nbd_members(struct network_source *s, const struct place_in *p)
{
	bool is_nested = has_member(p, "server.host") || has_member(p, "server.path");

	s->has_name = has_member(p, "export");
	if (s->has_name && !copy_member(p, "export", s->name, sizeof(s->name)))
		return false;
	return add_server(s, p, is_nested ? "server." : "", true);
}

static bool parse_url(struct network_source *s, const struct place_in *p)
{
	char url[NETWORK_SOURCE_NAME_MAX];
	const char *format = s->format;

	if (!copy_member(p, "url", url, sizeof(url)) || strncmp(url, "json:", 5) == 0 ||
		!network_source_parse(s, url))
		return false;
	s->format = format;
	return true;
}

/* Members of one driver that is a protocol. */
static bool parse_driver(struct network_source *s, const struct place_in *p, const char *driver)
{
	if (strcmp(driver, "file") == 0 || strcmp(driver, "host_device") == 0) {
		s->type = strcmp(driver, "file") == 0 ? "file" : "block";
		return copy_member(p, "filename", s->name, sizeof(s->name));
	}
	s->protocol = network_source_protocol(driver);
	s->has_name = true;
	if (!s->protocol)
		return false;
	if (has_member(p, "url"))
		return parse_url(s, p);
	if (strcmp(driver, "nbd") == 0)
		return parse_nbd_members(s, p);
	if (strcmp(driver, "rbd") == 0)
		return parse_rbd_members(s, p);
	if (strcmp(driver, "iscsi") == 0)
		return parse_iscsi(s, p);
	if (strcmp(driver, "gluster") == 0)
		return join_members(s, p, "volume", "path") && add_servers(s, p);
	return strcmp(driver, "ssh") == 0 && copy_member(p, "path", s->name, sizeof(s->name)) &&
	       add_server(s, p, has_member(p, "server.host") ? "server." : "", false);
}

/* A driver that reads its image from the member "file": its name, which lasts, or NULL. */
static const char *driver_above_file(const char *driver)
{
	static const char *const names[] = { "raw", "qcow2", "qcow", "qed", "vmdk", "vdi", "vpc",
		"vhdx", "parallels", "luks" };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(driver, names[i]) == 0)
			return names[i];
	return NULL;
}

bool network_json_parse(struct network_source *s, const char *text)
{
	struct place_in p = { .root = NULL };
	json_t *root = json_loads(text, 0, NULL);
	char number[24];
	const char *driver, *above;
	bool is_parsed = false;
	int depth;

	p.root = root;
	for (depth = 0; depth < NESTED_MAX && root; depth++) {
		driver = member_text(&p, "driver", number);
		above = driver ? driver_above_file(driver) : NULL;
		if (driver && !above) {
			is_parsed = parse_driver(s, &p, driver);
			break;
		}
		if (!s->format)
			s->format = above;
		strcat(p.prefix, "file.");
	}
	json_decref(root);
	return is_parsed;
}
