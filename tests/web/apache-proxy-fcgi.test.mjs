import { checkMode } from './checks.mjs';

checkMode('Apache mod_proxy_fcgi');
