import { checkMode } from './checks.mjs';

checkMode('Apache .htaccess');
