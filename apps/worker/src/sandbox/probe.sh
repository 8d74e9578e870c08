# What attest.ts wants to know, told from inside the outer sandbox and, with "inner", from the one that it holds.
# Each line is a fact: who tells it, its name, its value.
#   probe.sh WHERE CANARY
where=$1 canary=$2
say() { echo "$where $1 $2"; }
for name in user mnt pid net ipc uts; do say "ns-$name" "$(/usr/bin/readlink "/proc/self/ns/$name")"; done
while read -r name value _; do
  case $name in Uid: | CapPrm: | CapEff: | CapBnd: | CapAmb: | NoNewPrivs:) say "${name%:}" "$value" ;; esac
done </proc/self/status
[ -e "$canary" ] && say sees "a file of the host"
[ -e /etc/shadow ] && say sees /etc/shadow
/bin/grep -qv -e '^Inter' -e '^ face' -e '^ *lo:' /proc/net/dev && say sees "a network device"
[ "$(/usr/bin/wc -l </proc/net/route)" -gt 1 ] && say sees "a route"
if [ "$where" = outer ]; then
  : >/session/state/probe
  /bin/ln -sf /etc/passwd /workspace/probe-link
  [ -e /workspace/probe-link ] && say sees "what a link in the workspace leads to"
  # Who made this file, as the host sees it, says who this is outside.
  /bin/cp /bin/true /workspace/probe-program && /workspace/probe-program 2>/dev/null && say sees "a way to run a file of the workspace"
  /sandbox/bin/bash -c "$(/bin/cat /sandbox/probe.sh)" probe inner "$canary"
else
  # Single folders of it may be there, for tools that work on them.
  [ -e /session/state/probe ] || [ -e /session/home ] && say sees "the session's state"
  [ -e /sandbox ] && say sees "the sockets"
  /usr/bin/unshare --user true 2>/dev/null && say sees "a way to make user namespaces"
  /bin/cat /proc/*/environ 2>/dev/null | /bin/grep -q "$canary" && say sees "the engine's environment"
  say reached the-end
fi
