# Hosts, ssh_configs and programs for one test only.  The file's setup sets EXTRA=(), and its
# teardown ends what is in it.

# extra_host NAME LINE...: a host for this test only, with LINE... in its sshd_config.
extra_host() {
	EXTRA+=("$1")
	start_host "$@"
}

# with_config LINE...: an ssh_config for this test that begins with LINE... for all hosts.
with_config() {
	(printf '%s\n' "$@"; cat "$SSHD_DIR/config") >"$BATS_TEST_TMPDIR/config"
	# shellcheck disable=SC2034 # common.bash uses it
	SSH_CONFIG=$BATS_TEST_TMPDIR/config
}

# program FILE: a script from standard input.
program() {
	{ echo '#!/bin/sh'; cat; } >"$1"
	chmod 755 "$1"
}

# start_agent KEY...: an agent that has them.  teardown ends $AGENT.
start_agent() {
	export SSH_AUTH_SOCK=$BATS_TEST_TMPDIR/agent
	# shellcheck disable=SC2034 # teardown uses it
	AGENT=$(ssh-agent -a "$SSH_AUTH_SOCK" 3>&- | sed -n 's/.*SSH_AGENT_PID=\([0-9]*\).*/\1/p')
	echo leak:ssh_buffer_new >"$BATS_TEST_TMPDIR/leaks" # a leak of libssh 0.10
	export LSAN_OPTIONS=suppressions=$BATS_TEST_TMPDIR/leaks:print_suppressions=0
	[ $# = 0 ] || ssh-add -q "$@"
}
