import { checkMode } from './checks.mjs';

checkMode('Apache CGI');
