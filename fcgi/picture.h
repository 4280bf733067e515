/*
 * picture.h - format and dimensions of an image, from the head of its base64 text. Nothing is
 * decoded but the bytes that are looked at.
 */
#ifndef FCGI_PICTURE_H
#define FCGI_PICTURE_H

#include "common/base.h"

struct picture {
	const char *format;	/* png, jpeg, gif, webp; NULL: another format */
	unsigned width, height; /* pixels, 0: the head does not tell */
};

/* Any text is fine; characters that are not base64 read as zero bits. */
struct picture picture_read(struct span base64);

#endif
