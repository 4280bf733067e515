/*
 * trim.h - gives memory back to the system that only the beginning needed: of the process, and of
 * a stream.
 */
#ifndef FCGI_TRIM_H
#define FCGI_TRIM_H

/* What only the start has read of 40 libraries, the tables of their symbols above all, was three
 * quarters of an idle responder: 11.4 MB where no other process uses these, and now 2.7. What is
 * needed again comes from the page cache, for 1 ms of the first request. */
void trim_start(void);

/* What lies below the caller in its thread's stack: reading a request and reaching the upstream
 * (over TLS most of all) go deeper than the answer that follows, which may last. The main thread's
 * stack is left alone: a CGI program ends with its answer. */
void trim_stack(void);

#endif
