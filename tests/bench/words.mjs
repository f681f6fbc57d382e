// Numbers and tables of the report.

export function median(list) {
	const sorted = [...list].sort((a, b) => a - b);
	return sorted.length % 2 ? sorted[(sorted.length - 1) / 2] : (sorted[sorted.length / 2 - 1] + sorted[sorted.length / 2]) / 2;
}

export const n = (value) => Math.round(value).toLocaleString('en-US');
export const ms = (us) => (us === undefined ? '' : (us / 1000).toFixed(us < 100_000 ? 1 : 0));

// The median of something that every sample has; empty when they have it not.
export function cell(list, get, write) {
	const values = list.map(get);
	return values.some((value) => value === undefined || Number.isNaN(value)) ? '' : write(median(values));
}

// 1,234 (1,200..1,300)
export function spread(list, get, write = n) {
	const values = list.map(get);
	const middle = write(median(values));
	return values.length < 2 ? middle : `${middle} (${write(Math.min(...values))}..${write(Math.max(...values))})`;
}

// A Markdown table whose columns stand under each other.
export function table(head, rows) {
	const all = [head, ...rows].map((row) => row.map(String));
	const width = head.map((_, i) => Math.max(3, ...all.map((row) => row[i].length)));
	const line = (row) => `| ${row.map((text, i) => (i ? text.padStart(width[i]) : text.padEnd(width[i]))).join(' | ')} |`;
	return [line(all[0]), `|${width.map((w, i) => (i ? `${'-'.repeat(w + 1)}:` : '-'.repeat(w + 2))).join('|')}|`, ...all.slice(1).map(line)];
}
