/* network_source: what names of layers that are not paths say, in libvirt's words. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/cli/network_source.h"
#include "tests/unit/tap.h"

/* All that was parsed, as "TYPE PROTOCOL NAME ?QUERY @SNAPSHOT HOST:PORT =SOCKET (FORMAT) ok". */
static void describe(struct buf *out, const struct network_source *s)
{
	unsigned i;

	buf_addf(out, "%s", s->protocol ? s->protocol : s->type);
	if (s->has_name || *s->name)
		buf_addf(out, " %s", s->name);
	if (*s->query)
		buf_addf(out, " ?%s", s->query);
	if (*s->snapshot)
		buf_addf(out, " @%s", s->snapshot);
	for (i = 0; i < s->hosts; i++) {
		buf_addf(out, *s->host[i].socket ? " =%s%s" : " %s:%s",
			*s->host[i].socket ? s->host[i].socket : s->host[i].name, s->host[i].port);
	}
	if (s->format)
		buf_addf(out, " (%s)", s->format);
	buf_addf(out, network_source_is_valid(s) ? " ok" : " no");
}

static void check_name(const char *name, const char *want)
{
	static struct network_source s;
	struct buf got = BUF_INIT;

	if (!network_source_parse(&s, name))
		buf_adds(&got, "-");
	else
		describe(&got, &s);
	is_str(buf_str(&got), want, name);
	buf_fini(&got);
}

static void test_uris(void)
{
	check_name("nbd://server", "nbd server: ok");
	check_name("nbd://server:10809/disk", "nbd disk server:10809 ok");
	check_name("nbd+tcp://server/a/b", "nbd a/b server: ok");
	check_name("nbd://[2001:db8::1]:1/x", "nbd x 2001:db8::1:1 ok");
	check_name("nbd://[::]/x", "nbd x ::: no");
	check_name("nbd+unix:///disk?socket=/run/nbd%20sock", "nbd disk =/run/nbd sock ok");
	check_name("nbd+unix:///?socket=relative", "nbd =relative no");
	check_name("nbd+unix:///disk", "-");
	check_name("nbd+unix://host/disk?socket=/s", "-");
	check_name("nbd:///disk", "-");
	check_name("nbd://user:password@server/x%2Fy", "nbd x/y server: ok");
	check_name("nbd://a_b/x", "nbd x a_b: no");
	check_name("nbd://server:65536/x", "-");
	check_name("nbd://server:/x", "-");
	check_name("nbd://server:1x/x", "-");
	check_name("nbd://[::1/x", "-");
	check_name("nbd://[::1]1/x", "-");
	check_name("nbd://server/%00", "-");
	check_name("nbd://server/%4", "-");
	check_name("http://server/a?b=c#d", "http a ?b=c server: ok");
	check_name("https://u@server:443/a/b.img", "https a/b.img server:443 ok");
	check_name("ftp://server/a?b", "ftp a server: ok");
	check_name("tftp://server/a", "tftp a server: ok");
	check_name("ssh://user@server:22/srv/a", "ssh /srv/a server:22 no");
	check_name("nfs://server/srv/a", "nfs /srv/a server: no");
	check_name("iscsi://u%p@server:3260/iqn.2026-01.org.example:a/1",
		"iscsi iqn.2026-01.org.example:a/1 server:3260 ok");
	check_name("gluster://server/volume/a.img", "gluster volume/a.img server: ok");
	check_name("gluster+unix:///volume/a.img?socket=/s/k", "gluster volume/a.img =/s/k ok");
	check_name("gluster+rdma://server/volume/a", "-");
	check_name("rbd://server/a", "rbd //server/a ok");
	check_name("sheepdog:a", "-");
	check_name("http:a", "-");
	check_name("/srv/a", "-");
	check_name("", "-");
}

static void test_names(void)
{
	check_name("nbd:server:10809", "nbd server:10809 ok");
	check_name("nbd:server:10809:exportname=a:b", "nbd a:b server:10809 ok");
	check_name("nbd:[::1]:10809:exportname=", "nbd  ::1:10809 ok");
	check_name("nbd:server", "-");
	check_name("nbd:", "-");
	check_name("nbd:unix:/run/s", "nbd =/run/s ok");
	check_name("nbd:unix:/run/s:exportname=x", "nbd x =/run/s ok");
	check_name("nbd:unix:", "-");
	check_name("rbd:pool/image", "rbd pool/image ok");
	check_name("rbd:pool/image@snap", "rbd pool/image @snap ok");
	check_name("rbd:pool/image@a.b", "rbd pool/image @a.b no");
	check_name("rbd:po\\:ol/image:id=admin:key=c2VjcmV0:mon_host=a\\:6789\\;[\\:\\:1]\\:1",
		"rbd po:ol/image a:6789 ::1:1 ok");
	check_name("rbd:image:mon_host=[v2\\:1.2.3.4\\:1]x", "-");
	check_name("rbd:", "-");
}

