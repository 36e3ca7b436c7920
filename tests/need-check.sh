#!/bin/sh
# SPDX-License-Identifier: MIT
# Check (the C unit test library) is there, or is installed when that can be
# done, or the one line to run is said.
have() { pkg-config --exists check 2>/dev/null; }
have && exit 0

if command -v apt-get >/dev/null; then
	get="apt-get install -y check pkg-config"
elif command -v dnf >/dev/null; then
	get="dnf install -y check-devel pkgconf-pkg-config"
elif command -v pacman >/dev/null; then
	get="pacman -S --noconfirm check pkgconf"
elif command -v zypper >/dev/null; then
	get="zypper install -y check-devel pkg-config"
elif command -v apk >/dev/null; then
	get="apk add check-dev pkgconf"
else
	echo "The tests need Check (https://libcheck.github.io/check) and pkg-config." >&2
	exit 1
fi
if [ "$(id -u)" = 0 ]; then
	case $get in apt-get*) apt-get update -q >/dev/null ;; esac
	DEBIAN_FRONTEND=noninteractive $get >&2
	have && exit 0
fi
echo "The tests need Check: run   sudo $get" >&2
exit 1
