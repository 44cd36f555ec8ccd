# Reads what summary.awk prints; prints the table for people.

BEGIN { FS = "\t" }

function number(value, unit) {
	return value == "-" ? "" : sprintf(value / unit < 9.995 ? "%.2f" : value / unit < 99.95 ? "%.1f" : "%.0f", value / unit)
}

function times(value) {
	return value == "-" ? "" : sprintf("%.2f", value)
}

$1 != last {
	last = $1
	printf "\n%s\n", $2
	printf "  %-10s %7s %-13s %6s  %7s %6s  %6s %6s %6s  %7s %6s  %6s\n", "", "wall s", "(spread)", "x", "cpu s", "x",
		"MiB", "x", "(one)", "wire MB", "x", "others"
}

{
	printf "  %-10s %7s %-13s %6s  %7s %6s  %6s %6s %6s  %7s %6s  %6s\n", $3, number($4, 1),
		"(" number($5, 1) "-" number($6, 1) ")", times($12), number($7, 1), times($13),
		number($8, 1024), times($14), number($9, 1024), number($10, 1e6), times($15), times($11)
}
