#!/bin/bash
# SPDX-License-Identifier: MIT
# The recipe for rrdtool, what rrd-graph.sh draws of it, and that the README's
# picture can be made.
# shellcheck source-path=SCRIPTDIR disable=SC2016
. "${0%/*}/lib.sh"
. "${0%/*}/recipes.sh"
need "$collectd" collectdctl curl jq rrdtool awk

# The picture takes its time, but little else.
"$top_srcdir/tests/picture.sh" --seconds 10 "$work/picture" >"$work/picture.log" 2>&1 &
picture=$!
pids+=("$picture")

# In the place of rrdtool, one that also keeps what rrdtool itself knows of each
# graph: its legend, and the numbers in it.
mkdir "$work/bin"
cat >"$work/bin/rrdtool" <<END
#!/bin/bash
if [ "\$1 \$2" != "graph /dev/null" ]; then
  "$(command -v rrdtool)" graphv /dev/null "\${@:3}" >"$work/\$2.info"
fi
exec "$(command -v rrdtool)" "\$@"
END
chmod +x "$work/bin/rrdtool"
graphs() {
  PATH=$work/bin:$PATH "$top_srcdir/examples/recipes/rrd-graph.sh" \
    --data "$work/rrd" --output "$work/graphs" "$@" >"$work/graphs.log" 2>&1
}
# A graph's legend, an entry a line
legend() { sed -En 's/^legend\[[0-9]*\] = "( {2})?(.*)"$/\2/p' "$work/camb-$1.info"; }

# The last word of the legend of a graph of counts: count WORD
drawn_count() { legend setups.svg | tr -d '\n' | grep -o "$1  *[0-9]*" | grep -o '[0-9]*$'; }

# --- rrdtool.conf, rrd-graph.sh ----------------------------------------------

names=('with spaces' 'a:colon:' 'back\slash\l' '"quotes'"'" '100%s %lf' '-dash'
  'Übersicht 日本' '$(touch x) *' '<b>&amp;' "$(printf 'long%.0s' {1..30})")
n=0
{
  echo 'task payment payment_required'
  echo 'task 660945d2-6a54-4b8b-8295-aa08f3d432d7'
  echo 'task 0d9a3c1e-52b7-4e63-a1c8-7f5b2d90e4aa pending=2 error=SOURCE_TOO_LONG'
  for name in "${names[@]}"; do
    echo "task nasty-$((n += 1)) success=$n"
    name=${name//\\/\\\\}
    echo "  Task \"nasty-$n\" \"${name//\"/\\\"}\"" >>"$work/nasty"
  done
} >"$work/setups"
start_simulator <"$work/setups"
echo 'payment broke' >"$work/camb.tasks"

start_recipe studio rrdtool.conf -e "s,/var/lib/collectd/rrd,$work/rrd," \
  -e "s,/var/lib/collectd/camb.tasks,$work/camb.tasks," -e "/^  TaskFile/r $work/nasty" \
  -e 's/^  Cache\(Timeout\|Flush\) .*/  Cache\1 1/'
failed() { value_at studio camb_api-default/count-error; }
ok "a task fails" wait_for prints 1 failed
ok "values go on" rounds_pass 4
end_process "$recipe"
is "each name is a directory of its own" \
  "$(find "$work/rrd/studio" -maxdepth 1 -name 'camb_task-*' | wc -l)" $((n + 3))

ok "rrd-graph.sh draws them" graphs --start -300 --end now
is "it says nothing" "$(cat "$work/graphs.log")" ""
is "three pictures" "$(cd "$work/graphs" && echo *)" \
  "camb-elapsed.svg camb-setups.svg camb-tasks.svg"
is "as SVG" "$(grep -l '^<svg ' "$work/graphs"/* | wc -l)" 3

while read -r count word; do
  is "$count tasks are drawn as $word" "$(drawn_count "$word")" "$count"
done <<END
1 ERROR
1 PENDING
1 PAYMENT_REQUIRED
0 TIMEOUT
0 unknown
$n SUCCESS
END
is "failed ones come first, done ones last" "$(
  legend tasks.svg | sed -n 's/^\([A-Z_]*\)  .*/\1/p' | uniq | tr '\n' ' '
)" "ERROR PAYMENT_REQUIRED PENDING SUCCESS "
ok "with name, state and elapsed time" grep -Eqx 'ERROR +0:00:[0-9]{2}  keynote-de' \
  <(legend tasks.svg)
ok "or none, of one that was done before" grep -Eqx 'SUCCESS +-  with spaces' \
  <(legend tasks.svg)
for name in "${names[@]}"; do
  [ "${#name}" -lt 40 ] || name=${name:0:39}…
  ok "a name is as it was given: $name" grep -Fq -- " -  $name" <(legend tasks.svg)
done
ok "elapsed times are drawn" grep -Eq '^ *0:00:[0-9]{2}  keynote-de$' <(legend elapsed.svg)
ok "of those that have some" not grep -q 'with spaces' <(legend elapsed.svg)
is "no name was taken for a command" "$(find "$work" -name x | wc -l)" 0

