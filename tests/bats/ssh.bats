#!/usr/bin/env bats
#
# lib/ssh/ssh.h against real SSH servers, by tests/unit/ssh_probe.c.

load sshd

# The programs of the tests.
probe=${IMG_BUILD:-$BATS_TEST_DIRNAME/../../build}/tests/ssh_probe

setup_file() {
	bats_require_minimum_version 1.5.0
	unset SSH_AUTH_SOCK SSHD_DIR
	sshd_start a
	sshd_start b "MaxAuthTries 3"
	sshd_start p "PasswordAuthentication yes"
	ssh-keygen -q -t ed25519 -N '' -C ca -f "$SSHD_DIR/ca"
	ssh-keygen -q -t rsa -b 2048 -N '' -f "$SSHD_DIR/rsa_key"
	# another host key, certificates, frequent key exchanges
	sshd_start c "HostKey $SSHD_DIR/rsa_key" "TrustedUserCAKeys $SSHD_DIR/ca.pub" \
		"RekeyLimit 50M"
}

teardown_file() {
	sshd_stop
}

teardown() {
	local name

	if [ -n "${agent_pid:-}" ]; then
		kill "$agent_pid"
	fi
	for name in a b c p; do
		sshd_wait_idle "$name"
	done
}

# Writes $config: the private servers' configuration, with these lines first for Host $1.
with() {
	config=$BATS_TEST_TMPDIR/config
	printf '%s\n' "Host $1" "${@:2}" "Host *" "Include $SSH_CONFIG" >"$config"
}

# Runs the probe without a terminal.
probe() {
	setsid -w "$probe" -F "${config:-$SSH_CONFIG}" "$@" 3>&- </dev/null
}

# The output of the last run is, has, or lacks a text, or has it as a line.
output_is() {
	[ "$output" = "$1" ] || wrong_output "$@"
}

output_has() {
	[[ $output == *"$1"* ]] || wrong_output "$@"
}

output_lacks() {
	[[ $output != *"$1"* ]] || wrong_output "$@"
}

has_line() {
	grep -qxF -- "$1" <<<"$output" || wrong_output "$@"
}

wrong_output() {
	printf '%s: %s\noutput:\n%s\n' "${FUNCNAME[1]}" "$1" "$output" >&2
	return 1
}

# The last run failed with status 7 and one line, which contains each word.
assert_refused() {
	local word

	[ "$status" = 7 ]
	[ "${#lines[@]}" = 1 ]
	for word; do
		output_has "$word"
	done
}

fingerprint() {
	ssh-keygen -lf "$1" | cut -d' ' -f2
}

make_key() {
	ssh-keygen -q -t "${2:-ed25519}" -N "${3:-}" -C "$(basename "$1")" -f "$1"
}

# Starts an agent with keys; sets agent_sock.  (libssh 0.10 drops a small buffer
# each time it asks an agent for its keys; that leak is not ours.)
start_agent() {
	echo leak:ssh_buffer_new >"$BATS_TEST_TMPDIR/leaks"
	export LSAN_OPTIONS=suppressions=$BATS_TEST_TMPDIR/leaks:print_suppressions=0
	agent_sock=$BATS_TEST_TMPDIR/agent
	agent_pid=$(ssh-agent -a "$agent_sock" 3>&- | sed -n 's/.*SSH_AGENT_PID=\([0-9]*\).*/\1/p')
	SSH_AUTH_SOCK=$agent_sock ssh-add -q "$@"
}

