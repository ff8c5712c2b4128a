#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Draws what camb_task has seen, from collectd's RRD files: for rrdtool.conf. See
# usage below.
set -euo pipefail
export LC_ALL=C.UTF-8 # names are UTF-8, and numbers have a decimal point

usage() {
  cat <<'EOF'
Usage: rrd-graph.sh [OPTION ...]

Draws three pictures from the RRD files of collectd's rrdtool plugin:

  camb-tasks    a row for each task: how its state went, failed ones first
  camb-setups   how many setups were pending, done, and failed
  camb-elapsed  how long each task took, or is taking

Options:
  --data DIRECTORY    the DataDir of rrdtool.conf; default: /var/lib/collectd/rrd
  --host NAME         whose values; default: the only host that has some
  --start TIME        as rrdtool takes it: -24h, 20261124, seconds since the epoch;
                      default: -6h
  --end TIME          default: now
  --output DIRECTORY  where the pictures go; default: here
  --format FORMAT     svg or png; default: svg
  --rows NUMBER       at most so many tasks; default: 30
  --width NUMBER      of the time axis, in pixels; default: 640
  -h, --help
EOF
}

# The states: their codes, words and colours, which colour-blind people can tell
# apart, too. Failed ones come first, and what is at rest comes last.
codes=(2 3 4 1 -1 0)
declare -A words=([-1]=unknown [0]=SUCCESS [1]=PENDING [2]=ERROR [3]=TIMEOUT
  [4]=PAYMENT_REQUIRED)
declare -A colours=([-1]=999999 [0]=009E73 [1]=56B4E9 [2]=D55E00 [3]=E69F00
  [4]=CC79A7)
# What rrdtool makes the distance of two lines of a legend, of the font's size
font=10 row=18
longest_name=40

fail() {
  printf 'rrd-graph: %s\n' "$*" >&2
  exit 1
}

refuse() {
  printf 'rrd-graph: %s (--help explains the options)\n' "$*" >&2
  exit 2
}

is_number() { [[ $1 =~ ^[1-9][0-9]{0,4}$ ]]; }

parse_arguments() {
  data=/var/lib/collectd/rrd host='' start=-6h end=now output=. format=svg
  rows=30 width=640
  while [ "$#" -gt 0 ]; do
    case $1 in
    -h | --help)
      usage
      exit 0
      ;;
    --data | --host | --start | --end | --output | --format | --rows | --width)
      [ "$#" -gt 1 ] || refuse "$1 needs a value"
      printf -v "${1#--}" %s "$2"
      shift
      ;;
    *) refuse "there is no option $1" ;;
    esac
    shift
  done
  [[ $format =~ ^(svg|png)$ ]] || refuse "the format is svg or png, not '$format'"
  is_number "$rows" || refuse "'$rows' is no number of rows"
  is_number "$width" || refuse "'$width' is no width"
}

# Sets directory, where the host's values are.
find_host() {
  local found hosts=()
  [ -d "$data" ] || fail "there is no directory $data (see DataDir in rrdtool.conf)"
  if [ -z "$host" ]; then
    for found in "$data"/*/camb_api-*; do
      [ -d "$found" ] || continue
      found=${found%/*}
      [[ " ${hosts[*]} " == *" ${found##*/} "* ]] || hosts+=("${found##*/}")
    done
    [ "${#hosts[@]}" -gt 0 ] || fail "$data has no values of camb_task"
    [ "${#hosts[@]}" -eq 1 ] ||
      refuse "several hosts have values: ${hosts[*]}; name one by --host"
    host=${hosts[0]}
  fi
  directory=$(realpath -- "$data")/$host
  compgen -G "${directory//[^[:alnum:]\/]/?}/camb_api-*" >/dev/null ||
    fail "$data has no values of camb_task on the host $host"
}

# rrdtool reads the files by links whose names need no escaping. Sets names, the
# tasks that have values, and accounts, how many there are.
link_files() {
  local path file
  names=() accounts=0
  for path in "$directory"/camb_task-*; do
    file=$path/gauge-status.rrd
    [ -f "$file" ] || continue
    ln -s -- "$file" "status-${#names[@]}.rrd"
    [ ! -f "$path/duration-elapsed.rrd" ] ||
      ln -s -- "$path/duration-elapsed.rrd" "elapsed-${#names[@]}.rrd"
    names+=("${path##*/camb_task-}")
  done
  for path in "$directory"/camb_api-*; do
    for file in unknown pending success error timeout payment_required; do
      [ ! -f "$path/count-$file.rrd" ] ||
        ln -s -- "$path/count-$file.rrd" "count-$accounts-$file.rrd"
    done
    accounts=$((accounts + 1))
  done
}

