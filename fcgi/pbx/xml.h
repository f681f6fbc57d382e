/*
 * XML in, strictly: what a PBX sends, as a small tree. expat with limits; no DTD,
 * so no entities but the five of XML itself, and nothing outside the body is ever
 * read.
 */
#ifndef PBX_XML_H
#define PBX_XML_H

#include <stddef.h>

#include "base/ctx.h"

#define XML_DEPTH_MAX 32   /* elements within each other */
#define XML_PARTS_MAX 8192 /* elements and attributes of one document */
#define XML_TEXT_MAX 4096  /* bytes of one element's text */

/* Names are without a prefix: "eventID" for xsi:eventID. */
struct xml_attribute {
	const char *name, *value;
	const struct xml_attribute *next;
};

struct xml_element {
	const char *name;
	const char *text; /* trimmed; NULL: none, or it has elements within */
	const struct xml_attribute *attributes;
	struct xml_element *parent, *first, *last, *next;
};

/*
 * One whole document; *ret is its root element.
 *   errors  INPUT: not well-formed, or over one of the limits above (both with
 *           the line), or it has a DOCTYPE
 *   memory  the tree lives as long as cx
 */
enum err xml_read(struct ctx *cx, const char *bytes, size_t len,
    const struct xml_element **ret) __attribute__((warn_unused_result));

/* The first element at a path below this one, "eventData/call"; of each name on
 * the way the first one. NULL: none; also below NULL. */
const struct xml_element *xml_find(
    const struct xml_element *below, const char *path);
/* The next one of the same name beside it; NULL: no more. */
const struct xml_element *xml_again(const struct xml_element *e);
/* The text there. NULL: absent or empty. */
const char *xml_text(const struct xml_element *below, const char *path);
/* An attribute of the element itself. NULL: absent or empty; also of NULL. */
const char *xml_attribute(const struct xml_element *e, const char *name);

#endif