ok "with few rows, too" graphs --start -300 --rows 2 --format png
is "they are the failed ones" "$(
  legend tasks.png | sed -n 's/^\([A-Z_]*\)  .*/\1/p' | tr '\n' ' '
)" "ERROR PAYMENT_REQUIRED "
ok "and it says how many more there are" grep -qx "and $((n + 1)) more" <(legend tasks.png)
is "as PNG" "$(head -c 8 "$work/graphs/camb-tasks.png" | od -An -tx1)" \
  " 89 50 4e 47 0d 0a 1a 0a"

# --- A state that never was --------------------------------------------------

# Values come between the steps of an RRD, whose mean of unknown (-1) and PENDING
# (1) is SUCCESS, and that of PENDING and PAYMENT_REQUIRED (4) may be ERROR.
mkdir -p "$work"/between/studio/{camb_task-a,camb_api-one,camb_api-two}
# rrd_of FILE CONSOLIDATION VALUE...
rrd_of() {
  local file=$work/between/studio/$1.rrd at=1000000005 value
  rrdtool create "$file" --start 1000000000 --step 10 DS:value:GAUGE:40:U:U \
    "RRA:$2:0.1:1:100"
  for value in "${@:3}"; do
    rrdtool update "$file" "$((at += 10)):$value"
  done
}
rrd_of camb_task-a/gauge-status MAX -1 -1 -1 1 1 1 4 4 4 4
rrd_of camb_api-one/count-pending AVERAGE 2 2 2 2 2 2 2 2 2 2
rrd_of camb_api-two/count-pending AVERAGE 3 3 3 3 3 3 3 3 3 3
ok "a task of the past is drawn" graphs --data "$work/between" \
  --start 1000000000 --end 1000000100
# has_colour RED GREEN BLUE, in percent
has_colour() {
  grep -Eq "rgb\($1[.0-9]*%, *$2[.0-9]*%, *$3[.0-9]*%\)" "$work/graphs/camb-tasks.svg"
}
ok "it was unknown" has_colour 60 60 60
ok "PENDING" has_colour 33 70 91
ok "and PAYMENT_REQUIRED" has_colour 80 47 65
ok "but never SUCCESS" not has_colour 0 61 45
ok "nor ERROR" not has_colour 83 36 0
ok "nor TIMEOUT" not has_colour 90 62 0
is "the counts of two accounts are added" "$(drawn_count PENDING)" 5

# --- Many tasks, and a damaged file -------------------------------------------

mkdir "$work/many"
cp -r "$work/between/studio" "$work/many"
for n in {1..400}; do ln -s camb_task-a "$work/many/studio/camb_task-$n"; done
# The system's limit for arguments hangs on that of the stack.
drawn_of_many() (
  ulimit -s 512
  graphs --data "$work/many" --start 1000000000 --end 1000000100 --rows 10
)
ok "more tasks than a command can name are drawn" drawn_of_many
ok "and counted" grep -qx 'and 391 more' <(legend tasks.svg)
mkdir "$work/many/studio/camb_task-empty"
: >"$work/many/studio/camb_task-empty/gauge-status.rrd"
ok "a damaged file keeps none of them out" drawn_of_many
ok "and is named" grep -q '^rrd-graph: left out .*/studio/camb_task-empty/gauge-status.rrd: ' \
  "$work/graphs.log"
ok "it is the only one" grep -qx 'and 391 more' <(legend tasks.svg)

# --- What can be wrong -------------------------------------------------------

refused() { ! graphs "${@:2}" && grep -Eqx "rrd-graph: $1" "$work/graphs.log"; }
ok "help is there" graphs --help
ok "and names the options" grep -q -- '--rows NUMBER' "$work/graphs.log"
ok "no such option" refused 'there is no option --nonsense .*' --nonsense
ok "an option without a value" refused '--rows needs a value .*' --rows
ok "no number" refused "'many' is no number of rows .*" --rows many
ok "no such format" refused "the format is svg or png, not 'gif' .*" --format gif
ok "no such directory" refused 'there is no directory /nowhere .*' --data /nowhere
mkdir "$work/empty"
ok "no values" refused '.*/empty has no values of camb_task' --data "$work/empty"
ok "nor of that host" refused '.*/rrd has no values .* on the host other' --host other
ok "none at that time" refused 'no task of studio has a value in that time' \
  --start 1000000000 --end 1000003600
ok "no time" refused '.*nonsense.*' --start nonsense
cp -r "$work/between/studio" "$work/between/stage"
ok "one of two hosts" refused 'several hosts have values: stage studio; .*' \
  --data "$work/between"
ok "is drawn if it is named" graphs --data "$work/between" --host stage \
  --start 1000000000 --end 1000000100

# --- The README's picture ----------------------------------------------------

ok "the README's picture can be made" wait "$picture"
is "it says nothing" "$(cat "$work/picture.log")" ""
is "from eight setups" "$(grep -c '^<svg ' "$work/picture/camb-tasks.svg")" 1
ok "the README has it" grep -q '](examples/picture.svg)' "$top_srcdir/README.md"
ok "and it is there" grep -q '^<svg ' "$top_srcdir/examples/picture.svg"

done_testing
