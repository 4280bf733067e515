import { checkMode } from './checks.mjs';

checkMode('lighttpd CGI');
