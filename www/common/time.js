// Times in words. Pure: the present moment and the language are arguments.

// The pages are in English, so of the reader's languages only an English one
// decides how a time is written; otherwise 24 hours and day before month.
export function timeLanguage(languages) {
	return languages.find((language) => /^en\b/i.test(language)) ?? 'en-GB';
}

const language = timeLanguage(globalThis.navigator?.languages ?? []);

// '14:03' today, '25 Nov, 14:03' on another day, '' for no or a bad time.
export function clockTime(text, now = Date.now(), lang = language, timeZone) {
	const at = new Date(text ?? NaN);

	if (Number.isNaN(at.getTime()))
		return '';
	const time = at.toLocaleTimeString(lang,
		{ hour: '2-digit', minute: '2-digit', timeZone });
	const day = (date) => date.toLocaleDateString(lang, { timeZone });
	if (day(at) === day(new Date(now)))
		return time;
	return `${calendarDay(text, now, lang, timeZone)}, ${time}`;
}

// '25 Nov', with the year when it is not this one.
export function calendarDay(text, now = Date.now(), lang = language, timeZone) {
	const at = new Date(text ?? NaN);

	if (Number.isNaN(at.getTime()))
		return '';
	const year = (date) =>
		date.toLocaleDateString(lang, { year: 'numeric', timeZone });
	return at.toLocaleDateString(lang, {
		day: 'numeric', month: 'short', timeZone,
		year: year(at) === year(new Date(now)) ? undefined : 'numeric',
	});
}

// 'just now', '3 minutes', '2 hours', '5 days': how long ago, or until then.
export function timeSpan(milliseconds) {
	const steps = [[86400, 'day'], [3600, 'hour'], [60, 'minute']];
	const seconds = Math.abs(milliseconds) / 1000;

	for (const [size, unit] of steps) {
		const count = Math.floor(seconds / size);
		if (count >= 1)
			return `${count} ${unit}${count === 1 ? '' : 's'}`;
	}
	return 'just now';
}

// '3 minutes ago', 'just now', '' for no time. A clock that runs slow must
// not speak of the future.
export function ago(text, now = Date.now()) {
	const at = Date.parse(text ?? '');

	if (Number.isNaN(at))
		return '';
	const span = timeSpan(Math.max(0, now - at));
	return span === 'just now' ? span : `${span} ago`;
}