static void test_json(void)
{
	check_name("json:{\"driver\":\"nbd\",\"host\":\"h\",\"port\":\"1\",\"export\":\"e\"}",
		"nbd e h:1 ok");
	check_name("json:{\"file.driver\":\"nbd\",\"file.server.host\":\"h\","
		   "\"file.server.port\":1}",
		"nbd h:1 ok");
	check_name("json:{\"driver\":\"qcow2\",\"file\":{\"driver\":\"nbd\",\"server\":"
		   "{\"type\":\"unix\",\"path\":\"/s/k\"}}}",
		"nbd =/s/k (qcow2) ok");
	check_name("json:{\"driver\":\"raw\",\"file.driver\":\"https\",\"file.url\":"
		   "\"https://u:p@h:1/x\"}",
		"https x h:1 (raw) ok");
	check_name("json:{\"driver\":\"http\",\"url\":\"json:{}\"}", "-");
	check_name("json:{\"driver\":\"iscsi\",\"portal\":\"h:1\",\"target\":\"iqn.a:b\"}",
		"iscsi iqn.a:b/0 h:1 ok");
	check_name("json:{\"driver\":\"iscsi\",\"portal\":\"h\",\"target\":\"t\",\"lun\":3}",
		"iscsi t/3 h: ok");
	check_name("json:{\"driver\":\"rbd\",\"pool\":\"p\",\"image\":\"i\",\"snapshot\":\"s\","
		   "\"server\":[{\"host\":\"a\",\"port\":\"1\"},{\"host\":\"b\"}]}",
		"rbd p/i @s a:1 b: ok");
	check_name("json:{\"driver\":\"rbd\",\"pool\":\"p\",\"namespace\":\"n\",\"image\":\"i\"}",
		"-");
	check_name("json:{\"driver\":\"gluster\",\"volume\":\"v\",\"path\":\"/a\","
		   "\"server.0.host\":\"h\",\"server.1.path\":\"/s/k\"}",
		"gluster v/a h: =/s/k ok");
	check_name("json:{\"driver\":\"ssh\",\"host\":\"h\",\"path\":\"/a\",\"user\":\"u\"}",
		"ssh /a h: no");
	check_name("json:{\"driver\":\"qcow2\",\"file\":{\"driver\":\"file\",\"filename\":"
		   "\"/srv/a\"}}",
		"file /srv/a (qcow2) ok");
	check_name("json:{\"driver\":\"host_device\",\"filename\":\"/dev/vg/a\"}",
		"block /dev/vg/a ok");
	check_name("json:{\"driver\":\"file\",\"filename\":\"a\"}", "file a no");
	check_name("json:{\"driver\":\"file\",\"filename\":\"/a\\u0000b\"}", "-");
	check_name("json:{\"driver\":\"nbd\",\"host\":\"h\",\"port\":\"-1\"}", "-");
	check_name("json:{\"driver\":\"nbd\"}", "-");
	check_name("json:{\"driver\":{\"driver\":\"nbd\"}}", "-");
	check_name("json:{\"driver\":\"null-co\"}", "-");
	check_name("json:{\"file\":\"node\"}", "-");
	check_name("json:[]", "-");
	check_name("json:", "-");
	check_name("json:{\"driver\":\"raw\",\"file\":{\"driver\":\"raw\",\"file\":{\"driver\":"
		   "\"raw\",\"file\":{\"driver\":\"raw\",\"file\":{\"driver\":\"file\","
		   "\"filename\":\"/a\"}}}}}",
		"-");
}

/* Names that are as long as each limit, and longer by one byte. */
static void test_limits(void)
{
	static const struct {
		const char *begin, *end;
		size_t max;
	} row[] = {
		{ "nbd://h/", "", 1023 },
		{ "nbd://", "/x", 255 },
		{ "nbd:unix:/", "", 106 },
		{ "http://h/x?", "", 1023 },
		{ "rbd:p/i@", "", 255 },
		{ "json:{\"driver\":\"file\",\"filename\":\"", "\"}", 1023 },
		{ "rbd:a:key=", "", NETWORK_SOURCE_NAME_MAX - 10 },
	};
	static char name[NETWORK_SOURCE_NAME_MAX + 100];
	static struct network_source s;
	size_t i, len;

	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		for (len = row[i].max; len <= row[i].max + 1; len++) {
			strcpy(name, row[i].begin);
			memset(name + strlen(row[i].begin), 'a', len);
			strcpy(name + strlen(row[i].begin) + len, row[i].end);
			is_int(network_source_parse(&s, name), len == row[i].max, row[i].begin);
		}
	}
	strcpy(name, "rbd:a:mon_host=");
	for (i = 0; i < NETWORK_SOURCE_HOSTS_MAX; i++)
		strcat(name, "h\\;");
	ok(network_source_parse(&s, name) && s.hosts == NETWORK_SOURCE_HOSTS_MAX, "all hosts");
	strcat(name, "h");
	ok(!network_source_parse(&s, name), "one host too many");
}

int main(void)
{
	test_uris();
	test_names();
	test_json();
	test_limits();
	return tap_done();
}