# Takes away the links to what is no RRD, after a full disk, say: one of them is no
# reason to draw none.
leave_out_damaged() {
  local links=(*.rrd) i=0 answer
  [ -e "${links[0]}" ] || return 0
  while read -r answer; do
    case $answer in
    OK*) i=$((i + 1)) ;;
    ERROR:*)
      printf 'rrd-graph: left out %s: %s\n' "$(readlink "${links[i]}")" \
        "${answer#ERROR: }" >&2
      rm "${links[i]}"
      i=$((i + 1))
      ;;
    esac
  done < <(printf 'last %s\n' "${links[@]}" | rrdtool - 2>&1)
}

# The definition of stateI, the state of a task at each moment. An RRD has the mean
# of the step in which a state changed, which is another state or none: only what
# is as in the step before counts, else the last state goes on. Of several steps
# the largest is taken, so that none that failed is lost.
state() {
  arguments+=("DEF:raw$1=status-$1.rrd:value:MAX"
    "CDEF:near$1=raw$1,0.5,+,FLOOR"
    "CDEF:before$1=PREV(raw$1),UN,raw$1,PREV(raw$1),IF"
    "CDEF:steady$1=raw$1,near$1,-,ABS,raw$1,before$1,-,ABS,MAX,0.001,LT"
    "CDEF:state$1=raw$1,UN,UNKN,steady$1,near$1,PREV,IF,IF")
}

elapsed() { arguments+=("DEF:elapsed$1=elapsed-$1.rrd:seconds:MAX"); }

