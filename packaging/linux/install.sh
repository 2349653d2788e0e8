#!/bin/sh
# Puts Triptych into the desktop's menu: packaging/linux/install.sh [PREFIX], by default for this person only (~/.local).
# `triptych` itself must be on the desktop session's path. packaging/linux/install.sh --remove [PREFIX] takes it out again.
set -eu

remove=no
if [ "${1:-}" = --remove ]; then
    remove=yes
    shift
fi
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
share=${1:-$HOME/.local}/share

put() {
    if [ "$remove" = yes ]; then
        rm -f "$share/$2"
    else
        mkdir -p "$(dirname -- "$share/$2")"
        cp "$1" "$share/$2"
        chmod 644 "$share/$2"
    fi
}

put "$here/triptych.desktop" applications/triptych.desktop
put "$here/triptych-mime.xml" mime/packages/triptych.xml
put "$here/io.github.triptych_sr.triptych.metainfo.xml" metainfo/io.github.triptych_sr.triptych.metainfo.xml
put "$here/../../resources/icons/triptych.svg" icons/hicolor/scalable/apps/triptych.svg
for icon in "$here"/icons/*.png; do
    size=$(basename "$icon" .png)
    put "$icon" "icons/hicolor/${size}x${size}/apps/triptych.png"
done

# The caches of a desktop that has them; one that has none looks at the files themselves.
command -v update-mime-database >/dev/null && update-mime-database "$share/mime" || true
command -v update-desktop-database >/dev/null && update-desktop-database -q "$share/applications" || true
command -v gtk-update-icon-cache >/dev/null && gtk-update-icon-cache -q -t "$share/icons/hicolor" 2>/dev/null || true
