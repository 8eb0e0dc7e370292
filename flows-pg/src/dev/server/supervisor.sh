# Runs a private PostgreSQL server for one owner, and leaves nothing behind.
#
#   sh -c "$(cat supervisor.sh)" NAME DIRECTORY CLUSTER PROGRAM [ARGUMENT...]
#
# Standard input is a pipe whose other end only the owner holds. However the owner ends, the pipe
# closes: then the server is stopped at once and DIRECTORY is deleted. A line in the pipe is the
# name of a signal that stops the server, which is then started again on its data.
# If the server ends by itself, the end of its log goes to standard error.
set -u
directory=$1
cluster=$2
shift 2

# A signal to the whole process group or to every process must not end the supervisor first.
trap '' HUP INT QUIT TERM
exec 3<&0 </dev/null

# Obeys one word of the owner, or its end; runs beside the server.
obey() {
    if read -r signal <&3; then : >"$directory/again"; else signal=QUIT; fi
    # A server that has only just begun may not listen to signals yet.
    while kill -s "$signal" "$1"; do sleep 1; done
}

if ! mkdir -m 700 "$directory" || ! cp -R "$cluster" "$directory/data"; then
    rm -rf "$directory"
    exit 1
fi
: >"$directory/again"
while [ -e "$directory/again" ]; do
    rm "$directory/again"
    "$@" >>"$directory/log" 2>&1 3<&- &
    server=$!
    obey "$server" 2>/dev/null &
    obeying=$!
    wait "$server"
    { kill -s KILL "$obeying"; wait "$obeying"; } 2>/dev/null
done
tail -n 12 "$directory/log" >&2
rm -rf "$directory"
exit 1
