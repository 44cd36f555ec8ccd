# shellcheck shell=bash
#
# What a program tells systemd (sd_notify(3)).

# receiver ADDRESS: writes the datagrams that come to a socket of that address to the file
# "notified"; its process is $RECEIVER.
receiver() {
	perl -MSocket -e '
		my $name = $ARGV[0];
		$name =~ s/^@/\0/;
		socket(S, PF_UNIX, SOCK_DGRAM, 0) && bind(S, pack_sockaddr_un($name)) or die "$!";
		open(my $f, ">", "bound");
		$| = 1;
		while (defined recv(S, my $m, 4096, 0)) { print "$m\n" }
	' "$1" >notified 3>&- &
	export RECEIVER=$!
	wait_until 10 test -e bound
}

has_told() {
	wait_until 20 grep -qx -e "$1" notified || {
		cat notified >&2
		return 1
	}
}
