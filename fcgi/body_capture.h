/*
 * body_capture.h - a request's bodies for capture.h, where its key is under capture.
 */
#ifndef FCGI_BODY_CAPTURE_H
#define FCGI_BODY_CAPTURE_H

#include "fcgi/request.h"

void body_capture_begin(struct request *r); /* after auth_client() */
void body_capture_end(struct request *r);   /* after the answer; nothing where none began */

#endif
