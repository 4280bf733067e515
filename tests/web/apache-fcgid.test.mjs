import { checkMode } from './checks.mjs';

checkMode('Apache mod_fcgid');
