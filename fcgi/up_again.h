/*
 * up_again.h - an answer that is not what the request asked for, and what the model is told of it
 * when it is asked once more. Filled by a filter together with ERR_UP_UNMET.
 */
#ifndef FCGI_UP_AGAIN_H
#define FCGI_UP_AGAIN_H

#include "common/buf.h"

struct up_again {
	struct buf answer; /* the text of the model's answer */
	struct buf words;  /* what is wrong with it, "": nothing was asked again */
};

#endif
