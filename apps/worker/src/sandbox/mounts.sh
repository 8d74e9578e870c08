#!/bin/sh
# The first of two stages: puts what one session needs where an unprivileged uid can reach it. Its parts may lie below
# a home that nobody else may enter. Runs as root, or as root of a user namespace of its own, in a mount namespace of
# its own, which is gone with the process; then becomes the second stage, without leaving a process between.
#
#   mounts.sh FSTAB COMMAND…
set -eu
/usr/bin/mount --all --fstab "$1"
shift
# The place for limits, once there are any that are set from outside (a cgroup, say): from here on it is unprivileged.
exec "$@"
