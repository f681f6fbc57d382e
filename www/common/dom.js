// Makes and fills elements. Text only ever enters a page through here, as
// text nodes and attributes, so data can never become markup.

// el('p', { class: 'note', onclick: f, hidden: false }, 'text', node, null)
export function el(tag, attributes, ...children) {
	const element = document.createElement(tag);

	for (const [name, value] of Object.entries(attributes ?? {})) {
		if (value === null || value === undefined || value === false)
			continue;
		if (name.startsWith('on'))
			element.addEventListener(name.slice(2), value);
		else if (name === 'value')
			element.value = value;
		else
			element.setAttribute(name, value === true ? '' : String(value));
	}
	append(element, children);
	return element;
}

function append(element, children) {
	for (const child of children.flat(Infinity))
		if (child !== null && child !== undefined && child !== false)
			element.append(child);
}

// Replaces what is inside. A control with the same data-key keeps the focus,
// so a refresh under somebody's fingers does not throw them out.
export function fill(element, ...children) {
	const active = document.activeElement;
	const key = element.contains(active) ? active.dataset.key : undefined;

	element.replaceChildren();
	append(element, children);
	if (key !== undefined)
		element.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus();
}

export const byId = (id) => document.getElementById(id);

// A problem as every page shows it: the sentence, and in small print the
// request id by which the operator finds it in the logs. Of what somebody
// only has to write otherwise (400) the sentence says all.
export function problemNodes(problem) {
	return [
		el('span', null, problem.message),
		problem.requestId && problem.status !== 400 &&
			el('small', { class: 'request' }, `Request ${problem.requestId}`),
	];
}
