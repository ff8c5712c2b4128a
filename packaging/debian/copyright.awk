# SPDX-License-Identifier: MIT
# Makes debian/copyright of LICENSE.

sub(/^Copyright \(c\) /, "") {
  print "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/"
  print "Upstream-Name: camb_task"
  print ""
  print "Files: *"
  print "Copyright: " $0
  print "License: Expat"
  getline
  inside = 1
  next
}
inside { print " " (NF ? $0 : ".") }
