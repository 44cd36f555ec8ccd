#!/usr/bin/env bats
# How hosts are reached: as the user's ssh does it, in limited time, and what is said
# where that fails.

# shellcheck disable=SC2030,SC2031 # each test is a subshell
load common
load hosts

setup_file() { img_setup_file a b; }
teardown_file() { img_teardown_file; }

setup() {
	img_setup
	EXTRA=()
	SUDO_DIR=/usr/local/img-test-$$
}

teardown() {
	rm -rf ${SUDOERS:+"$SUDOERS"} "$SUDO_DIR"
	[ ${#EXTRA[@]} = 0 ] || sshd_stop "${EXTRA[@]}"
	[ -z "${AGENT:-}" ] || kill "$AGENT"
	img_teardown
}

# client VALUE: `client = VALUE` in the user's configuration.
client() {
	printf '[ssh]\n\tclient = %s\n' "$1" >"$DIR/img-config"
}

# reaches HOST OPTION...: the built-in client gets in, as ssh does, and says nothing.
reaches() {
	client builtin
	ssh -F "$SSH_CONFIG" "$1" true
	succeeds img-info --config img-config "${@:2}" "$1:$IMAGE"
}

# needs_ssh HOST WORDS: ssh gets in; the built-in client does not, alone; and by default
# img-info uses ssh, for the reason WORDS.
needs_ssh() {
	ssh -F "$SSH_CONFIG" "$1" true
	client builtin
	refuses 7 "$1:$IMAGE" setsid -w img-info -F "$SSH_CONFIG" --config img-config "$1:$IMAGE"
	succeeds img-info "$1:$IMAGE"
	try img-info -v "$1:$IMAGE"
	[ "$status" = 0 ]
	says "$1: using ssh, because the built-in client does not support $2"
	client openssh
	succeeds img-copy --config img-config "$IMAGE" "$1:$DIR/y.img"
	same "$IMAGE" y.img
	rm y.img
}

# ends_within SECONDS COMMAND...: the command ends in that time and leaves no process.
ends_within() {
	local start=${EPOCHREALTIME/./}

	"${@:2}"
	[ $((${EPOCHREALTIME/./} - start)) -lt $(($1 * 1000000)) ]
	no_process
}

@test "connect: --timeout bounds each phase, whatever an --rsh program does" {
	program silent <<<'exec sleep 1000'
	program slow <<<'while printf x; do sleep 0.3; done'
	program stubborn <<<'trap "" TERM; while :; do sleep 1; done'
	program asking <<<'echo img-tools/3 send; exec sleep 1000'
	program greedy <<<'while echo img-tools/3 send; do head -c 100000 >/dev/null; sleep 0.3; done'
	program ready <<<'printf "\nimg-tools/3 ready\n"; while printf "\014\0\0\0\0\0\0\0"; do sleep 0.3; done'
	for name in silent slow stubborn asking greedy ready; do
		ends_within 8 refuses 7 h:/x env img-info --timeout 2 --rsh "./$name" h:/x
		says 'cannot start the helper: '
		says '2 s'
	done
}

@test "connect: --timeout bounds each phase over SSH" {
	extra_host slow 'ForceCommand while printf x; do sleep 0.3; done'
	ends_within 8 refuses 7 slow:/x img-info --timeout 2 slow:/x
	says 'no answer after 2 s'
	extra_host asking 'ForceCommand echo img-tools/3 send; exec cat >/dev/null'
	ends_within 8 refuses 7 asking:/x img-info --timeout 2 asking:/x
	says 'it was sent, but is not ready after 2 s'
	with_config 'Host late' 'ProxyCommand sleep 1000'
	ends_within 8 refuses 7 late:/x img-info --timeout 2 late:/x
	with_config 'Match host exec exec "sleep 1000"'
	ends_within 8 refuses 7 '' img-info --timeout 2 exec:/x
	mkdir bin
	program bin/ssh <<<'exec >&- 2>&- sleep 1000'
	ends_within 8 refuses 7 '' env PATH="$DIR/bin:$PATH" img-info --timeout 2 h:/x
	says "'ssh -G' was killed: it took longer than 2 s"
}

@test "connect: --timeout bounds the resolver" {
	[ "$(id -u)" = 0 ] || skip "needs root"
	echo nameserver 127.0.0.153 >resolv
	echo hosts: dns >nsswitch
	perl -MSocket -e 'socket(S, PF_INET, SOCK_DGRAM, 0) && bind(S, sockaddr_in(53, inet_aton("127.0.0.153"))) || die; sleep' 3>&- &
	program isolated <<-'END'
		mount --bind resolv /etc/resolv.conf && mount --bind nsswitch /etc/nsswitch.conf && exec "$@"
	END
	ends_within 8 refuses 7 h.example:/x unshare -m ./isolated img-info -F /dev/null --timeout 2 \
		h.example:/x
	says 'timed out after 2 s'
}

@test "connect: a link chooses no place for the helper" {
	mkdir -p own "$BATS_FILE_TMPDIR/home-linked"
	mkdir -m 700 own/img-tools-x
	HOST_MOUNTS="$(hide_helpers)
		$(hide /var/tmp /dev/shm)
		mount -t tmpfs -o ro tmpfs $BATS_FILE_TMPDIR/home-linked
		ln -s $DIR/own/img-tools-x /var/tmp/img-tools-$(id -u)
		ln -s $DIR/own/img-tools-x /dev/shm/img-tools-$(id -u)" extra_host linked
	succeeds img-info "linked:$IMAGE"
	[ -z "$(ls -A own/img-tools-x)" ]
}

@test "connect: no core dump and no tracing while secrets are in memory" {
	local pid place

	[ "$(id -u)" = 0 ] || skip "needs root"
	! grep -q -e -fsanitize "$IMG_BUILD/flags" || skip "sanitizers trace the process"
	place=$(mktemp -d -p /tmp img-core.XXXXXX) # open to another user
	echo 'ProxyCommand sleep 1000' >"$place/config"
	cp "$IMG_BUILD/tests/ssh_probe" "$place"
	chmod -R a+rX "$place"
	setpriv --reuid 65534 --regid 65534 --clear-groups env HOME=/nonexistent \
		"$place/ssh_probe" -F "$place/config" h:/ true >"$OUT" 2>&1 3>&- </dev/null &
	pid=$!
	wait_until 20 pgrep -P $pid sleep
	rm -r "$place"
	# The files of a process that may not be dumped belong to root (proc(5)).
	[ "$(stat -c %u "/proc/$pid/maps")" = 0 ]
	grep -q '^Uid:.65534' "/proc/$pid/status"
	kill $pid
	wait $pid || true
}

@test "connect: MACs of which the library knows only hmac-sha1" {
	extra_host sha1 'MACs hmac-sha1,hmac-sha1-etm@openssh.com' \
		'Ciphers aes128-ctr,aes256-ctr'
	reaches sha1
}

@test "connect: what the library cannot is left to ssh" {
	extra_host umac 'MACs umac-64@openssh.com' 'Ciphers aes128-ctr'
	needs_ssh umac "the server's algorithms"
	extra_host sntrup 'KexAlgorithms sntrup761x25519-sha512@openssh.com'
	needs_ssh sntrup "the server's algorithms"
	: >none
	with_config 'Host a' "RevokedHostKeys $DIR/none" 'Host b' 'SecurityKeyProvider /nonexistent.so'
	needs_ssh a 'the ssh option RevokedHostKeys'
	needs_ssh b 'the ssh option SecurityKeyProvider'
	with_config 'Host a' 'PKCS11Provider /nonexistent.so'
	try img-info -v "a:$IMAGE"
	[ "$status" = 0 ]
	says 'using ssh, because the built-in client does not support the ssh option PKCS11Provider'
	with_config 'Host a' 'KexAlgorithms sntrup761x25519-sha512@openssh.com' 'Host b' \
		'MACs umac-128-etm@openssh.com'
	needs_ssh a 'any of the configured KexAlgorithms'
	needs_ssh b 'any of the configured MACs'
}

# It closes once it has read something of the client's algorithms; with a linger time of 0,
# which resets the connection.
@test "connect: a server that ends the connection during the key exchange is left to ssh" {
	local port server how

	for how in close reset; do
		rm -f port
		perl -MIO::Socket::INET -MSocket -e '
			$s = IO::Socket::INET->new(Listen => 5, LocalAddr => "127.0.0.1") or die;
			$| = 1;
			print $s->sockport, "\n";
			while ($c = $s->accept) {
				print $c "SSH-2.0-closing\r\n";
				for ($got = ""; $got !~ /\n[^\0]*\0/ && sysread $c, $_, 8192; $got .= $_) {}
				if ($ARGV[0] eq "reset") {
					setsockopt $c, SOL_SOCKET, SO_LINGER, pack("ii", 1, 0) or die;
				}
				close $c;
			}' $how >port 3>&- &
		server=$!
		wait_until 10 test -s port
		port=$(cat port)
		with_config 'Host ending' 'HostName 127.0.0.1' "Port $port"
		try img-info -v ending:/x
		kill $server
		wait $server || true
		[ "$status" = 7 ]
		says "ending: using ssh, because the built-in client does not support the server's algorithms"
	done
}

@test "connect: without ssh, what the library cannot is an error" {
	local dir=$DIR/bin

	extra_host umac2 'MACs umac-64@openssh.com' 'Ciphers aes128-ctr'
	mkdir bin
	printf '%s\n' 'Host umac2' ' HostName 127.0.0.1' " Port $(sshd_port umac2)" \
		" IdentityFile $SSHD_DIR/user_key" " UserKnownHostsFile $SSHD_DIR/known_hosts" >config
	try env PATH="$dir" "$IMG_BUILD/bin/img-info" -F config "umac2:$IMAGE"
	[ "$status" = 7 ]
	says 'no match for method'
	try env PATH="$dir" "$IMG_BUILD/bin/img-info" -F config -J b "umac2:$IMAGE"
	[ "$status" = 7 ]
	says "--jump needs OpenSSH's ssh, which is not installed"
	# An ssh that fails is another matter, whatever its status.
	program bin/ssh <<-'END'
		echo 'ssh: /opt/real-ssh: not found' >&2
		exit 127
	END
	try env PATH="$dir" "$IMG_BUILD/bin/img-info" -F config -J b "umac2:$IMAGE"
	[ "$status" = 2 ]
	says 'ssh configuration: ssh: /opt/real-ssh: not found'
	printf 'no program' >bin/ssh
	try env PATH="$dir" "$IMG_BUILD/bin/img-info" -F config "umac2:$IMAGE"
	[ "$status" = 7 ]
	says "cannot run 'ssh': Exec format error"
	client sometimes
	refuses 2 "a:$IMAGE" img-info --config img-config "a:$IMAGE"
	says "img-config:2: invalid value 'sometimes'; use auto, builtin or openssh"
}

@test "connect: a host certificate" {
	local ca=$BATS_TEST_TMPDIR/ca dir=$SSHD_DIR/certified

	ssh-keygen -q -t ed25519 -N '' -f "$ca"
	extra_host certified "HostCertificate $dir/host_key-cert.pub"
	ssh-keygen -q -s "$ca" -h -I certified -n 127.0.0.1 "$dir/host_key.pub"
	kill -HUP "$(cat "$dir/pid")"
	echo "@cert-authority * $(cat "$ca.pub")" >known
	with_config 'Host certified' "UserKnownHostsFile $DIR/known"
	wait_until 10 ssh -F "$SSH_CONFIG" certified true
	needs_ssh certified "host certificates (@cert-authority in '$DIR/known' line 1)"
	client builtin
	refuses 7 "certified:$IMAGE" img-info --config img-config "certified:$IMAGE"
	says "'$DIR/known' line 1 names a @cert-authority for it"
	# A key that is known is enough, as for ssh.
	echo "[127.0.0.1]:$(sshd_port certified) $(cat "$dir/host_key.pub")" >>known
	reaches certified
}

@test "connect: the shared connection of ssh" {
	with_config 'Host a' "ControlPath $DIR/%C"
	ssh -F "$SSH_CONFIG" -M -N -f a 3>&-
	before=$(grep -c 'Accepted publickey' "$SSHD_DIR/a/log")
	succeeds img-copy "$IMAGE" "a:$DIR/y.img"
	same "$IMAGE" y.img
	[ "$(grep -c 'Accepted publickey' "$SSHD_DIR/a/log")" = "$before" ]
	ssh -F "$SSH_CONFIG" -O exit a
	succeeds img-info "a:$IMAGE"
	[ "$(grep -c 'Accepted publickey' "$SSHD_DIR/a/log")" = $((before + 1)) ]
}

@test "connect: a certificate in a file, whose key is only in the agent" {
	local ca=$BATS_TEST_TMPDIR/ca type

	ssh-keygen -q -t ed25519 -N '' -f "$ca"
	extra_host trusting "TrustedUserCAKeys $ca.pub" 'AuthorizedKeysFile none'
	for type in ed25519 rsa ecdsa; do
		ssh-keygen -q -t $type -N '' -f key
		ssh-keygen -q -s "$ca" -I me -n "$(id -un)" key.pub
		mv key-cert.pub cert # else ssh-add would add it, too
		start_agent key
		rm key key.pub
		grep -v Identi "$SSHD_DIR/config" >plain
		{ echo "CertificateFile $DIR/cert"; cat plain; } >config
		SSH_CONFIG=$DIR/config
		reaches trusting
		# with the name of the key
		ssh-add -L >key.pub
		{ printf '%s\n' "CertificateFile $DIR/cert" "IdentityFile $DIR/key" 'IdentitiesOnly yes'
			cat plain; } >config
		reaches trusting
		kill "$AGENT"
		AGENT=
		rm key.pub cert
	done
}

@test "connect: an agent that never answers" {
	local pid

	export SSH_AUTH_SOCK=$DIR/mute
	perl -MIO::Socket::UNIX -e '$s = IO::Socket::UNIX->new(Local => "mute", Listen => 9) or die;
		while ($c = $s->accept) { push @all, $c }' 3>&- &
	pid=$!
	wait_until 10 test -S mute
	sed '/IdentityAgent/d; /IdentitiesOnly/d' "$SSHD_DIR/config" >config
	SSH_CONFIG=$DIR/config
	client builtin
	ends_within 8 try img-info -v --timeout 4 --config img-config "a:$IMAGE"
	kill $pid
	wait $pid || true
	[ "$status" = 0 ]
	says "cannot get the keys of the ssh-agent at '$DIR/mute': no answer in time"
}

@test "connect: Match exec leaves a process in the background" {
	with_config "Match exec \"sleep 60 & echo \$! >>$DIR/pids\"" 'ConnectTimeout 20'
	succeeds img-info --timeout 5 "a:$IMAGE"
	xargs kill <pids
}

@test "connect: the home of ssh's files is that of the user database" {
	sed "s,IdentityFile .*,IdentityFile ~/../..$SSHD_DIR/user_key," "$SSHD_DIR/config" >config
	SSH_CONFIG=$DIR/config
	HOME=$DIR/other/home reaches a
	sed "s,IdentityFile .*,IdentityFile %d/../..$SSHD_DIR/user_key," "$SSHD_DIR/config" >config
	HOME=$DIR/other/home reaches a
}

@test "connect: Match exec that uses the terminal" {
	with_config 'Match exec "read x </dev/tty; test $x = word"' 'ConnectTimeout 20'
	client builtin
	script -qec "img-info --timeout 5 -F $SSH_CONFIG --config img-config a:$IMAGE" /dev/null \
		>"$OUT" 3>&- </dev/null || true
	grep -q 'a Match exec of its configuration uses the terminal' "$OUT"
	client auto
	(wait_until 10 grep -q 'using ssh' "$OUT"; echo word) |
		script -qec "img-info -v --timeout 20 -F $SSH_CONFIG --config img-config a:$IMAGE" /dev/null >"$OUT" 3>&-
	grep -q 'using ssh, because the built-in client does not support a Match exec that uses' "$OUT"
	grep -q '^capacity ' "$OUT"
}

# restart NAME: starts the stopped server again, at the same port.
restart() {
	sshd_launch "$SSHD_DIR/$1"
}

@test "connect: ConnectionAttempts and --retries" {
	local pid

	extra_host later
	sshd_stop later
	refuses 7 "later:$IMAGE" img-info "later:$IMAGE"
	img-info -v -F "$SSH_CONFIG" --retries 20 "later:$IMAGE" >"$OUT" 2>"$ERR" 3>&- &
	pid=$!
	wait_until 20 grep -q 'trying again in 1 s (1 of 20)' "$ERR"
	restart later
	wait $pid
	sshd_stop later
	with_config 'ConnectionAttempts 20'
	img-info -v -F "$SSH_CONFIG" "later:$IMAGE" >"$OUT" 2>"$ERR" 3>&- &
	pid=$!
	wait_until 20 grep -q 'trying again (2 of 20)' "$ERR"
	restart later
	wait $pid
	sshd_stop later
	try img-info --retries 1 "later:$IMAGE"
	[ "$status" = 7 ]
	[ "$(grep -c refused "$ERR")" = 2 ]
	with_config 'Host behind' 'ProxyJump closed' 'Host closed' 'HostName 127.0.0.1' 'Port 1' \
		'Host commanded' 'ProxyCommand false'
	for name in behind commanded; do
		try img-info --retries 1 "$name:$IMAGE"
		[ "$status" = 7 ]
		says 'the proxy command exited (ProxyCommand or ProxyJump); trying again in 1 s (1 of 1)'
	done
}

@test "connect: --retries of an --rsh program, and not after a login" {
	program rsh <<-END
		echo >>tries
		[ "\$(wc -l <tries)" -gt 2 ] || exit 255
		exec ssh -F "$SSHD_DIR/config" "\$@"
	END
	try env img-info --retries 2 --rsh ./rsh "a:$IMAGE"
	[ "$status" = 0 ]
	[ "$(wc -l <tries)" = 3 ]
	rm tries
	# The host is reached, and says that there is no such image.
	: >tries
	echo >>tries
	echo >>tries
	refuses 3 "a:$DIR/none" env img-info --retries 5 --rsh ./rsh "a:$DIR/none"
	[ "$(wc -l <tries)" = 3 ]
	: >"$SSHD_DIR/a/log"
	refuses 7 "no-such-user@a:$IMAGE" img-info --retries 5 "no-such-user@a:$IMAGE"
	says 'permission denied'
	[ "$(grep -c 'Connection from' "$SSHD_DIR/a/log")" = 1 ]
	# Nor if the user's ssh says that it is refused.
	client openssh
	: >"$SSHD_DIR/a/log"
	try img-info --retries 3 --config img-config "no-such-user@a:$IMAGE"
	[ "$status" = 7 ]
	says 'Permission denied'
	[ "$(grep -c 'Connection from' "$SSHD_DIR/a/log")" = 1 ]
	with_config 'Host a' "UserKnownHostsFile /dev/null" 'StrictHostKeyChecking yes'
	: >"$SSHD_DIR/a/log"
	try img-info --retries 3 --config img-config "a:$IMAGE"
	[ "$status" = 7 ]
	says 'Host key verification failed'
	[ "$(grep -c 'Connection from' "$SSHD_DIR/a/log")" = 1 ]
	# Nor if it has logged in, and the host does not answer.
	extra_host silent 'ForceCommand sleep 20'
	try env img-info --retries 2 --timeout 2 --rsh "ssh -F $SSH_CONFIG" "silent:$IMAGE"
	[ "$status" = 7 ]
	[ "$(sshd_logins silent)" = 1 ]
}

@test "connect: the user's ssh has a limit, too: --timeout, ConnectTimeout or 30 s" {
	mkdir bin
	program bin/ssh <<-END
		for word; do echo "\$word"; done >>$DIR/words
		exec $(command -v ssh) "\$@"
	END
	PATH=$DIR/bin:$PATH
	client openssh
	succeeds img-info --config img-config "a:$IMAGE"
	grep -x -e '-oConnectTimeout=30' words
	rm words
	succeeds img-info --timeout 9 --config img-config "a:$IMAGE"
	grep -x -e '-oConnectTimeout=9' words
	rm words
	with_config 'ConnectTimeout 7'
	succeeds img-info --config img-config "a:$IMAGE"
	lacks words ConnectTimeout=
	rm words
	# Of which ssh -G says that it cannot go to the background without a command.
	with_config 'ForkAfterAuthentication yes'
	succeeds img-info --config img-config "a:$IMAGE"
	grep -x -e '-oConnectTimeout=30' words
}

@test "connect: ConnectTimeout does not limit the login" {
	program keys <<<"sleep 2; cat $SSHD_DIR/user_key.pub"
	extra_host slowly 'AuthorizedKeysFile none' "AuthorizedKeysCommand /bin/sh $DIR/keys" \
		"AuthorizedKeysCommandUser $(id -un)"
	with_config 'ConnectTimeout 2'
	reaches slowly
	refuses 7 "slowly:$IMAGE" img-info --timeout 2 --config img-config "slowly:$IMAGE"
	says 'timed out after 2 s'
}

@test "connect: RequiredRSASize" {
	ssh -G -o RequiredRSASize=3072 x >/dev/null || skip "this ssh does not know it"
	ssh-keygen -q -t rsa -b 2048 -N '' -f rsa
	extra_host rsa "HostKey $DIR/rsa" 'HostKeyAlgorithms rsa-sha2-512,rsa-sha2-256'
	echo "[127.0.0.1]:$(sshd_port rsa) $(cut -d' ' -f1,2 rsa.pub)" >known
	with_config 'Host rsa' "UserKnownHostsFile $DIR/known"
	reaches rsa
	with_config 'Host rsa' "UserKnownHostsFile $DIR/known" 'RequiredRSASize 3072'
	run -255 ssh -F "$SSH_CONFIG" rsa true
	refuses 7 "rsa:$IMAGE" img-info --config img-config "rsa:$IMAGE"
	says 'an RSA key needs 3072 bits: RequiredRSASize'
	with_config 'Host rsa' "UserKnownHostsFile $DIR/known" 'RequiredRSASize 16'
	reaches rsa
}

@test "connect: VerifyHostKeyDNS is left to ssh, if the key is not known" {
	with_config 'Host a' 'VerifyHostKeyDNS yes' 'UserKnownHostsFile /dev/null' \
		'StrictHostKeyChecking accept-new' 'LogLevel ERROR'
	needs_ssh a 'VerifyHostKeyDNS, and the host key is not known'
	with_config 'Host a' 'VerifyHostKeyDNS yes'
	reaches a
}

@test "connect: NoHostAuthenticationForLocalhost" {
	: >none
	with_config 'Host a' "UserKnownHostsFile $DIR/none" 'StrictHostKeyChecking yes' \
		'NoHostAuthenticationForLocalhost yes'
	reaches a
	with_config 'Host a' "UserKnownHostsFile $DIR/none" 'StrictHostKeyChecking yes' \
		'NoHostAuthenticationForLocalhost yes' 'HostKeyAlias a'
	refuses 7 "a:$IMAGE" img-info "a:$IMAGE"
	with_config 'Host a' "UserKnownHostsFile $DIR/none" 'StrictHostKeyChecking yes' \
		'NoHostAuthenticationForLocalhost yes' "ProxyCommand busybox nc 127.0.0.1 $(sshd_port a)"
	refuses 7 "a:$IMAGE" img-info "a:$IMAGE"
}

@test "connect: HashKnownHosts, when a key is added" {
	with_config 'Host a' "UserKnownHostsFile $DIR/known" 'StrictHostKeyChecking accept-new' \
		'HashKnownHosts yes'
	client builtin
	try img-info --config img-config "a:$IMAGE"
	[ "$status" = 0 ]
	grep -q '^|1|' known
	lacks known '127\.0\.0\.1'
	ssh-keygen -F "[127.0.0.1]:$(sshd_port a)" -f known >found
	grep -qF "$(cut -d' ' -f2 "$SSHD_DIR/a/host_key.pub")" found
	with_config 'Host a' "UserKnownHostsFile $DIR/known" 'StrictHostKeyChecking yes'
	reaches a
}

@test "connect: a private key that others may read is ignored, as by ssh" {
	cp "$SSHD_DIR/user_key" key
	sed "s,IdentityFile .*,IdentityFile $DIR/key," "$SSHD_DIR/config" >config
	SSH_CONFIG=$DIR/config
	reaches a
	chmod 644 key
	run -255 ssh -o BatchMode=yes -F "$SSH_CONFIG" a true
	client builtin
	try img-info --config img-config "a:$IMAGE"
	[ "$status" = 7 ]
	says "'$DIR/key' is ignored: its permissions 0644 are too open"
	says 'ignored: others may read it'
}

@test "connect: a known_hosts line beyond 16 KiB that revokes" {
	{
		printf '@revoked '
		seq -f 'host%g.example' -s, 1 5000 | tr -d '\n'
		printf ',[127.0.0.1]:%s %s\n' "$(sshd_port a)" \
			"$(cut -d' ' -f1,2 "$SSHD_DIR/a/host_key.pub")"
	} >revoked
	[ "$(stat -c %s revoked)" -gt 65536 ]
	with_config 'Host a' "UserKnownHostsFile $SSHD_DIR/known_hosts $DIR/revoked"
	run -255 ssh -o BatchMode=yes -F "$SSH_CONFIG" a true
	refuses 7 "a:$IMAGE" img-info "a:$IMAGE"
	says '@revoked'
}

@test "connect: ForkAfterAuthentication, StdinNull, RemoteCommand and others of interactive use" {
	with_config 'Host *' 'ForkAfterAuthentication yes' 'StdinNull yes' 'RemoteCommand none' \
		'PermitLocalCommand yes' "LocalCommand touch $DIR/touched"
	client builtin
	succeeds img-info --config img-config "a:$IMAGE"
	client openssh
	succeeds img-info --config img-config "a:$IMAGE"
	with_config 'Host *' 'RemoteCommand false' 'RequestTTY force' 'SessionType none'
	client openssh
	succeeds img-info --config img-config "a:$IMAGE"
	[ ! -e touched ]
	# also on the way to a jump host
	with_config 'Host *' 'ForkAfterAuthentication yes'
	succeeds img-info -J b "a:$IMAGE"
}

@test "connect: BindAddress" {
	with_config 'BindAddress 127.0.0.77'
	reaches a
	[ "$(grep -c 'Connection from 127.0.0.77' "$SSHD_DIR/a/log")" -ge 2 ]
	refuses 7 "a:$IMAGE" img-info -o 'BindAddress 192.0.2.1' "a:$IMAGE"
	refuses 7 "a:$IMAGE" img-info -o 'BindAddress no-such.invalid' "a:$IMAGE"
	says BindAddress
}

@test "connect: prompts through SSH_ASKPASS" {
	ssh-keygen -q -t ed25519 -N secret -f key
	cat key.pub >>"$SSHD_DIR/a/authorized_keys"
	sed "s,IdentityFile .*,IdentityFile $DIR/key," "$SSHD_DIR/config" >config
	SSH_CONFIG=$DIR/config
	program ask <<-END
		echo "\$1" >>$DIR/asked
		[ "\$(wc -l <$DIR/asked)" -gt 1 ] || { echo wrong; exit; }
		echo secret
	END
	program refuse <<<'exit 1'
	export SSH_ASKPASS=$DIR/ask
	succeeds setsid -w env DISPLAY=:77 img-info -F "$SSH_CONFIG" "a:$IMAGE"
	[ "$(cat asked)" = "$(printf "Enter passphrase for key '%s': \n" "$DIR/key" "$DIR/key")" ]
	succeeds setsid -w env SSH_ASKPASS_REQUIRE=force img-info -F "$SSH_CONFIG" "a:$IMAGE"
	refuses 7 "a:$IMAGE" setsid -w img-info -F "$SSH_CONFIG" "a:$IMAGE"
	refuses 7 "a:$IMAGE" setsid -w env DISPLAY=:77 SSH_ASKPASS_REQUIRE=never \
		img-info -F "$SSH_CONFIG" "a:$IMAGE"
	refuses 7 "a:$IMAGE" setsid -w env DISPLAY=:77 SSH_ASKPASS="$DIR/refuse" \
		img-info -F "$SSH_CONFIG" "a:$IMAGE"
	says "cancelled in '$DIR/refuse'"
	# Whether to accept a new host key.
	with_config 'Host a' "UserKnownHostsFile $DIR/known"
	program yes <<<'echo yes'
	try setsid -w env DISPLAY=:77 SSH_ASKPASS="$DIR/yes" img-info -F "$SSH_CONFIG" "a:$IMAGE"
	[ "$status" = 0 ]
	[ -s known ]
	# A program that gives no answer, and one that always gives another one, as for passwords.
	rm known
	program none <<<"echo >>$DIR/runs"
	program secret <<<"echo >>$DIR/runs; echo secret"
	for program in none secret; do
		rm -f runs
		refuses 7 "a:$IMAGE" setsid -w env DISPLAY=:77 SSH_ASKPASS="$DIR/$program" \
			img-info -F "$SSH_CONFIG" "a:$IMAGE"
		says 'host key verification failed'
		[ "$(wc -l <runs)" -le 3 ]
	done
	[ ! -e known ]
}

@test "connect: -o, -J and -p" {
	local port

	port=$(sshd_port a)
	succeeds img-info -o 'Port 1' -p "$port" "a:$IMAGE"
	printf '%s\n' 'Host x' 'HostName 127.0.0.1' "User $(id -un)" >config
	succeeds env img-info -F config -p "$port" -i "$SSHD_DIR/user_key" -o IdentitiesOnly=yes \
		-o "UserKnownHostsFile $SSHD_DIR/known_hosts" "x:$IMAGE"
	refuses 7 "x:$IMAGE" env img-info -F config -p 1 "x:$IMAGE"
	# The port of a location takes precedence.
	succeeds env img-info -F config -p 1 -i "$SSHD_DIR/user_key" -o IdentitiesOnly=yes \
		-o "UserKnownHostsFile $SSHD_DIR/known_hosts" "ssh://$(id -un)@127.0.0.1:$port$IMAGE"
	before=$(grep -c 'Accepted publickey' "$SSHD_DIR/b/log")
	succeeds img-info -J b "a:$IMAGE"
	[ "$(grep -c 'Accepted publickey' "$SSHD_DIR/b/log")" = $((before + 1)) ]
	refuses 2 '' img-info -o 'NoSuchOption x' "a:$IMAGE"
	refuses 2 '' img-info -p 0 "a:$IMAGE"
	refuses 2 '' img-info -p 65536 "a:$IMAGE"
	# They also reach the user's ssh.
	client openssh
	succeeds img-info --config img-config -J b -o 'Port 1' -p "$port" "a:$IMAGE"
}

@test "connect: a jump host by its IPv6 address and port, or by tokens" {
	local six port before

	grep -q '^0*1 ' /proc/net/if_inet6 || skip "no ::1"
	extra_host six 'ListenAddress ::1'
	port=$(sshd_port six)
	six="$(id -un)@[::1]:$port"
	echo "[::1]:$port $(cut -d' ' -f1,2 "$SSHD_DIR/six/host_key.pub")" >known
	with_config 'Host ::1' "IdentityFile $SSHD_DIR/user_key" "UserKnownHostsFile $DIR/known" \
		'Host jump-*' 'HostName 127.0.0.1' "Port $port" "IdentityFile $SSHD_DIR/user_key" \
		"UserKnownHostsFile $SSHD_DIR/known_hosts" 'Host a' "ProxyJump %r@jump-%n"
	before=$(sshd_logins six)
	reaches a
	[ "$(sshd_logins six)" = $((before + 2)) ]
	ssh -F "$SSH_CONFIG" -J "$six" a true
	succeeds img-info -J "$six" --config img-config "a:$IMAGE"
	[ "$(sshd_logins six)" = $((before + 4)) ]
	succeeds img-info -J "b,$six" --config img-config "a:$IMAGE"
}

@test "connect: quotes within --rsh, and IMG_RSH" {
	mkdir 'a b'
	program 'a b/rsh' <<-END
		printf '%s\n' "\$1" "\$2" "\$3" >got
		shift 3
		exec ssh -F "$SSHD_DIR/config" "\$@"
	END
	succeeds env img-info --rsh "'./a b/rsh' \"it's \"'\"'x'\"'  'two  words' don''t" "a:$IMAGE"
	[ "$(cat got)" = "$(printf '%s\n' "it's \"x\"" 'two  words' 'dont')" ]
	succeeds env img-info --rsh "\"./a b/rsh\" 'it''s' \"\"\"q\"\"\" x" "a:$IMAGE"
	[ "$(cat got)" = "$(printf '%s\n' "it's" '"q"' x)" ]
	rm got
	succeeds env IMG_RSH="'./a b/rsh' 1 2 3" img-info "a:$IMAGE"
	[ -s got ]
	succeeds env IMG_RSH=false img-info --rsh "'./a b/rsh' 1 2 3" "a:$IMAGE"
	refuses 7 "a:$IMAGE" env IMG_RSH=false img-info "a:$IMAGE"
	refuses 2 '' env img-info --rsh "ssh 'x" "a:$IMAGE"
	says "the closing ' is missing"
	refuses 2 '' env img-info --rsh ' ' "a:$IMAGE"
}

@test "connect: values that cannot be used are refused before anything is done" {
	touch x.img "a b"
	refuses 2 '' env img-delete --helper relative --rsh ./rsh x.img h:/x
	says '--helper takes an absolute path without blanks'
	refuses 2 '' env img-delete --rsh "ssh 'x" x.img h:/x
	refuses 2 '' env IMG_RSH="ssh 'x" img-delete x.img h:/x
	says "the closing ' is missing"
	refuses 2 '' env img-delete --rsh '' x.img h:/x
	says '--rsh takes a command, not nothing'
	refuses 2 '' env img-delete --sudo=all --config "a b" --rsh ./rsh h:/x x.img
	says 'with --sudo, --config takes an absolute path without blanks'
	[ -e x.img ]
}

# sudo_allows USER COMMAND: a line in the real sudoers of this host, until the end of the test.
sudo_allows() {
	SUDOERS=/etc/sudoers.d/img-test-$$
	echo "$1 ALL=(root) NOPASSWD: $2" >"$SUDOERS"
	chmod 440 "$SUDOERS"
	visudo -cqf "$SUDOERS"
}

# Root need not be allowed to enter the home directory of the login, for instance on NFS.
@test "connect: a relative path never starts elsewhere than it should" {
	local name=img-tools-test-$$.img

	[ "$(id -u)" = 0 ] || skip "needs root"
	mkdir -m 700 theirs
	chown 65534 theirs
	program rsh <<-END
		shift
		cd $DIR/theirs
		exec setpriv --bounding-set=-dac_override,-dac_read_search --inh-caps=-all sh -c "\$1"
	END
	for command in 'img-info h:etc' "img-list h:" "img-create h:$name 1M" "img-create -n h:$name 1M" \
		"img-copy $IMAGE h:$name"; do
		# shellcheck disable=SC2086 # several words
		refuses 4 '' env $command --rsh ./rsh
		says "cannot enter '$DIR/theirs', where relative paths start: Permission denied"
	done
	[ ! -e "/$name" ]
	succeeds env img-info --rsh ./rsh "h:$IMAGE"
}

# A helper is sent to root's directory at first, and found there the next time.
@test "connect: --sudo=here" {
	[ "$(id -u)" = 0 ] || skip "needs root"
	sudo_allows root ALL
	cp "$IMAGE" x.img
	printf '[storage]\n\tdirectory = %s\n' "$DIR" >limits
	succeeds unshare -m --propagation slave sh -c 'mount -t tmpfs tmpfs /var/lib &&
		for n in 1 2; do
			img-info --sudo=here x.img && ls /var/lib/img-tools &&
			img-copy --sudo=here --config "$PWD/limits" x.img y$n.img || exit
		done'
	[ "$(grep -c "^path *$DIR/x.img" "$OUT")" = 2 ]
	[ "$(grep -c '^img-helper-' "$OUT")" = 2 ]
	same x.img y1.img
	same x.img y2.img
}

@test "connect: --sudo --helper needs one narrow line in sudoers" {
	local helper=$SUDO_DIR/img-helper-x

	[ "$(id -u)" = 0 ] || skip "needs root"
	mkdir -m 755 "$SUDO_DIR"
	install -m 755 "$IMG_BUILD/libexec/img-tools/img-helper-$(uname -m)" "$helper"
	sudo_allows nobody "$helper --serve"
	# The other host, as a user who may run nothing else as root.
	program rsh <<-END
		shift
		cd /
		exec setpriv --reuid 65534 --regid 65534 --clear-groups env HOME=/ sh -c "\$1"
	END
	cp "$IMAGE" secret.img
	chmod 600 secret.img
	try env img-info --rsh ./rsh --helper "$helper" "h:$DIR/secret.img"
	[ "$status" = 4 ]
	succeeds env img-info --json --rsh ./rsh --sudo --helper "$helper" "h:$DIR/secret.img"
	json '.permissions.mode == "0600"'
	succeeds env img-copy --rsh ./rsh --sudo --helper "$helper" "h:$DIR/secret.img" got.img
	same secret.img got.img
	# Nothing else is allowed, so the script that looks for a helper is not.
	try env img-info --rsh ./rsh --sudo "h:$DIR/secret.img"
	[ "$status" = 7 ]
	says 'sudo: a password is required'
	# Root never runs what others can write to, even if sudoers allows it.
	chmod o+w "$helper"
	refuses 7 h:/x env img-info --rsh ./rsh --sudo --helper "$helper" h:/x
	says "$helper does not exist, or others than root can write to it"
	chmod o-w "$helper"
	chmod o+w "$SUDO_DIR"
	refuses 7 h:/x env img-info --rsh ./rsh --sudo --helper "$helper" h:/x
	chmod o-w "$SUDO_DIR"
	ln -s "$helper" link
	try env img-info --rsh ./rsh --sudo --helper "$DIR/link" "h:$DIR/secret.img"
	[ "$status" = 7 ] # the link is where others cannot look
	mv "$helper" "$SUDO_DIR/x"
	refuses 7 h:/x env img-info --rsh ./rsh --sudo --helper "$helper" h:/x
}

@test "connect: an SFTP-only host says so" {
	extra_host sftp 'ForceCommand internal-sftp'
	refuses 7 "sftp:$IMAGE" img-info "sftp:$IMAGE"
	says 'This service allows sftp connections only.'
	extra_host nologin 'ForceCommand echo This account is currently not available.; exit 1'
	refuses 7 "nologin:$IMAGE" img-info "nologin:$IMAGE"
	says 'This account is currently not available.'
	refuses 7 "nologin:$IMAGE" env img-info --rsh "ssh -F $SSH_CONFIG" "nologin:$IMAGE"
	says 'This account is currently not available.'
}

@test "connect: a jail without /proc says so" {
	local file

	[ "$(id -u)" = 0 ] || skip "needs root"
	! grep -q -e -fsanitize "$IMG_BUILD/flags" || skip "a sanitized helper needs /proc itself"
	mkdir -p jail/bin jail/dev jail/tmp
	mknod -m 666 jail/dev/null c 1 3
	cp "$(type -P busybox)" jail/bin
	ldd jail/bin/busybox | grep -o '/[^ ]*' | while read -r file; do
		mkdir -p "jail${file%/*}"
		cp -L "$file" "jail$file"
	done
	chroot jail /bin/busybox --install -s /bin
	extra_host jail "ForceCommand exec chroot $DIR/jail /bin/sh -c \"cd /; \$SSH_ORIGINAL_COMMAND\""
	refuses 7 jail:/x img-info jail:/x
	says '/proc is not mounted there'
}
