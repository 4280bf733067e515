/*
 * limits.h - every size and count limit of the project, each with its reason.
 */
#ifndef COMMON_LIMITS_H
#define COMMON_LIMITS_H

#define KB(n) ((size_t)(n)*1024)
#define MB(n) ((size_t)(n)*1024 * 1024)

/* What clients may send. */
#define LIMIT_BODY	     MB(32)  /* the Messages API's own limit: 413 above it */
#define LIMIT_ADMIN_BODY     MB(4)   /* an import file of some thousand accounts */
#define LIMIT_JSON_DEPTH     128     /* the upstream refuses more; far below cJSON's stack need */
#define LIMIT_JSON_NODES     500000  /* 80 bytes each in cJSON; real bodies have 20,000 */
#define LIMIT_MESSAGES	     10000   /* history length that the upstream takes */
#define LIMIT_TOOLS	     1024    /* no client comes near; bounds the name map */
#define LIMIT_TOOL_NAME	     128     /* Messages API pattern ^[a-zA-Z0-9_-]{1,128}$ */
#define LIMIT_UP_TOOL_NAME   64	     /* the upstream's pattern */
#define LIMIT_TOOL_DESC	     10000   /* characters; the official client's cap is 10,004 */
#define LIMIT_IMAGE	     5242880 /* decoded bytes of one image, Messages API */
#define LIMIT_IMAGES	     10	     /* images in one upstream request */
#define LIMIT_DOCUMENTS	     5	     /* documents in one upstream conversation */
#define LIMIT_DOCUMENT_NAME  100     /* characters; the model host takes 200 */
#define LIMIT_STOP_SEQUENCES 64	     /* each is looked for at each character */
#define LIMIT_STOP_SEQUENCE  4096    /* bytes; what is looked for by takes twice as many */

/* Sides of images in pixels, Messages API: with more than a few images they must be smaller. */
#define LIMIT_IMAGE_SIDE      8000
#define LIMIT_MANY_IMAGE_SIDE 2000
#define LIMIT_FEW_IMAGES      20

/* What we send upstream and take from it. */
#define LIMIT_UP_BODY	    MB(64)  /* escaping can grow a body, twice is enough */
#define LIMIT_UP_BODY_SEEN  1250000 /* bytes of body that it was seen to take */
#define LIMIT_UP_TEXT	    600000  /* characters of one user message */
#define LIMIT_UP_RESULT	    800000  /* characters of one tool result */
#define LIMIT_UP_ERROR	    KB(64)  /* an error body beyond this is cut */
#define LIMIT_UP_REPLY	    MB(4)   /* a token, usage or model reply */
#define LIMIT_FRAME	    MB(24)  /* aws-c-event-stream's own limit for one message */
#define LIMIT_FRAME_HEADERS 1024    /* headers of one message, likewise */
#define LIMIT_TOOL_INPUT    MB(8)   /* collected arguments of one call */
#define LIMIT_OPEN_TOOLS    128	    /* calls of one answer */
#define LIMIT_CREDITS	    1000000 /* metered for one answer; more is no number of credits */
#define LIMIT_ANSWER	    MB(64)  /* a collected whole answer */

/* How often one request of a client goes upstream before the client hears of a failure. Two tries
 * of one account are 200 ms apart, doubled each time, with up to a quarter of jitter. */
#define LIMIT_TRIES	    9	  /* over all accounts; the official client's worst case */
#define LIMIT_ACCOUNT_TRIES 3	  /* of one account, while its failures are passing ones */
#define LIMIT_RETRY_MS	    20000 /* from the first on; no second try of an account after it */
#define LIMIT_PAUSE_MS	    2000  /* a longer Retry-After is the client's to wait for */

/* What we write to the client. */
#define LIMIT_EVENT   MB(32) /* one SSE event */
#define LIMIT_HEADERS KB(16) /* our own response headers */

/* Files. */
#define LIMIT_CONFIG_FILE  KB(256)
#define LIMIT_SECRET_FILE  KB(16)
#define LIMIT_IMPORT_FILE  MB(16)
#define LIMIT_RECORD	   KB(64)  /* one record of the state store */
#define LIMIT_BUNDLE	   MB(192) /* a backup of 10,000 accounts and 100,000 keys */
#define LIMIT_MODELS	   512	   /* listed to clients, over all accounts */
#define LIMIT_ACCOUNTS	   10000
#define LIMIT_KEYS	   100000
#define LIMIT_LOG_LINE	   KB(8)
#define LIMIT_CAPTURE	   MB(64) /* capture.log; nothing is written beyond */
#define LIMIT_CAPTURE_BODY MB(1)  /* of one body; the rest is cut */

/* Slots of files that all processes have in memory; each is a power of two. */
#define LIMIT_LIVE_SLOTS	16384 /* live.map, 1 MB: LIMIT_ACCOUNTS and half as many more */
#define LIMIT_CALIBRATION_SLOTS 1024  /* calibration.map, 120 KB: LIMIT_MODELS twice */
#define LIMIT_METRIC_SLOTS	2048  /* metrics.map, 1 MB: doors, statuses, kinds, 20 to a model */
#define LIMIT_AFFINITY_SLOTS	16384 /* affinity.map, half a MB: conversations that are going on */
#define LIMIT_USAGE_SLOTS	16384 /* usage-DAY.map, 5.5 MB: keys x accounts x models of a day */
#define LIMIT_ACTIVATION_SLOTS	16384 /* activation.map, 3.4 MB: codes verified lately, by turns */
#define LIMIT_QUOTA_SLOTS	16384 /* limits.map, 2 MB: keys, and users with a JWT */

/* Names in URLs, paths and messages. */
#define LIMIT_ERROR_TEXT 512
#define LIMIT_URL	 2048

#endif
