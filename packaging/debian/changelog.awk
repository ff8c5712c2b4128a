# SPDX-License-Identifier: MIT
# Makes debian/changelog of NEWS; -v maintainer="NAME <ADDRESS>".

function end_version() {
  if (date) printf "\n -- %s  %s\n\n", maintainer, date
}

/^[0-9]/ {
  end_version()
  command = "date -u -R -d " $2
  gsub(/[()]/, "", command)
  if ((command | getline date) <= 0) exit 1
  close(command)
  printf "collectd-camb-task (%s) unstable; urgency=medium\n\n", $1
  next
}
date && /^- / { sub(/^-/, "*") }
date && NF { print "  " $0 }
END { end_version() }
