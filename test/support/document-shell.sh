# What the commands of a document are run with: `bash document-shell.sh`, in front of them. It stands in for what a test
# does not do again (npm ci, npm test), for what it has not (Docker, Kubernetes), and for the terminal in which a gateway
# runs: one that is started is put into the background, in the place of the one before.
set -euo pipefail
gateway=

stop_gateway() {
  [ -z "$gateway" ] && return
  kill "$gateway" && wait "$gateway" || true
  gateway=
}
trap stop_gateway EXIT

start_gateway() {
  stop_gateway
  "$@" >>gateway.log 2>&1 &
  gateway=$!
  until curl --silent --fail --output /dev/null "http://127.0.0.1:$PORT/readyz"; do
    if ! kill -0 "$gateway" 2>/dev/null; then
      cat gateway.log >&2
      return 1
    fi
    sleep 0.1
  done
}

npm() {
  case "$1" in
    ci | test) ;;
    start) start_gateway command $(command node -p 'require("./package.json").scripts.start') ;;
    *) command npm "$@" ;;
  esac
}

node() {
  case "$*" in
    *dist/server.js) start_gateway command node "$@" ;;
    *) command node "$@" ;;
  esac
}

docker() { :; }
kubectl() { :; }
