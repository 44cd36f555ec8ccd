# Prints the examples of a manual page, of which it reads what mandoc shows at a
# width that breaks no line; or, with -v heading='## ...', those of a Markdown file
# in the first block of code below that heading.  An example that mentions /dev/
# is about volumes: with -v volumes=1 those are printed, without it the others.
# Each begins with a line
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
		text = "example\n"
		kind = line ~ /^# / ? ":" : ""
		blank = 0
	}
	for (; blank > 0; blank--)
		if (kind == ":" || (kind == "=" && line !~ /^\$ ./))
			text = text kind "\n"
	if (kind == ":")
		text = text ": " line "\n"
	else if (line ~ /^\$ ./) {
		text = text line "\n"
		kind = ">"
	} else if (kind == ">" && line ~ /^> /)
		text = text "> " substr(line, 3) "\n"
	else if (kind != "") {
		text = text "= " line "\n"
		kind = "="
	} else
		text = text "? " line "\n"
	open = 1
}

function end() {
	if (open && is_wanted(text))
		printf "%s", text
	open = 0
}

function is_wanted(text) {
	return (text ~ /\/dev\//) == volumes + 0
}

heading != "" {
	if ($0 == heading)
		below = 1
	else if (below && /^```/) {
		if (++fences == 2)
			exit
	} else if (fences == 1 && /./ && is_wanted($0))
		print "example\n$ " $0
	next
}

/^[^ ]/ { end(); inside = $0 == "EXAMPLES"; next }
!inside { next }
/^ *$/ { blank++; next }

# What is set off is at least that far in; prose ends an example.
/^           / {
	if (!open)
		indent = match($0, /[^ ]/)
	add(substr($0, indent))
	next
}
{ end() }

END { end() }
