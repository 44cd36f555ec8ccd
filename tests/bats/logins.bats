#!/usr/bin/env bats
# Logins that the library cannot do and ssh can: with a PKCS#11 token, a FIDO key, a Kerberos
# ticket, or the client's host key.  Each is done for real, with SoftHSM, OpenSSH's own
# substitute for a security key, and a private KDC.

# shellcheck disable=SC2030,SC2031 # each test is a subshell
load common
load hosts

setup_file() { img_setup_file; }
teardown_file() { img_teardown_file; }

setup() {
	img_setup
	EXTRA=()
	HERE=(env)
	printf '[ssh]\n\tclient = builtin\n' >builtin
}

teardown() {
	[ -z "${KDC:-}" ] || { kill "$KDC" && wait "$KDC"; } || true
	[ -z "${AGENT:-}" ] || kill "$AGENT"
	[ ${#EXTRA[@]} = 0 ] || sshd_stop "${EXTRA[@]}"
	img_teardown
}

# askpass ANSWER: what ssh gets when it asks.
askpass() {
	program ask <<-END
		echo "\$1" >>$DIR/asked
		echo $1
	END
	export SSH_ASKPASS=$DIR/ask SSH_ASKPASS_REQUIRE=force
}

# without_key LINE...: an ssh_config that begins with LINE... and names no key.
without_key() {
	(printf '%s\n' "$@"; grep -v Identi "$SSHD_DIR/config") >config
	SSH_CONFIG=$DIR/config
}

# left_to_ssh HOST WORDS: ssh gets in, the built-in client alone does not, and by default the
# commands use ssh for the reason WORDS; a copy passes in both directions.  All are run by the
# words of $HERE.
left_to_ssh() {
	"${HERE[@]}" ssh -F "$SSH_CONFIG" "$1" true
	refuses 7 "$1:$IMAGE" "${HERE[@]}" setsid -w img-info -F "$SSH_CONFIG" --config builtin "$1:$IMAGE"
	lacks "$ERR" 'resolve'
	try "${HERE[@]}" img-info -F "$SSH_CONFIG" -v "$1:$IMAGE"
	[ "$status" = 0 ]
	says "$1: using ssh, because the built-in client does not support $2"
	succeeds "${HERE[@]}" img-copy -F "$SSH_CONFIG" "$IMAGE" "$1:$DIR/y.img"
	same "$IMAGE" y.img
	succeeds "${HERE[@]}" img-copy -F "$SSH_CONFIG" --overwrite "$1:$IMAGE" "$DIR/y.img"
	same "$IMAGE" y.img
	rm y.img
}

@test "login: a key in a PKCS#11 token, whose PIN is asked for" {
	local type provider

	provider=$(find /usr/lib -name libsofthsm2.so | head -n 1)
	extra_host token
	for type in rsa ecdsa; do
		mkdir "tokens-$type"
		echo "directories.tokendir = $DIR/tokens-$type" >softhsm2.conf
		export SOFTHSM2_CONF=$DIR/softhsm2.conf
		ssh-keygen -q -t $type -m PKCS8 -N '' -f key
		softhsm2-util --init-token --free --label test --pin 1234 --so-pin 12345678
		softhsm2-util --import key --token test --label me --id 01 --pin 1234
		ssh-keygen -D "$provider" >listed
		same <(cut -d' ' -f1,2 key.pub) <(cut -d' ' -f1,2 listed)
		mv key.pub "$SSHD_DIR/token/authorized_keys"
		rm key
		without_key "PKCS11Provider $provider"
		askpass 1234
		left_to_ssh token 'the ssh option PKCS11Provider'
		grep -q '^Enter PIN for' asked
		askpass 4321
		try img-info "token:$IMAGE"
		[ "$status" = 7 ]
		says 'img-info: token: PKCS#11 login failed: PIN incorrect'
	done
}

@test "login: a FIDO key" {
	local type substitute=/usr/lib/openssh/regress/misc/sk-dummy/sk-dummy.so

	extra_host fido
	askpass secret
	start_agent
	for type in ed25519-sk ecdsa-sk; do
		ssh-keygen -q -t $type -w $substitute -N secret -f key
		cp key.pub "$SSHD_DIR/fido/authorized_keys"
		without_key "SecurityKeyProvider $substitute" "IdentityFile $DIR/key"
		left_to_ssh fido 'the ssh option SecurityKeyProvider'
		grep -qF "Enter passphrase for key '$DIR/key': " asked
		# Only the default provider is left to ask the devices of this machine: none.
		without_key "IdentityFile $DIR/key"
		rm asked # by ssh
		refuses 7 "fido:$IMAGE" img-info --config builtin "fido:$IMAGE"
		says "tried: key '$DIR/key' (it needs a security key)"
		[ ! -e asked ] # a passphrase would be in vain
		try img-info -v "fido:$IMAGE"
		[ "$status" = 7 ]
		says "fido: using ssh, because the built-in client does not support FIDO keys ('$DIR/key')"
		says 'device not found'
		rm -f asked
		# An agent asks the device for the built-in client.
		ssh-add -q -S $substitute key
		succeeds img-info --config builtin "fido:$IMAGE"
		without_key
		succeeds img-info --config builtin "fido:$IMAGE"
		ssh-add -q -D
		rm -f key key.pub asked
	done
}

# kerberos USER: a realm of this test with a KDC, a ticket of USER, and a key for this host.
kerberos() {
	local port admin

	export KRB5_CONFIG=$DIR/krb5.conf KRB5_KDC_PROFILE=$DIR/kdc.conf
	for _ in {1..50}; do
		port=$((20000 + RANDOM % 12000))
		cat >krb5.conf <<-END
			[libdefaults]
				default_realm = TEST
				default_ccache_name = FILE:$DIR/tickets
				dns_canonicalize_hostname = false
				rdns = false
			[realms]
				TEST = {
					kdc = 127.0.0.1:$port
				}
		END
		cat >kdc.conf <<-END
			[kdcdefaults]
				kdc_listen = 127.0.0.1:$port
				kdc_tcp_listen = 127.0.0.1:$port
			[realms]
				TEST = {
					database_name = $DIR/principals
					key_stash_file = $DIR/stash
					acl_file = $DIR/acl
				}
			[logging]
				kdc = FILE:$DIR/kdc.log
		END
		if [ ! -e principals ]; then
			kdb5_util create -s -P secret
			for admin in "addprinc -randkey $1" 'addprinc -randkey host/127.0.0.1' \
				"ktadd -k $DIR/user.keytab $1" "ktadd -k $DIR/host.keytab host/127.0.0.1"; do
				kadmin.local -q "$admin"
			done
		fi
		krb5kdc -n -P "$DIR/kdc.pid" 3>&- &
		KDC=$!
		wait_until 10 eval '[ -s kdc.pid ] || ! kill -0 $KDC'
		if kinit -k -t user.keytab "$1"; then
			return
		fi
		kill $KDC || true
		wait $KDC || true
		rm -f kdc.pid
	done
	return 1
}

@test "login: a Kerberos ticket" {
	kerberos "$(id -un)"
	KRB5_KTNAME=$DIR/host.keytab extra_host kerberos 'GSSAPIAuthentication yes' \
		'GSSAPIStrictAcceptorCheck no'
	: >"$SSHD_DIR/kerberos/authorized_keys"
	without_key 'GSSAPIAuthentication yes'
	left_to_ssh kerberos 'GSSAPIAuthentication as ssh does it'
	mv tickets elsewhere
	export KRB5CCNAME=$DIR/elsewhere
	left_to_ssh kerberos 'GSSAPIAuthentication as ssh does it'
	# Without a ticket there is nothing that ssh could do better.
	kdestroy
	unset KRB5CCNAME
	try img-info -v "kerberos:$IMAGE"
	[ "$status" = 7 ]
	says 'gssapi-with-mic (needs --rsh ssh)'
	lacks "$ERR" 'using ssh'
}

# sshd accepts the key of a client that it knows; ssh lets its ssh-keysign use that key.
@test "login: the host key of the client" {
	[ "$(id -u)" = 0 ] || skip "needs root"
	mkdir client server home
	echo "127.0.0.1 $(id -un)" >home/.shosts
	chmod -R go-w home
	printf '%s\n' 'EnableSSHKeysign yes' 'HostbasedAuthentication yes' >client/ssh_config
	ssh-keygen -q -t ed25519 -N '' -f client/ssh_host_ed25519_key
	printf '127.0.0.1 %s\n' "$(cat client/ssh_host_ed25519_key.pub)" >server/ssh_known_hosts
	share_mounts
	HOST_MOUNTS="mount --bind $DIR/server /etc/ssh
		mount --bind $DIR/home ~root" extra_host hostbased 'HostbasedAuthentication yes' \
		'IgnoreRhosts no' 'HostbasedUsesNameFromPacketOnly no'
	: >"$SSHD_DIR/hostbased/authorized_keys"
	program here <<-END
		[ "\$1" = inside ] || exec unshare -m --propagation slave "\$0" inside "\$@"
		shift
		mount --bind $DIR/client /etc/ssh
		exec "\$@"
	END
	HERE=("$DIR/here")
	without_key 'HostbasedAuthentication yes' 'EnableSSHKeysign yes'
	left_to_ssh hostbased HostbasedAuthentication
}
