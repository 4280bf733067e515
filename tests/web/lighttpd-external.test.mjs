import { checkMode } from './checks.mjs';

checkMode('lighttpd FastCGI, started elsewhere');
