#!/usr/bin/env bash
# Measures the cost of one customer relative to baselines that run on the same machine:
#
#   run     the command from workbooks to video, in a new folder
#   floor   ffmpeg decodes the same background and encodes the same number of seconds with the same settings, without
#           drawing or audio; no program with this encoder can cost less
#   again   the same command again, which reuses the first run's results
#
# Prints medians of three rounds. Run it on a quiet machine. CPU seconds are more reliable than wall seconds.
set -euo pipefail
cd "$(dirname "$0")/../.."

rounds=${ROUNDS:-3}
program=$PWD/${CARGO_TARGET_DIR:-target}/ci/bespoke
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export XDG_DATA_HOME=$folder/home EXCEL_PASSWORD=meridian-demo

# timed NAME COMMAND...: runs a command and appends its wall and CPU seconds to the file NAME.
timed() {
    local out=$1
    shift
    local TIMEFORMAT='%R %U %S'
    { time "$@" >/dev/null 2>"$folder/stderr"; } 2>"$folder/time" || { cat "$folder/stderr" >&2; exit 1; }
    awk '{ print $1, $2 + $3 }' "$folder/time" >>"$folder/$out"
}

# median NAME COLUMN: prints the median of a column of the file NAME.
median() { sort -n -k"$2" "$folder/$1" | awk -v column="$2" '{ value[NR] = $column } END { print value[int((NR + 1) / 2)] }'; }

for ((round = 0; round < rounds; round++)); do
    artifacts=$folder/artifacts-$round
    timed run "$program" run --customer 0001 --artifacts "$artifacts"
    timed again "$program" run --customer 0001 --artifacts "$artifacts"
    seconds=$(ffprobe -v error -show_entries format=duration -of csv=p=0 "$artifacts/output/recommendations_video.mp4")
    timed floor ffmpeg -v error -y -stream_loop -1 -t "$seconds" -i assets/backgrounds/currents.mp4 -an \
        -c:v libx264 -preset veryfast -crf 21 -pix_fmt yuv420p "$folder/floor.mp4"
done

printf '%-8s %10s %10s\n' "" "wall s" "CPU s"
for name in run floor again; do
    printf '%-8s %10s %10s\n' "$name" "$(median $name 1)" "$(median $name 2)"
done
awk -v seconds="$seconds" -v run="$(median run 2)" -v floor="$(median floor 2)" -v wall="$(median run 1)" \
    -v again="$(median again 1)" 'BEGIN {
    printf "\n%.0f s of video: run/floor %.2f in CPU; %.2f CPU s per second of video; again/run %.3f in wall time\n",
        seconds, run / floor, run / seconds, again / wall }'
