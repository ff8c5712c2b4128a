# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Debian's packages, for the scripts that install what they need.

is_installed() {
  dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null |
    grep -q '^installed$'
}

# missing_packages PACKAGE...: those that are not installed, each on a line; ""
# is none
missing_packages() {
  local package
  for package in "$@"; do
    [ -z "$package" ] || is_installed "$package" || echo "$package"
  done
}

# apt_install PACKAGE...: as root, or by sudo
apt_install() {
  local sudo=()
  if [ "$(id -u)" -ne 0 ]; then
    sudo=(sudo)
    command -v sudo >/dev/null || {
      echo "Packages are missing; as root: apt-get install $*"
      return 1
    }
  fi
  "${sudo[@]}" apt-get update -q &&
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get install -y -q --no-install-recommends "$@"
}

# The library that collectd's python plugin needs: libpython3.11, say; "" if apt
# does not know.
python_package() {
  apt-cache depends collectd-core 2>/dev/null | grep -o 'libpython3[.0-9]*' | head -n 1
}
