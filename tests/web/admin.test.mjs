// The admin API behind a real lighttpd: who may come in, what each answer holds, and that no answer
// holds a secret. One installation goes through all parts in this order: the last ones look at what
// the ones before have done.
import './admin/guard.mjs';
import './admin/accounts.mjs';
import './admin/keys.mjs';
import './admin/codes.mjs';
import './admin/use.mjs';
import './admin/settings.mjs';
import './admin/audit.mjs';
import './admin/end.mjs';
