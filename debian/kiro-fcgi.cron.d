# Renews the tokens that end soon, where there is no systemd: there, kiro-refresh.timer does.
*/4 * * * * kiro-fcgi [ -d /run/systemd/system ] || [ ! -x /usr/sbin/kiro-refresh ] || /usr/sbin/kiro-refresh --quiet
