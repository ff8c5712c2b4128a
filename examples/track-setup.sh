#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Creates a CAMB.AI project setup and has camb_task follow it: for a release
# pipeline. See usage below.
set -euo pipefail
export LC_ALL=C # lengths are bytes

usage() {
  cat <<'EOF'
Usage: examples/track-setup.sh [OPTION ...] TASK_FILE NAME MEDIA_URL SOURCE TARGET ...

Asks the CAMB.AI API to set up a project for MEDIA_URL, from the language SOURCE
into the languages TARGET (the API's numbers; several as arguments or separated
by commas), and adds the task to TASK_FILE, which a collectd with
'TaskFile "TASK_FILE"' then follows as NAME, without a restart. Any number of
these may run at once. Prints the task ID.

Options:
  --project-name TEXT  the project's name in CAMB.AI; default: NAME
  --description TEXT   the project's description
  --folder NUMBER      the folder to put the project in
  --timeout SECONDS    for the request, and again for the lock on TASK_FILE;
                       default: 60
  -h, --help

Environment:
  CAMB_API_KEY         the key, or instead
  CAMB_API_KEY_FILE    a file whose first line is the key
  CAMB_API_URL         another base URL than https://client.camb.ai/apis

The request is sent once and never again: each one makes a project. Exit codes:
  0  the task has been created and is in TASK_FILE
  1  no task has been created: the API refused it or can't be reached
  2  nothing was asked of the API: something is wrong with the arguments, the
     key, the task file or this machine
  3  the task has been created, but is not in TASK_FILE: add the line that is
     printed on standard error
  4  it is not known whether a task has been created: look in CAMB.AI Studio
     before you run this again
EOF
}

name_max=127 # bytes, of a name in collectd, its account's prefix included
id_max=256   # bytes
stars='********'

# A closed standard output or error must not change how this ends.
say() {
  local text=$*
  printf 'track-setup: %s\n' "${text//[[:cntrl:]]/ }" >&2 || true
}

fail() {
  local code=$1
  shift
  say "$*"
  exit "$code"
}

refuse() { fail 2 "$*; nothing was asked of the API"; }

refuse_usage() {
  say "$*; nothing was asked of the API (--help explains the arguments)"
  exit 2
}

need() {
  local program missing=()
  for program in curl jq flock; do
    command -v "$program" >/dev/null || missing+=("$program")
  done
  [ "${#missing[@]}" -eq 0 ] ||
    refuse "missing: ${missing[*]} (Debian's packages: curl, jq, util-linux)"
}

# --- What is asked for --------------------------------------------------------

parse_arguments() {
  local arguments=()
  project_name='' description='' folder='' timeout=60
  while [ "$#" -gt 0 ]; do
    case $1 in
    -h | --help)
      usage
      exit 0
      ;;
    --)
      shift
      arguments+=("$@")
      break
      ;;
    --project-name | --description | --folder | --timeout)
      [ "$#" -gt 1 ] || refuse_usage "$1 needs a value"
      set_option "$1" "$2"
      shift
      ;;
    --*=*) set_option "${1%%=*}" "${1#*=}" ;;
    -*) set_option "$1" '' ;;
    *) arguments+=("$1") ;;
    esac
    shift
  done
  [ "${#arguments[@]}" -ge 5 ] || {
    usage >&2
    exit 2
  }
  file=${arguments[0]} name=${arguments[1]} media_url=${arguments[2]}
  source_language=${arguments[3]}
  targets=("${arguments[@]:4}")
}

set_option() {
  case $1 in
  --project-name) project_name=$2 ;;
  --description) description=$2 ;;
  --folder) folder=$2 ;;
  --timeout) timeout=$2 ;;
  *) refuse_usage "there is no option $1" ;;
  esac
}

is_number() { [[ $1 =~ ^(0|[1-9][0-9]{0,8})$ ]]; }

