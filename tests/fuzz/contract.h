/*
 * contract.h - what every stream to a client keeps, whatever the upstream sent. The numbers in its
 * messages are those of the streaming contract's list.
 */
#ifndef TESTS_FUZZ_CONTRACT_H
#define TESTS_FUZZ_CONTRACT_H

#include "common/base.h"
#include "common/buf.h"

enum contract_end { CONTRACT_GOOD, CONTRACT_FAILED };

/* Each aborts by fuzz_require() where the stream breaks its contract. good: the answer came to its
 * end; else it broke off and was told as a failure. said: gets the text that the client reads. */
void contract_messages(struct span wire, enum contract_end end, struct buf *said);
void contract_chat(struct span wire, enum contract_end end, struct buf *said);
void contract_responses(struct span wire, enum contract_end end, struct buf *said);

#endif
