# Hosts and ssh_configs for one test only.  The file's setup sets EXTRA=(), and its
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
