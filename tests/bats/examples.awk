# Prints the examples of a manual page, of which it reads what mandoc shows at a
# width that breaks no line; or, with -v heading='## ...', those of a Markdown file
# in the first block of code below that heading.  Each begins with a line
#
#	example
#
# and has lines that begin with
#
#	$ 	a command
#	> 	its next line
#	= 	a line that it prints
#	: 	a line of a file, whose name stands in its first line, a comment
#	? 	what is none of these, and a mistake


function add(line) {
	if (!open) {
		print "example"
		kind = line ~ /^# / ? ":" : ""
		blank = 0
	}
	for (; blank > 0; blank--)
		if (kind == ":" || (kind == "=" && line !~ /^\$ ./))
			print kind
	if (kind == ":")
		print ": " line
	else if (line ~ /^\$ ./) {
		print line
		kind = ">"
	} else if (kind == ">" && line ~ /^> /)
		print "> " substr(line, 3)
	else if (kind != "") {
		print "= " line
		kind = "="
	} else
		print "? " line
	open = 1
}

heading != "" {
	if ($0 == heading)
		below = 1
	else if (below && /^```/) {
		if (++fences == 2)
			exit
	} else if (fences == 1 && /./)
		print "example\n$ " $0
	next
}

/^[^ ]/ { inside = $0 == "EXAMPLES"; next }
!inside { next }
/^ *$/ { blank++; next }

# What is set off is at least that far in; prose ends an example.
/^           / {
	if (!open)
		indent = match($0, /[^ ]/)
	add(substr($0, indent))
	next
}
{ open = 0 }