check_request() {
  local target
  [[ $media_url =~ ^[A-Za-z][A-Za-z0-9+.-]*://[^[:space:][:cntrl:]]+$ ]] ||
    refuse_usage "the media URL is not a URL"
  is_number "$source_language" ||
    refuse_usage "the source language '$source_language' is not a number"
  mapfile -td , targets < <(printf '%s,' "${targets[@]}")
  target_languages=
  for target in "${targets[@]}"; do
    is_number "$target" ||
      refuse_usage "the target language '$target' is not a number"
    [[ ,$target_languages, != *",$target,"* ]] ||
      refuse_usage "the target language $target is there twice"
    target_languages+=${target_languages:+,}$target
  done
  [ -z "$folder" ] || is_number "$folder" ||
    refuse_usage "the folder '$folder' is not a number"
  { is_number "$timeout" && [ "$timeout" -gt 0 ]; } ||
    refuse_usage "the time-out '$timeout' is not a number of seconds"
}

# A name that collectd or the reader of the task file would not take.
check_name() {
  case $name in
  '') refuse_usage "the name is empty" ;;
  */*) refuse_usage "the name '$name' holds a slash" ;;
  '#'*) refuse_usage "the name '$name' would be a comment in the task file" ;;
  type=* | started=*)
    refuse_usage "the name '$name' would be an attribute in the task file"
    ;;
  esac
  [ "${#name}" -le "$name_max" ] ||
    refuse_usage "the name is longer than $name_max bytes"
  # jq puts another character in the place of what is not UTF-8
  [ "$(jq -nj --arg name "$name" '$name')" = "$name" ] ||
    refuse_usage "the name is not valid UTF-8"
  jq -en --arg name "$name" '$name | test("[[:^graph:]]") | not' >/dev/null ||
    refuse_usage "the name holds white space or what can't be printed"
}

check_url() {
  url=${CAMB_API_URL:-https://client.camb.ai/apis}
  while [[ $url == */ ]]; do url=${url%/}; done
  # with a password it would show in the process list
  [[ $url =~ ^https?://[^][:space:][:cntrl:]/?#@[]+(/[^[:space:][:cntrl:]?#]*)?$ ||
    $url =~ ^https?://\[[0-9A-Fa-f:.]+\](:[0-9]+)?(/[^[:space:][:cntrl:]?#]*)?$ ]] ||
    refuse "CAMB_API_URL is not an http or https URL without user, query and fragment"
  [[ $url =~ ^(https|http://(localhost|127\.[0-9.]+|\[::1\])([:/]|$)) ]] ||
    say "warning: the key is sent unencrypted, to $url"
}

# --- The key ------------------------------------------------------------------
# It is never an argument of a program, since everybody can see those.

read_key() {
  { set +x; } 2>/dev/null # a pipeline's log is no place for it, either
  local path=${CAMB_API_KEY_FILE:-}
  key=${CAMB_API_KEY:-}
  unset CAMB_API_KEY
  if [ -n "$path" ]; then
    [ -z "$key" ] ||
      refuse "CAMB_API_KEY and CAMB_API_KEY_FILE are both set; unset one"
    { IFS= read -r key <"$path" || [ -n "$key" ]; } 2>/dev/null ||
      refuse "CAMB_API_KEY_FILE, $path, can't be read or is empty"
    [ ! -f "$path" ] || [ -z "$(find -L "$path" -maxdepth 0 -perm /o=r)" ] ||
      say "warning: others can read the key file $path"
  fi
  [[ $key =~ ^[[:space:]]*(.*[^[:space:]])?[[:space:]]*$ ]]
  key=${BASH_REMATCH[1]:-}
  [ -n "$key" ] || refuse "there is no key; set CAMB_API_KEY or CAMB_API_KEY_FILE"
  [[ $key != *[[:cntrl:]]* ]] || refuse "the key holds a control character"
}

blanked() { printf '%s' "${1//"$key"/"$stars"}"; }

# --- The task file ------------------------------------------------------------

# Whether the line could be written, as far as one can know.
check_file() {
  local reason directory
  directory=$(dirname -- "$file")
  if [ ! -e "$file" ] && [ ! -L "$file" ]; then
    [ -d "$directory" ] || refuse "there is no directory $directory"
    { [ -w "$directory" ] && [ -x "$directory" ]; } ||
      refuse "$file can't be created: $directory is not writable"
    return
  fi
  [ -f "$file" ] || refuse "$file is not a file"
  [ -r "$file" ] || refuse "$file can't be read"
  # opened to add to, an existing file is not changed
  reason=$({ : >>"$file"; } 2>&1) ||
    refuse "$file can't be written: ${reason##*: }"
}

# Prints what stands in the way of a task in the task file: its name, or its ID
# if given.
taken() {
  local words has
  [ -f "$file" ] || return 0
  while IFS=$' \t\r\v\f' read -ra words || [ "${#words[@]}" -gt 0 ]; do
    [[ ${words[0]:-#} != '#'* ]] || continue
    has=${words[1]:-#}
    case $has in
    '#'* | type=* | started=*) has=${words[0]} ;;
    esac
    if [ "$has" = "$name" ]; then
      printf "the name '%s' is taken, by the task %s" "$name" "${words[0]}"
      return
    fi
    if [ "${words[0]}" = "${1:-}" ]; then
      printf "the task %s is listed already, as '%s'" "$1" "$has"
      return
    fi
  done <"$file"
}

# Opens the task file and locks it. Whoever replaces the file meanwhile must not
# take the line with the old one.
open_file() {
  while { exec {list}>>"$file"; } 2>/dev/null; do
    flock -w "$timeout" "$list" || {
      problem="$file can't be locked; somebody else holds it for $timeout seconds"
      return 1
    }
    # shellcheck disable=SC2154
    [ ! "$file" -ef "/dev/fd/$list" ] || return 0
    exec {list}>&-
  done
  problem="$file can't be opened for writing"
  return 1
}

# Adds the line to the task file; on failure, problem says why not.
append() {
  local line=$1 id=$2 size grown
  open_file || return 1
  problem=$(taken "$id") || problem="$file can't be read"
  [ -z "$problem" ] || return 1
  size=$(stat -Lc %s "/dev/fd/$list") || {
    problem="the size of $file can't be found out"
    return 1
  }
  # a last line that isn't finished would swallow this one
  if [ "$size" -gt 0 ] && [ "$(tail -c 1 "$file" | wc -l)" -eq 0 ]; then
    line=$'\n'$line
  fi
  # dd, as it makes a block one write, which collectd sees whole or not at all
  { printf '%s\n' "$line" | dd bs=4096 iflag=fullblock status=none; } \
    1>&"$list" 2>/dev/null && return 0
  problem="$file can't be written (is the disk full?)"
  # half a line would be another task
  grown=$(($(stat -Lc %s "/dev/fd/$list") - size))
  if [ "$grown" -gt 0 ] && [ "$grown" -le "${#line}" ]; then
    truncate -s "$size" "/dev/fd/$list" ||
      problem+="; it ends with half a line now, which you should remove"
  fi
  return 1
}

# --- The API ------------------------------------------------------------------

request_body() {
  jq -cn --arg media_url "$media_url" --arg name "${project_name:-$name}" \
    --arg description "$description" --argjson source "$source_language" \
    --argjson targets "[$target_languages]" --argjson folder "${folder:-null}" '
    {media_url: $media_url, source_language: $source, target_languages: $targets,
     project_name: $name}
    + if $description == "" then {} else {project_description: $description} end
    + if $folder == null then {} else {folder_id: $folder} end'
}

# Sends the request. Sets curl_code; http_code, 000 without an answer; sent, the
# moment when the request was on its way, 0 if never; redirect; curl_error; body.
post() {
  local answer
  curl_code=0
  # -q: a .curlrc could have it follow redirects, try again, or show the headers
  answer=$(printf '%s' "$1" | curl -q -sg --data-binary @- \
    --fail-with-body --proto '=http,https' --connect-timeout "$timeout" \
    --max-time "$timeout" -H 'Content-Type: application/json' \
    -H 'Accept: application/json' -H @<(printf 'x-api-key: %s\n' "$key") \
    -w '\n%{http_code} %{time_pretransfer} <%{redirect_url}> %{errormsg}' \
    "$url/project-setup" 2>/dev/null) || curl_code=$?
  body=${answer%$'\n'*}
  if [[ ${answer##*$'\n'} =~ ^([0-9]{3})\ ([0-9.]+)\ \<(.*)\>\ (.*)$ ]]; then
    http_code=${BASH_REMATCH[1]} sent=${BASH_REMATCH[2]}
    redirect=${BASH_REMATCH[3]} curl_error=${BASH_REMATCH[4]}
  else # it was ended, or is an old one that knows no --fail-with-body
    http_code=000 sent=1 redirect='' curl_error="curl has ended with code $curl_code"
    [ "$curl_code" -ne 2 ] || fail 1 "curl is too old; 7.76 or later is needed"
  fi
}

# What the API says is wrong, in a line. The key is blanked in what jq has
# decoded, so however JSON wrote it. What is not JSON is not shown.
complaint() {
  printf '%s' "$body" | KEY=$key STARS=$stars jq -sr '
    def blank: split($ENV.KEY) | join($ENV.STARS);
    def text: if type == "string" then . else tojson end;
    def place: if type == "array" then map(text) | join(".") else text end;
    def complaint:
      if type == "object" and has("msg")
      then "\(.loc | place): \(.msg | text)" else text end;
    if length != 1 then error else .[0] end
    | walk(if type == "string" then blank
           elif type == "object" then with_entries(.key |= blank) else . end)
    | if type == "object"
      then [.error, .detail, .message] | map(values) else [.] end
    | map(if type == "array" then map(complaint) | join("; ") else text end)
    | join("; ") | .[:500] | gsub("[[:cntrl:]]"; " ")
    | if . == "" then "no reason is given" else . end' 2>/dev/null ||
    printf 'the answer, of %s bytes, is not JSON' "${#body}"
}

fail_unknown() {
  fail 4 "$* -- IT IS NOT KNOWN WHETHER A TASK HAS BEEN CREATED: look for the project" \
    "'${project_name:-$name}' in CAMB.AI Studio before you run this again"
}

# Ends the script unless the API has answered 2xx.
check_answer() {
  local error
  if [ "$curl_code" -ne 0 ] && [ "$curl_code" -ne 22 ]; then
    error="$url: $(blanked "${curl_error:-no answer}")"
    [[ $sent =~ [1-9] ]] || fail 1 "$error; no task has been created"
    fail_unknown "$error"
  fi
  [[ $http_code != 2?? ]] || return 0
  error="HTTP $http_code: $(complaint)"
  case $http_code in
  3??) # the rest of that URL is nobody's business
    [[ $redirect =~ ^[a-z]+://[^/?#@]+ ]] || BASH_REMATCH=(elsewhere)
    fail 1 "HTTP $http_code: the API redirects to $(blanked "${BASH_REMATCH[0]}")," \
      "which is not followed since the key would go along; is CAMB_API_URL right?" \
      "No task has been created"
    ;;
  401 | 403) fail 1 "$error; is the key right? No task has been created" ;;
  408) fail_unknown "$error" ;;
  4??) fail 1 "$error; no task has been created" ;;
  *) fail_unknown "$error" ;;
  esac
}

# Prints the task ID of the answer; fails if there is none that can be used.
task_id() {
  local id
  id=$(printf '%s' "$body" | jq -sej --argjson max "$id_max" '
    if length == 1 then .[0] else error end | .task_id | strings
    | select(length > 0 and length <= $max and . != "." and . != ".."
        and (explode | all(. > 32 and . < 127)) and (startswith("#") | not))' \
    2>/dev/null) || return 1
  [[ $id != *"$key"* ]] && printf '%s' "$id"
}

main() {
  local request started id line problem=
  parse_arguments "$@"
  need
  check_name
  check_request
  check_url
  read_key
  check_file
  problem=$(taken) || refuse "$file can't be read"
  [ -z "$problem" ] || refuse "$file: $problem"
  request=$(request_body)

  # From here on a signal must not lose a task that is being created: it may
  # end curl, after which this goes on, and says what is known.
  trap : INT TERM HUP PIPE
  started=$(date -u +%Y-%m-%dT%H:%M:%SZ)
  post "$request"
  check_answer
  id=$(task_id) || fail_unknown "HTTP $http_code, but no usable task ID in the answer"

  line="$id $name started=$started"
  append "$line" "$id" || {
    printf '%s\n' "$id" || true
    say "THE TASK HAS BEEN CREATED, BUT NOBODY FOLLOWS IT: $problem"
    say "Add this line to $file by hand:"
    printf '%s\n' "$line" >&2 || true
    exit 3
  }
  printf '%s\n' "$id" || true
  say "created the task $id, which $file now lists as $name"
}

main "$@"
