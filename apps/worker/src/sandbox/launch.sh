#!/bin/bash
# The first process of a session's sandbox: the program, and beside it the shim that joins it to the worker.
#
#   launch.sh PREPARE PROGRAM-PORT MODEL-PORT PROGRAM-ARGUMENTS…
#
# The listening socket of the worker is file descriptor 3. 4 is a pipe that the worker holds and never writes to: its
# end is the worker's end.

# Whatever the worker was started with, and nobody closed (255 is bash's own).
for fd in /proc/self/fd/*; do
  fd=${fd##*/}
  [ "$fd" -gt 4 ] && [ "$fd" -ne 255 ] && eval "exec $fd>&-"
done
while read -r folder; do [ -d "$folder" ] || /bin/mkdir -p "$folder"; done </sandbox/folders
prepare=$1 program_port=$2 model_port=$3
shift 3
{
  # Nobody can speak to the program before the workspace is ready.
  /sandbox/bin/bash -c "$prepare" </dev/null 3<&- 4<&- && /sandbox/node /sandbox/shim.mjs "$program_port" "$model_port" /sandbox/model.sock <&4
  # Without a shim the program is out of reach: it must not look alive, nor anything that it has started.
  kill -KILL -1
} &
exec /sandbox/program "$@" 3<&- 4<&-
