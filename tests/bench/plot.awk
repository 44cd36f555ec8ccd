# Reads what summary.awk prints; prints an SVG of one figure: bars for each case,
# as long as the value is beside the case's largest; ours dark.
#
#   -v title=... -v value=COLUMN -v ratio=COLUMN -v unit=DIVISOR [-v low=COLUMN -v high=COLUMN]

BEGIN { FS = "\t" }

$value != "-" {
	n++
	id[n] = $1
	heading[n] = $2
	tool[n] = $3
	v[n] = $value / unit
	r[n] = $ratio
	lo[n] = low ? $low / unit : v[n]
	hi[n] = high ? $high / unit : v[n]
	if (hi[n] > top[$1])
		top[$1] = hi[n]
	cases += !($1 in counted)
	counted[$1] = 1
}

function text(x, y, attributes, words) {
	gsub(/&/, "\\&amp;", words)
	gsub(/</, "\\&lt;", words)
	printf "<text x='%d' y='%d' %s>%s</text>\n", x, y, attributes, words
}

END {
	left = 110
	width = 420
	printf "<svg xmlns='http://www.w3.org/2000/svg' width='720' height='%d' font-family='sans-serif' font-size='12'>\n",
		40 + n * 18 + cases * 30
	print "<rect width='100%' height='100%' fill='white'/>"
	text(10, 22, "font-size='15' font-weight='bold'", title)
	y = 34
	for (i = 1; i <= n; i++) {
		if (id[i] != id[i - 1]) {
			y += 30
			text(10, y - 8, "font-weight='bold'", heading[i])
		}
		scale = top[id[i]] > 0 ? width / top[id[i]] : 0
		text(left - 8, y + 11, "text-anchor='end'", tool[i])
		printf "<rect x='%d' y='%d' width='%.1f' height='14' fill='%s'/>\n", left, y, v[i] * scale + 0.5,
			tool[i] ~ /^img-/ ? "#1f4e79" : "#a9c4de"
		if (hi[i] > lo[i])
			printf "<path d='M%.1f %dH%.1f' stroke='#c0392b'/>\n", left + lo[i] * scale, y + 7, left + hi[i] * scale
		text(left + hi[i] * scale + 6, y + 11, "fill='#333'",
			sprintf("%.*f", v[i] < 10 ? 2 : v[i] < 100 ? 1 : 0, v[i]) \
			(r[i] == "-" ? "" : sprintf("  (%.2f)", r[i])))
		y += 18
	}
	print "</svg>"
}
