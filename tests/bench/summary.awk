# Reads data.tsv; prints for each case and tool, with tabs between:
#   case title tool wall wall-min wall-max cpu memory largest wire others, then the
#   ratios of wall, cpu, memory and wire to the best peer
# (seconds, KiB, bytes; others: cores that somebody else used; "-": not known).
# Medians of the timed rounds, of memory the largest.

BEGIN {
	FS = OFS = "\t"
	OFMT = CONVFMT = "%.15g" # mawk has integers of 32 bits only
}

$1 == "#" {
	title[$2] = $3
	next
}

{
	key = $1 SUBSEP $2
	if (!(key in seen)) {
		seen[key] = 1
		order[++rows] = key
	}
	if ($10 != "-")
		wire[key, ++wires[key]] = $10
	if ($7 > memory[key])
		memory[key] = $7
	if ($8 > largest[key])
		largest[key] = $8
	if ($3 == 0)
		next
	n = ++timed[key]
	wall[key, n] = $4
	cpu[key, n] = $5 + $6
	others[key, n] = $4 > 0 && $9 > $5 + $6 ? ($9 - $5 - $6) / $4 : 0
}

function sorted(list, key, n,    i, k, v) {
	for (i = 2; i <= n; i++) {
		v = list[key, i] + 0
		for (k = i - 1; k >= 1 && list[key, k] + 0 > v; k--)
			list[key, k + 1] = list[key, k]
		list[key, k + 1] = v
	}
}

function median(list, key, n) {
	if (!n)
		return "-"
	sorted(list, key, n)
	return n % 2 ? list[key, (n + 1) / 2] : (list[key, n / 2] + list[key, n / 2 + 1]) / 2
}

function keep_best(metric, case_of, tool, value) {
	if (tool !~ /^img-/ && value != "-" && (!((metric, case_of) in best) || value < best[metric, case_of]))
		best[metric, case_of] = value
}

function ratio(metric, case_of, value) {
	if (value == "-" || !((metric, case_of) in best) || best[metric, case_of] <= 0)
		return "-"
	return sprintf("%.3f", value / best[metric, case_of])
}

END {
	for (i = 1; i <= rows; i++) {
		key = order[i]
		split(key, part, SUBSEP)
		keep_best("wall", part[1], part[2], w[key] = median(wall, key, timed[key]))
		keep_best("cpu", part[1], part[2], c[key] = median(cpu, key, timed[key]))
		keep_best("memory", part[1], part[2], memory[key])
		keep_best("wire", part[1], part[2], b[key] = median(wire, key, wires[key]))
	}
	for (i = 1; i <= rows; i++) {
		key = order[i]
		split(key, part, SUBSEP)
		n = timed[key]
		print part[1], title[part[1]], part[2], w[key], wall[key, 1], wall[key, n], c[key], memory[key],
			largest[key], b[key], median(others, key, n), ratio("wall", part[1], w[key]),
			ratio("cpu", part[1], c[key]), ratio("memory", part[1], memory[key]), ratio("wire", part[1], b[key])
	}
}
