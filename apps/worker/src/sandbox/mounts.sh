#!/bin/sh
# The first of two stages: puts what one session needs where an unprivileged uid can reach it. Its parts may lie below
# a home that nobody else may enter. Runs as root, or as root of a user namespace of its own, in a mount namespace of
# its own, which is gone with the process; then becomes the second stage, without leaving a process between.
#
#   mounts.sh FOLDER SESSION NODE PROGRAM COMMAND…
set -eu
folder=$1 session=$2 node=$3 program=$4
shift 4
PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount --bind "$session" "$folder/mounts/session"
# The engine opens files by the names that the model says. A link must not lead it out of the workspace, say to its own
# configuration, and it must not run what the agent wrote.
mount --bind -o nosymfollow,noexec,nosuid,nodev "$session/workspace" "$folder/mounts/workspace"
mount --bind "$node" "$folder/mounts/node"
mount --bind "$program" "$folder/mounts/program"
mount --rbind "$folder" /tmp
cd /
exec "$@"
