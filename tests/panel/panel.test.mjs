// The admin panel in Debian's chromium, driven by playwright: what a person does there, without a
// violation of its content policy and without an error in the browser's console. Screenshots of
// every page in both themes and both widths stay in build/screens. It is one visit, in this order:
// the later parts look at what the ones before have left.
import './visit/session.mjs';
import './visit/accounts.mjs';
import './visit/keys.mjs';
import './visit/use.mjs';
import './visit/codes.mjs';
import './visit/events.mjs';
import './visit/look.mjs';
import './visit/end.mjs';