# on_terminal COMMAND [PROMPT ANSWER]...: runs COMMAND on a terminal of its own.
# Sets output and status.
on_terminal() {
	local text='' char command=$1
	shift

	# a background job ignores INT
	coproc TERMINAL { env --default-signal script -qefc "$command" /dev/null 3>&-; }
	local pid=$TERMINAL_PID in out # bash closes its own ends too early
	exec {in}>&"${TERMINAL[1]}" {out}<&"${TERMINAL[0]}"
	output=
	while IFS= read -rN1 -u "$out" char; do
		text+=$char
		if [ $# -gt 0 ] && [[ $text == *"$1"* ]]; then
			printf '%s\n' "$2" >&"$in"
			output+=$text
			text=
			shift 2
		fi
	done
	output+=$text
	exec {in}>&- {out}<&-
	status=0
	wait "$pid" || status=$?
}

@test "a login, output and exit status" {
	run -3 probe a: 'echo hello; exit 3'
	output_is hello
}

@test "standard error is kept apart" {
	run --separate-stderr probe a: 'echo out; echo err >&2'
	output_is out
	[ "${stderr:?}" = 'stderr: err\n' ]
}

@test "the status of a killed command is not known" {
	run -255 probe a: 'kill -9 $$'
}

@test "user and port of the location take precedence" {
	with nobody.invalid "HostName 127.0.0.1" "User nobody" "Port 1" "IdentitiesOnly yes" \
		"IdentityFile $SSHD_DIR/user_key" "UserKnownHostsFile $SSHD_DIR/known_hosts"
	run -0 probe "ssh://$(id -un)@nobody.invalid:$(sshd_port a)/" 'echo hello'
	output_is hello
}

@test "an unknown host key is refused without a terminal" {
	with a "UserKnownHostsFile $BATS_TEST_TMPDIR/known"
	run probe a: true
	assert_refused "host key verification failed for 'a' (127.0.0.1 port $(sshd_port a))" \
		"ED25519 host key $(fingerprint "$SSHD_DIR/a/host_key")" \
		"'$BATS_TEST_TMPDIR/known'" "prompts need a terminal"
	[ ! -e "$BATS_TEST_TMPDIR/known" ]
}

@test "an unknown host key is refused by StrictHostKeyChecking yes" {
	with a "UserKnownHostsFile $BATS_TEST_TMPDIR/known" "StrictHostKeyChecking yes"
	run probe a: true
	assert_refused "StrictHostKeyChecking is yes"
}

@test "an unknown host key is added by accept-new, once" {
	with a "UserKnownHostsFile $BATS_TEST_TMPDIR/new/known" "StrictHostKeyChecking accept-new"
	run -0 probe a: 'echo hello'
	has_line hello
	run -0 probe a: 'echo hello'
	output_is hello
	run -0 cat "$BATS_TEST_TMPDIR/new/known"
	output_is "[127.0.0.1]:$(sshd_port a) $(cut -d' ' -f1,2 "$SSHD_DIR/a/host_key.pub")"
}

@test "an unknown host key is asked about on a terminal" {
	with a "UserKnownHostsFile $BATS_TEST_TMPDIR/known"
	on_terminal "'$probe' -F '$config' a: 'echo hello' </dev/null" \
		'(yes/no/[fingerprint])? ' maybe "'no' or the fingerprint: " no
	[ "$status" = 7 ]
	output_has "the answer was no"
	on_terminal "'$probe' -F '$config' a: 'echo hello' </dev/null" \
		'(yes/no/[fingerprint])? ' yes
	[ "$status" = 0 ]
	output_has hello
	run -0 probe a: true
}

@test "a changed host key is refused, naming file and line" {
	{
		echo '# a comment'
		echo "[127.0.0.1]:$(sshd_port a) $(cut -d' ' -f1,2 "$SSHD_DIR/b/host_key.pub")"
	} >"$BATS_TEST_TMPDIR/known"
	with a "UserKnownHostsFile $BATS_TEST_TMPDIR/known" "StrictHostKeyChecking accept-new"
	run probe a: true
	assert_refused "'a'" "$(fingerprint "$SSHD_DIR/a/host_key")" \
		"is not the one in '$BATS_TEST_TMPDIR/known' line 2" \
		"the host was reinstalled, or this is a man-in-the-middle attack"
	with a "UserKnownHostsFile $BATS_TEST_TMPDIR/known" "StrictHostKeyChecking no"
	run -0 probe a: 'echo hello'
	has_line hello
	output_has "is not the one in"
	output_has "continuing without passwords"
}

# ssh_says STRICT: what ssh(1) itself makes of host a with these known hosts, and that nothing is added.
ssh_says() {
	local before

	before=$(cat "$BATS_TEST_TMPDIR/known")
	with a "UserKnownHostsFile $BATS_TEST_TMPDIR/known" "StrictHostKeyChecking $1"
	run ssh -F "$config" a true
	output_has 'REMOTE HOST IDENTIFICATION HAS CHANGED'
	run probe a: 'echo hello'
	[ "$(cat "$BATS_TEST_TMPDIR/known")" = "$before" ]
}

@test "a host that has only keys of other types than the known one has changed, as for ssh" {
	echo "[127.0.0.1]:$(sshd_port a) $(cut -d' ' -f1,2 "$SSHD_DIR/rsa_key.pub")" \
		>"$BATS_TEST_TMPDIR/known"
	for strict in yes accept-new ask; do
		ssh_says $strict
		assert_refused "ED25519 host key $(fingerprint "$SSHD_DIR/a/host_key")" \
			"is not the one in '$BATS_TEST_TMPDIR/known' line 1" "man-in-the-middle"
	done
	ssh_says no
	has_line hello
	output_has 'continuing without passwords'
	# On a terminal there is no question.
	with a "UserKnownHostsFile $BATS_TEST_TMPDIR/known"
	on_terminal "'$probe' -F '$config' a: 'echo hello' </dev/null"
	[ "$status" = 7 ]
	output_has 'is not the one in'
}

@test "a revoked host key is refused" {
	echo "@revoked * $(cut -d' ' -f1,2 "$SSHD_DIR/a/host_key.pub")" >"$BATS_TEST_TMPDIR/known"
	with a "UserKnownHostsFile $SSHD_DIR/known_hosts $BATS_TEST_TMPDIR/known" \
		"StrictHostKeyChecking no"
	run probe a: true
	assert_refused "@revoked" "'$BATS_TEST_TMPDIR/known' line 1"
}

@test "a key of a known type is requested" {
	echo "[127.0.0.1]:$(sshd_port c) $(cut -d' ' -f1,2 "$SSHD_DIR/rsa_key.pub")" \
		>"$BATS_TEST_TMPDIR/known"
	with c "UserKnownHostsFile $BATS_TEST_TMPDIR/known"
	run -0 probe c: true
}

@test "a host key alias" {
	echo "alias $(cut -d' ' -f1,2 "$SSHD_DIR/a/host_key.pub")" >"$BATS_TEST_TMPDIR/known"
	with a "UserKnownHostsFile $BATS_TEST_TMPDIR/known" "HostKeyAlias alias"
	run -0 probe a: true
	with a "HostKeyAlias alias"
	run probe a: true
	assert_refused "not in '$SSHD_DIR/known_hosts'"
}

@test "a second and a global known_hosts file" {
	with a "UserKnownHostsFile /dev/null $SSHD_DIR/known_hosts"
	run -0 probe a: true
	with a "UserKnownHostsFile /dev/null" "GlobalKnownHostsFile $SSHD_DIR/known_hosts"
	run -0 probe a: true
}

@test "wrong port: refused" {
	with a "Port 1"
	run probe a: true
	assert_refused "cannot connect to 'a' (127.0.0.1 port 1): Connection refused"
}

@test "wrong host: not resolved" {
	run probe no-such-host.invalid: true
	assert_refused "cannot connect to 'no-such-host.invalid' port 22: could not resolve hostname: "
}

@test "a host that does not answer" {
	run timeout 10 setsid -w "$probe" 192.0.2.1: true -t 1 </dev/null
	assert_refused "cannot connect to '192.0.2.1' port 22: "
}

@test "a host that sends nothing" {
	with a "ProxyCommand sleep 100"
	run timeout 10 setsid -w "$probe" -F "$config" -t 1 a: true </dev/null
	assert_refused "cannot connect to 'a'" "connection timed out after 1 s"
	with a "ProxyCommand sleep 100" "ConnectTimeout 1"
	run timeout 10 setsid -w "$probe" -F "$config" a: true </dev/null
	assert_refused "connection timed out after 1 s"
}

@test "a proxy that may prompt has more time" {
	local limit='connecting, for at most'

	with a "ProxyCommand false"
	run probe -v a: true
	output_has "$limit 30 s"
	on_terminal "'$probe' -v -F '$config' a: true </dev/null"
	output_has "$limit 150 s"
	on_terminal "'$probe' -v -t 7 -F '$config' a: true </dev/null"
	output_has "$limit 7 s"
	with a "ProxyCommand false" "ConnectTimeout 8"
	on_terminal "'$probe' -v -F '$config' a: true </dev/null"
	output_has "$limit 8 s"
	with a "ProxyCommand false" "BatchMode yes"
	on_terminal "'$probe' -v -F '$config' a: true </dev/null"
	output_has "$limit 30 s"
	with a "ProxyCommand none"
	on_terminal "'$probe' -v -F '$config' a: true </dev/null"
	output_has "$limit 30 s"
}

@test "a host that is not an SSH server" {
	with a "ProxyCommand echo HTTP/1.0 400; echo; cat"
	run probe a: true -t 2
	assert_refused "cannot connect to 'a'"
}

@test "a wrong address family" {
	with a "AddressFamily inet6"
	run probe a: true
	assert_refused "cannot connect to 'a' (127.0.0.1 port $(sshd_port a)): could not resolve"
}

@test "wrong user" {
	run probe no-such-user@a: true
	assert_refused "cannot log in to 'a' (127.0.0.1 port $(sshd_port a)) as 'no-such-user'" \
		"permission denied (accepted methods: publickey; tried: key '$SSHD_DIR/user_key')"
}

@test "wrong key" {
	make_key "$BATS_TEST_TMPDIR/other"
	with a "IdentityFile $BATS_TEST_TMPDIR/other" "IdentityFile $BATS_TEST_TMPDIR/missing"
	sed -i "s|Include .*|Include $BATS_TEST_TMPDIR/plain|" "$config"
	grep -v IdentityFile "$SSH_CONFIG" >"$BATS_TEST_TMPDIR/plain"
	run probe a: true
	assert_refused "(accepted methods: publickey; tried: key '$BATS_TEST_TMPDIR/other')"
	run -0 probe a: true -i "$SSHD_DIR/user_key"
}

@test "a key with a passphrase" {
	make_key "$BATS_TEST_TMPDIR/locked" ed25519 secret
	cat "$BATS_TEST_TMPDIR/locked.pub" >>"$SSHD_DIR/a/authorized_keys"
	grep -v IdentityFile "$SSH_CONFIG" >"$BATS_TEST_TMPDIR/plain"
	config=$BATS_TEST_TMPDIR/plain
	run probe a: true -i "$BATS_TEST_TMPDIR/locked"
	assert_refused \
		"tried: key '$BATS_TEST_TMPDIR/locked' (it has a passphrase, and prompts need a terminal)"
	on_terminal "'$probe' -F '$config' -i '$BATS_TEST_TMPDIR/locked' a: 'echo hello' </dev/null" \
		'locked'\'': ' wrong 'locked'\'': ' secret
	[ "$status" = 0 ]
	output_has hello
	output_lacks secret
	# a key of the old format has its public key only in the encrypted part
	make_key "$BATS_TEST_TMPDIR/old" rsa
	cat "$BATS_TEST_TMPDIR/old.pub" >>"$SSHD_DIR/a/authorized_keys"
	rm "$BATS_TEST_TMPDIR/old.pub"
	ssh-keygen -q -p -m PEM -N secret -f "$BATS_TEST_TMPDIR/old" >/dev/null
	run probe a: true -i "$BATS_TEST_TMPDIR/old"
	assert_refused "(it has a passphrase, and prompts need a terminal)"
	on_terminal "'$probe' -F '$config' -i '$BATS_TEST_TMPDIR/old' a: 'echo hello' </dev/null" \
		'old'\'': ' secret
	[ "$status" = 0 ]
}

@test "a prompt restores the terminal's settings" {
	make_key "$BATS_TEST_TMPDIR/locked" ed25519 secret
	cat "$BATS_TEST_TMPDIR/locked.pub" >>"$SSHD_DIR/a/authorized_keys"
	cat >"$BATS_TEST_TMPDIR/run" <<-END
		'$probe' -F '$SSH_CONFIG' -i '$BATS_TEST_TMPDIR/locked' a: true </dev/null
		echo "status \$?"
		stty -a
	END
	on_terminal "trap : INT; . '$BATS_TEST_TMPDIR/run'" 'locked'\'': ' $'\003'
	output_has "status 130"
	grep -q '[^-]echo[ ;]' <<<"$output"
}

@test "a second prompt says that the first answer was wrong" {
	local words='Permission denied, please try again.'

	with p "PreferredAuthentications password"
	on_terminal "'$probe' -F '$config' p: true </dev/null" "password: " one \
		"password: " two "password: " three
	[ "$status" = 7 ]
	[ "$(grep -c "$words" <<<"$output")" = 2 ]
	with p "PreferredAuthentications password" "NumberOfPasswordPrompts 1"
	on_terminal "'$probe' -F '$config' p: true </dev/null" "password: " one
	[ "$status" = 7 ]
	output_lacks "$words"
}

@test "an agent" {
	start_agent "$SSHD_DIR/user_key"
	printf '%s\n' "Host a" "HostName 127.0.0.1" "Port $(sshd_port a)" \
		"UserKnownHostsFile $SSHD_DIR/known_hosts" "IdentityFile $BATS_TEST_TMPDIR/missing" \
		>"$BATS_TEST_TMPDIR/plain"
	config=$BATS_TEST_TMPDIR/plain
	run probe a: true
	assert_refused "tried: nothing"
	SSH_AUTH_SOCK=$agent_sock run -0 probe a: 'echo hello'
	output_is hello
	printf '%s\n' "IdentityAgent $agent_sock" >>"$config"
	run -0 probe a: 'echo hello'
	printf '%s\n' "IdentityAgent none" >"$config.none"
	cat "$config" >>"$config.none"
	SSH_AUTH_SOCK=$agent_sock config=$config.none run probe a: true
	assert_refused "tried: nothing"
	kill "$agent_pid"
	agent_pid=
	run probe a: true
	assert_refused "tried: nothing"
}

@test "an agent with RSA and ECDSA keys" {
	make_key "$BATS_TEST_TMPDIR/rsa" rsa
	make_key "$BATS_TEST_TMPDIR/ecdsa" ecdsa
	start_agent "$BATS_TEST_TMPDIR/rsa"
	with a "IdentityAgent $agent_sock" "IdentitiesOnly no"
	cat "$BATS_TEST_TMPDIR/rsa.pub" "$BATS_TEST_TMPDIR/ecdsa.pub" >>"$SSHD_DIR/a/authorized_keys"
	run -0 probe a: true -v
	output_has "logged in"
	output_has "tried agent's key 'rsa'"
	SSH_AUTH_SOCK=$agent_sock ssh-add -qD
	SSH_AUTH_SOCK=$agent_sock ssh-add -q "$BATS_TEST_TMPDIR/ecdsa"
	run -0 probe a: true -v
	output_has "tried agent's key 'ecdsa'"
}

@test "an agent with too many keys" {
	local i keys=()

	for i in {1..6}; do
		make_key "$BATS_TEST_TMPDIR/key$i"
		keys+=("$BATS_TEST_TMPDIR/key$i")
	done
	start_agent "${keys[@]}" "$SSHD_DIR/user_key"
	grep -v Identit "$SSH_CONFIG" >"$BATS_TEST_TMPDIR/plain"
	printf '%s\n' "Match all" "IdentityAgent $agent_sock" >>"$BATS_TEST_TMPDIR/plain"
	config=$BATS_TEST_TMPDIR/plain
	run probe b: true
	assert_refused "Too many authentication failures" "agent's key 'key1'"
	# The third one ends the connection, after which no other is tried.
	output_lacks "key 'key4'"
	# the key that is named comes first
	cp "$SSHD_DIR/user_key.pub" "$BATS_TEST_TMPDIR/named.pub"
	echo "IdentityFile $BATS_TEST_TMPDIR/named.pub" >>"$config"
	run -0 probe b: true
	sed -i '$d' "$config"
	run -0 probe b: true -i "$SSHD_DIR/user_key"
	# IdentitiesOnly offers no other key
	printf '%s\n' "IdentitiesOnly yes" "IdentityFile $BATS_TEST_TMPDIR/named.pub" >>"$config"
	run -0 probe b: true -v
	output_lacks "key 'key"
}

@test "certificates" {
	local key=$BATS_TEST_TMPDIR/key

	make_key "$key"
	ssh-keygen -q -s "$SSHD_DIR/ca" -I me -n "$(id -un)" "$key.pub"
	grep -v IdentityFile "$SSH_CONFIG" >"$BATS_TEST_TMPDIR/plain"
	config=$BATS_TEST_TMPDIR/plain
	run -0 probe c: true -v -i "$key"
	output_has "tried certificate '$key'"
	# in another file
	mv "$key-cert.pub" "$BATS_TEST_TMPDIR/cert"
	run probe c: true -i "$key"
	assert_refused "tried: key '$key'"
	printf '%s\n' "Match all" "CertificateFile $BATS_TEST_TMPDIR/cert" >>"$config"
	run -0 probe c: true -v -i "$key"
	output_has "tried certificate '$BATS_TEST_TMPDIR/cert'"
	# in an agent
	mv "$BATS_TEST_TMPDIR/cert" "$key-cert.pub"
	start_agent "$key"
	rm "$key" "$key"*.pub
	printf '%s\n' "Host c" "HostName 127.0.0.1" "Port $(sshd_port c)" \
		"UserKnownHostsFile $SSHD_DIR/known_hosts" "IdentityAgent $agent_sock" >"$config"
	run -0 probe c: true -v
	output_has "tried agent's key 'key'"
}

@test "a jump host" {
	with a "ProxyJump b"
	run -0 probe a: 'echo hello'
	output_is hello
	sshd_wait_idle b
	grep -q "Accepted publickey" "$SSHD_DIR/b/log"
	with a "ProxyJump b,c"
	run -0 probe a: 'echo hello'
	output_is hello
}

@test "a proxy command" {
	with a "ProxyCommand ssh -F $SSH_CONFIG -W %h:%p b"
	run -0 probe a: 'echo hello'
	output_is hello
	with a "ProxyCommand none"
	run -0 probe a: true
	with a "ProxyCommand false"
	run probe a: true
	assert_refused "cannot connect to 'a'" "the proxy command exited"
}

@test "options that are not supported are named" {
	with a "BindInterface lo"
	run probe a: true
	assert_refused "'a': the ssh option BindInterface is not supported" "--rsh ssh"
}

@test "a wrong configuration" {
	with a "Foo bar"
	run -2 probe a: true
	[ "${#lines[@]}" = 1 ]
	output_has "Bad configuration option: foo"
}

@test "algorithms of the configuration" {
	with a "Ciphers aes256-ctr" "KexAlgorithms ecdh-sha2-nistp256" "MACs hmac-sha2-512"
	run -0 probe a: true -v
	output_has "ecdh-sha2-nistp256, aes256-ctr"
	with a "KexAlgorithms sntrup761x25519-sha512@openssh.com"
	run probe a: true
	assert_refused "supports none of the KexAlgorithms" "--rsh ssh"
}

@test "a server that refuses the connection with a line of text" {
	local line

	for line in 'Not allowed at this time' 'Exceeded MaxStartups' 'Go away'; do
		with a "ProxyCommand printf '$line\\r\\n'"
		run probe a: true
		assert_refused "cannot connect to 'a'" "the server says '$line'"
	done
	with a "ProxyCommand printf 'Bad \\033[31m\\r\\n'"
	run probe a: true
	assert_refused "the server says 'Bad "
	output_lacks $'\033'
}

# sshd 9.8 and later; an earlier one lets the user try again.
@test "mistyped passwords make the server refuse the address for some time" {
	local prompts=() i

	sshd_start penal "$([ -z "$SSHD_PENALTIES" ] || echo PerSourcePenalties authfail:60 min:1)" \
		"PasswordAuthentication yes" "LoginGraceTime 60"
	with penal "PubkeyAuthentication no" "PreferredAuthentications password"
	for i in 1 2 3; do
		prompts+=("password: " "wrong$i")
	done
	on_terminal "'$probe' -F '$config' penal: true" "${prompts[@]}"
	[ "$status" = 7 ]
	output_has "ermission denied"
	sshd_wait_idle penal
	with penal
	for i in {1..50}; do
		run probe penal: true
		[ "$status" = 0 ] && [ -n "$SSHD_PENALTIES" ] || break
	done
	if [ -n "$SSHD_PENALTIES" ]; then
		assert_refused "cannot connect to 'penal'" "the server says 'Not allowed at this time'" \
			"failed logins make it refuse this address for some time"
	else
		[ "$status" = 0 ]
	fi
	sshd_stop penal
}

@test "a server that asks for channels is refused, and nothing of that is kept" {
	local port=$((20000 + RANDOM % 12000)) server

	until "${probe%/*}/ssh_opens" $port "$SSHD_DIR/a/host_key" 100 >"$BATS_TEST_TMPDIR/opens" 3>&- &
		server=$!
		wait_for_server $server; do
		port=$((20000 + RANDOM % 12000))
	done
	with opens "HostName 127.0.0.1" "Port $port" "UserKnownHostsFile $BATS_TEST_TMPDIR/known" \
		"StrictHostKeyChecking accept-new"
	run probe opens: true
	wait $server
	[ "$(tail -n 1 "$BATS_TEST_TMPDIR/opens")" = '100 refused' ]
}

# Whether the server listens; not if it has ended, because another has the port.
wait_for_server() {
	until [ -s "$BATS_TEST_TMPDIR/opens" ]; do
		kill -0 "$1" 2>/dev/null || return 1
		read -rt 0.02 <> <(:) || true
	done
}

@test "without OpenSSH" {
	local dir=$BATS_TEST_TMPDIR/bin

	mkdir "$dir"
	ln -s "$(command -v setsid)" "$dir/setsid"
	config=$BATS_TEST_TMPDIR/plain
	printf '%s\n' "Host a" " HostName 127.0.0.1" " Port $(sshd_port a)" \
		" IdentityFile $SSHD_DIR/user_key" " UserKnownHostsFile $SSHD_DIR/known_hosts" \
		>"$config"
	PATH=$dir run -0 probe a: 'echo hello'
	output_is hello
	PATH=$dir run probe b: true -F "$SSH_CONFIG"
	assert_refused "IdentitiesOnly needs OpenSSH's ssh"
	# What the library ignores is never ignored, also in a file that is included.
	cp "$config" "$config.good"
	for line in "RevokedHostKeys $BATS_TEST_TMPDIR/revoked" 'StrictHostKeyChecking yes' \
		'PubkeyAuthentication=no' "UserKnownHostsFile $SSHD_DIR/known_hosts /dev/null"; do
		echo "$line" >"$config.included"
		for included in "$config.included" "\"$BATS_TEST_TMPDIR/plain.incl*\""; do
			{
				echo "Include $included"
				cat "$config.good"
			} >"$config"
			PATH=$dir run probe a: true
			assert_refused "plain.included' line 1: " "needs OpenSSH's ssh"
		done
	done
	sed -i '1s/.*/Include plain.included/' "$config"
	PATH=$dir run probe a: true
	assert_refused "line 1: Include of a relative path needs OpenSSH's ssh"
	echo '# nothing' >"$config.included"
	sed -i "1s,.*,Include $config.included," "$config"
	PATH=$dir run -0 probe a: 'echo hello'
	output_is hello
}

@test "all bytes pass" {
	local i

	for i in {0..255}; do
		printf '%b' "\\x$(printf %x "$i")"
	done >"$BATS_TEST_TMPDIR/bytes"
	"$probe" -F "$SSH_CONFIG" a: cat <"$BATS_TEST_TMPDIR/bytes" >"$BATS_TEST_TMPDIR/back"
	cmp "$BATS_TEST_TMPDIR/bytes" "$BATS_TEST_TMPDIR/back"
	head -c 20000001 /dev/urandom >"$BATS_TEST_TMPDIR/bytes"
	run -0 "$probe" -F "$SSH_CONFIG" a: sha256sum <"$BATS_TEST_TMPDIR/bytes"
	output_is "$(sha256sum <"$BATS_TEST_TMPDIR/bytes")"
}

@test "closing either end of either direction" {
	local file=$BATS_TEST_TMPDIR/file

	head -c 3000000 /dev/urandom >"$file"
	# our end first: what the command sends afterwards still arrives
	run -0 "$probe" -F "$SSH_CONFIG" a: 'cat >/dev/null; sleep 0.2; echo end' <"$file"
	output_is end
	# the command's end first: what we send afterwards still arrives
	(read -rt 0.3 <> <(:) || cat "$file") |
		"$probe" -F "$SSH_CONFIG" a: "echo start; exec >&-; cat >'$file.there'; exit 5" \
			>"$file.out" 3>&- || status=$?
	[ "$status" = 5 ]
	[ "$(cat "$file.out")" = start ]
	cmp "$file" "$file.there"
}

@test "a command that does not read" {
	run -0 "$probe" -F "$SSH_CONFIG" a: 'echo end' -z 100000000
	output_is end
}

@test "closing the socket ends the command" {
	local there=$BATS_TEST_TMPDIR/there

	echo hello | "$probe" -F "$SSH_CONFIG" a: "cat >'$there'; echo ended >>'$there'" -x
	sshd_wait_idle a
	[ "$(cat "$there")" = $'hello\nended' ]
}

@test "key exchanges in mid-stream, in both directions" {
	local file=$BATS_TEST_TMPDIR/file sum

	head -c 300M /dev/urandom >"$file"
	sum=$(sha256sum <"$file")
	[ "$("$probe" -F "$SSH_CONFIG" c: cat <"$file" | sha256sum)" = "$sum" ]
	with a "RekeyLimit 50M"
	[ "$("$probe" -F "$config" a: cat <"$file" | sha256sum)" = "$sum" ]
}

@test "nine channels at once, with key exchanges, and no tenth" {
	local file=$BATS_TEST_TMPDIR/file i

	head -c 30M /dev/urandom >"$file"
	run -0 "$probe" -F "$SSH_CONFIG" c: cat -c 9 -o "$file" <"$file"
	for i in {0..8}; do
		cmp "$file" "$file.$i"
	done
	run probe c: cat -c 10 -o "$file"
	assert_refused "cannot run a command on 'c'" "9 commands are running already"
}

@test "a server that is killed in mid-stream" {
	local pid line

	mkfifo "$BATS_TEST_TMPDIR/fifo"
	"$probe" -F "$SSH_CONFIG" a: 'echo started; cat >/dev/null' -z 1000000000000 \
		>"$BATS_TEST_TMPDIR/fifo" 2>"$BATS_TEST_TMPDIR/errors" 3>&- &
	pid=$!
	read -r line <"$BATS_TEST_TMPDIR/fifo"
	[ "$line" = started ]
	sshd_drop a
	status=0
	wait "$pid" || status=$?
	[ "$status" = 7 ]
	[ "$(wc -l <"$BATS_TEST_TMPDIR/errors")" = 1 ]
	grep -q "connection lost: " "$BATS_TEST_TMPDIR/errors"
}

@test "a connection that is lost while data is sent" {
	local i

	for i in 30 60 90; do
		status=0
		ASAN_OPTIONS=detect_leaks=0 strace -f -qq -o /dev/null -e trace=sendto \
			-e "inject=sendto:error=ECONNRESET:when=$i+" "$probe" -F "$SSH_CONFIG" a: \
			'cat >/dev/null' -z 1000000000 2>"$BATS_TEST_TMPDIR/errors" 3>&- || status=$?
		[ "$status" = 7 ]
		[ "$(wc -l <"$BATS_TEST_TMPDIR/errors")" = 1 ]
		grep -q "connection lost: " "$BATS_TEST_TMPDIR/errors"
	done
}

# libssh closes the socket itself if the farewell cannot be sent.
@test "the socket is closed once, whatever cannot be sent" {
	local i trace=$BATS_TEST_TMPDIR/trace

	for i in {1..12}; do
		ASAN_OPTIONS=detect_leaks=0 strace -f -qq -o "$trace.$i" -e trace=sendto,close \
			-e "inject=sendto:error=ECONNRESET:when=$i" \
			"$probe" -F "$SSH_CONFIG" a: true 3>&- </dev/null || true
	done
	run -0 grep -h '(INJECTED)' "$trace".*
	run -1 grep -h 'close([0-9]*) .*EBADF' "$trace".*
}

@test "a dead connection does not delay the end" {
	local pid pids line start

	mkfifo "$BATS_TEST_TMPDIR/fifo"
	"$probe" -F "$SSH_CONFIG" a: 'echo started; cat >/dev/null' -c 8 -z 1000000000000 \
		>"$BATS_TEST_TMPDIR/fifo" 3>&- &
	pid=$!
	read -r line <"$BATS_TEST_TMPDIR/fifo"
	mapfile -t pids < <(sshd_below "$(cat "$SSHD_DIR/a/pid")")
	kill -STOP "${pids[@]}"
	read -rt 0.5 <> <(:) || true # until all buffers are full
	start=$EPOCHREALTIME
	kill -TERM "$pid"
	status=0
	wait "$pid" || status=$?
	[ "$status" = 143 ]
	[ $((${EPOCHREALTIME/./} - ${start/./})) -lt 2500000 ]
	sshd_drop a
}

@test "INT and TERM end a login" {
	local signal pid

	with a "ProxyCommand sh -c 'touch $BATS_TEST_TMPDIR/started; exec sleep 100'"
	for signal in INT TERM; do
		rm -f "$BATS_TEST_TMPDIR/started"
		env --default-signal setsid "$probe" -F "$config" a: true </dev/null 3>&- &
		pid=$!
		until [ -e "$BATS_TEST_TMPDIR/started" ]; do
			read -rt 0.01 <> <(:) || true
		done
		kill -"$signal" "$pid"
		status=0
		wait "$pid" || status=$?
		[ "$status" = $((128 + $(kill -l "$signal"))) ]
	done
}

@test "speed (printed)" {
	run --separate-stderr -0 "$probe" -F "$SSH_CONFIG" a: 'cat >/dev/null' -z 2000000000 -s
	echo "# $stderr" >&3
	"$probe" -F "$SSH_CONFIG" a: 'head -c 2G /dev/zero' -s </dev/null 2>"$BATS_TEST_TMPDIR/down" \
		>/dev/null
	echo "# $(cat "$BATS_TEST_TMPDIR/down")" >&3
}
