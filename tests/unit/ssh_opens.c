/*
 * ssh_opens PORT KEY COUNT: an SSH server for one client on 127.0.0.1, which lets anybody in and
 * then asks the client for COUNT channels, as no server has a reason to.  It prints "ready", and
 * then how many the client has refused.
 */
#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <libssh/server.h>
#include <stdio.h>
#include <stdlib.h>

static ssh_channel channel; /* that the client has opened */

static int let_in(ssh_session session, const char *user, void *arg)
{
	(void)session;
	(void)user;
	(void)arg;
	return SSH_AUTH_SUCCESS;
}

/* Nothing is run: the client waits. */
static int run_nothing(ssh_session session, ssh_channel of, const char *command, void *arg)
{
	(void)session;
	(void)of;
	(void)command;
	(void)arg;
	return SSH_OK;
}

static struct ssh_channel_callbacks_struct on_channel = { .channel_exec_request_function =
								  run_nothing };

static ssh_channel open_session(ssh_session session, void *arg)
{
	(void)arg;
	channel = ssh_channel_new(session);
	ssh_callbacks_init(&on_channel);
	ssh_set_channel_callbacks(channel, &on_channel);
	return channel;
}

static int fail(const char *what, void *of)
{
	fprintf(stderr, "ssh_opens: %s: %s\n", what, ssh_get_error(of));
	return 1;
}

static ssh_bind listen_at(const char *port, const char *key)
{
	ssh_bind b = ssh_bind_new();

	if (!b || ssh_bind_options_set(b, SSH_BIND_OPTIONS_BINDADDR, "127.0.0.1") < 0 ||
		ssh_bind_options_set(b, SSH_BIND_OPTIONS_BINDPORT_STR, port) < 0 ||
		ssh_bind_options_set(b, SSH_BIND_OPTIONS_HOSTKEY, key) < 0 ||
		ssh_bind_listen(b) < 0)
		return NULL;
	return b;
}

/* Until the client has logged in and opened its channel. */
static int serve_login(ssh_session session)
{
	struct ssh_server_callbacks_struct callbacks = { .auth_none_function = let_in,
		.channel_open_request_session_function = open_session };
	ssh_event event = ssh_event_new();
	int r = SSH_OK;

	ssh_callbacks_init(&callbacks);
	ssh_set_server_callbacks(session, &callbacks);
	ssh_set_auth_methods(session, SSH_AUTH_METHOD_NONE | SSH_AUTH_METHOD_PUBLICKEY);
	if (ssh_handle_key_exchange(session) != SSH_OK || ssh_event_add_session(event, session) < 0)
		return fail("key exchange", session);
	while (!channel && r == SSH_OK)
		r = ssh_event_dopoll(event, 10000);
	ssh_event_remove_session(event, session);
	ssh_event_free(event);
	ssh_set_server_callbacks(session, NULL);
	return channel ? 0 : fail("login", session);
}

int main(int argc, char **argv)
{
	int i, count = argc == 4 ? atoi(argv[3]) : 0, refused = 0;
	ssh_session session = ssh_new();
	ssh_channel other;
	long limit_s = 10;
	ssh_bind b;

	b = count ? listen_at(argv[1], argv[2]) : NULL;
	if (!b || !session)
		return 2;
	puts("ready");
	fflush(stdout);
	if (ssh_bind_accept(b, session) < 0)
		return fail("accept", b);
	if (serve_login(session))
		return 1;
	ssh_options_set(session, SSH_OPTIONS_TIMEOUT, &limit_s);
	for (i = 0; i < count; i++) {
		other = ssh_channel_new(session);
		if (ssh_channel_open_reverse_forward(other, "127.0.0.1", 22, "127.0.0.1", 1) ==
				SSH_ERROR &&
			ssh_is_connected(session))
			refused++;
		ssh_channel_free(other);
	}
	printf("%d refused\n", refused);
	ssh_disconnect(session);
	ssh_free(session);
	ssh_bind_free(b);
	return 0;
}
