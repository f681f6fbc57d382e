// What /proc tells: CPU of groups of processes, of everybody else, memory, threads.

import { readFileSync, readdirSync } from 'node:fs';

const TICK_US = 10_000; // USER_HZ is 100 on every Linux

function read(path) {
	try {
		return readFileSync(path, 'utf8');
	} catch {
		return ''; // it has just ended
	}
}

// Every process: {pid: {parent, ticks}}. The ticks of children that have ended
// are their parent's.
function processes() {
	const all = new Map();
	for (const name of readdirSync('/proc')) {
		if (!/^\d+$/.test(name))
			continue;
		const text = read(`/proc/${name}/stat`);
		const words = text.slice(text.lastIndexOf(')') + 2).split(' ');
		if (words.length > 20)
			all.set(Number(name), { parent: Number(words[1]), ticks: words.slice(11, 15).reduce((sum, n) => sum + Number(n), 0) });
	}
	return all;
}

// A process and its descendants, without those of other groups.
function family(all, root, others) {
	const members = [];
	const children = new Map();
	for (const [pid, { parent }] of all)
		children.set(parent, [...(children.get(parent) ?? []), pid]);
	const visit = (pid) => {
		if (!all.has(pid))
			return;
		members.push(pid);
		for (const child of children.get(pid) ?? [])
			if (!others.has(child))
				visit(child);
	};
	visit(root);
	return members;
}

// groups: {name: pid}. CPU so far, in microseconds.
export function cpu(groups) {
	const all = processes();
	const roots = new Set(Object.values(groups));
	const us = {};
	for (const [name, root] of Object.entries(groups))
		us[name] = family(all, root, roots).reduce((sum, pid) => sum + all.get(pid).ticks, 0) * TICK_US;
	const [user, nice, system, idle, wait, irq, soft, steal] =
		read('/proc/stat').split('\n')[0].trim().split(/\s+/).slice(1).map(Number);
	return {
		at: performance.now(), us,
		busy_us: (user + nice + system + steal) * TICK_US, // interrupts belong to nobody
		all_us: (user + nice + system + idle + wait + irq + soft + steal) * TICK_US,
		steal_us: steal * TICK_US,
	};
}

// Between two of cpu(): {us: {name: CPU}, others: share of the machine that none
// of the groups used, idle: share}
export function between(before, after) {
	const us = {};
	let ours = 0;
	for (const name of Object.keys(after.us)) {
		us[name] = Math.max(0, after.us[name] - (before.us[name] ?? 0));
		ours += us[name];
	}
	const all = after.all_us - before.all_us || 1;
	const busy = after.busy_us - before.busy_us;
	return { us, others: Math.max(0, (busy - ours) / all), steal: (after.steal_us - before.steal_us) / all, busy: busy / all };
}

// Memory of a group in kB: what is its own and its share of what is shared (PSS).
export function memory(root) {
	let kb = 0;
	for (const pid of family(processes(), root, new Set()))
		kb += Number(/^Pss: *(\d+)/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0);
	return kb;
}

export function threads(root) {
	let n = 0;
	for (const pid of family(processes(), root, new Set()))
		n += Number(/^Threads:\s*(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0);
	return n;
}

// What it ran on, for the report.
export function machine() {
	const info = read('/proc/cpuinfo');
	return {
		cpu: /^model name\s*: *(.*)/m.exec(info)?.[1] ?? 'unknown',
		cpus: (info.match(/^processor/mg) ?? []).length,
		memory_gb: Math.round(Number(/^MemTotal: *(\d+)/m.exec(read('/proc/meminfo'))?.[1]) / 1048576),
		kernel: read('/proc/sys/kernel/osrelease').trim(),
		load: read('/proc/loadavg').split(' ').slice(0, 3).join(' '),
		debian: read('/etc/debian_version').trim(),
	};
}