# Finds the tasks that have values in that time. Sets shown, their numbers, failed
# ones first, of each state the longest first; left_out, how many more there are;
# last_state and last_elapsed; unknown, whether a state was.
find_tasks() {
  local arguments=() first i code printed='' what value all=()
  last_state=() last_elapsed=() shown=() unknown=no
  # not all at once: thousands of tasks are too long a command
  for ((first = 0; first < ${#names[@]}; first += 200)); do
    arguments=()
    for ((i = first; i < first + 200 && i < ${#names[@]}; i++)); do
      [ -e "status-$i.rrd" ] || continue
      state "$i"
      arguments+=("VDEF:last$i=state$i,LAST" "PRINT:last$i:state $i %.0lf"
        "VDEF:least$i=state$i,MINIMUM" "PRINT:least$i:least $i %.0lf")
      [ -e "elapsed-$i.rrd" ] || continue
      elapsed "$i"
      arguments+=("VDEF:long$i=elapsed$i,LAST" "PRINT:long$i:elapsed $i %.0lf")
    done
    [ "${#arguments[@]}" -gt 0 ] || continue
    printed+=$(rrdtool graph /dev/null --start "$start" --end "$end" \
      --width "$width" "${arguments[@]}" 2>&1) || fail "${printed##*ERROR: }"
    printed+=$'\n'
  done
  while read -r what i value; do
    [[ $value =~ ^-?[0-9]+$ ]] || continue
    case $what in
    state) last_state[i]=$value ;;
    least) [ "$value" -ge 0 ] || unknown=yes ;;
    elapsed) last_elapsed[i]=$value ;;
    esac
  done <<<"$printed"
  mapfile -t all < <(
    for code in "${!codes[@]}"; do
      for i in "${!last_state[@]}"; do
        [ "${last_state[i]}" -ne "${codes[code]}" ] ||
          echo "$code ${last_elapsed[i]:-0} $i"
      done
    done | sort -k 1,1n -k 2,2nr -k 3,3n | cut -d ' ' -f 3
  )
  [ "${#all[@]}" -gt 0 ] || fail "no task of $host has a value in that time"
  shown=("${all[@]:0:rows}")
  left_out=$((${#all[@]} - ${#shown[@]}))
}

# A text as rrdtool takes it in a legend.
legend() { printf '%s' "${1//:/\\:}"; }

name_of() {
  local name=${names[$1]}
  [ "${#name}" -le "$longest_name" ] || name=${name:0:longest_name-1}…
  legend "$name"
}

duration() {
  [ -n "$1" ] || { echo -; return; }
  printf '%d:%02d:%02d' $(($1 / 3600)) $(($1 / 60 % 60)) $(($1 % 60))
}

# draw FILE TITLE ARGUMENT...
draw() {
  local printed
  printed=$(rrdtool graph "$1.$format" --imgformat "${format^^}" --title "$2" \
    --start "$start" --end "$end" --width "$width" --border 0 \
    --disable-rrdtool-tag --font "DEFAULT:$font:" --font "TITLE:12:" \
    --font "AXIS:8:" \
    --color BACK#FFFFFF --color CANVAS#FFFFFF --color FONT#222222 \
    --color AXIS#666666 --color ARROW#FFFFFF00 --color GRID#FFFFFF00 \
    --color MGRID#00000022 --grid-dash 1:0 "${@:3}" 2>&1) ||
    fail "${printed#ERROR: }"
}

# A row is a stack of areas, of which at each moment one has a height. The names
# are the legend, whose lines are as far apart as the rows are.
draw_tasks() {
  local arguments=() areas=() i n code text word explained=' '
  for n in "${!shown[@]}"; do
    i=${shown[n]}
    state "$i"
    code=${last_state[i]}
    explained+="$code "
    printf -v text '%-16s %9s  ' "${words[$code]}" \
      "$(duration "${last_elapsed[i]:-}")"
    arguments+=("CDEF:s$n=state$i,UN,9,state$i,IF"
      "AREA:0#${colours[$code]}:$(legend "$text")$(name_of "$i")\\l")
  done
  [ "$unknown" = yes ] || explained+='-1 '
  for code in 1 -1; do # what a task may have been before
    [[ $explained == *" $code "* ]] ||
      arguments+=("AREA:0#${colours[$code]}:${words[$code]}")
  done
  arguments+=('COMMENT:\l')
  [ "$left_out" -eq 0 ] || arguments+=("COMMENT:and $left_out more\\l")
  for ((n = ${#shown[@]} - 1; n >= 0; n--)); do
    areas+=("AREA:0.15#FFFFFF00::STACK")
    for code in "${codes[@]}"; do
      word=${words[$code]}
      areas+=("CDEF:$word$n=s$n,$code,EQ,0.7,0,IF"
        "AREA:$word$n#${colours[$code]}::STACK")
    done
    areas+=("CDEF:none$n=s$n,9,EQ,0.7,0,IF" "AREA:none$n#FFFFFF00::STACK"
      "AREA:0.15#FFFFFF00::STACK")
  done
  draw camb-tasks "CAMB.AI tasks, as $host has seen them" --height $((${#shown[@]} * row)) \
    --lower-limit 0 --upper-limit "${#shown[@]}" --rigid --y-grid none \
    --legend-position west "${arguments[@]}" "${areas[@]}"
}

# The counts of all accounts, on top of each other: what failed at the bottom,
# where it is seen best.
draw_setups() {
  local arguments=() grid=() code word sum i file total=0 most
  for code in "${codes[@]}"; do
    word=${words[$code]}
    sum=
    for ((i = 0; i < accounts; i++)); do
      file=count-$i-${word,,}.rrd
      [ -e "$file" ] || continue
      arguments+=("DEF:$word$i=$file:value:AVERAGE")
      sum+=${sum:+,}$word$i${sum:+,ADDNAN}
    done
    [ -n "$sum" ] || continue
    arguments+=("CDEF:$word=$sum" "VDEF:last_$word=$word,LAST"
      "AREA:$word#${colours[$code]}:$(printf '%-16s' "$word"):STACK"
      "GPRINT:last_$word:%6.0lf\\l")
    total+=,$word,ADDNAN
  done
  # rrdtool would divide a scale of few tasks into halves
  most=$(rrdtool graph "most.$format" --imgformat "${format^^}" --start "$start" \
    --end "$end" --width "$width" "${arguments[@]}" "CDEF:total=$total" \
    VDEF:most=total,MAXIMUM PRINT:most:%.0lf 2>/dev/null | tail -n 1)
  ! [[ $most =~ ^[0-9]$ ]] || grid=(--y-grid 1:1 --upper-limit $((most + 1)))
  draw camb-setups "CAMB.AI tasks in each state, on $host" --height 160 \
    --lower-limit 0 --alt-autoscale-max --units-exponent 0 \
    --left-axis-format '%.0lf' ${grid[@]+"${grid[@]}"} --legend-position west \
    --legend-direction bottomup "${arguments[@]}"
}

# Lines in the colours of the last states; those of a state differ in their dashes.
draw_elapsed() {
  local arguments=() i code dashes=('' ':dashes=8,3' ':dashes=2,2' ':dashes=8,3,2,3')
  local -A lines=()
  for i in "${shown[@]}"; do
    [ -n "${last_elapsed[i]:-}" ] || continue
    code=${last_state[i]}
    elapsed "$i"
    arguments+=("CDEF:ms$i=elapsed$i,1000,*"
      "LINE2:ms$i#${colours[$code]}:$(legend "$(printf '%9s' \
        "$(duration "${last_elapsed[i]}")")")  $(name_of "$i")\\l${dashes[${lines[$code]:-0}]}")
    lines[$code]=$(((${lines[$code]:-0} + 1) % ${#dashes[@]}))
  done
  [ "${#arguments[@]}" -gt 0 ] ||
    arguments=('AREA:0#FFFFFF00:no task has an elapsed time\l')
  draw camb-elapsed "How long CAMB.AI tasks take, on $host" --height 160 \
    --lower-limit 0 --upper-limit 10000 --slope-mode \
    --left-axis-formatter duration --legend-position west \
    "${arguments[@]}"
}

main() {
  parse_arguments "$@"
  command -v rrdtool >/dev/null || fail "rrdtool is not installed"
  find_host
  mkdir -p -- "$output" || fail "the pictures can't be written to $output"
  output=$(realpath -- "$output")
  temporary=$(mktemp -d)
  trap 'rm -rf -- "$temporary"' EXIT
  cd "$temporary"
  link_files
  leave_out_damaged
  find_tasks
  draw_tasks
  draw_setups
  draw_elapsed
  mv -- camb-*."$format" "$output"
}

main "$@"
