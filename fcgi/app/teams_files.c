/*
 * The parts of the Teams app package, from www/teams into the program, so
 * that manifest and server always belong together. Compiled from the top.
 */
#include "app/teams_app.h"

#define PART(name, path)                                      \
	__asm__(".pushsection .rodata\n"                      \
	    ".global teams_" name "\n"                        \
	    "teams_" name ":\n"                               \
	    ".incbin \"www/teams/" path "\"\n"                \
	    ".global teams_" name "_end\n"                    \
	    "teams_" name "_end:\n"                           \
	    ".byte 0\n"                                       \
	    ".popsection\n")

PART("manifest", "manifest.template.json");
PART("color", "color.png");
PART("outline", "outline.png");
