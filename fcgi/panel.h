/*
 * panel.h - the files of panel/ inside the program, put there by panel/embed at build time.
 */
#ifndef FCGI_PANEL_H
#define FCGI_PANEL_H

/* Addresses of first byte and of the one behind the last, plain and compressed by gzip. */
struct panel_file {
	const char *name, *type;
	const char *at, *end, *gzip, *gzip_end;
};

/* A NULL name ends it. */
extern const struct panel_file panel_files[];

#endif
